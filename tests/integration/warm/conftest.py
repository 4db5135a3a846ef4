"""Warm tiers built once for all tests: one of a small Gold, written as the product writes it, one of an estate."""

from __future__ import annotations

import fcntl
import os
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
from quality.contracts.domain_tables import (
    DEVICE_HEALTH_1D,
    ENGAGEMENT_KPIS,
    FAULT_INDICATORS_1D,
    SITE_COMFORT_1D,
    SITE_INTENSITY,
    SITE_USE_1D,
)
from quality.contracts.entities import CLIENT, ENGAGEMENT, IOT_DEVICE, SERVICE_OFFERING, SITE, TRUST
from quality.contracts.model import Column, Table
from quality.contracts.tables import DATA_QUALITY_1D, DATE_STATE, READINGS_1D, READINGS_1H
from quality.contracts.warm import WHOLE_DATE
from settings.model import Settings

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 3, 30) + timedelta(days=n) for n in range(3))
LEFT, RIGHT, COLON = "bms:left", "bms:right", "register:7:4"
NORTH, SOUTH = "RXX/NORTH", "RXX/SOUTH"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MOVED = datetime(2026, 3, 31, 12, tzinfo=UTC)
"""When the left device was carried from the north site to the south one."""


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

    def whole(self, table: Table, version: int, rows: Iterable[dict[str, Any]]) -> None:
        """A table without dates, replaced; columns that are not given are null, or nothing of their type."""
        made = pa.Table.from_pylist([_filled(table, row) for row in rows], schema=arrow_schema(table))
        assert fence.once(self.lake, table, f"test/{table.name}", version, lambda: made, mode="overwrite")

    def subject(self, table: Table, day: date, batch: int, rows: Iterable[dict[str, Any]]) -> None:
        """A date of a subject table."""
        column = table.partition_by[0]
        self._replace(table, column, day, batch, [_filled(table, row | {column: day}) for row in rows])
        self._state("domain", day, batch)

    def register(self, version: int, right_since: datetime) -> None:
        """The devices: left moved from north to south, right is known from an instant on, the third to nobody."""
        to_the_north = {"device_id": LEFT, "site_id": NORTH, "valid_from": LONG_AGO, "valid_to": MOVED}
        to_the_south = {"device_id": LEFT, "site_id": SOUTH, "valid_from": MOVED, "is_current": True}
        right = {"device_id": RIGHT, "site_id": SOUTH, "valid_from": right_since, "is_current": True}
        self.whole(IOT_DEVICE.table, version, [to_the_north, to_the_south, right])

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
        "p05_value": value - 0.9,
        "p50_value": value,
        "p95_value": value + 0.9,
    }


NOTHING: dict[str, Any] = {"string": "", "double": 0.0, "long": 0, "int": 0, "boolean": False, "timestamp": LONG_AGO}


