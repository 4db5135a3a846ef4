"""The ledger of reference entities: every file and every row accounted for, proved by anti-joins.

Belongs here: the balance over the tables as they are in the lake.
Does not: the counters of a build, which prove nothing, or what is done when it does not balance (`checks`).

It balances where every content in Bronze has a line, every line a file; every row of a line is there once, with one
outcome; the refused ones are those in quarantine, both ways; and what an accepted row says is what the version that
holds at its date says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import duckdb

from lake.store import Lake
from quality.contracts.entities import ENTITIES, FILE_NAMES, Entity
from quality.contracts.entity_tables import BRONZE_FILES, ENTITY_FILES, ENTITY_QUARANTINE, ENTITY_ROWS
from quality.contracts.model import Table

_FILE = ", ".join(FILE_NAMES)
_LINE = f"{_FILE}, mapping_id"


@dataclass(frozen=True, kw_only=True)
class EntityLedger:
    """Files and rows by outcome, and what is wrong: all of `unread` … `contradicted` are 0 where it balances."""

    files: int
    refused_files: int
    rows: int
    accepted: int
    quarantined: int
    skipped: int
    unread: int
    """Contents in Bronze without a line."""
    unfounded: int
    """Lines without a content in Bronze."""
    uncounted: int
    """Lines whose rows are not there once each, or do not add up."""
    unexplained: int
    """Refused rows that are not in quarantine, and rows there that were not refused."""
    contradicted: int
    """Accepted rows that the history does not bear out."""

    @property
    def balanced(self) -> bool:
        """Whether nothing is wrong."""
        wrong = (self.unread, self.unfounded, self.uncounted, self.unexplained, self.contradicted)
        return not any(wrong) and self.rows == self.accepted + self.quarantined + self.skipped

    def as_dict(self) -> dict[str, int]:
        """The numbers."""
        return asdict(self)


def entity_ledger(lake: Lake) -> EntityLedger:
    """The ledger over all that is in the lake."""
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")

        def lay(table: Table, *columns: str) -> None:
            lake.open(table)
            db.register(table.name, lake.dataset(table).scanner(columns=list(columns)).to_reader())
            db.execute(f"create table {table.layer}_{table.name} as from {table.name}")
            db.unregister(table.name)

        lay(BRONZE_FILES, *FILE_NAMES)
        lay(ENTITY_FILES, *FILE_NAMES, "mapping_id", "row_count", "accepted", "quarantined", "skipped", "fault")
        lay(
            ENTITY_ROWS,
            *(*FILE_NAMES, "mapping_id", "entity", "row_number", "outcome"),
            *("entity_key", "effective_at", "attribute_hash"),
        )
        lay(ENTITY_QUARANTINE, *FILE_NAMES, "mapping_id", "row_number")
        for entity in ENTITIES:
            span = ("valid_from", "valid_to") if entity.history else ("valid_from",)
            lay(entity.table, *entity.key, *span, "attribute_hash")

        def one(query: str) -> int:
            return int(db.execute(query).fetchall()[0][0] or 0)

        return EntityLedger(
            **_counts(one),
            unread=one(
                f"select count(*) from (select distinct {_FILE} from bronze_files) "
                f"anti join silver_entity_files using ({_FILE})"
            ),
            unfounded=one(f"select count(*) from silver_entity_files anti join bronze_files using ({_FILE})"),
            uncounted=one(_UNCOUNTED),
            unexplained=one(_UNEXPLAINED),
            contradicted=sum(one(_contradicted(entity)) for entity in ENTITIES),
        )


def _counts(one: Callable[[str], int]) -> dict[str, int]:
    return {
        "files": one(f"select count(*) from (select distinct {_FILE} from bronze_files)"),
        "refused_files": one("select count(*) from silver_entity_files where fault <> 'replaced'"),
        "rows": one("select count(*) from silver_entity_rows"),
        **{
            outcome: one(f"select count(*) from silver_entity_rows where outcome = '{outcome}'")
            for outcome in ("accepted", "quarantined", "skipped")
        },
    }


_UNCOUNTED = f"""
with found as (
    select {_LINE}, count(*) as n, count(distinct row_number) as numbers, max(row_number) - min(row_number) + 1 as span,
        count(*) filter (outcome = 'accepted') as accepted, count(*) filter (outcome = 'quarantined') as quarantined,
        count(*) filter (outcome = 'skipped') as skipped
    from silver_entity_rows group by all
)
select (select count(*) - count(distinct ({_LINE})) from silver_entity_files) + count(*)
from silver_entity_files l full join found f using ({_LINE})
where l.row_count is null
    or l.row_count <> coalesce(f.n, 0) or coalesce(f.n, 0) <> coalesce(f.numbers, 0)
    or coalesce(f.n, 0) <> coalesce(f.span, 0)
    or (l.accepted, l.quarantined, l.skipped)
        is distinct from (coalesce(f.accepted, 0), coalesce(f.quarantined, 0), coalesce(f.skipped, 0))
"""
_UNEXPLAINED = f"""
with refused as (
    select {_LINE}, row_number from silver_entity_rows where outcome = 'quarantined'
    union all select {_LINE}, 0 from silver_entity_files where fault <> 'replaced'
)
select (select count(*) from refused anti join silver_entity_quarantine using ({_LINE}, row_number))
    + (select count(*) from silver_entity_quarantine anti join refused using ({_LINE}, row_number))
    + (select count(*) - count(distinct ({_LINE}, row_number)) from silver_entity_quarantine)
"""


def _contradicted(entity: Entity) -> str:
    key = " || '/' || ".join(f'cast("{name}" as varchar)' for name in entity.key)
    goes_on = "and (h.valid_to is null or h.valid_to > r.effective_at)" if entity.history else ""
    return f"""
        with accepted as (from silver_entity_rows where entity = '{entity.name}' and outcome = 'accepted')
        select count(*) from accepted r
        anti join (select *, {key} as entity_key from silver_{entity.name}) h
            on h.entity_key = r.entity_key and h.attribute_hash = r.attribute_hash
            and h.valid_from <= r.effective_at {goes_on}
    """
