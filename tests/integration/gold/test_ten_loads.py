"""The same dates again and again: whole and by appends, in any order with their neighbours, killed at named points.

Azure Data Explorer, Delta and the warm tier must end with the rows of one load of a lake that never saw trouble. Kills
are exceptions that nothing of ours catches; `test_crash` and `tests/chaos` use SIGKILL. With LAKE_DEEP_TESTS every
named point is met, over several walks; else one walk with a point of each kind.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.gold import database
from assets.gold.load import load_dates
from assets.gold.state import dirty_dates
from assets.silver.snapshot import Snapshot
from assets.warm.engine import engine_of
from assets.warm.staging import dirty_warm_dates, load_staging
from lake.store import Lake
from orchestration.resources.kusto import Kusto
from quality.contracts.kusto import kusto_name
from quality.contracts.tables import DATE_STATE, LEVEL_TABLES, READINGS
from quality.contracts.warm import STAGED
from settings import failpoints
from settings.model import Settings
from tests.integration.warm.engines.conftest import ENGINES, server, wipe  # noqa: F401 - a fixture is used by name

DEEP = bool(os.environ.get("LAKE_DEEP_TESTS"))
BEFORE, DAY, AFTER = (date(2026, 3, 1) + timedelta(days=n) for n in range(3))
Way = Literal["append", "replace", "lost"]
WALK: tuple[tuple[Way, str], ...] = (
    ("append", "gold.after_mended_source"),
    ("replace", "gold.after_level@3"),
    ("append", "warm.after_delete"),
)
POINTS = (
    "gold.after_export", "gold.after_queue", "gold.after_ingest", "gold.after_swap", "gold.after_level",
    "gold.after_level@6", "gold.after_level@9", "gold.after_copy", "gold.after_copy@5", "gold.after_mended_source",
    "warm.after_delete", "warm.after_delete@2", "warm.before_commit", "warm.after_staging",
)  # fmt: skip
WAYS: tuple[Way, ...] = ("append", "replace", "append", "lost")
Frames = dict[str, pl.DataFrame]


class PowerCutError(BaseException):
    """What a kill is to a test that goes on in the same process."""


@contextmanager
def killed_at(point: str, met: set[str]) -> Iterator[None]:
    def die(*_: int) -> None:
        raise PowerCutError(point)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKE_KILL_AT", point)
        patch.setattr(failpoints.os, "kill", die)
        try:
            yield
        except PowerCutError:
            met.add(point)


def readings_of(silver: Any, day: date, moments: Sequence[int], device: str) -> list[dict[str, Any]]:
    """A gauge, a counter and a state at some seconds of a date."""
    rows = []
    for second in moments:
        row = {"device_id": device, "recorded_at": silver.at(f"{day}T00:00:00") + timedelta(seconds=second)}
        rows.append({**row, "value": float(second % 97)})
        rows.append({**row, "metric": "energy", "unit": "kWh", "value": 1e9 + second / 10})
        said = "occupied" if second % 3 else "vacant"
        rows.append({**row, "metric": "occupancy_state", "unit": "dimensionless", "value_text": said})
    return rows


@dataclass
class Tiers:
    """A lake, its Kusto, and its warm tier."""

    silver: Any
    lake: Lake
    kusto: Kusto
    settings: Settings

    def commit(self, way: Way, chance: random.Random) -> Snapshot:
        """A batch of Silver: readings gained on one of the dates, which Kusto may have lost a level of, or an hour replaced.

        What is lost of a date is made again when the date is next loaded; no load looks at dates without news.
        """
        if way == "replace":
            hour = f"{DAY}-{chance.choice([0, 1, 11]):02}"
            held = self.lake.rows(READINGS)
            kept = held.filter(pl.from_arrow(held)["enqueued_hour"].eq(hour).to_arrow()).to_pylist()
            again = [row | {"value": row["value"] and row["value"] + 1, "silver_batch": self.silver.batch + 1}
                     for row in kept[: len(kept) - 3]]  # fmt: skip
            touched = [DAY] if kept else []
            return self.silver.commit(again, instead_of=f"enqueued_hour = '{hour}'", touching=touched)
        moments = chance.sample(range(86_400), 2)
        day = chance.choice([BEFORE, DAY, DAY, AFTER])
        if way == "lost":
            level = kusto_name(chance.choice(LEVEL_TABLES).table)
            self.kusto.command(f".drop extents <| .show table {level} extents where tags has 'drop-by:{day}'")
        return self.silver.commit(readings_of(self.silver, day, moments, chance.choice(["x:1", "x:2"])))

    def load(self, snapshot: Snapshot, chance: random.Random) -> list[str]:
        """What the lanes do, one date after another in any order; how each date was loaded."""
        days = sorted(dirty_dates(self.lake))
        chance.shuffle(days)
        loads = [done for day in days for done in load_dates(self.lake, self.kusto, snapshot, [day])]
        self.stage()
        return [done.mode for done in loads]

    def stage(self) -> None:
        load_staging(self.lake, self.settings, dirty_warm_dates(self.lake, self.settings))

    def held(self) -> Frames:
        """Every table a load writes, in every tier, without what names the load."""
        frames = {kusto_name(t): pl.DataFrame(self.kusto.query(kusto_name(t))) for t in database.SWAPPED}
        frames |= {made.table.path: pl.DataFrame(self.lake.rows(made.table)) for made in LEVEL_TABLES}
        for staged in (staged for staged in STAGED if staged.lane == "readings"):
            columns = ", ".join(f'"{name}"' for name in staged.table.names)
            asked = f"select {columns} from {staged.name}"
            rows = engine_of(self.settings).write(lambda session, asked=asked: session.execute(asked))
            frames[staged.name] = pl.DataFrame(rows, schema=staged.table.names, orient="row", infer_schema_length=None)
        held = {name: frame.drop("silver_batch", strict=False) for name, frame in frames.items()}
        loose = {"avg_value", "stdev_value"}
        return {
            name: frame.sort([c for c in frame.columns if c not in loose], nulls_last=True)
            for name, frame in held.items()
        }


@pytest.fixture
def load_whole(lake: Lake, kusto: Kusto) -> Callable[[Snapshot, Sequence[date]], None]:
    """Load dates as if Gold had never been there."""

    def load(snapshot: Snapshot, days: Sequence[date]) -> None:
        for table in kusto.command(".show tables"):
            kusto.command(f".clear table {table['TableName']} data")
        lake.renew_identity("a test")
        for made in LEVEL_TABLES:
            lake.open(made.table).delete()
        lake.open(DATE_STATE).delete()
        assert {done.mode for done in load_dates(lake, kusto, snapshot, days)} == {"full"}

    return load


@pytest.fixture(params=ENGINES)
def tiers(request: pytest.FixtureRequest, tmp_path: Path) -> Tiers:
    settings = Settings(home=tmp_path / "home", _env_file=None)
    if request.param == "sqlserver":
        # First, so that nothing is started where there is none.
        settings = settings.model_copy(update={"warm": request.getfixturevalue("server")})
        wipe(settings.warm)
    silver, lake, kusto = (request.getfixturevalue(name) for name in ("silver", "lake", "kusto"))
    return Tiers(silver, lake, kusto, settings)


@pytest.mark.timeout(3600 if DEEP else 240)
@pytest.mark.parametrize("seed", range(3) if DEEP else [5])
def test_the_same_dates_loaded_over_and_over_hold_the_rows_of_one_load(
    tiers: Tiers, load_whole: Callable[[Snapshot, Sequence[date]], None], seed: int
) -> None:
    chance, days = random.Random(seed), (BEFORE, DAY, AFTER)
    points = chance.sample(POINTS, len(POINTS))
    walk = [(WAYS[n % len(WAYS)], point) for n, point in enumerate(points)] if DEEP else WALK
    first = [row for day in days for row in readings_of(tiers.silver, day, [60, 4000, 40_000], "x:1")]
    load_dates(tiers.lake, tiers.kusto, tiers.silver.commit(first), days)
    tiers.stage()

    modes: list[str] = []
    met: set[str] = set()
    for way, point in walk:
        snapshot = tiers.commit(way, chance)
        with killed_at(point, met):
            tiers.load(snapshot, chance)
        modes += tiers.load(snapshot, chance)

    assert {"append", "full"} <= set(modes)
    assert len(met) >= len(walk) - (4 if DEEP else 0), f"of {len(walk)} kills only {sorted(met)} happened"
    assert dirty_dates(tiers.lake) == {}
    found = tiers.held()
    load_whole(snapshot, days)
    tiers.stage()
    wanted = tiers.held()
    assert all(frame.height for frame in wanted.values())
    for name, frame in wanted.items():
        assert_frame_equal(found[name], frame, rel_tol=1e-9, abs_tol=0.0), name
