"""One landed file through its specs: typed rows of entities, each row with a verdict of its own.

Belongs here: which specs read a file, and each row as values or as a reason. Pure: the same bytes, name and specs give
the same rows.
Does not: what needs other rows (keys twice, parents, history: `history`), or fetching bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from canonical import sql
from canonical.entities.decode import LARGEST, unpacked
from canonical.entities.decode import sheet as sheet_from
from canonical.entities.engine import connection
from canonical.entities.judging import lay_out, places_of, schema_of, unknown_terms
from canonical.entities.model import EntitySpec, Made, plain
from canonical.entities.sheet import FileFaultError, Sheet
from quality.contracts.entities import ENTITY_BY_NAME, Entity


@dataclass(frozen=True, kw_only=True)
class FileRead:
    """A file as one spec reads it. Without a spec, or with a fault, it has neither sheet nor rows."""

    spec: EntitySpec | None
    sheet: Sheet | None = None
    effective_at: datetime | None = None
    path_texts: dict[str, str | None] = field(default_factory=dict)
    """What the path says, by column."""
    fault: str | None = None
    message: str = ""
    missing_columns: tuple[str, ...] = ()
    unmapped_columns: tuple[str, ...] = ()
    rows: pa.Table | None = None
    """Once judged: columns of the entity and verdict, see `judging.schema_of`."""
    unknown_terms: dict[str, int] = field(default_factory=dict)


def read_file(feed: str, path: str, body: bytes, specs: Iterable[EntitySpec], largest: int = LARGEST) -> list[FileRead]:
    """The file as each spec that takes it reads it, its rows judged; one line without rows where none does."""
    found = []
    for read in open_file(feed, path, body, specs, largest):
        if read.sheet is None:
            found.append(read)
            continue
        with connection() as db:
            rows, terms = judge_rows(db, [read])
        found.append(replace(read, rows=rows, unknown_terms=terms[0]))
    return found


def open_file(feed: str, path: str, body: bytes, specs: Iterable[EntitySpec], largest: int = LARGEST) -> list[FileRead]:
    """The file as each spec that takes it finds it, its rows not yet judged."""
    found: list[FileRead] = []
    faults: list[FileRead] = []
    sheets: dict[str, Sheet | None] = {}
    plain_body: bytes | None = None
    for spec in sorted(specs, key=lambda one: one.id):
        if feed not in spec.match.feed or (spec.match.path and not re.search(spec.match.path, path)):
            continue
        try:
            plain_body = unpacked(body, largest) if plain_body is None else plain_body
            asked = [name for made in spec.columns for name in made.from_]
            how = repr((spec.decode, spec.match.columns, spec.match.lacks, [name for name in asked if "." in name]))
            if how not in sheets:
                sheets[how] = sheet_from(plain_body, path, spec.decode, spec.match, asked)
            taken = sheets[how]
            if taken is not None:
                found.append(_opened(spec, path, taken))
        except FileFaultError as error:
            faults.append(FileRead(spec=spec, fault=error.code, message=str(error)))
    if found:
        return found
    if faults:
        return faults[:1]
    message = f"no entity mapping of feed '{feed}' has the columns or the format of this file"
    return [FileRead(spec=None, fault="no_mapping", message=message)]


def _opened(spec: EntitySpec, path: str, found: Sheet) -> FileRead:
    """A file that lacks what the spec needs is a line with a fault."""
    entity = ENTITY_BY_NAME[spec.entity]
    missing, lacking = _missing(spec, entity, places_of(found.header))
    when = file_date(spec, path)
    said = {made.name: re.search(made.path, path) for made in spec.columns if made.path}
    line = FileRead(
        spec=spec,
        effective_at=when,
        path_texts={name: match.group(1) if match else None for name, match in said.items()},
        missing_columns=tuple(missing),
        unmapped_columns=_unmapped(spec, found.header),
    )
    if lacking:
        says = f"no column {' or '.join(map(repr, lacking.from_))}, which {entity.name}.{lacking.name} is made of"
        return replace(line, fault="missing_column", message=says)
    if when is None and not any(source.column for source in spec.effective):
        says = f"its path, {path}, does not say from when it holds; see `effective` of mapping '{spec.id}'"
        return replace(line, fault="no_effective_date", message=says)
    if found.row_count == 0:
        return replace(line, fault="no_rows", message="a header and no rows")
    return replace(line, sheet=found)


def judge_rows(db: duckdb.DuckDBPyConnection, reads: Sequence[FileRead]) -> tuple[pa.Table, list[dict[str, int]]]:
    """Rows of several files in one statement, and the unknown words of each file.

    All are of one spec and have one header: planning the statement takes longer than running it on a small file.
    Column file_no of the rows is the file's place in `reads`.
    """
    spec, first = reads[0].spec, reads[0].sheet
    assert spec is not None, "a line without a spec has no sheet"
    assert first is not None, "a line without a sheet has no rows"
    db.execute("set TimeZone = 'UTC'")
    sheets = [(number, read, read.sheet) for number, read in enumerate(reads) if read.sheet is not None]
    db.register("given", pa.concat_tables([_of_file(sheet.rows, number, read) for number, read, sheet in sheets]))
    db.register("broken", pa.concat_tables([_of_file(sheet.broken, number, read) for number, read, sheet in sheets]))
    lay_out(db, spec, first.header)
    terms = unknown_terms(db, spec)
    schema = schema_of(ENTITY_BY_NAME[spec.entity])
    columns = ", ".join(sql.name(name) for name in schema.names)
    rows = db.sql(f"select {columns} from judged order by file_no, row_number").to_arrow_table().cast(schema)
    db.unregister("given")
    db.unregister("broken")
    return rows, [terms.get(number, {}) for number in range(len(reads))]


def _of_file(rows: pa.Table, number: int, read: FileRead) -> pa.Table:
    """Rows with what is the same for all rows of a file."""
    same = {
        "file_no": pa.scalar(number, pa.int32()),
        "file_at": pa.scalar(read.effective_at, pa.timestamp("us", tz="UTC")),
        **{f"p_{name}": pa.scalar(text, pa.string()) for name, text in read.path_texts.items()},
    }
    for name, value in same.items():
        rows = rows.append_column(name, pa.repeat(value, rows.num_rows))
    return rows


def file_date(spec: EntitySpec, path: str) -> datetime | None:
    """The date that the file's path or the spec itself says; None where it does not."""
    for source in spec.effective:
        if source.column is not None:
            continue
        text = source.fixed.isoformat() if source.fixed else None
        if source.path is not None and (match := re.search(source.path, path)):
            text = _filled(source.template, match)
        if text is None:
            continue
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            continue
        return when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC)
    return None


def _filled(template: str, match: re.Match[str]) -> str:
    return re.sub(r"\{(\d)\}", lambda group: match.group(int(group[1])) or "", template)


def _missing(spec: EntitySpec, entity: Entity, places: dict[str, int]) -> tuple[list[str], Made | None]:
    """Columns of the spec that the file lacks, and the first without which it cannot be read."""
    needed = {column.name for column in entity.columns if not column.null}
    missing = [made for made in spec.columns if made.from_ and not any(plain(name) in places for name in made.from_)]
    lacking = (
        made for made in missing if (made.required or made.name in needed) and made.path is None and made.const is None
    )
    return [made.name for made in missing], next(lacking, None)


def _unmapped(spec: EntitySpec, header: Sequence[str]) -> tuple[str, ...]:
    read = {plain(name) for made in spec.columns for name in made.from_}
    read |= {plain(name) for skip in spec.skip_rows for condition in skip.when for name in condition.column}
    return tuple(
        dict.fromkeys(text for text in header if plain(text) and plain(text) not in read and not spec.ignores(text))
    )
