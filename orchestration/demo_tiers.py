"""Silver, Gold and warm for the demo: Dagster's definitions made ready, run, and their tables counted.

Belongs here: what the demo asks of Dagster and of the lake.
Does not: when (`demo`), which runs are due (`sensors`), or running them (`drive`).
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import dagster as dg

from assets.silver.audit import audit
from assets.warm.project import DbtError, artifacts, environment, run_dbt
from assets.warm.publish import warm_counts
from lake.store import Lake
from orchestration.build import build_defs
from orchestration.drive import Said, instance_at, run_due
from orchestration.jobs import DOMAIN, FLAGS, GOLD, QUALITY, SILVER, WARM
from quality.contracts.tables import AGGREGATES, BRONZE_TELEMETRY
from quality.rules.ledger import Ledger
from settings.model import Settings

_PHASE = {SILVER: "silver", GOLD: "gold", QUALITY: "gold", FLAGS: "gold", DOMAIN: "gold", WARM: "warm"}
_PARSE_SECONDS = 120.0


@dataclass(frozen=True)
class Tiers:
    """Everything above Bronze, ready to run."""

    settings: Settings
    definitions: dg.Definitions
    parsed: Future[None]

    @classmethod
    def ready(cls, settings: Settings) -> Tiers:
        """Definitions, and dbt's parse of its project for this home under way: a fresh home has none to start from."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="dbt-parse")
        definitions = build_defs(settings)
        parsed = pool.submit(_parse, settings)
        pool.shutdown(wait=False)
        return cls(settings, definitions, parsed)

    def phase(self, job: str) -> str:
        """The tier a job belongs to."""
        return _PHASE[job]

    def run_due(self, said: Said) -> None:
        """Let the sensors run what is due, until nothing is. Raises: RunFailedError."""

        def heard(job: str, what: str) -> None:
            said(job, what)
            if job == WARM and what == "started":
                self.parsed.result()

        with instance_at(self.settings.home / "dagster") as instance:
            run_due(self.definitions, instance, heard)

    def ledger(self) -> Ledger:
        """The ledger over everything."""
        return audit(Lake.of(self.settings))

    def rows(self) -> tuple[int, dict[str, int], dict[str, int]]:
        """Rows of Bronze, of each aggregate in Gold, and of each published mart."""
        lake = Lake.of(self.settings)
        gold = {table.name: int(lake.open(table).count()) for table in AGGREGATES.values()}
        return int(lake.open(BRONZE_TELEMETRY).count()), gold, warm_counts(self.settings)


def _parse(settings: Settings) -> None:
    """Parse once: dbt keeps what it parsed per database, and the first build in this home finds it done."""
    with suppress(DbtError):
        run_dbt(
            ("parse", "--quiet"),
            target=artifacts(settings),
            env=environment(settings),
            timeout_seconds=_PARSE_SECONDS,
        )
