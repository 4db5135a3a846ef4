"""Every committed file that is made from the contracts.

Belongs here: the list of paths and their texts; `lakehouse contracts render` writes them and `--check` finds drift.
Does not: how each is made (`quality.contracts`, `assets.gold.database`).
"""

from __future__ import annotations

from pathlib import Path

from assets.gold.database import render_database
from ingest_workers.alerts import rules
from ingest_workers.telemetry_page import telemetry_page
from quality.contracts import dbt
from quality.contracts.pages import tables_page, vocabulary_page
from quality.contracts.tables import ADX_READINGS, TABLES

ROOT = Path(__file__).parent.parent


def files() -> list[tuple[Path, str]]:
    """Path and text of each rendered file."""
    reference = ROOT / "docs" / "reference"
    kql = "// Rendered from the contracts by `lakehouse contracts render`; applied before each load.\n\n"
    return [
        *((ROOT / "dbt_warm" / path, text) for path, text in dbt.rendered().items()),
        (reference / "tables.md", tables_page([*TABLES, ADX_READINGS])),
        (reference / "vocabulary.md", vocabulary_page()),
        (reference / "telemetry.md", telemetry_page()),
        (reference / "alerts.yaml", rules()),
        (reference / "adx.kql", kql + "\n\n".join(render_database()) + "\n"),
    ]
