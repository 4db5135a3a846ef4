"""`silver.reading_flags`: doubts per event date, the same whenever and however often they are raised."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from assets.date_state import loaded
from assets.silver.flags.raising import raise_flags
from assets.silver.flags.register import REGISTER
from assets.silver.flags.state import dirty_flag_dates
from lake.fence import append
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import READING_FLAGS, SUSPECT_READINGS_1D

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
Flags = list[tuple[str, str]]


def reading(at: str, value: float, device: str = "simulator:sim-1", **more: Any) -> dict[str, Any]:
    return {"recorded_at": datetime.fromisoformat(at).replace(tzinfo=UTC), "value": value, "device_id": device, **more}


SPIKE = [reading(f"2026-03-02T12:00:{second:02}", value) for second, value in ((0, 20.0), (15, 70.0), (30, 20.0))]
MIDNIGHT = [reading("2026-03-01T23:59:45", 20.0), reading("2026-03-02T00:00:00", 60.0)]


def flags(lake: Lake) -> Flags:
    rows = lake.rows(READING_FLAGS, columns=["recorded_at", "code"]).to_pylist()
    return sorted((f"{row['recorded_at']:%m-%d %H:%M:%S}", row["code"]) for row in rows)


def registered(lake: Lake, *rows: tuple[str, str | None, str]) -> None:
    """Versions of devices: id, location, valid_from."""
    made = []
    for device, location, since in rows:
        blank: dict[str, Any] = {"string": "", "boolean": True, "long": 0, "double": 0.0}
        row = {column.name: None if column.null else blank.get(column.type) for column in REGISTER.columns}
        row |= {"device_id": device, "location": location, "site_id": "north"}
        made.append(row | {"valid_from": datetime.fromisoformat(since).replace(tzinfo=UTC)})
    append(lake, REGISTER, pa.Table.from_pylist(made, schema=arrow_schema(REGISTER)))


def test_a_doubt_names_its_reading_the_rule_and_its_limits(silver, lake) -> None:
    raise_flags(lake, silver.commit(SPIKE), [D2])
    [row] = lake.rows(READING_FLAGS).to_pylist()
    wanted = {
        "event_date": D2,
        "device_id": "simulator:sim-1",
        "metric": "air_temperature",
        "recorded_at": SPIKE[1]["recorded_at"],
        "code": "rate_of_change",
        "value": 70.0,
        "parameters": [("rate_per_s", "0.1"), ("step", "0.1")],
        "hub": "telemetry",
        "sequence_number": 1001,
        "index": 0,
        "silver_batch": 1,
    }
    assert {name: row[name] for name in wanted} == wanted
    assert "went from 20.0 to 70.0 degC within 15.0 s" in row["message"]


def test_flags_are_counted_per_day_metric_and_rule_and_doubtless_readings_too(silver, lake) -> None:
    humid = [reading("2026-03-02T12:00:00", 40.0, metric="relative_humidity", unit="percent")]
    raise_flags(lake, silver.commit(SPIKE + humid), [D2])
    rows = lake.rows(SUSPECT_READINGS_1D).to_pylist()
    counted = {
        (row["metric"], row["code"]): (row["suspect_count"], row["reading_count"], row["device_count"]) for row in rows
    }
    assert counted == {
        ("air_temperature", "rate_of_change"): (1, 3, 1),
        ("air_temperature", ""): (1, 3, 1),
        ("relative_humidity", ""): (0, 1, 0),
    }


def test_a_date_is_judged_with_the_one_before_it(silver, lake) -> None:
    snapshot = silver.commit(MIDNIGHT)
    raise_flags(lake, snapshot, [D1, D2])
    assert flags(lake) == [("03-02 00:00:00", "rate_of_change")]


def test_late_readings_make_their_date_and_the_next_due_and_no_other(silver, lake) -> None:
    days = [reading(f"{day}T12:00:00", 20.0) for day in (D1, D2, D3)]
    snapshot = silver.commit(days)
    assert dirty_flag_dates(lake) == {D1: 1, D2: 1, D3: 1}
    raise_flags(lake, snapshot, [D1, D2, D3])
    assert dirty_flag_dates(lake) == {}
    silver.commit([reading("2026-03-01T13:00:00", 20.5)])
    assert dirty_flag_dates(lake) == {D1: 2, D2: 2}


def test_late_readings_raise_and_clear_doubts(silver, lake) -> None:
    raise_flags(lake, silver.commit(MIDNIGHT[1:]), [D2])
    assert flags(lake) == []
    snapshot = silver.commit(MIDNIGHT[:1])
    raise_flags(lake, snapshot, list(dirty_flag_dates(lake)))
    assert flags(lake) == [("03-02 00:00:00", "rate_of_change")]
    nothing = silver.rows([])
    snapshot = silver.commit(nothing, instead_of="recorded_at < '2026-03-02T00:00:00Z'", touching=[D1])
    raise_flags(lake, snapshot, list(dirty_flag_dates(lake)))
    assert flags(lake) == []


def test_raising_again_changes_nothing_and_writes_nothing_unless_asked_to(silver, lake) -> None:
    snapshot = silver.commit(SPIKE + MIDNIGHT)
    raise_flags(lake, snapshot, [D1, D2])
    before, version = lake.rows(READING_FLAGS), lake.version(READING_FLAGS)
    assert [load.skipped for load in raise_flags(lake, snapshot, [D1, D2])] == [True, True]
    assert lake.version(READING_FLAGS) == version
    loads = raise_flags(lake, snapshot, [D1, D2], again=True)
    assert [(load.skipped, load.readings) for load in loads] == [(False, 1), (False, 4)]
    assert lake.version(READING_FLAGS) == version + 1
    assert lake.rows(READING_FLAGS).sort_by("recorded_at") == before.sort_by("recorded_at")


def test_dates_raised_together_are_as_if_raised_one_by_one(silver, lake) -> None:
    """A sensor stuck for days is stuck since the start of what its date looks back on, whatever else is computed."""
    hours = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(72)]
    snapshot = silver.commit([reading(f"{hour:%Y-%m-%dT%H:%M:%S}", 21.0) for hour in hours])
    raise_flags(lake, snapshot, [D1, D2, D3])
    together = lake.rows(READING_FLAGS).sort_by("recorded_at")
    assert together.num_rows == 48
    for day in (D3, D1, D2):
        raise_flags(lake, snapshot, [day], again=True)
    assert lake.rows(READING_FLAGS).sort_by("recorded_at") == together


def test_a_loader_that_was_overtaken_leaves_the_newer_flags_alone(silver, lake) -> None:
    old = silver.commit(SPIKE)
    new = silver.commit(silver.rows([]), instead_of="value > 60", touching=[D2])
    raise_flags(lake, new, [D2])
    raise_flags(lake, old, [D2], again=True)
    assert flags(lake) == []
    assert loaded(lake, "flags") == {D2: 2}


def test_a_run_killed_between_the_two_tables_is_finished_by_the_next(silver, lake, monkeypatch) -> None:
    snapshot = silver.commit(SPIKE)

    def killed(point: str) -> None:
        if point == "flags.after_flags":
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("assets.silver.flags.raising.reach", killed)
        with pytest.raises(KeyboardInterrupt):
            raise_flags(lake, snapshot, [D2])
    assert dirty_flag_dates(lake) == {D2: 1}
    raise_flags(lake, snapshot, [D2])
    assert (lake.rows(READING_FLAGS).num_rows, lake.rows(SUSPECT_READINGS_1D).num_rows) == (1, 2)
    assert dirty_flag_dates(lake) == {}


def test_twins_are_the_devices_that_the_register_puts_into_one_location(silver, lake) -> None:
    registered(
        lake,
        ("simulator:sim-1", "Room 1", "2026-01-01"),
        ("simulator:sim-2", " Room 1 ", "2026-01-01"),
        ("simulator:sim-3", None, "2026-01-01"),
        ("simulator:sim-4", "Room 1", "2026-01-01"),
        ("simulator:sim-4", "Room 2", "2026-03-02T08:00:00"),
    )
    values = {"simulator:sim-1": 20.0, "simulator:sim-2": 25.0, "simulator:sim-3": 35.0, "simulator:sim-4": 45.0}
    snapshot = silver.commit([reading("2026-03-02T12:00:00", value, device) for device, value in values.items()])
    raise_flags(lake, snapshot, [D2])
    found = lake.rows(READING_FLAGS, columns=["device_id", "code"]).to_pylist()
    assert {(row["device_id"], row["code"]) for row in found} == {
        ("simulator:sim-1", "twins_disagree"),
        ("simulator:sim-2", "twins_disagree"),
    }


def test_a_device_entered_later_is_known_when_its_dates_are_raised_again(silver, lake) -> None:
    registered(lake, ("simulator:sim-2", None, "2026-01-01"))
    snapshot = silver.commit([reading("2026-03-02T12:00:00", 20.0)])
    raise_flags(lake, snapshot, [D2])
    assert flags(lake) == [("03-02 12:00:00", "unknown_device")]
    registered(lake, ("simulator:sim-1", None, "2026-05-01"))
    raise_flags(lake, snapshot, [D2], again=True)
    assert flags(lake) == []


def test_a_register_that_says_something_else_of_a_date_makes_it_due_and_no_other(silver, lake) -> None:
    days = [reading(f"{day}T12:00:00", 20.0) for day in (D1, D2, D3)]
    snapshot = silver.commit(days)
    raise_flags(lake, snapshot, [D1, D2, D3])
    assert dirty_flag_dates(lake) == {}
    registered(lake, ("simulator:sim-1", "Room 1", "2026-02-01"))
    assert dirty_flag_dates(lake) == {D1: 1, D2: 1, D3: 1}
    raise_flags(lake, snapshot, list(dirty_flag_dates(lake)))
    assert dirty_flag_dates(lake) == {}
    registered(lake, ("simulator:sim-1", "Room 2", "2026-03-02T08:00:00"))
    assert dirty_flag_dates(lake) == {D2: 1, D3: 1}
    raise_flags(lake, snapshot, list(dirty_flag_dates(lake)))
    assert dirty_flag_dates(lake) == {}
    registered(lake, ("simulator:sim-1", "Room 2", "2026-03-03T08:00:00"))
    assert dirty_flag_dates(lake) == {}, "a new version that says the same of a day is no news"
    registered(lake, ("simulator:sim-2", "Room 3", "2026-03-03T08:00:00"), ("simulator:sim-3", None, "2026-02-01"))
    assert dirty_flag_dates(lake) == {D3: 1}, "a device that was never heard leaves the days before it alone"


def test_a_device_that_is_registered_late_is_known_on_all_days(silver, lake) -> None:
    registered(lake, ("simulator:sim-9", None, "2026-02-01"))
    snapshot = silver.commit([reading("2026-03-01T12:00:00", 20.0)])
    raise_flags(lake, snapshot, [D1])
    assert flags(lake) == [("03-01 12:00:00", "unknown_device")]
    registered(lake, ("simulator:sim-1", None, "2026-03-05"))
    loads = raise_flags(lake, snapshot, list(dirty_flag_dates(lake)))
    assert ([load.date for load in loads], flags(lake), dirty_flag_dates(lake)) == ([D1], [], {})
