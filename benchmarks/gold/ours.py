"""Gold as it is: Silver exported, ingested by queues, computed by KQL, counted, swapped, copied to Delta.

The Kusto endpoint is the local one, DuckDB behind a socket: where the service would compute, this machine does, and its
processor time is told beside the loader's own.

The job names dates with readings in Silver and a `plan`: `whole` loads them; `ticks` adds a little to the newest date
three times, and one late reading to it; `late` loads them before anything is measured, then takes one reading for a
date long past.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

from assets.gold import database
from assets.gold.load import DateLoad, load_dates
from assets.gold.state import dirty_dates
from assets.silver.snapshot import snapshot
from benchmarks.gold.silver import DAY_S, EVERY_S, Silver
from benchmarks.gold.stages import Stages
from benchmarks.silver.warmed import child_with_children
from lake.store import Lake
from local_azure.kusto import launch
from orchestration.resources.kusto import Kusto
from quality.contracts.kusto import kusto_name
from quality.contracts.tables import LEVEL_TABLES

_HOUR_S = 3600
_WINDOWS = {kusto_name(made.table) for made in LEVEL_TABLES}


class Loader:
    """A lake, an endpoint, and what a run of Gold does between them."""

    def __init__(self, job: dict[str, Any], stack: ExitStack) -> None:
        self.lake = Lake(job["lake"])
        self.stages = Stages(Path(job["out"]))
        running = launch.start(Path(job["out"]) / "kusto")
        stack.callback(running.stop)
        self.kusto = Kusto(running.uri, running.database)
        stack.callback(self.kusto.close)
        # Once per version of the product, not per load: a load asks one command for it.
        database.deploy(self.kusto)

    def load(self) -> list[DateLoad]:
        """Everything that is due."""
        silver = snapshot(self.lake)
        assert silver is not None
        return load_dates(self.lake, self.kusto, silver, list(dirty_dates(self.lake)))

    def measure(self, name: str) -> None:
        """Load what is due as a stage."""
        with self.stages.stage(name) as stage:
            done = self.load()
            stage.rows = sum(load.added for load in done)
            stage.says = {"dates": len(done), "windows": _written(done), "mode": "/".join({load.mode for load in done})}


def _written(loads: Iterable[DateLoad]) -> int:
    return sum(rows for load in loads for table, rows in load.windows.items() if table in _WINDOWS)


def prepare(job: dict[str, Any]) -> tuple[Loader, ExitStack]:
    """The endpoint started; for late readings also filled."""
    stack = ExitStack()
    loader = Loader(job, stack)
    if job["plan"] == "late":
        loader.load()
    return loader, stack


def work(job: dict[str, Any], prepared: tuple[Loader, ExitStack]) -> int:
    """The plan."""
    loader, stack = prepared
    with stack:
        if job["plan"] == "late":
            silver = Silver(loader.lake, batch=1)
            silver.commit([date.fromisoformat(job["late"])], 1, devices=1, first_s=3 * _HOUR_S, hourly=False)
            loader.measure("one late reading")
            return 1
        loader.measure("whole")
        if job["plan"] == "whole":
            return 1
        silver, day = Silver(loader.lake, batch=1), date.fromisoformat(job["late"])
        for tick in range(3):
            # A minute's readings of all devices, in the last hour of the date.
            devices = job["added"] * EVERY_S // 60
            silver.commit([day], job["added"], devices=devices, first_s=DAY_S - _HOUR_S + 60 * tick)
            loader.measure(f"tick {tick + 1}")
        silver.commit([day], 1, devices=1, first_s=3 * _HOUR_S)
        loader.measure("one late reading")
    return 1


if __name__ == "__main__":
    child_with_children(prepare, work)
