"""What is said of a mart, for every page in the same words.

Belongs here: sentences about grain, guards, freshness and descent; Markdown's backticks are their only mark-up.
Does not: layout (`pages`, `browser_page`), or descriptions of columns (the marts' own).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from quality.analysts.star import Guard, Link, Mart
from quality.contracts.model import Table
from quality.contracts.warm import STAGING_DATE_STATE

TYPES = {
    "varchar": "text",
    "integer": "whole number",
    "bigint": "whole number",
    "double precision": "number",
    "boolean": "yes or no (1, 0)",
    "date": "date",
    "timestamp": "time",
}


def listed(names: Iterable[str]) -> str:
    """Names in backticks: `a`, `b` and `c`."""
    found = [f"`{name}`" for name in names]
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def leads(link: Link) -> str:
    """Where a key leads."""
    end = "" if link.active else " (inactive in Power BI: it has another link to the same dimension)"
    return f"Leads to `{link.dimension}`.{end}"


def guarded(mart: Mart) -> Iterator[str]:
    """Each promise that is tested with every build, or of the model's SQL, in a sentence."""
    filled = [column.name for column in mart.columns if not column.null]
    yield f"Never null: {listed(filled)}."
    if not any(guard.name == "unique_combination" for guard in mart.guards):
        yield f"{listed(mart.key)} is unique."
    yield from (_guard(guard) for guard in mart.guards)


def _guard(guard: Guard) -> str:
    asked = guard.arguments
    match guard.name:
        case "unique_combination":
            return (
                f"{listed(_names(asked['columns']))} {'are' if len(_names(asked['columns'])) > 1 else 'is'} unique"
                + (" together." if len(_names(asked["columns"])) > 1 else ".")
            )
        case "leads_to":
            return f"Every key leads to a row: {listed(_names(asked['dimensions']))}."
        case "accepted_values":
            return f"`{guard.column}` is one of {listed(_names(asked['values']))}."
        case "at_least":
            return f"`{guard.column}` is at least {asked['value']}."
        case name:
            return f"{name.replace('_', ' ').capitalize()}: {guard.says}"


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list | dict) else []


def freshness(mart: Mart) -> str:
    """How old its newest rows may be."""
    if not mart.rows:
        return "Made anew with every build; nothing that arrives changes it."
    promised = [table.fresh_within for table in mart.rows if table.fresh_within]
    said = []
    if promised:
        said.append(
            f"The newest row is at most {max(promised)} minutes old in Gold, and it is staged within "
            f"{STAGING_DATE_STATE.fresh_within} more (95th percentile)."
        )
    if len(promised) < len(mart.rows):
        said.append("Registers and systems of record follow within a sensor's tick of a file that lands.")
    said.append("A build shows on DuckDB when its tests have passed, on a server mart by mart.")
    return " ".join(said)


def replaced(mart: Mart) -> str:
    """What a build changes in it."""
    if mart.date_column is None:
        return "Made anew whole."
    return f"Replaced by `{mart.date_column}`: a build touches the dates that have news, late readings included."


def tables(found: Iterable[Table]) -> list[tuple[str, str]]:
    """Name of each table as analysts' pages call it, and its heading in the page of tables."""
    return [(f"{table.layer}.{table.name}", f"{table.layer}{table.name}") for table in found]
