"""Each suspect rule over readings a person can check by eye."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import duckdb
import pytest

from quality.contracts.metrics import BY_NAME, METRICS
from quality.rules.suspect import COLUMNS, FEWEST_OF_DAY, LOOK_BACK_DAYS, SUSPECT_RULES
from quality.rules.views import VIEWS, flags_of, limits

DAY = date(2026, 3, 2)
MIDNIGHT = datetime.combine(DAY, time(), UTC)
KEPT = ("device_id", "metric", "channel", "recorded_at", "value")


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("limits", limits())
        connection.execute("CREATE TABLE register (device_id VARCHAR, room VARCHAR)")
        connection.execute(
            "CREATE TABLE readings (device_id VARCHAR, metric VARCHAR, channel VARCHAR, recorded_at TIMESTAMPTZ, "
            "discriminator VARCHAR, value DOUBLE, unit VARCHAR)"
        )
        connection.execute("SET VARIABLE day_start = ?::TIMESTAMPTZ", [MIDNIGHT])
        connection.execute("SET VARIABLE day_end = ?::TIMESTAMPTZ", [MIDNIGHT + timedelta(days=1)])
        yield connection


def put(db: duckdb.DuckDBPyConnection, values: Iterable[tuple[float, float | None]], **fields: str) -> None:
    """Readings as (seconds after midnight, value)."""
    made = {"device_id": "lab:1", "metric": "air_temperature", "channel": "", "discriminator": ""} | fields
    rows = [
        [
            made["device_id"],
            made["metric"],
            made["channel"],
            MIDNIGHT + timedelta(seconds=second),
            made["discriminator"],
            value,
            BY_NAME[made["metric"]].unit,
        ]
        for second, value in values
    ]
    db.executemany("INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def flags(db: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, int]]]:
    """Code to device and second of each doubted reading."""
    found: dict[str, list[tuple[str, int]]] = {}
    for view in VIEWS:
        for row in db.execute(flags_of(view, KEPT)).fetchall():
            second = int((row[3] - MIDNIGHT).total_seconds())
            found.setdefault(row[len(KEPT)], []).append((row[0], second))
    return {code: sorted(rows) for code, rows in found.items()}


def only(db: duckdb.DuckDBPyConnection, code: str) -> dict[str, Any]:
    """The one flag of a code: value, message and parameters."""
    [view] = [rule.view for rule in SUSPECT_RULES if rule.code == code]
    [row] = [row for row in db.execute(flags_of(view, KEPT)).fetchall() if row[len(KEPT)] == code]
    return {"value": row[4], "message": row[len(KEPT) + 1], "parameters": row[len(KEPT) + 2]}


@pytest.mark.parametrize(
    ("values", "doubted"),
    [
        pytest.param([(0, 20.0), (60, 21.0), (120, 22.0)], [], id="a slow climb"),
        pytest.param([(0, 20.0), (60, 26.5)], [60], id="6.5 degrees within a minute"),
        pytest.param([(0, 20.0), (60, 26.0)], [], id="exactly what it may"),
        pytest.param([(0, 20.0), (60, 40.0), (120, 20.1)], [60], id="a spike, and the way back is none"),
        pytest.param([(0, 20.0), (60, 40.0), (120, 60.0)], [60, 120], id="two jumps the same way"),
        pytest.param([(0, 20.0), (0.1, 20.15)], [], id="noise of readings that come at once"),
        pytest.param([(0, 20.0), (36000, 60.0)], [], id="a night between"),
        pytest.param([(-60, 20.0), (0, 40.0)], [0], id="the day before is looked at"),
        pytest.param([(-120, 20.0), (-60, 40.0)], [], id="but not judged"),
    ],
)
def test_a_change_is_doubted_when_no_air_could_follow(db, values, doubted) -> None:
    put(db, values)
    assert flags(db) == ({"rate_of_change": [("lab:1", second) for second in doubted]} if doubted else {})


def test_series_are_judged_apart(db) -> None:
    put(db, [(0, 20.0), (60, 20.0)])
    put(db, [(30, 50.0), (90, 50.0)], channel="oven")
    put(db, [(45, -20.0)], device_id="lab:2")
    assert flags(db) == {}


@pytest.mark.parametrize(
    ("hours", "every_minutes", "value", "doubted_hours"),
    [
        pytest.param(range(-24, 24), 60, 21.0, range(24), id="since the midnight before"),
        pytest.param(range(24), 60, 21.0, (), id="for less than a day"),
        pytest.param((-24, 0), 60, 21.0, (), id="two readings are a coincidence"),
    ],
)
def test_a_value_that_stays_exactly_the_same_is_doubted_once_that_is_too_long(
    db, hours, every_minutes, value, doubted_hours
) -> None:
    put(db, [(hour * 3600, value) for hour in hours])
    assert flags(db).get("stuck", []) == [("lab:1", hour * 3600) for hour in doubted_hours]


def test_one_change_frees_a_sensor_of_the_suspicion(db) -> None:
    put(db, [(hour * 3600, 21.0 if hour != 5 else 21.1) for hour in range(-24, 24)])
    assert flags(db)["stuck"] == [("lab:1", hour * 3600) for hour in range(5)]


def test_a_counter_that_falls_is_doubted_where_it_fell(db) -> None:
    put(db, [(0, 100.0), (60, 101.0), (120, 3.0), (180, 4.0)], metric="energy")
    put(db, [(0, 100.0), (60, 90.0)], metric="power")
    assert flags(db) == {"counter_fell": [("lab:1", 120)]}


def test_an_outlier_is_far_from_the_median_measured_in_spreads(db) -> None:
    put(db, [(n * 600, 20 + n % 5 / 10) for n in range(FEWEST_OF_DAY)])
    put(db, [(20_000, 28.0)], device_id="lab:few")
    # Spread: 1.4826 * 0.1 = 0.148…; ten of them are 1.48…
    put(db, [(50_000, 21.9), (60_000, 21.6)])
    assert flags(db) == {"outlier": [("lab:1", 50_000)]}
    flag = only(db, "outlier")
    assert flag["parameters"] == {"outlier_spreads": "10.0", "step": "0.1"}
    assert "is 21.9 degC; its median of the day is 20.2" in flag["message"]


def test_a_device_that_never_changes_has_the_step_for_a_spread(db) -> None:
    put(db, [(n * 600, 20.0) for n in range(FEWEST_OF_DAY)])
    put(db, [(70_000, 20.9), (80_000, 21.1)])
    assert flags(db) == {"outlier": [("lab:1", 80_000)]}


def test_of_three_twins_the_one_that_is_off_is_doubted(db) -> None:
    db.executemany(
        "INSERT INTO register VALUES (?, ?)", [["lab:1", "A"], ["lab:2", "A"], ["lab:3", "A"], ["lab:4", "B"]]
    )
    for device, value in (("lab:1", 20.0), ("lab:2", 20.5), ("lab:3", 23.6), ("lab:4", 35.0)):
        put(db, [(0, value), (300, value)], device_id=device)
    assert flags(db) == {"twins_disagree": [("lab:3", 0), ("lab:3", 300)]}


@pytest.mark.parametrize(("other", "doubted"), [(22.9, []), (23.1, [("lab:1", 0), ("lab:2", 1)])])
def test_of_two_twins_both_are_doubted_when_they_differ_by_more_than_the_limit(db, other, doubted) -> None:
    db.executemany("INSERT INTO register VALUES (?, ?)", [["lab:1", "A"], ["lab:2", "A"]])
    put(db, [(0, 20.0)])
    put(db, [(1, other)], device_id="lab:2")
    assert flags(db).get("twins_disagree", []) == doubted


def test_twins_are_compared_within_a_window_and_channel_by_channel(db) -> None:
    db.executemany("INSERT INTO register VALUES (?, ?)", [["lab:1", "A"], ["lab:2", "A"]])
    put(db, [(0, 20.0)])
    put(db, [(600, 30.0)], device_id="lab:2")
    put(db, [(1, 30.0)], device_id="lab:2", channel="oven")
    assert flags(db) == {}


def test_a_device_is_unknown_only_where_the_register_lists_others_of_its_source(db) -> None:
    put(db, [(0, 20.0)])
    assert flags(db) == {}, "no register"
    db.execute("INSERT INTO register VALUES ('office:1', NULL)")
    assert flags(db) == {}, "a register of another source"
    db.execute("INSERT INTO register VALUES ('lab:2', NULL)")
    assert flags(db) == {"unknown_device": [("lab:1", 0)]}
    db.execute("INSERT INTO register VALUES ('lab:1', NULL)")
    assert flags(db) == {}, "now it is listed"


def test_states_have_no_numbers_to_be_doubted(db) -> None:
    put(db, [(n * 3600, None) for n in range(-24, 24)], metric="contact_state")
    assert flags(db) == {}


def test_a_message_says_what_is_odd_with_numbers_and_units(db) -> None:
    put(db, [(0, 20.0), (60, 40.0)])
    assert only(db, "rate_of_change") == {
        "value": 40.0,
        "message": "air_temperature of lab:1 went from 20.0 to 40.0 degC within 60.0 s; "
        "the most it can change is 0.1 degC a second",
        "parameters": {"rate_per_s": "0.1", "step": "0.1"},
    }


@pytest.mark.parametrize("rule", SUSPECT_RULES, ids=lambda rule: rule.code)
def test_a_rule_uses_nothing_its_view_does_not_show(rule) -> None:
    reading = {"device_id", "metric", "channel", "recorded_at", "value", "unit"}
    functions = {"abs", "greatest", "coalesce", "and", "or", "not", "false", "counter"}
    used = set(re.findall(r"[a-z_]+", rule.fails.lower())) - functions
    used |= set(re.findall(r"\{(\w+)\}", rule.says)) | set(rule.limits)
    assert used <= reading | set(COLUMNS[rule.view])
    assert rule.means
    assert rule.do
    assert rule.severity == "suspect"


def test_a_stuck_sensor_can_be_seen_within_the_days_that_are_looked_at() -> None:
    assert max(metric.stuck_after_s or 0 for metric in METRICS) <= LOOK_BACK_DAYS * 86_400
