"""Pages of the marts in Markdown, for whoever reads the repository.

Belongs here: the overview with Mermaid's diagram, and a page per mart.
Does not: the sentences (`words`), or the page that a browser opens by itself (`browser_page`).
"""

from __future__ import annotations

from quality.analysts import words
from quality.analysts.measures import MEASURES
from quality.analysts.picture import grain
from quality.analysts.star import Mart, Star
from quality.analysts.units import shown
from quality.contracts.grid import grid
from quality.contracts.model import Table

MADE = "<!-- Rendered from dbt's manifest by `lakehouse contracts render`; edit dbt_warm/models/, not this page. -->"


def overview(star: Star) -> str:
    """All marts, and which fact leads where."""
    lines = [
        MADE, "", "# Marts", "",
        "Facts point to dimensions by keys; each dot is one. A row of a fact leads to exactly one row of each.", "",
        "![Star schema: facts and the dimensions they lead to](../star-schema.svg)",
    ]  # fmt: skip
    for heading, marts in (("Facts", star.facts), ("Dimensions", star.dimensions)):
        lines += ["", f"## {heading}", ""]
        lines += grid(
            ("mart", "what a row is", "one row per"), [(f"[{m.name}]({m.name}.md)", m.says, grain(m)) for m in marts]
        )
    return "\n".join([*lines, "", "## As a diagram of entities", "", *_mermaid(star)]) + "\n"


def _mermaid(star: Star) -> list[str]:
    """Keys only: columns are on the marts' own pages."""
    lines = ["```mermaid", "erDiagram"]
    lines += [f'    {link.dimension} ||--o{{ {link.fact} : "{link.column}"' for link in star.links]
    for mart in star.marts:
        led = {link.column for link in star.links_of(mart.name)} if mart.is_fact else set()
        keyed = [column for column in mart.columns if column.name in mart.key or column.name in led]
        lines.append(f"    {mart.name} {{")
        for column in keyed:
            marks = [mark for mark, held in (("PK", column.name in mart.key), ("FK", column.name in led)) if held]
            lines.append(f"        {column.type.split()[0]} {column.name} {', '.join(marks)}")
        lines.append("    }")
    return [*lines, "```"]


def mart_page(star: Star, mart: Mart) -> str:
    """One mart: grain, columns, what guards it, how fresh, where it comes from, and what is asked of it."""
    lines = [MADE, "", f"# {mart.name}", "", mart.says, ""]
    lines += [f"**One row per** {grain(mart)}: {words.listed(mart.key)}.", ""]
    lines += [f"**How fresh.** {words.freshness(mart)}", "", f"**What a build changes.** {words.replaced(mart)}", ""]
    links = star.links_of(mart.name)
    if mart.is_fact:
        lines += [f"![{mart.name} and the dimensions it leads to]({mart.name}.svg)", ""]
    else:
        led = sorted({link.fact for link in links})
        lines += [f"**Facts that lead here:** {', '.join(f'[{name}]({name}.md)' for name in led)}.", ""]
    lines += ["## Columns", ""]
    leads = {link.column: link for link in links} if mart.is_fact else {}
    rows = []
    for column in mart.columns:
        link = leads.get(column.name)
        says = column.says if link is None else f"{column.says} [{link.dimension}]({link.dimension}.md)"
        told = (words.TYPES[column.type], "yes" if column.null else "", shown(column).unit, says)
        rows.append((f"`{column.name}`", *told))
    lines += grid(("column", "type", "null", "unit", "meaning"), rows)
    lines += ["", "## Tested with every build", "", *(f"- {said}" for said in words.guarded(mart))]
    lines += ["", "## Where it comes from", "", *_descent(mart)]
    measures = [measure for measure in MEASURES if measure.table == mart.name]
    if measures:
        lines += ["", "## Measures in Power BI", ""]
        lines += grid(("measure", "meaning"), [(measure.name, measure.says) for measure in measures])
    questions = star.questions_of(mart.name)
    if questions:
        lines += ["", "## Example queries", ""]
        lines += [f"- [{question.asks}](../queries/{question.file})" for question in questions]
    if mart.reports:
        read = {report.name: report.label for report in star.reports}
        lines += ["", "## Reports that read it", "", *(f"- {read[name]}" for name in mart.reports)]
    return "\n".join(lines) + "\n"


def _descent(mart: Mart) -> list[str]:
    """What it is made of, tier by tier."""
    lines = []
    if mart.rows:
        lines.append(f"- Rows: {_linked(mart.rows)}.")
    if mart.lookups:
        lines.append(f"- Versions of devices and sites that its keys lead to: {_linked(mart.lookups)}.")
    if mart.seeded:
        lines.append("- Metrics: the [metric catalogue](../../reference/metrics.md).")
    if not lines:
        lines.append("- Nothing but the calendar itself: it is computed.")
    if any(table.layer == "gold" for table in mart.rows):
        lines.append("- Gold is counted from Silver's accepted readings: [Gold by subject](../../gold-domain.md).")
    return lines


def _linked(tables: tuple[Table, ...]) -> str:
    found = [f"[{name}](../../reference/tables.md#{anchor})" for name, anchor in words.tables(tables)]
    return ", ".join(found)
