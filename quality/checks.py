"""Contract and ledger as Dagster checks, blocking.

Belongs here: what must hold for a table after each run, judged from the table itself.
Does not: row rules (`quality.rules`), which decide before a row is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from lake.pruning import same_moments
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.rules.ledger import Ledger

SCHEMA, KEYS, LEDGER = "schema_equals_contract", "keys_are_unique", "ledger_balances"


def _key(table: Table) -> dg.AssetKey:
    return dg.AssetKey([table.layer, table.name])


def schema_spec(table: Table) -> dg.AssetCheckSpec:
    """Columns, types, nullability, order and partitioning are those of the contract."""
    return dg.AssetCheckSpec(
        SCHEMA, asset=_key(table), blocking=True, description="The Delta schema is the contract's, column by column."
    )


def schema_result(lake: Lake, table: Table) -> dg.AssetCheckResult:
    """Judge the schema of the table's head."""
    target = lake.open(table)
    actual = pa.schema(target.schema().to_arrow())
    wanted = arrow_schema(table)
    wrong = {
        field.name: f"is {_said(actual, field.name)}, contract says {_said(wanted, field.name)}"
        for field in wanted
        if field.name not in actual.names or not actual.field(field.name).equals(field)
    }
    wrong |= {name: "is not in the contract" for name in actual.names if name not in wanted.names}
    if not wrong and actual.names != wanted.names:
        wrong["order"] = f"is {', '.join(actual.names)}, contract says {', '.join(wanted.names)}"
    if tuple(target.metadata().partition_columns) != table.partition_by:
        wrong["partitioning"] = f"is {target.metadata().partition_columns}, contract says {list(table.partition_by)}"
    return _result(table, SCHEMA, passed=not wrong, metadata={"columns": len(wanted), "wrong": str(wrong or "none")})


def _said(schema: pa.Schema, name: str) -> str:
    if name not in schema.names:
        return "absent"
    field = schema.field(name)
    return str(field.type) if field.nullable else f"{field.type} not null"


def keys_spec(table: Table) -> dg.AssetCheckSpec:
    """The contract's key is unique."""
    return dg.AssetCheckSpec(
        KEYS, asset=_key(table), blocking=True, description=f"({', '.join(table.key)}) occurs once."
    )


def keys_result(lake: Lake, table: Table, within: str, values: Sequence[Any]) -> dg.AssetCheckResult:
    """Judge the rows whose key also occurs where column `within` has one of `values`: what a run touched."""
    if not values:
        return _result(table, KEYS, passed=True, metadata={"rows": 0})
    keys = ", ".join(f'"{name}"' for name in table.key)
    dataset = lake.dataset(table)
    touched = pc.field(within).isin(list(values))
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        db.register("given", dataset.scanner(columns=list(table.key), filter=touched).to_reader())
        db.execute(f"create table touched as select {keys}, count(*) as copies from given group by all")
        total, twice = db.execute(
            "select coalesce(sum(copies), 0), count(*) filter (copies > 1) from touched"
        ).fetchall()[0]
        elsewhere = 0
        if within not in table.key:
            rest = ~touched
            for name in (name for name in table.key if table.column(name).type == "timestamp"):
                # Another row of a key has its moments too: file statistics then spare most of the table.
                moments = same_moments(db, "touched", name)
                rest = rest if moments is None else rest & moments
            db.register("rest", dataset.scanner(columns=list(table.key), filter=rest).to_reader())
            elsewhere = db.execute(f"select count(*) from rest semi join touched using ({keys})").fetchall()[0][0]
    return _result(
        table,
        KEYS,
        passed=not twice and not elsewhere,
        metadata={"rows": int(total), "keys_twice": int(twice), "keys_also_elsewhere": int(elsewhere)},
    )


def ledger_spec(table: Table) -> dg.AssetCheckSpec:
    """Every event of the touched hours has an outcome, every outcome an event."""
    return dg.AssetCheckSpec(
        LEDGER,
        asset=_key(table),
        blocking=True,
        description="Anti-join of Bronze with readings, quarantine and duplicates, both ways, finds nothing.",
    )


def ledger_result(table: Table, ledger: Ledger | None) -> dg.AssetCheckResult:
    """Judge a ledger over some hours: numbers missing between hours are other hours' affair."""
    lines = ledger.streams if ledger else ()
    wrong = [line for line in lines if line.unaccounted or line.unfounded or line.repeated]
    return _result(
        table,
        LEDGER,
        passed=not wrong,
        metadata={
            "events": sum(line.rows for line in lines),
            "unaccounted": sum(line.unaccounted for line in lines),
            "unfounded": sum(line.unfounded for line in lines),
            "repeated": sum(line.repeated for line in lines),
            **({"next": "lakehouse ledger"} if wrong else {}),
        },
    )


def _result(table: Table, name: str, *, passed: bool, metadata: dict[str, Any]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(asset_key=_key(table), check_name=name, passed=passed, metadata=metadata)
