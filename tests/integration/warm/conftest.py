"""A small Gold, written as the product writes it, and a warm tier built from it once per test session."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from assets.warm.build import build_warm
from assets.warm.publish import publish
from assets.warm.staging import dirty_warm_dates, load_staging
from lake import fence
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import DATA_QUALITY_1D, DATE_STATE, READINGS_1D, READINGS_1H
from settings.model import Settings

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 3, 30) + timedelta(days=n) for n in range(3))
LEFT, RIGHT, COLON = "bms:left", "bms:right", "register:7:4"


@dataclass
class Gold:
    """Writes Gold's tables the way Gold does: a date is replaced under its batch, then its state is appended."""

    settings: Settings
    lake: Lake = field(init=False)

    def __post_init__(self) -> None:
        self.lake = Lake.of(self.settings)

    def readings(self, day: date, batch: int, devices: Iterable[tuple[str, float]]) -> None:
        """Two hours and the day of each device, all values derived from the one given."""
        hours = [_reading(day, device, value + hour, hour) for device, value in devices for hour in (0, 17)]
        days = [_reading(day, device, value, 0) for device, value in devices]
        self._replace(READINGS_1H, "event_date", day, batch, hours)
        self._replace(READINGS_1D, "event_date", day, batch, days)
        self._state("readings", day, batch)

    def quality(self, day: date, batch: int, outcomes: dict[str, int]) -> None:
        """Rows per outcome that arrived on the day."""
        rows = [
            {
                "enqueued_date": day,
                "mapping_id": "simulator",
                "outcome": outcome,
                "reason": "not_finite" if outcome == "quarantined" else "",
                "row_count": count,
                "event_count": count,
            }
            for outcome, count in outcomes.items()
        ]
        self._replace(DATA_QUALITY_1D, "enqueued_date", day, batch, rows)
        self._state("quality", day, batch)

    def _replace(self, table: Table, column: str, day: date, batch: int, rows: list[dict[str, Any]]) -> None:
        made = pa.Table.from_pylist(rows, schema=arrow_schema(table))
        predicate = f"{column} = '{day.isoformat()}'"
        app_id = f"gold/{table.name}/{day}"
        assert fence.once(self.lake, table, app_id, batch, lambda: made, mode="overwrite", predicate=predicate)

    def _state(self, lane: str, day: date, batch: int) -> None:
        row = {
            "lane": lane,
            "date": day,
            "lake_id": self.lake.identity(),
            "silver_batch": batch,
            "rows_loaded": 1,
            "loaded_at": datetime.now(UTC),
        }
        fence.append(self.lake, DATE_STATE, pa.Table.from_pylist([row], schema=arrow_schema(DATE_STATE)))


def _reading(day: date, device: str, value: float, hour: int) -> dict[str, Any]:
    return {
        "event_date": day,
        "device_id": device,
        "metric": "air_temperature",
        "channel": "",
        "window_start": datetime(day.year, day.month, day.day, hour, tzinfo=UTC),
        "unit": "degC",
        "reading_count": 4,
        "min_value": value - 1,
        "max_value": value + 1,
        "avg_value": value,
        "stdev_value": None if hour else 0.5,
        "first_value": value,
        "last_value": value,
        "expected_count": 4.0,
        "completeness": 1.0,
    }


def warm_up(settings: Settings) -> dict[date, int]:
    """What a run of the warm tier does: everything dirty, staged, built and published."""
    lake = Lake.of(settings)
    dirty = dirty_warm_dates(lake, settings)
    load_staging(lake, settings, dirty)
    build_warm(settings, dirty)
    publish(settings)
    return dirty


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three dates in Gold, built and published. Copy it: tests share it."""
    home = tmp_path_factory.mktemp("warm") / "home"
    gold = Gold(Settings(home=home, _env_file=None))
    gold.readings(MONDAY, 1, [(LEFT, 20.0), (RIGHT, 21.0)])
    gold.readings(TUESDAY, 1, [(LEFT, 22.0), (RIGHT, 23.0)])
    gold.readings(WEDNESDAY, 1, [(LEFT, 24.0), (COLON, 25.0)])
    gold.quality(TUESDAY, 1, {"accepted": 90, "quarantined": 7, "duplicate": 3})
    assert warm_up(gold.settings) == {MONDAY: 1, TUESDAY: 1, WEDNESDAY: 1}
    return home


@pytest.fixture
def built(built_home: Path, tmp_path: Path) -> Gold:
    """A copy of the built home, to be changed."""
    shutil.copytree(built_home, tmp_path / "home")
    return Gold(Settings(home=tmp_path / "home", _env_file=None))


@pytest.fixture
def fresh(tmp_path: Path) -> Gold:
    """A home without anything in it."""
    return Gold(Settings(home=tmp_path / "home", _env_file=None))


Rows = Callable[[Settings, str], list[tuple[Any, ...]]]


@pytest.fixture
def published() -> Rows:
    """Ask the published file."""

    def ask(settings: Settings, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(settings.warm_database), read_only=True) as db:
            return db.execute(query).fetchall()

    return ask
