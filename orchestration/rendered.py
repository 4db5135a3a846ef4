"""Every committed file that is made from the contracts, or for analysts from dbt's manifest.

Belongs here: the list of paths and their texts; `lakehouse contracts render` writes them and `--check` finds drift.
Does not: how each is made (`quality.contracts`, `quality.rules`, `assets.gold.database`).
"""

from __future__ import annotations

import json
from pathlib import Path

from assets.gold.database import render_database
from assets.warm.project import prepare_manifest
from ingest_workers.alerts import rules
from ingest_workers.telemetry_page import telemetry_page
from quality.analysts import files as analysts
from quality.contracts import dbt
from quality.contracts.gold_tables import ADX_SOURCES
from quality.contracts.live_tables import LIVE_TABLES
from quality.contracts.metric_page import metrics_page
from quality.contracts.odcs import contract_of
from quality.contracts.pages import tables_page, vocabulary_page
from quality.contracts.schemas import event_schema, reading_proto, reading_schema
from quality.contracts.tables import TABLES
from quality.rules.page import rules_page

ROOT = Path(__file__).parent.parent


def files() -> list[tuple[Path, str]]:
    """Path and text of each rendered file."""
    reference = ROOT / "docs" / "reference"
    contracts = reference / "contracts"
    kql = "// Rendered from the contracts by `lakehouse contracts render`; see docs/adx.md.\n\n"
    return [
        *((ROOT / "dbt_warm" / path, text) for path, text in dbt.rendered().items()),
        (reference / "tables.md", tables_page([*TABLES, *ADX_SOURCES, *LIVE_TABLES])),
        (reference / "vocabulary.md", vocabulary_page()),
        (reference / "metrics.md", metrics_page()),
        (reference / "rules.md", rules_page()),
        *((contracts / f"{table.layer}.{table.name}.odcs.yaml", contract_of(table)) for table in TABLES),
        (contracts / "reading.schema.json", reading_schema()),
        (contracts / "event.schema.json", event_schema()),
        (contracts / "reading.proto", reading_proto()),
        (reference / "telemetry.md", telemetry_page()),
        (reference / "alerts.yaml", rules()),
        (reference / "adx.kql", kql + "\n\n".join(render_database()) + "\n"),
        *_for_analysts(),
    ]


def _for_analysts() -> list[tuple[Path, str]]:
    """Pages, pictures and the Power BI project, of the marts as they are; dbt parses them where they are newer."""
    folder = ROOT / "docs" / "analysts"
    manifest = json.loads(prepare_manifest().read_text(encoding="utf-8"))
    texts = analysts.rendered(manifest, (folder / "queries").glob("*.sql"))
    return [(folder / path, text) for path, text in texts.items()]
