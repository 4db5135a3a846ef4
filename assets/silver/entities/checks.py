"""What must hold of the reference entities after each build, as Dagster checks, blocking.

Belongs here: keys and spans, foreign keys, and the ledger, judged from the tables themselves.
Does not: the check that a table has its contract's schema (`quality.checks`).
"""

from __future__ import annotations

from typing import Any

import dagster as dg
import duckdb

from assets.described import key_of
from assets.silver.entities.ledger import EntityLedger, entity_ledger
from lake.store import Lake
from quality.contracts.entities import ENTITY_BY_NAME, Entity
from quality.contracts.entity_tables import ENTITY_FILES

_RECENT = 50
KEYS, PARENTS, LEDGER = "keys_are_unique", "foreign_keys_hold", "ledger_balances"


def specs_of(entity: Entity) -> list[dg.AssetCheckSpec]:
    """Checks of an entity's table."""
    key = ", ".join(entity.key)
    spans = ", one version of it at a time, one of them current" if entity.history else ""
    found = [_spec(entity, KEYS, f"({key}) occurs once{spans}.")]
    if entity.foreign_keys:
        named = ", ".join(f"{foreign.column} in {foreign.parent}" for foreign in entity.foreign_keys)
        found.append(_spec(entity, PARENTS, f"Every value that is given is there: {named}."))
    return found


def _spec(entity: Entity, name: str, says: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(name, asset=key_of(entity.table), blocking=True, description=says)


def ledger_spec() -> dg.AssetCheckSpec:
    """The check of the ledger."""
    return dg.AssetCheckSpec(
        LEDGER,
        asset=key_of(ENTITY_FILES),
        blocking=True,
        description="Every landed file has its lines, every row of it one outcome, every refused row its reason.",
    )


def results_of(lake: Lake, entity: Entity) -> list[dg.AssetCheckResult]:
    """Judge an entity's table."""
    table = entity.table
    span = ("valid_from", "valid_to", "is_current") if entity.history else ()
    wanted = list(dict.fromkeys((*entity.key, *(foreign.column for foreign in entity.foreign_keys), *span)))
    with duckdb.connect() as db:
        db.register("given", lake.dataset(table).scanner(columns=wanted).to_reader())
        db.execute("create table version as from given")
        keys = _keys(db, entity)
        found = [
            _result(
                entity,
                KEYS,
                wrong=sum(keys.values()),
                metadata={"rows": _one(db, "select count(*) from version"), **keys},
            )
        ]
        if entity.foreign_keys:
            orphans = {}
            for foreign in entity.foreign_keys:
                parent = ENTITY_BY_NAME[foreign.parent]
                db.register("given", lake.dataset(parent.table).scanner(columns=list(parent.key)).to_reader())
                db.execute(f'create or replace table parent as select distinct "{parent.key[0]}" as k from given')
                orphans[foreign.column] = _one(
                    db,
                    f'select count(*) from version where "{foreign.column}" is not null '
                    f'and "{foreign.column}" not in (select k from parent)',
                )
            found.append(_result(entity, PARENTS, wrong=sum(orphans.values()), metadata=orphans))
    return found


def _keys(db: duckdb.DuckDBPyConnection, entity: Entity) -> dict[str, int]:
    key = ", ".join(f'"{name}"' for name in entity.key)
    if not entity.history:
        return {
            "keys_twice": _one(db, f"select count(*) from (from version select {key} group by all having count(*) > 1)")
        }
    by_key = f"over (partition by {key} order by valid_from)"
    return {
        "empty_spans": _one(db, "select count(*) from version where valid_to <= valid_from"),
        "overlaps": _one(
            db,
            f"select count(*) from (select valid_to, lead(valid_from) {by_key} as next from version) "
            "where next is not null and (valid_to is null or valid_to > next)",
        ),
        "wrongly_current": _one(db, "select count(*) from version where is_current <> (valid_to is null)"),
    }


def ledger_result(lake: Lake, build: int) -> tuple[EntityLedger, dg.AssetCheckResult]:
    """Judge the ledger after a build."""
    ledger = entity_ledger(lake)
    result = dg.AssetCheckResult(
        asset_key=key_of(ENTITY_FILES),
        check_name=LEDGER,
        passed=ledger.balanced,
        metadata={**ledger.as_dict(), "build": build, "lake": lake.identity()},
    )
    return ledger, result


def judged(instance: dg.DagsterInstance, lake: Lake, build: int) -> bool:
    """Whether the ledger was found to balance after this build of this lake: a run may be killed before it looks."""
    key = dg.AssetCheckKey(key_of(ENTITY_FILES), LEDGER)
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=_RECENT)
    newest = next((r.evaluation for r in records if isinstance(r.evaluation, dg.AssetCheckEvaluation)), None)
    if newest is None or not newest.passed or "build" not in newest.metadata:
        return False
    return newest.metadata["lake"].value == lake.identity() and newest.metadata["build"].value == build


def _result(entity: Entity, name: str, *, wrong: int, metadata: dict[str, Any]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(asset_key=key_of(entity.table), check_name=name, passed=not wrong, metadata=metadata)


def _one(db: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(db.execute(query).fetchall()[0][0] or 0)
