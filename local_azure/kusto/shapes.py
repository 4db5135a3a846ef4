"""Queries that differ only in dates, extents and counts: translated once, filled in after that.

Belongs here: what may differ, and turning a translation into one with places to fill. A loader asks the same questions
date after date, and translating one takes longer than answering it.
Does not: translating (`translation`), or any other value: a text that differs in more is another shape.

Nothing is assumed of the translator. At the second text of a shape stand-ins are translated in place of its values; the
shape is used only if they are all found in the SQL, and if filling in the first text's values gives, to the letter,
what the first text was translated to.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local_azure.kusto.translation import Translated

_REMEMBERED = 512
_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_VALUE = re.compile(
    rf"""(?P<guids>"{_GUID}"(?:,\s*"{_GUID}")*)"""
    r"|(?<![\w.+-])(?P<instant>\d{4}-\d\d-\d\d(?P<time>T\d\d:\d\d:\d\d(?:\.\d+)?Z)?)(?![\w.+-])"
    r"|(?<===\s)(?P<count>\d{1,9})(?![\w.])"
)
Values = tuple[tuple[str, ...], ...]
"""Each distinct value of a text, in order; a list of extents is one value."""


@dataclass(frozen=True)
class Shape:
    """A text without its values: `pieces` are what is between them, `places` which value goes where."""

    pieces: tuple[str, ...]
    places: tuple[int, ...]
    kinds: tuple[str, ...]

    def with_stand_ins(self) -> tuple[str, list[tuple[str, ...]]]:
        """The text with values that no query holds, and those values."""
        stand_ins = [_stand_in(kind, number) for number, kind in enumerate(self.kinds)]
        text = self.pieces[0]
        for piece, place in zip(self.pieces[1:], self.places, strict=True):
            values = stand_ins[place]
            text += (", ".join(f'"{one}"' for one in values) if self._is_guids(place) else values[0]) + piece
        return text, stand_ins

    def _is_guids(self, place: int) -> bool:
        return self.kinds[place].startswith("guid")


def _stand_in(kind: str, number: int) -> tuple[str, ...]:
    if kind == "count":
        return (str(1_700_000_000 + number),)
    if kind.startswith("guid"):
        return tuple(f"5e1f{number:04x}-0000-4000-8000-{n:012x}" for n in range(2 if kind == "guids" else 1))
    # An instant: its kind is how it is written, with every digit a 0.
    written = kind.replace("0000-00-00", f"{1601 + number}-01-02").replace("T00:00:00", "T03:04:05")
    return (re.sub(r"\.0+", lambda fraction: "." + "1234567890"[: len(fraction[0]) - 1], written),)


def shape_of(text: str) -> tuple[Shape, Values]:
    """What a text has in common with others, and what it has of its own."""
    pieces, places, kinds = [], [], list[str]()
    values: dict[tuple[str, tuple[str, ...]], int] = {}
    end = 0
    for found in _VALUE.finditer(text):
        if found["guids"]:
            value = tuple(re.findall(_GUID, found["guids"]))
            kind = "guids" if len(value) > 1 else "guid"
        else:
            value = (found[0],)
            kind = "count" if found["count"] else re.sub(r"\d", "0", found[0])
        place = values.setdefault((kind, value), len(values))
        if place == len(kinds):
            kinds.append(kind)
        pieces.append(text[end : found.start()])
        places.append(place)
        end = found.end()
    pieces.append(text[end:])
    return Shape(tuple(pieces), tuple(places), tuple(kinds)), tuple(value for _, value in values)


@dataclass(frozen=True)
class Template:
    """A translation with places to fill: `fills` are a value's number and what stands between the parts of a list."""

    translated: Translated
    pieces: tuple[str, ...]
    fills: tuple[tuple[int, str], ...]

    def filled(self, values: Values) -> Translated:
        """The translation of the text that holds these values."""
        sql = self.pieces[0]
        for piece, (number, between) in zip(self.pieces[1:], self.fills, strict=True):
            sql += between.join(values[number]) + piece
        return replace(self.translated, sql=sql)


def _template(translated: Translated, stand_ins: list[tuple[str, ...]]) -> Template | None:
    """None where a stand-in is not in the SQL, or is elsewhere, too."""
    told = "|".join(
        f"(?P<v{number}>{r'(?P<between%d>.{1,8}?)'.replace('%d', str(number)).join(map(re.escape, values))})"
        for number, values in enumerate(stand_ins)
    )
    pieces, fills, end = [], list[tuple[int, str]](), 0
    for found in re.finditer(told, translated.sql):
        number = int(str(found.lastgroup)[1:])
        pieces.append(translated.sql[end : found.start()])
        fills.append((number, found[f"between{number}"] if len(stand_ins[number]) > 1 else ""))
        end = found.end()
    pieces.append(translated.sql[end:])
    beside = repr((pieces, replace(translated, sql="")))
    everywhere = {number for number, _ in fills} == set(range(len(stand_ins)))
    if not everywhere or any(part in beside for values in stand_ins for part in values):
        return None
    return Template(translated, tuple(pieces), tuple(fills))


class Shapes:
    """Shapes met so far: of each the first translation, then a template, or None where it cannot have one."""

    def __init__(self) -> None:
        self._met: OrderedDict[Hashable, tuple[Values, Translated] | Template | None] = OrderedDict()

    def translate(self, text: str, scope: Hashable, anew: Callable[[str], Translated]) -> Translated:
        """The translation of a text; `anew` translates one from scratch, to the same for all texts of a `scope`."""
        shape, values = shape_of(text)
        key = (shape, scope)
        if not values or (key in self._met and self._met[key] is None):
            return anew(text)
        met = self._met.get(key)
        if met is None:
            translated = anew(text)
            self._keep(key, (values, translated))
            return translated
        self._met.move_to_end(key)
        if not isinstance(met, Template):
            met = self._made(shape, met, anew)
            self._keep(key, met)
        return met.filled(values) if met else anew(text)

    def _made(
        self, shape: Shape, first: tuple[Values, Translated], anew: Callable[[str], Translated]
    ) -> Template | None:
        text, stand_ins = shape.with_stand_ins()
        template = _template(anew(text), stand_ins)
        return template if template and template.filled(first[0]) == first[1] else None

    def _keep(self, key: Hashable, what: tuple[Values, Translated] | Template | None) -> None:
        self._met[key] = what
        while len(self._met) > _REMEMBERED:
            self._met.popitem(last=False)
