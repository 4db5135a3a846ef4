"""The analysts' page: one file that a browser opens by itself, without a server, a network or another file.

Belongs here: pictures, marts and questions in HTML, and the search in them.
Does not: the sentences (`words`), which the Markdown pages share.
"""

from __future__ import annotations

import re
from html import escape

from quality.analysts import words
from quality.analysts.measures import MEASURES
from quality.analysts.picture import STYLE, star_of_fact, star_schema
from quality.analysts.star import Mart, Question, Star
from quality.analysts.units import shown

_CSS = """
:root { color-scheme: light dark; --ink: #1f2933; --soft: #52606d; --paper: #fff; --edge: #d9e0e7; --shade: #f5f7fa;
  --link: #1266b0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa7b4; --paper: #0d1117; --edge: #2d3742;
  --shade: #161c24; --link: #58a6ff; } }
* { box-sizing: border-box; } html { scroll-padding-top: 4.5rem; }
body { margin: 0; font: 16px/1.5 system-ui, "Segoe UI", sans-serif; color: var(--ink); background: var(--paper); }
header { position: sticky; top: 0; display: flex; gap: 1rem; align-items: center; flex-wrap: wrap; z-index: 1;
  padding: .6rem 1.5rem; background: var(--paper); border-bottom: 1px solid var(--edge); }
header strong { font-size: 1.1rem; } header nav { display: flex; gap: 1rem; } a { color: var(--link); }
input { flex: 1; min-width: 12rem; max-width: 28rem; padding: .4rem .7rem; font: inherit; color: inherit;
  background: var(--shade); border: 1px solid var(--edge); border-radius: 6px; }
main { max-width: 84rem; margin: 0 auto; padding: 1rem 1.5rem 6rem; } section { margin-top: 3rem; }
h2 { border-bottom: 1px solid var(--edge); } article { margin: 2.5rem 0; } h3 { margin-bottom: .2rem; }
code, pre, .mart h3 { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code, pre { font-size: .9em; background: var(--shade); border-radius: 4px; } code { padding: .1em .3em; }
pre { padding: .8rem 1rem; overflow-x: auto; } pre code { padding: 0; font-size: 1em; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-size: .93rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--edge); }
th { color: var(--soft); font-weight: 600; }
td:not(:last-child) { white-space: nowrap; } .wide { overflow-x: auto; } .soft { color: var(--soft); }
svg { max-width: 100%; height: auto; } summary { cursor: pointer; } [hidden] { display: none !important; }
#none { color: var(--soft); font-style: italic; }
@media (max-width: 45rem) { header { position: static; } html { scroll-padding-top: 0; } }
"""
_SEARCH = """
const field = document.getElementById('search'), found = [...document.querySelectorAll('[data-found]')];
field.addEventListener('input', () => {
  const words = field.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let left = 0;
  const has = (part, word) => part.textContent.toLowerCase().includes(word);
  for (const each of found) {
    each.hidden = !words.every(word => has(each, word));
    left += !each.hidden;
    const rows = [...each.querySelectorAll('tr')].slice(1);
    const told = rows.filter(row => words.some(word => has(row, word)));
    for (const row of rows) row.hidden = told.length > 0 && !told.includes(row);
  }
  document.getElementById('overview').hidden = words.length > 0;
  document.getElementById('none').hidden = left > 0;
});
"""
_RULES = (
    "Join by the key, nothing else: it leads to the version of a device or site that held at the time.",
    "For how things are now add `is_current = 1`.",
    "What no register knows has rows of its own; a key of 32 zeros stands for none, so no join loses a row.",
    "Averages of averages are weighted: `sum(avg_value * reading_count) / sum(reading_count)`.",
    "Times are UTC; only `fct_site_comfort_daily` counts by the site's own days. A fiscal year begins on 1 April.",
)
_ELSEWHERE = (
    "Power BI: beside this file lie `powerbi/Estate.pbip`, a project with relationships and measures, and "
    "`powerbi/Estate.pbids`, a connection only. Excel: `excel.md`. Who may read what: `README.md`."
)


