"""The KQL database as a load sees it: which tables are swapped, bringing the database to this version, and its digest.

Belongs here: what loads need of the database as code (`assets.gold.adx`).
Does not: what the database holds (`adx.wanted`), comparing it with a cluster (`adx.plan`), or loading rows (`load`).
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from assets.gold.adx import files, plan
from assets.gold.adx.wanted import SWAPPED, fingerprint, version_command, wanted
from quality.contracts.kusto import identifier, literal
from quality.contracts.tables import LevelTable

if TYPE_CHECKING:
    from orchestration.resources.kusto import Kusto

__all__ = ["SWAPPED", "deploy", "digest", "functions", "level_query", "render_database"]


def functions() -> list[str]:
    """Every function of the `.kql` files as the command it is, without the remarks above it."""
    return [file.command for file in files.read() if file.kind == "function"]


def render_database() -> list[str]:
    """Commands that bring an empty database to this version; running them again changes nothing."""
    made = wanted()
    return [*made.commands(), version_command(fingerprint(made))]


@cache
def digest() -> str:
    """Names this version of tables and functions in every load tag: 12 hex digits. Policies make no other rows."""
    return hashlib.sha256("\n".join(wanted().computing()).encode()).hexdigest()[:12]


def deploy(kusto: Kusto) -> None:
    """Bring the database to this version: one command where it is, a comparison and a script where it is not.

    Raises: RefusedError where that cannot be done without losing something.
    """
    if not plan.is_deployed(kusto):
        plan.apply(kusto, plan.plan(kusto))


def level_query(made: LevelTable, since: datetime, until: datetime) -> str:
    """The rows of one level and range of whole windows, computed from its source; columns in contract order."""
    window = timedelta(seconds=made.seconds)
    columns = ", ".join(identifier(name) for name in made.table.names)
    # Rows are appended by position, so the query says the columns again; what a level lacks is not computed.
    return f"{identifier(made.function)}({literal(since)}, {literal(until)}, {literal(window)}) | project {columns}"
