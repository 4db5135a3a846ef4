"""Drift of rows and messages whose fields are columns: CSV and protobuf.

Belongs here: for each mapped field how many events have it and in how many it is not the number it should be; columns
of a file's header, and widths of rows, that the spec does not say.
Does not: field numbers that a schema does not know (`wire`), JSON (`documents`).
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import pyarrow as pa

from canonical import sql
from canonical.decoders.cell import Cell, Decoder
from canonical.decoders.csv_rows import CsvRows
from canonical.drift.documents import HOUR, Run, Seen
from canonical.drift.known import NUMBER, ROW, TEXT, Known, columns_of, named
from canonical.drift.structures import MOST, OTHERS, Finding
from canonical.spec.decode import CsvDecode
from canonical.spec.readings import Reading
from canonical.spec_model import MappingSpec

_LONGEST_HEADER = 1 << 16


def of_cells(rows: pa.Table, spec: MappingSpec, known: Known, decoder: Decoder, run: Run) -> Iterator[Seen]:
    """Which mapped fields are there, and which of them are no numbers; `rows` is what the decoder has prepared.

    Rows are grouped by which of the conditions hold, a sign each; the rows of one event count once.
    """
    found = [*_present(known, decoder), *conditions(spec, known, decoder)]
    if not found:
        return
    signs = ", ".join(f"CASE WHEN {where} THEN '1' ELSE '0' END" for _, where in found)
    relation = decoder.relation("source", kept(decoder, "row", "enqueued_us"))
    held = f"SELECT row, enqueued_us, concat({signs}) AS held FROM ({relation}) WHERE body_fault IS NULL"
    if spec.decode.many:
        any_row = "row, any_value(enqueued_us) AS enqueued_us, bit_or(held::BIT)::VARCHAR AS held"
        held = f"SELECT {any_row} FROM ({held}) GROUP BY row"
    query = (
        f"SELECT held, {HOUR} AS hour, count(*) AS events, min(row) AS first_row, max(enqueued_us) AS last_us "
        f"FROM ({held}) GROUP BY ALL"
    )
    seen = []
    for group in run(query, rows).to_pylist():
        holds = group.pop("held")
        seen += [Seen(finding, **group) for (finding, _), sign in zip(found, holds, strict=True) if sign == "1"]
    wrong = [one for one in seen if one.finding.kind == "changed_type"]
    shown = {name: decoder.cell(".".join(known.mapped[name])).shown for name in {one.finding.field for one in wrong}}
    first = _first_rows(relation, shown, {one.first_row for one in wrong})
    examples = {row["row"]: row for row in reversed(run(first, rows).to_pylist())} if wrong else {}
    yield from (one for one in seen if one.finding.kind != "changed_type")
    yield from (replace(one, example=examples[one.first_row][one.finding.field]) for one in wrong)


def _first_rows(relation: str, shown: Mapping[str, str], rows: Collection[int]) -> str:
    """SQL: what fields held in some rows."""
    held = ", ".join(f"left({cell}, 200) AS {sql.name(name)}" for name, cell in shown.items())
    return f"SELECT row, {held} FROM ({relation}) WHERE row IN ({', '.join(map(str, sorted(rows)))})"


def kept(decoder: Decoder, *names: str) -> str:
    """The columns that have to travel with the fields: CSV with a header needs its line."""
    header = decoder.header if isinstance(decoder, CsvRows) else None
    return ", ".join([*names, *([header] if header else [])])


def _present(known: Known, decoder: Decoder) -> Iterator[tuple[Finding, str]]:
    for name, path in known.mapped.items():
        yield Finding("present", name, "", ""), decoder.cell(".".join(path)).given


def conditions(spec: MappingSpec, known: Known, decoder: Decoder) -> list[tuple[Finding, str]]:
    """What can be wrong with mapped fields, and the SQL that says of a row whether it is."""
    found = []
    for name, path in known.mapped.items():
        found.append((Finding("missing_field", name, "", ""), f"NOT {decoder.cell('.'.join(path)).given}"))
    for name, cell in _numbers(spec, known, decoder).items():
        found.append((Finding("changed_type", name, NUMBER, TEXT), f"{cell.given} AND {cell.number} IS NULL"))
    return found


def _numbers(spec: MappingSpec, known: Known, decoder: Decoder) -> Mapping[str, Cell]:
    """Fields that have to be numbers, read as their reading reads them."""
    manners = {slot.path: slot.number or spec.number for slot in spec.slots if isinstance(slot, Reading) and slot.path}
    found: dict[str, Cell] = {}
    for name, path in known.mapped.items():
        written, node = ".".join(path), known.at(path)
        if node is not None and node.types == {NUMBER} and written in manners:
            found[name] = decoder.cell(written, manners[written])
    return found


def of_widths(rows: pa.Table, known: Known, decoder: Decoder, run: Run) -> Iterator[Seen]:
    """Rows that have more or fewer columns than the spec says."""
    if known.columns is None:
        return
    relation = decoder.relation("source", kept(decoder, "row", "enqueued_us"))
    query = (
        f"SELECT {HOUR} AS hour, len(c) AS width, count(DISTINCT row) AS events, min(row) AS first_row, "
        f"max(enqueued_us) AS last_us FROM ({relation}) WHERE len(c) <> {known.columns} GROUP BY ALL "
        f"ORDER BY events DESC, width LIMIT {MOST}"
    )
    for row in run(query, rows).to_pylist():
        width = row.pop("width")
        yield Seen(Finding("changed_type", ROW, columns_of(known.columns), columns_of(width)), **row)


def of_headers(rows: pa.Table, decode: CsvDecode, header: str, run: Run) -> Iterator[Seen]:
    """Columns of header lines that the spec does not name."""
    line = f"CASE WHEN length({sql.name(header)}) <= {_LONGEST_HEADER} THEN {sql.name(header)} END"
    query = (
        f"SELECT {line} AS line, {HOUR} AS hour, count(DISTINCT row) AS events, min(row) AS first_row, "
        f"max(enqueued_us) AS last_us FROM source WHERE {sql.name(header)} IS NOT NULL GROUP BY ALL "
        f"ORDER BY events DESC, first_row LIMIT {MOST}"
    )
    for row in run(query, rows).to_pylist():
        text = row.pop("line")
        new = [OTHERS] if text is None else new_columns(text, decode)
        for name in [*new[:MOST], OTHERS] if len(new) > MOST else new:
            yield Seen(Finding("new_field", name, "", ""), **row)


def new_columns(line: str, decode: CsvDecode) -> list[str]:
    """The columns of a header line that the spec does not name."""
    columns = {column.strip() for column in decode.columns}
    return [named((name,)) for name in dict.fromkeys(_names(line, decode)) if name not in columns]


def _names(line: str, decode: CsvDecode) -> list[str]:
    """Few lines, so split here; a name in quotes may hold the delimiter."""
    plain = line.strip("\ufeff\r\n")
    if decode.delimiter == "whitespace":
        return plain.split()
    try:
        rows = list(csv.reader([plain], delimiter=decode.delimiter, quotechar=decode.quote))
    except csv.Error:
        return []
    return [name.strip() for name in rows[0] if name.strip()] if rows else []
