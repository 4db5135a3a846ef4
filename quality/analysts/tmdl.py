"""The star as a semantic model in TMDL, Microsoft's language for tabular models.

Belongs here: the text of each `.tmdl` file, laid out as Power BI Desktop lays it out: tabs, one table a file, sources
of four more levels, names quoted only where they must be.
Does not: the files around the model (`powerbi`), or the measures themselves (`measures`).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping

from quality.analysts.manifest import MARTS
from quality.analysts.measures import MEASURES, Measure
from quality.analysts.star import Column, Link, Mart, Star
from quality.analysts.units import shown

NAMESPACE = uuid.UUID("6f1c5b0e-6a0f-5c35-9f0a-3d1d0f5a1c11")
"""Of every identity in the model: a thing keeps its own as long as it keeps its name."""
COMPATIBILITY = 1600
"""As Power BI Desktop makes new models."""
CULTURE = "en-GB"
CALENDAR, DAY = "dim_date", "calendar_date"
FIRST_DAY = "#date(2000, 1, 1)"
TYPES = {
    "varchar": "string",
    "integer": "int64",
    "bigint": "int64",
    "double precision": "double",
    "boolean": "boolean",
    "date": "dateTime",
    "timestamp": "dateTime",
}
SORTED: Mapping[tuple[str, str], str] = {
    (CALENDAR, "month_name"): "month_of_year",
    (CALENDAR, "weekday_name"): "weekday",
}
"""Columns whose order is another column's."""
HIERARCHIES: Mapping[str, tuple[str, ...]] = {
    "Calendar": ("calendar_year", "quarter_of_year", "month_name", DAY),
    "Fiscal": ("fiscal_year_name", "fiscal_quarter_name", "month_name", DAY),
}
"""Of the calendar."""
PARAMETERS = (
    ("Server", '"server.example.org"', "Text", "The SQL Server, as host or host,port."),
    ("Database", '"warm"', "Text", "The database that has the schema marts."),
    ("FirstDate", FIRST_DAY, "Date", "Facts from this date on are loaded; a later one makes the file smaller."),
)


def identity(*path: str) -> str:
    """The lineage tag of what has this path of names."""
    return str(uuid.uuid5(NAMESPACE, "/".join(path)))


def quoted(name: str) -> str:
    """A name, in quotes where TMDL asks for them."""
    return name if re.fullmatch(r"\w+", name) else "'" + name.replace("'", "''") + "'"


def definition(star: Star, measures: Iterable[Measure] = MEASURES) -> dict[str, str]:
    """Path below `definition/` and text of each file of the model."""
    found = list(measures)
    return {
        "database.tmdl": f"database\n\tcompatibilityLevel: {COMPATIBILITY}\n\n",
        "model.tmdl": _model(star),
        "expressions.tmdl": _file(line for parameter in PARAMETERS for line in _parameter(*parameter)),
        "relationships.tmdl": _file(line for link in star.links for line in _relationship(link)),
        **{
            f"tables/{mart.name}.tmdl": _file(_table(mart, star, [each for each in found if each.table == mart.name]))
            for mart in star.marts
        },
    }


