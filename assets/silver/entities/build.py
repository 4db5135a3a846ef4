"""Reference entities, made: all files of Bronze through the specs, settled, and written table by table.

Belongs here: one build from plan to the last commit.
Does not: what a spec does (`canonical.entities`), whether a build is due (`state`), or whether it balances (`ledger`).

Everything is made anew from all files: that is what makes a file that comes late, a parent that comes late and a spec
that is mended right by construction, in any order. A table that comes out as it was is not written again: its next
commit holds the number of the build and no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from assets.bronze.files import bodies
from assets.silver.entities.reader import Reader
from assets.silver.entities.state import APP_ID, BUILT, held, plan
from canonical.entities.history import Histories
from canonical.entities.model import EntitySpec
from canonical.entities.reading import FileRead, open_file
from lake.fence import on_fresh_table, write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.entities import ENTITIES, FILE_NAMES
from quality.contracts.entity_tables import ENTITY_FILES, ENTITY_QUARANTINE, ENTITY_REASONS, ENTITY_ROWS
from quality.contracts.model import Table
from settings.failpoints import reach
from settings.model import Settings
from settings.scratch import Scratch

CONTENT = "silver/entities/content"
"""Where a commit says what the table holds after it: the same again need not be written."""
_RECENT = 50

Said = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """What a build came to."""

    build: int
    files: int
    rows: dict[str, int] = field(default_factory=dict)
    """Table to rows."""
    written: tuple[str, ...] = ()
    """Tables whose rows changed."""


def build(lake: Lake, specs: Sequence[EntitySpec], settings: Settings, said: Said = lambda _: None) -> Built:
    """Make all tables from all files that Bronze holds."""
    reach("entities.before_plan")
    planned = plan(lake, specs)
    reach("entities.after_plan")
    scratch = Scratch(settings.spill, "entities")
    try:
        with duckdb.connect(str(scratch.path / "desk.duckdb"), config=_config(settings, scratch.path)) as db:
            desk = Histories(db)
            for entity in ENTITIES:
                desk.begin(entity)
            reader = Reader(db, desk)
            body = bodies(lake, planned.bronze_version)
            for number, file in enumerate(planned.files, 1):
                reader.add({name: file[name] for name in FILE_NAMES}, _opened(file, body, specs, settings))
                said(f"{number} of {len(planned.files)} files: {file['feed']}/{file['path']}")
            reader.close()
            for entity in ENTITIES:
                desk.settle(entity)
            _account(db)
            done = {table.path: _commit(lake, db, table, planned.build) for table in BUILT}
    finally:
        scratch.close()
    return Built(
        planned.build,
        len(planned.files),
        {path: rows for path, (rows, _) in done.items()},
        tuple(path for path, (_, wrote) in done.items() if wrote),
    )


def _config(settings: Settings, spill: Path) -> dict[str, Any]:
    return {
        "memory_limit": settings.silver.memory_limit,
        "temp_directory": str(spill),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
    }


def _opened(
    file: dict[str, Any], body: Callable[[str], bytes], specs: Sequence[EntitySpec], settings: Settings
) -> list[FileRead]:
    if not file["in_force"]:
        return [FileRead(spec=None, fault="replaced", message="a later file of the same name is in its place")]
    largest = settings.landing_file_mb * 2**20
    if file["size"] > largest:
        says = f"{file['size']:,} bytes; at most {largest:,} are read"
        return [FileRead(spec=None, fault="too_large", message=says)]
    return open_file(file["feed"], file["path"], body(file["content_hash"]), specs, largest)


def _account(db: duckdb.DuckDBPyConnection) -> None:
    """Relations `entity_rows`, `entity_quarantine` and `entity_files`, from the outcomes of all entities."""
    refused = ", ".join(f"'{reason.code}'" for reason in ENTITY_REASONS if reason.outcome == "quarantined")
    columns = ", ".join((
        *FILE_NAMES, "mapping_id", "row_number", "reason", "at_fault as field", "found as value",
        "says as message", "entity_key", "effective_at",
        "attribute_hash", "raw", "digest",
    ))  # fmt: skip
    every = " union all ".join(f"select '{e.name}' as entity, {columns} from outcome_{e.name}" for e in ENTITIES)
    db.execute(
        f"""
        create table outcome as
        select *, case when reason = '' then 'accepted' when reason in ({refused}) then 'quarantined'
            else 'skipped' end as outcome
        from ({every})
        """
    )
    db.execute("create view entity_rows as from outcome")
    files = ", ".join(FILE_NAMES)
    db.execute(
        f"""
        create view entity_quarantine as
        select * exclude (outcome, attribute_hash) from outcome where outcome = 'quarantined'
        union all by name
        select {files}, mapping_id, entity, 0 as row_number, fault as reason, message, effective_at, digest
        from line where fault in ({refused})
        """
    )
    db.execute(
        f"""
        create view entity_files as
        with counted as (
            select {files}, mapping_id, outcome, reason, count(*) as n from outcome group by all
        ), summed as (
            select {files}, mapping_id, sum(n) filter (outcome = 'accepted') as accepted,
                sum(n) filter (outcome = 'quarantined') as quarantined, sum(n) filter (outcome = 'skipped') as skipped,
                map_from_entries(list((reason, n) order by reason) filter (reason <> '')) as reasons
            from counted group by all
        )
        select line.* exclude (message), coalesce(accepted, 0) as accepted, coalesce(quarantined, 0) as quarantined,
            coalesce(skipped, 0) as skipped, coalesce(reasons, map {{}}) as reasons
        from line left join summed using ({files}, mapping_id)
        """
    )


def _commit(lake: Lake, db: duckdb.DuckDBPyConnection, table: Table, number: int) -> tuple[int, bool]:
    """Write a table unless this build or a later one has; how many rows, and whether they are others than before."""
    source = table.name if table in {ENTITY_ROWS, ENTITY_QUARANTINE, ENTITY_FILES} else f"history_{table.name}"
    schema = arrow_schema(table)
    columns = ", ".join(f'"{name}"' for name in table.names)
    order = ", ".join(f'"{name}"' for name in table.key)
    count, content = db.execute(
        f"select count(*), concat(count(*), ':', coalesce(sum(hash(r)), 0)) from (select {columns} from {source}) r"
    ).fetchall()[0]

    def rows() -> pa.RecordBatchReader:
        found = db.cursor().sql(f"select {columns} from {source} order by {order}").to_arrow_reader(65_536)
        batches = (pa.Table.from_batches([batch]).cast(schema).combine_chunks().to_batches() for batch in found)
        return pa.RecordBatchReader.from_batches(schema, (one for some in batches for one in some))

    def attempt(target: DeltaTable) -> bool:
        if held(target) >= number:
            return False
        same = _content(target) == content
        mark = {APP_ID: number, CONTENT: content}
        if same:
            write(target, schema.empty_table(), {APP_ID: number}, metadata=mark)
        else:
            write(target, rows(), {APP_ID: number}, mode="overwrite", metadata=mark)
        return not same

    written = on_fresh_table(lake, table, attempt)
    reach(f"entities.after_{table.name}")
    return int(count), written


def _content(target: DeltaTable) -> str | None:
    """What the newest build in the log says the table holds; None where the log no longer says."""
    for commit in target.history(limit=_RECENT):
        if CONTENT in commit:
            content: str = commit[CONTENT]
            return content
    return None
