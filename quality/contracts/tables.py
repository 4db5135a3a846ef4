"""The registry: every table of the lakehouse, once.

Belongs here: what each table is, column by column. Delta schemas, Kusto DDL, dbt sources, the catalogue page
and the contract checks are rendered from it; a drift test compares what is committed with what it renders.
Does not: how rows come to be (`ingest_workers`, `assets`) or which rows are good (`quality.rules`).
"""

from __future__ import annotations

from quality.contracts.bronze_tables import BRONZE_TELEMETRY, IDENTITY, LOST
from quality.contracts.columns import (
    DIGEST,
    ENQUEUED_AT,
    ENQUEUED_HOUR,
    EVENT,
    EVENT_NAMES,
    INDEX,
    KEY,
    KEY_NAMES,
    MAPPING,
    MAPPING_VERSION,
    POSITION_NAMES,
    RULES_VERSION,
    SILVER_BATCH,
)
from quality.contracts.domain_tables import DOMAIN_TABLES
from quality.contracts.entity_tables import ENTITY_TABLES
from quality.contracts.gold_tables import (
    ADX_COUNTER_STEPS,
    ADX_READINGS,
    ADX_SOURCES,
    ADX_STATE_SPANS,
    AGGREGATES,
    COUNTERS,
    DATA_QUALITY_1D,
    DATE_STATE,
    LEVEL_TABLES,
    LEVELS,
    READINGS_1D,
    READINGS_1H,
    READINGS_1M,
    READINGS_5M,
    STATES,
    SUSPECT_READINGS_1D,
    LevelTable,
)
from quality.contracts.model import Table
from quality.contracts.silver_tables import (
    BATCHES,
    DIGESTS,
    DUPLICATES,
    QUARANTINE,
    QUARANTINE_DECISIONS,
    QUARANTINE_HISTORY,
    READING_FLAGS,
    READINGS,
    SCHEMA_DRIFT,
    SPECS_IN_FORCE,
)

__all__ = [
    "ADX_COUNTER_STEPS",
    "ADX_READINGS",
    "ADX_SOURCES",
    "ADX_STATE_SPANS",
    "AGGREGATES",
    "BATCHES",
    "BRONZE_TELEMETRY",
    "COUNTERS",
    "DATA_QUALITY_1D",
    "DATE_STATE",
    "DIGEST",
    "DIGESTS",
    "DUPLICATES",
    "ENQUEUED_AT",
    "ENQUEUED_HOUR",
    "EVENT",
    "EVENT_NAMES",
    "IDENTITY",
    "INDEX",
    "KEY",
    "KEY_NAMES",
    "LEVELS",
    "LEVEL_TABLES",
    "LOST",
    "MAPPING",
    "MAPPING_VERSION",
    "POSITION_NAMES",
    "QUARANTINE",
    "QUARANTINE_DECISIONS",
    "QUARANTINE_HISTORY",
    "READINGS",
    "READINGS_1D",
    "READINGS_1H",
    "READINGS_1M",
    "READINGS_5M",
    "READING_FLAGS",
    "RULES_VERSION",
    "SCHEMA_DRIFT",
    "SILVER_BATCH",
    "SPECS_IN_FORCE",
    "STATES",
    "SUSPECT_READINGS_1D",
    "TABLES",
    "LevelTable",
    "table",
]

TABLES: tuple[Table, ...] = (
    IDENTITY,
    BRONZE_TELEMETRY,
    LOST,
    READINGS,
    QUARANTINE,
    DUPLICATES,
    READING_FLAGS,
    BATCHES,
    DIGESTS,
    SCHEMA_DRIFT,
    QUARANTINE_HISTORY,
    QUARANTINE_DECISIONS,
    SPECS_IN_FORCE,
    *AGGREGATES.values(),
    *COUNTERS.values(),
    *STATES.values(),
    DATA_QUALITY_1D,
    SUSPECT_READINGS_1D,
    DATE_STATE,
    *DOMAIN_TABLES,
    *ENTITY_TABLES,
)
"""Every Delta table of the lake."""


def table(path: str) -> Table:
    """The table at `layer/name`; KeyError with the known ones where there is none."""
    for candidate in TABLES:
        if candidate.path == path:
            return candidate
    raise KeyError(f"no table {path!r}; there are {', '.join(t.path for t in TABLES)}")