def _file(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


def _model(star: Star) -> str:
    order = ", ".join(f'"{name}"' for name in (*(name for name, *_ in PARAMETERS), *(mart.name for mart in star.marts)))
    return _file(
        (
            "model Model",
            f"\tculture: {CULTURE}",
            "\tdefaultPowerBIDataSourceVersion: powerBI_V3",
            f"\tsourceQueryCulture: {CULTURE}",
            "\tdataAccessOptions",
            "\t\tlegacyRedirects",
            "\t\treturnErrorValuesAsNull",
            "",
            # The calendar is a table of ours: Desktop is not to make a hidden one for every date.
            "annotation __PBI_TimeIntelligenceEnabled = 0",
            "",
            f"annotation PBI_QueryOrder = [{order}]",
            "",
            *(f"ref table {quoted(mart.name)}" for mart in star.marts),
            "",
        )
    )


def _parameter(name: str, value: str, kind: str, says: str) -> Iterator[str]:
    yield f"/// {says}"
    yield f'expression {name} = {value} meta [IsParameterQuery=true, Type="{kind}", IsParameterQueryRequired=true]'
    yield f"\tlineageTag: {identity('expression', name)}"
    yield ""
    yield f"\tannotation PBI_ResultType = {kind}"
    yield ""


def _relationship(link: Link) -> Iterator[str]:
    """Many to one and in one direction, which are the defaults."""
    yield f"relationship {identity('relationship', link.fact, link.column, link.dimension, link.key)}"
    if not link.active:
        yield "\tisActive: false"
    yield f"\tfromColumn: {quoted(link.fact)}.{quoted(link.column)}"
    yield f"\ttoColumn: {quoted(link.dimension)}.{quoted(link.key)}"
    yield ""


def _table(mart: Mart, star: Star, measures: Iterable[Measure]) -> Iterator[str]:
    yield f"/// {mart.says}"
    yield f"table {quoted(mart.name)}"
    yield f"\tlineageTag: {identity(mart.name)}"
    if mart.name == CALENDAR:
        yield "\tdataCategory: Time"
    yield ""
    for measure in measures:
        yield from _measure(measure)
    keys = {link.column for link in star.links_of(mart.name)} if mart.is_fact else set(mart.key)
    for column in mart.columns:
        yield from _column(mart, column, hidden=column.name in keys)
    if mart.name == CALENDAR:
        for name, levels in HIERARCHIES.items():
            yield from _hierarchy(mart, name, levels)
    yield from _partition(mart)
    yield "\tannotation PBI_ResultType = Table"
    yield ""


def _measure(measure: Measure) -> Iterator[str]:
    yield f"\t/// {measure.says}"
    yield f"\tmeasure {quoted(measure.name)} = {measure.dax}"
    yield f"\t\tformatString: {measure.format}"
    yield f"\t\tlineageTag: {identity(measure.table, 'measure', measure.name)}"
    yield ""


def _column(mart: Mart, column: Column, *, hidden: bool) -> Iterator[str]:
    told = shown(column)
    yield f"\t/// {column.says}"
    yield f"\tcolumn {quoted(column.name)}"
    yield f"\t\tdataType: {TYPES[column.type]}"
    if hidden:
        yield "\t\tisHidden"
    if (mart.name, column.name) == (CALENDAR, DAY):
        yield "\t\tisKey"
    if told.format:
        yield f"\t\tformatString: {told.format}"
    yield f"\t\tlineageTag: {identity(mart.name, 'column', column.name)}"
    # What a dimension says of a thing, each of its versions says: added up, it would count twice.
    yield f"\t\tsummarizeBy: {told.summary if mart.is_fact and not hidden else 'none'}"
    yield f"\t\tsourceColumn: {column.name}"
    if (by := SORTED.get((mart.name, column.name))) is not None:
        yield f"\t\tsortByColumn: {by}"
    yield ""
    yield "\t\tannotation SummarizationSetBy = User"
    yield ""
    if column.type == "date":
        yield "\t\tannotation UnderlyingDateTimeDataType = Date"
        yield ""


def _hierarchy(mart: Mart, name: str, levels: Iterable[str]) -> Iterator[str]:
    yield f"\thierarchy {quoted(name)}"
    yield f"\t\tlineageTag: {identity(mart.name, 'hierarchy', name)}"
    yield ""
    for level in levels:
        yield f"\t\tlevel {quoted(level)}"
        yield f"\t\t\tlineageTag: {identity(mart.name, 'hierarchy', name, level)}"
        yield f"\t\t\tcolumn: {quoted(level)}"
        yield ""


def _partition(mart: Mart) -> Iterator[str]:
    """Rows of the mart as they are; a fact's from a date on, which the server filters by."""
    steps = [
        "Source = Sql.Database(Server, Database, [CreateNavigationProperties = false])",
        f'Rows = Source{{[Schema = "{MARTS}", Item = "{mart.name}"]}}[Data]',
    ]
    if mart.date_column is not None:
        steps.append(f"Since = Table.SelectRows(Rows, each [{mart.date_column}] >= FirstDate)")
    yield f"\tpartition {quoted(mart.name)} = m"
    yield "\t\tmode: import"
    yield "\t\tsource ="
    yield "\t\t\t\tlet"
    yield from (f"\t\t\t\t    {step}{',' if step != steps[-1] else ''}" for step in steps)
    yield "\t\t\t\tin"
    yield f"\t\t\t\t    {steps[-1].split(' ', 1)[0]}"
    yield ""