def _filled(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    def nothing(column: Column) -> Any:
        return None if column.null else NOTHING[column.type]

    return {column.name: row[column.name] if column.name in row else nothing(column) for column in table.columns}


def estate(gold: Gold) -> None:
    """Two sites, three devices, a client, and what Gold makes of them on Tuesday."""
    always = {"valid_from": LONG_AGO, "is_current": True}
    gold.register(1, MOVED)
    gold.whole(TRUST.table, 1, [{"organisation_code": "RXX", "name": "Example Trust", "region": "North"} | always])
    sites = [(NORTH, "Infirmary"), (SOUTH, "Health centre")]
    gold.whole(
        SITE.table,
        1,
        [{"site_id": site, "organisation_code": "RXX", "site_code": site[4:], "name": n} | always for site, n in sites],
    )
    gold.whole(CLIENT.table, 1, [{"client_id": "C1", "name": "Example Council"} | always])
    gold.whole(SERVICE_OFFERING.table, 1, [{"service_offering_id": "S1", "name": "Survey", "currency": "GBP"} | always])
    engagement = {"engagement_id": "E1", "client_id": "C1", "started_on": MONDAY, "name": "Winter survey"}
    gold.whole(ENGAGEMENT.table, 1, [engagement | {"service_offering_id": "S1"} | always])
    money = {"budget": 100.0, "actual_cost": 120.0, "revenue": 150.0, "budget_variance": 20.0, "currency": "GBP"}
    shares = {"budget_variance_share": 0.2, "revenue_margin": 0.2, "as_of_date": WEDNESDAY, "duration_days": 3}
    gold.whole(ENGAGEMENT_KPIS, 1, [engagement | money | shares])
    well = {"device_id": LEFT, "site_id": NORTH, "status": "healthy", "is_expected": True, "reading_count": 8}
    silent = {"device_id": RIGHT, "site_id": SOUTH, "status": "silent", "is_expected": True, "hours_silent": 24.0}
    gold.subject(DEVICE_HEALTH_1D, TUESDAY, 1, [well | {"battery_last": 15.0, "completeness": 1.0}, silent])
    fault = {
        "device_id": LEFT,
        "site_id": NORTH,
        "code": "ahu.leak",
        "severity": "warning",
        "message": "A valve leaks.",
    }
    gold.subject(FAULT_INDICATORS_1D, TUESDAY, 1, [fault | {"hours_in_fault": 5.0, "is_fault": True}])
    band = {"metric": "air_temperature", "time_zone": "Europe/London", "hours_in_day": 24.0, "unit": "degC"}
    hours = {"hours_known": 10.0, "hours_comfortable": 8.0, "hours_above": 2.0, "comfort_share": 0.8}
    gold.subject(SITE_COMFORT_1D, TUESDAY, 1, [{"site_id": site} | band | hours for site, _ in sites])
    used = {"resource": "electricity", "unit": "kWh", "amount": 42.0, "meter_count": 1}
    gold.subject(SITE_USE_1D, TUESDAY, 1, [{"site_id": NORTH} | used])
    gold.whole(SITE_INTENSITY, 1, [intensity(NORTH, 2024), intensity(NORTH, 2025), intensity(SOUTH, 2025)])


def intensity(site: str, year: int) -> dict[str, Any]:
    """A row of `gold.site_intensity`."""
    measured = {"measured_amount": 42.0, "measured_days": 1, "days_in_year": 365, "measured_per_m2": 0.5}
    area = {"floor_area": 84.0, "floor_area_year": year}
    return {"site_id": site, "return_year": year, "resource": "electricity", "unit": "kWh"} | area | measured


def warm_up(settings: Settings) -> dict[date, int]:
    """What a run of the warm tier does: everything dirty, staged, built and published."""
    lake = Lake.of(settings)
    dirty = dirty_warm_dates(lake, settings)
    load_staging(lake, settings, dirty)
    build_warm(settings, dirty)
    publish(settings)
    return dirty


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A home that the first worker of a test run makes and the others wait for: it costs a run of dbt."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    place, made = shared / name, shared / f"{name}.made"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            make(place / "home")
            made.touch()
    return place / "home"


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three dates in Gold, built and published. Copy it: tests share it."""

    def make(home: Path) -> None:
        gold = Gold(Settings(home=home, _env_file=None))
        gold.readings(MONDAY, 1, [(LEFT, 20.0), (RIGHT, 21.0)])
        gold.readings(TUESDAY, 1, [(LEFT, 22.0), (RIGHT, 23.0)])
        gold.readings(WEDNESDAY, 1, [(LEFT, 24.0), (COLON, 25.0)])
        gold.quality(TUESDAY, 1, {"accepted": 90, "quarantined": 7, "duplicate": 3})
        estate(gold)
        assert warm_up(gold.settings).keys() == {WHOLE_DATE, MONDAY, TUESDAY, WEDNESDAY}

    return once(tmp_path_factory, "warm", make)


@pytest.fixture(scope="session")
def estate_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an estate in Silver and in all tiers after it. Copy it: tests share it."""
    from tests.integration.warm.estate_home import make

    return once(tmp_path_factory, "estate", make)


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