def browser_page(star: Star) -> str:
    """The page, whole."""
    parts = [
        "<!doctype html>",
        "<!-- Rendered from dbt's manifest by `lakehouse contracts render`; edit dbt_warm/models/, not this page. -->",
        '<html lang="en"><head><meta charset="utf-8"><title>Marts for analysts</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">',
        f"<style>{_CSS}{STYLE}</style></head><body>",
        "<header><strong>Marts for analysts</strong>",
        '<nav><a href="#overview">Star</a><a href="#facts">Facts</a><a href="#dimensions">Dimensions</a>',
        '<a href="#questions">Questions</a></nav>',
        '<input id="search" type="search" placeholder="Search columns, marts and questions" aria-label="Search">',
        "</header><main>",
        *_overview(star),
        '<p id="none" hidden>Nothing here has all of these words.</p>',
    ]
    for name, marts in (("Facts", star.facts), ("Dimensions", star.dimensions)):
        parts += [f'<section id="{name.lower()}"><h2>{name}</h2>', *(_mart(star, mart) for mart in marts), "</section>"]
    parts += ['<section id="questions"><h2>Questions</h2>', "<p>Each runs unchanged on DuckDB and on SQL Server.</p>"]
    parts += [*(_question(question) for question in star.questions), "</section>"]
    return "\n".join([*parts, f"</main><script>{_SEARCH}</script></body></html>"]) + "\n"


def _overview(star: Star) -> list[str]:
    """The picture, a list of marts, and the rules that hold of all."""
    lines = ['<section id="overview"><h2>Star schema</h2>', f'<div class="wide">{star_schema(star, alone=False)}</div>']
    lines += ["<p>A dot is a key: each row of the fact leads to exactly one row of the dimension.</p>", "<ul>"]
    lines += [*(f"<li>{_marked(rule)}</li>" for rule in _RULES), "</ul>"]
    return [*lines, f"<p>{_marked(_ELSEWHERE)}</p>", "</section>"]


def _marked(said: str) -> str:
    """Text as HTML: what is in backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(said, quote=False))


def _link(name: str) -> str:
    return f'<a href="#{name}"><code>{name}</code></a>'


def _mart(star: Star, mart: Mart) -> str:
    links = star.links_of(mart.name)
    leads = {link.column: link.dimension for link in links} if mart.is_fact else {}
    lines = [
        f'<article id="{mart.name}" class="mart" data-found><h3>{mart.name}</h3>',
        f"<p>{_marked(mart.says)} <span class=soft>Key: {_marked(words.listed(mart.key))}.</span></p>",
        f"<p class=soft>{_marked(words.freshness(mart))} {_marked(words.replaced(mart))}</p>",
    ]
    if mart.is_fact:
        picture = star_of_fact(star, mart.name, alone=False)
        lines.append(f"<details><summary>Where its keys lead</summary><div class=wide>{picture}</div></details>")
    else:
        lines.append(
            f"<p>Facts that lead here: {', '.join(_link(name) for name in sorted({x.fact for x in links}))}</p>"
        )
    heads = "".join(f"<th>{head}</th>" for head in ("column", "type", "null", "unit", "meaning"))
    lines.append(f"<div class=wide><table><tr>{heads}</tr>")
    for column in mart.columns:
        end = f" {_link(leads[column.name])}" if column.name in leads else ""
        cells = (
            f"<code>{column.name}</code>",
            words.TYPES[column.type],
            "yes" if column.null else "",
            _marked(shown(column).unit),
            _marked(column.says) + end,
        )
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    lines += ["</table></div>", *_folded("Tested with every build", [_marked(said) for said in words.guarded(mart)])]
    if measures := [measure for measure in MEASURES if measure.table == mart.name]:
        told = [f"<b>{escape(measure.name)}</b>: {_marked(measure.says)}" for measure in measures]
        lines += _folded("Measures in Power BI", told)
    if asked := star.questions_of(mart.name):
        told = [f'<a href="#question-{question.number:02}">{escape(question.asks)}</a>' for question in asked]
        lines += _folded("Questions asked of it", told)
    made = [f"<code>{name}</code>" for name, _ in words.tables((*mart.rows, *mart.lookups))]
    made += ["the metric catalogue"] if mart.seeded else []
    lines.append(f"<p class=soft>Made of {', '.join(made) or 'nothing but the calendar itself'}.</p></article>")
    return "\n".join(lines)


def _folded(summary: str, items: list[str]) -> list[str]:
    listed = [f"<li>{item}</li>" for item in items]
    return [f"<details><summary>{summary} ({len(items)})</summary><ul>", *listed, "</ul></details>"]


def _question(question: Question) -> str:
    reads = ", ".join(_link(name) for name in question.marts)
    heading = f"<h3>{question.number}. {escape(question.asks)}</h3>"
    lines = [f'<article id="question-{question.number:02}" data-found>{heading}', f"<p>Reads {reads}.</p>"]
    return "\n".join([*lines, f"<pre><code>{escape(question.sql, quote=False)}</code></pre></article>"])
