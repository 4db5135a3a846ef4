"""What many rows of many files say of an entity, settled: which counts, which is refused, and the history of each key.

Belongs here: everything about rows that takes other rows: the same key twice, parents that are not there, files that
contradict each other, what ceased to be, and versions with their spans. Relations in DuckDB, in and out.
Does not: reading files (`reading`), or storing what comes out (`assets.silver.entities`).

All of it is a function of the set of files and the specs: in whatever order files land, the history is the same. Rows
of one key and date are ordered by priority, then content hash, path, mapping and row.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from canonical import sql
from canonical.entities.judging import schema_of
from canonical.entities.model import EntitySpec
from quality.contracts.entities import ENTITY_BY_NAME, FILE_NAMES, Entity

_FILE = ", ".join(FILE_NAMES)
_ORDER = "priority desc, content_hash, path, feed, mapping_id, row_number"


class Histories:
    """The desk: rows of files are laid out entity by entity, then each entity is settled, parents first."""

    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        """`db` is empty, and the caller's to close."""
        self._db = db
        db.execute("set TimeZone = 'UTC'")

    def begin(self, entity: Entity) -> None:
        """An empty desk for an entity."""
        empty = schema_of(entity).empty_table()
        self._db.register("_empty", empty)
        self._db.execute(
            f"""
            create table {_said(entity)} as
            select *, '' as feed, '' as path, '' as content_hash, '' as mapping_id, '' as digest, 0 as priority,
                '' as scope, false as whole
            from _empty limit 0
            """
        )
        self._db.unregister("_empty")

    def add(self, files: Sequence[dict[str, str]], spec: EntitySpec, rows: pa.Table) -> None:
        """Judged rows of some files by one spec; row's file_no is a place in `files`: feed, path and content_hash."""
        named = pa.Table.from_pylist([{"file_no": number, **file} for number, file in enumerate(files)])
        self._db.register("_rows", rows)
        self._db.register("_files", named)
        self._db.execute(
            f"""
            insert into {_said(ENTITY_BY_NAME[spec.entity])} by name
            select *, $mapping_id as mapping_id, $digest as digest, $priority as priority, $scope as scope,
                $whole as whole
            from _rows join _files using (file_no)
            """,
            _spec_columns(spec),
        )
        self._db.unregister("_rows")
        self._db.unregister("_files")

    def settle(self, entity: Entity) -> None:
        """Make `outcome_<entity>` (every row with its verdict) and `history_<entity>`; parents are settled already."""
        said, key = _said(entity), ", ".join(sql.name(name) for name in entity.key)
        at = f"{key}, effective_at" if entity.history else key
        order = _ORDER if entity.history else f"effective_at, {_ORDER}"
        if not self._db.execute(f"select count(*) from {said}").fetchall()[0][0]:
            self._nothing(entity)
            return
        self._db.execute(
            f"""
            create table in_file_{entity.name} as
            select * replace (
                case when reason <> '' or place = 1 then reason
                    when attribute_hash = first_hash then 'repeated' else 'duplicate_key' end as reason,
                case when reason <> '' or place = 1 then says when attribute_hash = first_hash
                    then concat('row ', first_row, ' says the same')
                    else concat('row ', first_row, ' has the same key, ', entity_key, ', and says otherwise')
                    end as says
            )
            from (
                select *, row_number() over same as place, first_value(attribute_hash) over same as first_hash,
                    first_value(row_number) over same as first_row
                from {said}
                window same as (partition by {_FILE}, mapping_id, reason = '', {at} order by row_number)
            )
            """
        )
        self._db.execute(f"create table with_parents_{entity.name} as {self._orphaned(entity)}")
        self._db.execute(
            f"""
            create table outcome_{entity.name} as
            select * exclude (place, first_hash, first_row, standing, first_whose, first_priority) replace (
                case when reason <> '' or standing = 1 then reason when attribute_hash = first_whose then 'repeated'
                    when priority < first_priority then 'superseded' else 'conflict' end as reason,
                case when reason <> '' or standing = 1 then says
                    else concat('file ', first_path, ' (', left(first_content, 8), '), row ', first_numbered,
                        ', counts')
                    end as says
            )
            from (
                select *, row_number() over same as standing, first_value(attribute_hash) over same as first_whose,
                    first_value(priority) over same as first_priority, first_value(path) over same as first_path,
                    first_value(content_hash) over same as first_content,
                    first_value(row_number) over same as first_numbered
                from with_parents_{entity.name}
                window same as (partition by reason = '', {at} order by {order})
            )
            """
        )
        if entity.history:
            self._versions(entity, key)
        else:
            self._db.execute(
                f"create table history_{entity.name} as "
                f"select *, effective_at as valid_from from outcome_{entity.name} where reason = ''"
            )
        for name in ("in_file", "with_parents"):
            self._db.execute(f"drop table {name}_{entity.name}")

    def _nothing(self, entity: Entity) -> None:
        """The same relations where nobody said anything, at a tenth of the time."""
        self._db.execute(f"create table outcome_{entity.name} as from {_said(entity)}")
        self._db.execute(
            f"create table history_{entity.name} as select *, effective_at as valid_from, effective_at as valid_to, "
            f"true as is_current from {_said(entity)}"
        )

    def _orphaned(self, entity: Entity) -> str:
        """SQL: rows whose foreign keys name nobody are marked."""
        wrong = []
        for foreign in entity.foreign_keys:
            parent = ENTITY_BY_NAME[foreign.parent]
            (of_parent,) = parent.key
            column = sql.name(foreign.column)
            wrong.append(
                f"when {column} is not null and {column} not in (select {sql.name(of_parent)} from "
                f"history_{parent.name}) then {{'at_fault': {sql.text(foreign.column)}, 'found': {column}, "
                f"'says': concat({sql.text(f'{foreign.column} names {parent.name} ')}, {column}, "
                "', which is not there')}"
            )
        if not wrong:
            return f"select * from in_file_{entity.name}"
        return f"""
            select * exclude (orphan) replace (
                case when orphan is null then reason else 'unknown_parent' end as reason,
                case when orphan is null then at_fault else orphan.at_fault end as at_fault,
                case when orphan is null then found else left(orphan.found, 200) end as found,
                case when orphan is null then says else orphan.says end as says
            )
            from (
                select *, case when reason <> '' then null {" ".join(wrong)} end as orphan
                from in_file_{entity.name}
            )
            """

    def _versions(self, entity: Entity, key: str) -> None:
        """SQL: points in time at which something was said, or a full snapshot was silent, become spans."""
        said = f"outcome_{entity.name}"
        columns = ", ".join(
            sql.name(name)
            for name in (*(c.name for c in entity.columns), *FILE_NAMES, "row_number", "mapping_id", "digest")
        )
        self._db.execute(
            f"""
            create table history_{entity.name} as
            with whole as (
                select scope, effective_at from {said} where whole and reason in ('', 'repeated', 'superseded')
                group by all
            ), named as (
                select distinct scope, effective_at, {key} from {said}
                where whole and entity_key is not null and reason not in ('blank', 'subtotal', 'excluded')
            ), known as (
                select scope, {key}, min(effective_at) as since from {said}
                where whole and reason in ('', 'repeated', 'superseded') group by all
            ), silent as (
                select distinct {key}, whole.effective_at
                from known join whole on known.scope = whole.scope and whole.effective_at > known.since
                anti join named on named.scope = known.scope and named.effective_at = whole.effective_at
                    and {" and ".join(f"named.{sql.name(n)} = known.{sql.name(n)}" for n in entity.key)}
            ), point as (
                select {columns}, attribute_hash, effective_at from {said} where reason = ''
                union all by name
                select {key}, effective_at from silent
                anti join (select {key}, effective_at from {said} where reason = '') using ({key}, effective_at)
            ), turn as (
                select * from point
                qualify attribute_hash
                    is distinct from lag(attribute_hash) over (partition by {key} order by effective_at)
            ), span as (
                select *, effective_at as valid_from,
                    lead(effective_at) over (partition by {key} order by effective_at) as valid_to
                from turn
            )
            select *, valid_to is null as is_current from span where attribute_hash is not null
            """
        )

    def table(self, query: str) -> pa.Table:
        """A question to the desk."""
        return self._db.sql(query).to_arrow_table()


def _said(entity: Entity) -> str:
    return f"said_{entity.name}"


def _spec_columns(spec: EntitySpec) -> dict[str, object]:
    return {
        "mapping_id": spec.id,
        "digest": spec.digest,
        "priority": spec.priority,
        "scope": spec.whole,
        "whole": spec.snapshot == "full",
    }
