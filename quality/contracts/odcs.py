"""Contract to Open Data Contract Standard: one YAML a table, for catalogues and tools outside.

Belongs here: a table's contract in the words of ODCS 3.1 (https://bitol-io.github.io/open-data-contract-standard).
Does not: where the files lie (`orchestration.rendered`), or the contracts themselves (`tables`, `entities`).
"""

from __future__ import annotations

import uuid
from typing import Any

import yaml

from quality.contracts.arrow import ARROW
from quality.contracts.metrics import METRICS
from quality.contracts.model import Column, Table, Type
from quality.contracts.tables import KEY

API_VERSION = "v3.1.0"
VERSION = "1.0.0"
"""Of the contracts: the first number rises when a reader must change, the second when a column is added."""

_MADE = "# Rendered from quality/contracts by `lakehouse contracts render`; edit the contract, not this file.\n"
_NAMES = uuid.uuid5(uuid.NAMESPACE_URL, "https://lakehouse.invalid/contracts")
_LOGICAL: dict[Type, str] = {
    "string": "string",
    "double": "number",
    "long": "integer",
    "int": "integer",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "date": "date",
    "binary": "string",
    "map": "object",
    "counts": "object",
    "strings": "array",
    "dates": "array",
}


def contract_of(table: Table) -> str:
    """The contract of one table as ODCS YAML."""
    schema = {
        "name": table.name,
        "physicalName": table.path,
        "physicalType": "table",
        "logicalType": "object",
        "description": table.says,
        "dataGranularityDescription": f"One row for each ({', '.join(table.key)}).",
        "properties": [_property(table, column) for column in table.columns],
        "quality": [
            {
                "name": "key_is_unique",
                "type": "library",
                "metric": "duplicateValues",
                "arguments": {"properties": list(table.key)},
                "mustBe": 0,
                "severity": "error",
                "dimension": "uniqueness",
                "description": f"({', '.join(table.key)}) occurs once; checked after each run.",
            }
        ],
    }
    document = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": str(uuid.uuid5(_NAMES, table.path)),
        "name": f"{table.layer}.{table.name}",
        "version": VERSION,
        "status": "active",
        "domain": "telemetry",
        "dataProduct": "telemetry-lakehouse",
        "tags": [table.layer],
        "description": {
            "purpose": table.says,
            "limitations": "Timestamps are UTC, in microseconds. Replayed and late rows replace what was there.",
        },
        "schema": [schema],
        "team": {"name": table.owner.removeprefix("team:"), "description": "Owns the table and answers for it."},
        "slaProperties": _promises(table),
    }
    if not document["slaProperties"]:
        del document["slaProperties"]
    return _MADE + yaml.safe_dump(document, sort_keys=False, width=118, allow_unicode=True)


def _property(table: Table, column: Column) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": column.name,
        "logicalType": _LOGICAL[column.type],
        "physicalType": str(ARROW[column.type]),
        "description": column.says,
        "required": not column.null,
    }
    if column.type == "timestamp":
        made["logicalTypeOptions"] = {"timezone": True, "defaultTimezone": "Etc/UTC"}
    if column.type in {"strings", "dates"}:
        made["items"] = {"logicalType": "string" if column.type == "strings" else "date"}
    if column.name in table.key:
        made |= {"primaryKey": True, "primaryKeyPosition": table.key.index(column.name) + 1}
    if column.name in table.partition_by:
        made |= {"partitioned": True, "partitionKeyPosition": table.partition_by.index(column.name) + 1}
    custom = [{"property": "unit", "value": column.unit}] if column.unit else []
    if column.name == "metric" and column in KEY:
        made["quality"] = [
            {
                "name": "metric_is_in_the_catalogue",
                "type": "library",
                "metric": "invalidValues",
                "arguments": {"validValues": [metric.name for metric in METRICS]},
                "mustBe": 0,
                "severity": "error",
                "dimension": "conformity",
            }
        ]
    return made | ({"customProperties": custom} if custom else {})


def _promises(table: Table) -> list[dict[str, Any]]:
    promises: list[dict[str, Any]] = []
    if table.fresh_within is not None:
        promises.append(
            {
                "property": "latency",
                "value": table.fresh_within,
                "unit": "m",
                "description": "From the hub's acceptance of an event to its row here, 95th percentile, in minutes.",
            }
        )
    if table.retention_days is not None:
        promises.append({"property": "retention", "value": table.retention_days, "unit": "d"})
    return promises
