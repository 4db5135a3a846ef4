"""Each subject table by date equals what plain Python makes of the raw readings, on days that are hard."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from quality.contracts.domain_limits import COMFORT
from quality.contracts.domain_tables import (
    DEVICE_HEALTH_1D,
    FEATURES_1H,
    SERIES_QUALITY_1D,
    SITE_COMFORT_1D,
    SITE_READINGS_1D_LOCAL,
    SITE_READINGS_1H,
    TWIN_STATES,
)

ZONES = {"L": ZoneInfo("Europe/London"), "A": ZoneInfo("Australia/Adelaide"), "K": ZoneInfo("Asia/Kathmandu")}
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 4, 5)
NEAR = 1e-9


def site_of(estate: Any, device: str, when: datetime) -> str:
    for version in estate.said["iot_device"]:
        if version["device_id"] == device and version["valid_from"] <= when < (
            version["valid_to"] or datetime.max.replace(tzinfo=UTC)
        ):
            return str(version["site_id"])
    return ""


def numbers(estate: Any) -> Iterator[dict[str, Any]]:
    """Raw readings with a number, each with the site it was read at and the date there."""
    for row in estate.readings:
        if row["value"] is not None:
            site = site_of(estate, row["device_id"], row["recorded_at"])
            local = row["recorded_at"].astimezone(ZONES.get(site, UTC))
            yield {**row, "site_id": site, "local_date": local.date()}


def grouped(
    rows: Iterator[dict[str, Any]], *names: str | Callable[[dict[str, Any]], Any]
) -> dict[tuple[Any, ...], list[Any]]:
    found: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] if isinstance(name, str) else name(row) for name in names)].append(row)
    return found


def hour_of(row: dict[str, Any]) -> datetime:
    when: datetime = row["recorded_at"]
    return when.replace(minute=0, second=0, microsecond=0)


def assert_summed_up(row: dict[str, Any], raw: list[dict[str, Any]]) -> None:
    values = [one["value"] for one in raw]
    assert (row["reading_count"], row["min_value"], row["max_value"]) == (len(values), min(values), max(values))
    assert row["device_count"] == len({one["device_id"] for one in raw})
    assert row["avg_value"] == pytest.approx(statistics.fmean(values), rel=NEAR)
    if len(values) == 1:
        assert row["stdev_value"] is None
    else:
        assert row["stdev_value"] == pytest.approx(statistics.stdev(values), rel=NEAR)


def test_an_hour_of_a_site_is_all_its_devices_then(world) -> None:
    wanted = grouped(numbers(world), "site_id", "metric", hour_of)
    found = {(row["site_id"], row["metric"], row["window_start"]): row for row in world.rows(SITE_READINGS_1H)}
    assert found.keys() == wanted.keys()
    for key, row in found.items():
        assert_summed_up(row, wanted[key])


def test_a_day_of_a_site_is_that_of_its_own_clocks(world) -> None:
    wanted = grouped(numbers(world), "local_date", "site_id", "metric")
    found = {(row["local_date"], row["site_id"], row["metric"]): row for row in world.rows(SITE_READINGS_1D_LOCAL)}
    assert found.keys() == wanted.keys()
    for key, row in found.items():
        assert_summed_up(row, wanted[key])


def test_days_on_which_clocks_change_have_23_and_25_hours(world) -> None:
    found = {
        (row["site_id"], row["local_date"]): row for row in world.rows(SITE_READINGS_1D_LOCAL, metric="air_temperature")
    }
    assert found["L", SPRING]["hours_in_day"] == 23
    assert found["A", AUTUMN]["hours_in_day"] == 25
    assert found["A", AUTUMN]["day_start"] == datetime(2026, 4, 4, 13, 30, tzinfo=UTC)
    assert (found["A", AUTUMN]["reading_count"], found["A", AUTUMN]["completeness"]) == (150, pytest.approx(1.5))


def test_midnight_of_a_zone_that_is_off_by_three_quarters_of_an_hour_is_met(world, at) -> None:
    days = {row["local_date"]: row for row in world.rows(SITE_READINGS_1D_LOCAL, site_id="K")}
    assert days[AUTUMN]["day_start"] == at("2026-04-04T18:15")
    assert {day: row["reading_count"] for day, row in days.items()} == {date(2026, 4, 4): 15, AUTUMN: 15}


def test_what_was_to_be_expected_does_not_depend_on_windows_having_readings(world) -> None:
    """A reading each half hour where one each quarter was to come: half of the windows of 5 minutes cannot tell."""
    (row,) = world.rows(SITE_READINGS_1D_LOCAL, site_id="", local_date=SPRING)
    assert (row["expected_count"], row["completeness"]) == (pytest.approx(96), pytest.approx(0.5))


def test_a_site_whose_zone_nobody_knows_lives_by_utc(world) -> None:
    (row,) = world.rows(SITE_READINGS_1D_LOCAL, site_id="X")
    assert (row["local_date"], row["time_zone"]) == (date(2026, 4, 4), "UTC")


def test_comfort_is_counted_by_the_hours_of_the_local_day(world) -> None:
    bands = {band.metric: band for band in COMFORT}
    wanted: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    by_device = grouped(numbers(world), "local_date", "site_id", "metric", hour_of_day, "device_id")
    for key, rows in by_device.items():
        wanted[key[:4]].append(statistics.fmean(row["value"] for row in rows))
    days: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for key, means in wanted.items():
        if key[1] and key[2] in bands:
            days[key[:3]].append(statistics.fmean(means))
    found = {(row["local_date"], row["site_id"], row["metric"]): row for row in world.rows(SITE_COMFORT_1D)}
    assert found.keys() == days.keys()
    for key, hours in days.items():
        low, high = bands[key[2]].low, bands[key[2]].high
        below, above = sum(h < (low or -1e99) for h in hours), sum(h > (high or 1e99) for h in hours)
        row = found[key]
        assert (row["hours_known"], row["hours_below"], row["hours_above"]) == (len(hours), below, above)
        assert row["comfort_share"] == pytest.approx(1 - (below + above) / len(hours))
    assert found[AUTUMN, "A", "air_temperature"]["hours_known"] == 25


def hour_of_day(row: dict[str, Any]) -> int:
    """Hours since the local day began, not what the clock shows: an hour that comes twice is two."""
    zone = ZONES.get(row["site_id"], UTC)
    begin = datetime.combine(row["local_date"], datetime.min.time(), zone).astimezone(UTC)
    return int((row["recorded_at"] - begin).total_seconds() // 3600)


def test_series_quality_is_completeness_and_share_in_doubt(world) -> None:
    rows = {(r["event_date"], r["device_id"], r["metric"]): r for r in world.rows(SERIES_QUALITY_1D)}
    told = rows[date(2026, 3, 28), "moves", "air_temperature"]
    assert (told["reading_count"], told["completeness"], told["suspect_count"]) == (96, 1.0, 3)
    assert told["suspect_share"] == pytest.approx(3 / 96)
    assert rows[SPRING, "unknown", "air_temperature"]["completeness"] == pytest.approx(0.5)


HEALTH = [
    (date(2026, 3, 28), "moves", "low_battery", 99),
    (date(2026, 3, 28), "silent", "silent", 0),
    (SPRING, "moves", "healthy", 99),
    (SPRING, "unknown", "unregistered", 48),
    (date(2026, 3, 30), "moves", "patchy", 25),
    (date(2026, 3, 31), "moves", "silent", 0),
    (date(2026, 4, 3), "silent", "silent", 0),
]


@pytest.mark.parametrize(("day", "device", "status", "count"), HEALTH)
def test_the_health_of_a_device_is_one_word(world, day, device, status, count) -> None:
    (row,) = world.rows(DEVICE_HEALTH_1D, event_date=day, device_id=device)
    assert (row["status"], row["reading_count"]) == (status, count)


def test_silence_and_the_last_heartbeat_are_told(world, at) -> None:
    (row,) = world.rows(DEVICE_HEALTH_1D, event_date=date(2026, 3, 30), device_id="moves")
    assert row["last_heartbeat_at"] == at("2026-03-30T06:00:00")
    assert (row["longest_silence_s"], row["hours_silent"], row["watched_s"]) == (18 * 3600, 17, 86400)
    assert row["site_id"] == "A"
    (after,) = world.rows(DEVICE_HEALTH_1D, event_date=date(2026, 3, 31), device_id="moves")
    assert (after["last_heartbeat_at"], after["hours_silent"]) == (at("2026-03-30T06:00:00"), 24)


def test_a_planned_device_is_not_missed_and_an_expected_one_is_missed_on_days_of_nothing_too(world) -> None:
    rows = world.rows(DEVICE_HEALTH_1D)
    assert not [row for row in rows if row["device_id"] == "planned"]
    days = {row["event_date"] for row in rows if row["device_id"] == "silent"}
    assert days == {date(2026, 3, 28) + timedelta(days=n) for n in range(9)}


def test_a_state_of_a_twin_holds_until_the_next_and_is_carried_over_midnight(world, at) -> None:
    rows = world.rows(TWIN_STATES, event_date=SPRING, kind="state")
    told = [(r["twin_id"], r["value_text"], r["valid_from"], r["valid_to"], r["is_carried"]) for r in rows]
    assert told == [
        ("t1", "on", at("2026-03-29"), at("2026-03-29T09:30"), True),
        ("t1", "off", at("2026-03-29T09:30"), at("2026-03-29T18:00"), False),
        ("t2", "off", at("2026-03-29T18:00"), at("2026-03-29T20:00"), False),
        ("t2", "on", at("2026-03-29T20:00"), at("2026-03-30"), False),
    ]


def test_a_number_of_a_twin_is_the_last_of_each_hour(world, at) -> None:
    rows = world.rows(TWIN_STATES, event_date=date(2026, 3, 28), attribute="air_temperature")
    last = {}
    for row in world.readings:
        if row["device_id"] == "moves" and row["metric"] == "air_temperature" and row["recorded_at"] < at("2026-03-29"):
            last[hour_of(row)] = row["value"]
    held = {
        row["valid_from"] + timedelta(hours=n): row["value"]
        for row in rows
        for n in range(int((row["valid_to"] - row["valid_from"]).total_seconds() // 3600))
    }
    assert held == last


def test_features_are_made_of_what_was_read_before(world) -> None:
    of_series = [r for r in numbers(world) if r["device_id"] == "moves" and r["metric"] == "air_temperature"]
    rows = world.rows(FEATURES_1H, device_id="moves", metric="air_temperature")
    assert len(rows) == len({hour_of(row) for row in of_series})
    for row in rows:
        for hours, name in ((1, "1h"), (3, "3h"), (24, "24h"), (168, "7d")):
            begin = row["as_of"] - timedelta(hours=hours)
            values = [r["value"] for r in of_series if begin <= r["recorded_at"] < row["as_of"]]
            assert row[f"count_{name}"] == len(values)
            assert row[f"avg_{name}"] == pytest.approx(statistics.fmean(values), rel=NEAR)
            if name != "1h" and len(values) > 1:
                assert row[f"stdev_{name}"] == pytest.approx(statistics.stdev(values), rel=NEAR)
        for hours in (1, 3, 24):
            lag = row["as_of"] - timedelta(hours=hours)
            values = [r["value"] for r in of_series if lag - timedelta(hours=1) <= r["recorded_at"] < lag]
            assert row[f"avg_lag_{hours}h"] == (pytest.approx(statistics.fmean(values)) if values else None)
