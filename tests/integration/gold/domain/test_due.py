"""What makes a date due, what is made again then, and what a crash leaves."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from assets.date_state import loaded
from assets.gold.domain.due import dirty_domain_dates, due
from assets.gold.domain.load import load_domain
from lake.store import Lake
from quality.contracts.domain_tables import BY_DATE, DEVICE_HEALTH_1D, DOMAIN_LOADS, SITE_READINGS_1D_LOCAL
from quality.contracts.tables import TABLES

D1, D2, D3, D4 = (date(2026, 5, day) for day in (4, 5, 6, 7))


class KilledError(Exception):
    """What stands for a kill within a test's process."""


def die(point: str) -> None:
    if point == "domain.after_device_health_1d":
        raise KilledError(point)


def days_of(found: dict[date, dict[str, str]], table: str) -> list[date]:
    return sorted(day for day, tables in found.items() if table in tables)


def test_nothing_is_due_in_a_lake_without_gold(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    assert due(lake) == {}
    assert load_domain(lake, [D1]).number == 0


def test_a_late_reading_makes_due_what_looks_at_its_date_and_nothing_else(estate, steady) -> None:
    estate.read(*steady("2026-05-04", "2026-05-08", every=3600))
    estate.load()
    assert due(estate.lake) == {}
    before = {table.name: estate.lake.version(table) for table in BY_DATE}
    estate.read({"at": "2026-05-05T12:10", "value": 30.0})

    found = due(estate.lake)
    assert days_of(found, "site_readings_1h") == [D2]
    assert days_of(found, "series_quality_1d") == [D2]
    assert days_of(found, "site_readings_1d_local") == [D1, D2, D3]
    assert days_of(found, "features_1h") == [D2, D3, D4]
    assert dirty_domain_dates(estate.lake).keys() == {D1, D2, D3, D4}

    done = estate.load()
    assert done.written["site_readings_1h"] == (D2,)
    assert {
        name: estate.lake.version(table) - before[name] for table in BY_DATE for name in [table.name]
    } == dict.fromkeys(before, 1)
    (row,) = estate.rows(SITE_READINGS_1D_LOCAL, local_date=D2)
    assert (row["reading_count"], row["max_value"]) == (25, 30.0)
    assert due(estate.lake) == {}


def test_a_day_of_which_everything_came_late_is_as_if_it_had_not(estate, steady) -> None:
    estate.read(*steady("2026-05-06", "2026-05-07", every=3600))
    estate.load()
    estate.read(*steady("2026-05-04", "2026-05-05", every=3600))
    assert D1 in due(estate.lake)
    estate.load()
    (row,) = estate.rows(DEVICE_HEALTH_1D, event_date=D1)
    assert (row["reading_count"], row["status"]) == (24, "unregistered")


def test_a_register_that_says_otherwise_makes_its_dates_due_and_no_others(estate, steady) -> None:
    estate.register("site", {"site_id": "L", "time_zone": "Europe/London"}, {"site_id": "K"})
    estate.register("iot_device", {"device_id": "d1", "site_id": "L"})
    estate.read(*steady("2026-05-04", "2026-05-08", every=3600))
    estate.load()
    # A later version closes the first one: nothing is different before.
    estate.register(
        "iot_device",
        {"device_id": "d1", "site_id": "L", "until": "2026-05-06T12:00"},
        {"device_id": "d1", "site_id": "K", "since": "2026-05-06T12:00"},
    )
    found = due(estate.lake)
    assert days_of(found, "site_readings_1h") == [D3, D4]
    assert days_of(found, "features_1h") == []
    estate.load()
    told = {(row["local_date"], row["site_id"]): row["reading_count"] for row in estate.rows(SITE_READINGS_1D_LOCAL)}
    assert told[D3, "L"] == 13, "0 to 12 o'clock of London, which is an hour ahead"
    assert told[D3, "K"] == 12
    assert due(estate.lake) == {}


def test_a_date_whose_load_was_killed_is_made_again_whole(estate, steady, monkeypatch) -> None:
    estate.read(*steady("2026-05-04", "2026-05-05", every=3600))
    with monkeypatch.context() as dying:
        dying.setattr("assets.gold.domain.load.reach", die)
        with pytest.raises(KilledError):
            estate.load()
    assert loaded(estate.lake, "domain") == {}
    assert set(due(estate.lake)[D1]) == {table.name for table in BY_DATE}

    assert estate.load().number == 2
    assert [row["load"] for row in estate.rows(DOMAIN_LOADS, date=D1)] == [1, 2]
    assert len(estate.rows(DEVICE_HEALTH_1D)) == 1
    version = estate.lake.version(DEVICE_HEALTH_1D)
    assert estate.load().number == 0
    assert estate.lake.version(DEVICE_HEALTH_1D) == version


def test_the_open_day_ends_at_what_has_been_heard_and_is_due_once_it_is_over(estate, steady) -> None:
    estate.register("iot_device", {"device_id": "d1"}, {"device_id": "gone"})
    estate.read(*steady("2026-05-04", "2026-05-04T10:00"), heard="2026-05-04T10:00")
    estate.load()
    told = {row["device_id"]: row for row in estate.rows(DEVICE_HEALTH_1D)}
    assert (told["d1"]["status"], told["d1"]["watched_s"], told["d1"]["hours_silent"]) == ("healthy", 36000, 0)
    assert (told["gone"]["status"], told["gone"]["hours_silent"]) == ("silent", 10)

    estate.read(*steady("2026-05-06", "2026-05-06T01:00"), heard="2026-05-06T01:00")
    assert "device_health_1d" in due(estate.lake)[D1]
    estate.load()
    (row,) = estate.rows(DEVICE_HEALTH_1D, event_date=D1, device_id="d1")
    assert (row["status"], row["watched_s"], row["hours_silent"]) == ("patchy", 86400, 14)


def test_every_table_is_registered() -> None:
    assert {*BY_DATE, DOMAIN_LOADS} <= set(TABLES)
