"""The star as pictures: SVG that a browser, an editor and a repository's page show, in light and in dark.

Belongs here: all facts against all dimensions, and one fact with its columns and the dimensions they lead to.
Does not: where the pictures lie, or Mermaid's text (`pages`).
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from quality.analysts.star import Mart, Star

STYLE = """
.star { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  --ink: #1f2933; --soft: #52606d; --paper: #ffffff; --fact: #fff4e0; --fact-edge: #c77700; --dim: #e6f2ff;
  --dim-edge: #1266b0; --line: #c3ccd6; }
@media (prefers-color-scheme: dark) { .star { --ink: #e6edf3; --soft: #9aa7b4; --paper: #0d1117; --fact: #3a2a0c;
  --fact-edge: #e3a13a; --dim: #10263d; --dim-edge: #58a6ff; --line: #3b4652; } }
.star .paper { fill: var(--paper); } .star text { fill: var(--ink); }
.star text.soft { fill: var(--soft); font-size: 12px; }
.star .name { font-weight: 600; } .star .fact { fill: var(--fact); stroke: var(--fact-edge); stroke-width: 1.5; }
.star .dim { fill: var(--dim); stroke: var(--dim-edge); stroke-width: 1.5; }
.star .line { stroke: var(--line); stroke-width: 1.5; fill: none; }
.star .link { stroke: var(--dim-edge); stroke-width: 1.5; fill: none; } .star .dot { fill: var(--dim-edge); }
.star .inactive { stroke-dasharray: 5 4; }
"""
"""For a page that holds pictures itself; a picture alone carries it within."""
CHARACTER = 8.5
"""Width of one, of 14 px."""


def _text(x: float, y: float, said: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(said)}</text>'


def _box(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" class="{kind}"/>'


def _svg(width: float, height: float, title: str, shapes: Iterable[str], *, alone: bool) -> str:
    space = ' xmlns="http://www.w3.org/2000/svg"' if alone else ""
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    style = [f"<style>{STYLE}</style>"] if alone else []
    paper = f'<rect width="{width:g}" height="{height:g}" class="paper"/>'
    parts = [f'<svg{space} class="star" role="img" {size}>', f"<title>{escape(title)}</title>", *style, paper, *shapes]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _linked(name: str, shapes: str, *, alone: bool) -> str:
    """On a page that has a part of that name, a click leads there."""
    return shapes if alone else f'<a href="#{name}">{shapes}</a>'


def grain(mart: Mart) -> str:
    """Its key as people say it: device x metric x day."""
    words = [name.removesuffix("_key").replace("_", " ") for name in mart.key]
    if not mart.is_fact and any(column.name == "valid_from" for column in mart.columns):
        words.append("version")
    return " × ".join(words)  # noqa: RUF001 - the sign of multiplication is meant


def star_schema(star: Star, *, alone: bool = True) -> str:
    """Facts down the side, dimensions along the top, a dot where a fact's key leads to the dimension."""
    left, top, row, wide = 470, 92, 66, 148
    rails = {mart.name: left + wide * (index + 0.5) for index, mart in enumerate(star.dimensions)}
    rows = {mart.name: top + row * (index + 0.5) + 12 for index, mart in enumerate(star.facts)}
    lines, dots, boxes = [], [], []
    for name, x in rails.items():
        lowest = max((rows[link.fact] for link in star.links_of(name)), default=top)
        lines.append(f'<path d="M{x:g} {top - 20} V{lowest:g}" class="line"/>')
        head = _box(x - wide / 2 + 4, top - 60, wide - 8, 40, "dim") + _text(x, top - 35, name, "name", "middle")
        boxes.append(_linked(name, head, alone=alone))
    for mart in star.facts:
        y, links = rows[mart.name], star.links_of(mart.name)
        furthest = max((rails[link.dimension] for link in links), default=left)
        lines.append(f'<path d="M{left - 20} {y:g} H{furthest:g}" class="line"/>')
        side = _box(20, y - 25, left - 40, 50, "fact") + _text(34, y - 4, mart.name, "name")
        boxes.append(_linked(mart.name, side + _text(34, y + 14, grain(mart), "soft"), alone=alone))
        for link in links:
            hollow = "" if link.active else ' fill-opacity="0.35"'
            said = f"<title>{link.fact}.{link.column} leads to {link.dimension}.{link.key}</title>"
            dots.append(f'<circle cx="{rails[link.dimension]:g}" cy="{y:g}" r="7" class="dot"{hollow}>{said}</circle>')
    width, height = left + wide * len(rails) + 20, top + row * len(rows) + 24
    return _svg(width, height, "Star schema: facts and the dimensions they lead to", lines + dots + boxes, alone=alone)


def star_of_fact(star: Star, name: str, *, alone: bool = True) -> str:
    """One fact with its columns, keys first, and each dimension that a key leads to."""
    fact, links = star.mart(name), star.links_of(name)
    keys = [link.column for link in links]
    others = [column.name for column in fact.columns if column.name not in keys]
    dimensions = [star.mart(link.dimension) for link in links]
    line, tall, gap = 19, 6, 26
    names = [mart.name for mart in dimensions]
    width = 40 + CHARACTER * max(len(text) for text in [name, *keys, *others])
    side = 36 + CHARACTER * max(len(column.name) for mart in dimensions for column in mart.columns[:tall])
    x = width + 190
    shapes, y, places = [], 20.0, []
    for link, mart in zip(links, dimensions, strict=True):
        shown = [column.name for column in mart.columns if column.name != link.key][: tall - 1]
        more = len(mart.columns) - 1 - len(shown)
        height = 34 + line * (len(shown) + 2)
        shapes += [_box(x, y, side, height, "dim"), _text(x + 14, y + 22, mart.name, "name")]
        listed = [link.key, *shown, f"and {more} more"] if more else [link.key, *shown]
        shapes += [
            _text(x + 14, y + 44 + line * index, text, "" if index == 0 else "soft")
            for index, text in enumerate(listed)
        ]
        places.append(y + 40)
        y += height + gap
    height = 48 + line * (len(keys) + len(others)) + 12
    start = max(20.0, (y - gap - height) / 2)
    shapes += [_box(20, start, width, height, "fact"), _text(34, start + 24, name, "name")]
    for index, column in enumerate(keys + others):
        shapes.append(_text(34, start + 48 + line * index, column, "" if column in keys else "soft"))
    for index, (link, place) in enumerate(zip(links, places, strict=True)):
        begin, turn = start + 44 + line * index, width + 60 + 28 * _lane(index, start, places)
        kind = "link" if link.active else "link inactive"
        shapes.append(f'<path d="M{width + 20:g} {begin:g} H{turn:g} V{place:g} H{x:g}" class="{kind}"/>')
        shapes += [_text(x - 8, place - 6, "1", "soft", "end"), _text(width + 26, begin - 5, "*", "soft")]
    title = f"{name} and the dimensions it leads to: {', '.join(names)}"
    return _svg(x + side + 20, max(y - gap, start + height) + 20, title, shapes, alone=alone)


def _lane(index: int, start: float, places: list[float]) -> int:
    """Which of the upright lanes a link turns in, so that none crosses another: those that rise turn first when low."""
    rising = [place < start + 44 + 19 * at for at, place in enumerate(places)]
    return index if rising[index] else len(places) - 1 - index
