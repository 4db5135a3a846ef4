"""The KQL database: tables from the contracts, functions from the `.kql` files beside this module.

Belongs here: what the database holds, as idempotent commands, and the digest that names a version of it.
Does not: loading rows (`load`).
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from quality.contracts.kusto import create_table, identifier, kusto_name, literal, stage_name
from quality.contracts.model import Table
from quality.contracts.tables import ADX_READINGS, AGGREGATES, LEVELS

if TYPE_CHECKING:
    from orchestration.resources.kusto import Kusto

KQL = Path(__file__).parent / "kql"
SWAPPED: tuple[Table, ...] = (ADX_READINGS, *AGGREGATES.values())
"""Tables with a stage beside them."""

_BATCHING = '{"MaximumBatchingTimeSpan": "00:00:10", "MaximumNumberOfItems": 500, "MaximumRawDataSizeMB": 1024}'
# What a loader left in a stage when it was killed and its date never came again.
_STAGE_DAYS = 7


def functions() -> list[str]:
    """Every `.kql` file as the command it is, without the remarks above it."""
    commands = []
    for path in sorted(KQL.glob("*.kql")):
        text = path.read_text(encoding="utf-8")
        if "\n." not in f"\n{text}":
            raise ValueError(f"{path.name} holds no command: one must begin with a dot at the start of a line")
        commands.append(text[f"\n{text}".index("\n.") :].strip())
    return commands


def render_database() -> list[str]:
    """Commands that bring an empty or an older database to this version; running them again changes nothing."""
    commands = []
    for table in SWAPPED:
        for name in (kusto_name(table), stage_name(table)):
            commands.append(create_table(table, name))
            # Streamed rows carry no tags: they could be neither counted nor swapped.
            commands.append(f".alter table {identifier(name)} policy streamingingestion '{{\"IsEnabled\": false}}'")
        if table.retention_days is not None:
            commands.append(_retention(kusto_name(table), table.retention_days))
        commands.append(_retention(stage_name(table), _STAGE_DAYS))
    commands.append(f".alter table {stage_name(ADX_READINGS)} policy ingestionbatching '{_BATCHING}'")
    return [*commands, *functions()]


def _retention(name: str, days: int) -> str:
    return f".alter-merge table {identifier(name)} policy retention softdelete = {days}d recoverability = disabled"


@cache
def digest() -> str:
    """Names this version of tables and functions in every load tag: 12 hex digits."""
    return hashlib.sha256("\n".join(render_database()).encode()).hexdigest()[:12]


def deploy(kusto: Kusto) -> None:
    """Bring the database to this version; one round trip."""
    script = "\n\n".join(render_database())
    kusto.command(f".execute database script with (ThrowOnErrors = true) <|\n{script}")


def level_query(level: str, day: date) -> str:
    """The rows of one level and date, computed from Readings; columns in contract order."""
    window = timedelta(seconds=LEVELS[level])
    return f"ReadingsLevel({literal(day)}, {literal(window)})"
