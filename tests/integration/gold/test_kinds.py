"""Counters, states, events and percentiles: one load of hard cases, against an independent computation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from assets.gold import neighbours
from assets.gold.load import load_dates
from assets.silver import digests
from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_specs
from lake.store import Lake
from local_azure.kusto import launch
from orchestration.resources.kusto import Kusto
from quality.contracts import metrics
from quality.contracts.kusto import kusto_name
from quality.contracts.model import Table
from quality.contracts.tables import (
    AGGREGATES,
    COUNTERS,
    LEVELS,
    READINGS,
    STATES,
)
from tests.integration.gold import oracle
from tests.integration.gold.conftest import Silver
from tests.integration.gold.conftest import oracle as gauges
from tests.integration.gold.levels import Computed, compute, dated

LIMIT = 65_536.0
at = Silver.at
Row = dict[str, Any]


def counter(device: str, values: dict[str, float], metric: str = "energy", **more: Any) -> list[Row]:
    series = {"device_id": device, "metric": metric, "unit": "kWh", **more}
    return [{**series, "recorded_at": at(moment), "value": value} for moment, value in values.items()]


def state(device: str, texts: dict[str, str], metric: str = "contact_state", **more: Any) -> list[Row]:
    series = {"device_id": device, "metric": metric, "unit": "dimensionless", **more}
    return [{**series, "recorded_at": at(moment), "value_text": text} for moment, text in texts.items()]


def every(step: timedelta, since: str, count: int) -> Iterator[tuple[int, str]]:
    for number in range(count):
        yield number, (datetime.fromisoformat(since) + number * step).isoformat()


HIGH = {moment: 1e9 + number * 0.1 for number, moment in every(timedelta(minutes=7), "2026-03-01T22:00:00", 400)}
HARD: list[Row] = [
    *counter("high", HIGH),
    *counter("alone", {"2026-03-02T12:00:00": 5.0}),
    *counter(
        "reset",
        {
            "2026-03-01T23:59:59.999999": 990.0,
            "2026-03-02T00:00:00": 991.5,
            "2026-03-02T08:00:00": 3.25,
            "2026-03-02T08:00:30": 0.0,
            "2026-03-02T08:00:59": 0.0,
            "2026-03-02T23:00:00": 7.0,
        },
    ),
    # Read once a day, each day a little later: nothing is lost.
    *counter("daily", {f"2026-03-0{day}T10:00:0{day}": 100.0 * day for day in (1, 2, 3)}),
    # Neither what was counted over a date without a reading, nor over two, is known.
    *counter("gap", {"2026-03-01T00:00:00": 10.0, "2026-03-03T23:59:00": 20.0, "2026-03-06T00:00:00": 30.0}),
    *counter(
        "rolls",
        {
            "2026-03-02T01:00:00": 65_000.0,
            "2026-03-02T01:01:00": 400.0,
            "2026-03-02T01:02:00": 20_000.0,
            "2026-03-02T01:03:00": 5.0,
        },
        "pulse_count",
        unit="dimensionless",
    ),
    *counter("phases", {"2026-03-02T01:00:00": 1.0, "2026-03-02T01:01:00": 4.0}, channel="a"),
    *counter("phases", {"2026-03-02T01:00:10": 100.0, "2026-03-02T01:01:10": 100.0}, channel="b"),
    *(
        {**counter("tie", {"2026-03-02T05:00:00": value})[0], "discriminator": text}
        for value, text in [(3, "b"), (1, "a")]
    ),
    *state(
        "night", {"2026-03-01T22:10:20": "open", "2026-03-02T06:30:00.5": "closed", "2026-03-02T06:30:10": "closed"}
    ),
    # Silent for longer than a day: it holds for one; what it says then is no change that was seen.
    *state("silent", {"2026-03-01T12:00:00": "open", "2026-03-03T12:00:00": "closed", "2026-03-04T12:00:00": "open"}),
    *state(
        "nervous",
        {
            f"2026-03-02T03:0{second // 60}:{second % 60:02}": "open" if second % 2 else "closed"
            for second in range(0, 300, 7)
        },
    ),
    *state("lasting", {"2026-03-02T00:00:00": "occupied", "2026-03-02T23:59:59.999999": "vacant"}, "occupancy_state"),
    *(
        {**state("twice", {"2026-03-02T04:00:00": text})[0], "discriminator": number}
        for number, text in [("1", "open"), ("2", "closed")]
    ),
    # A clock an hour ahead: that hour is not known yet.
    {**state("ahead", {"2026-03-06T02:00:00": "open"})[0], "enqueued_at": at("2026-03-06T01:00:00")},
    *state(
        "button",
        {"2026-03-02T03:00:00": "press", "2026-03-02T03:00:01": "press", "2026-03-02T03:00:02": "hold"},
        "button_event",
    ),
    *state("heard", {"2026-03-05T20:00:00": "open"}),
    *(
        {"device_id": "gauge", "recorded_at": at(moment), "value": number * 7919 % 1000 / 1000}
        for number, moment in every(timedelta(seconds=50), "2026-03-02T00:00:00", 1500)
    ),
]
LATE: list[Row] = [
    # Before, between and after what is there, and over both midnights of a date that gains nothing itself.
    *counter("daily", {"2026-03-02T09:00:00": 150.0}),
    *counter("gap", {"2026-03-02T23:59:59": 12.0}),
    *counter("reset", {"2026-03-02T08:00:10": 4.0}),
    *state("night", {"2026-03-01T23:50:00": "closed"}),
    *state("silent", {"2026-03-02T18:00:00": "closed"}),
    *state("lasting", {"2026-03-01T23:00:00": "vacant"}, "occupancy_state"),
    # A date whose only readings are late.
    *counter("late", {"2026-03-04T05:00:00": 1.0, "2026-03-04T06:00:00": 2.0}),
]


@pytest.fixture(scope="module")
def rolling() -> Iterator[None]:
    """The catalogue with a counter that rolls over, since none of its own is known to."""
    with pytest.MonkeyPatch.context() as patch:
        rolls = replace(metrics.BY_NAME["pulse_count"], rolls_over_at=LIMIT)
        patch.setitem(metrics.BY_NAME, "pulse_count", rolls)
        patch.setattr(neighbours, "METRICS", tuple(metrics.BY_NAME.values()))
        yield


@pytest.fixture(scope="module")
def computed(rolling: None, endpoint: launch.Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Computed]:
    """All dates at once, in one query a level: the KQL by itself, without a load around it."""
    kusto = Kusto(endpoint.uri, endpoint.database, ingest_timeout_seconds=60)
    lake = Lake(str(tmp_path_factory.mktemp("kinds")))
    canonicaliser = Canonicaliser.of(load_specs())
    digests.keep(lake, canonicaliser)
    silver = Silver(lake, canonicaliser.digest)
    silver.commit(HARD)
    version = silver.commit([{**row, "enqueued_at": at("2026-03-06T00:30:00")} for row in LATE]).readings
    dates = sorted({row["recorded_at"].date() for row in (*HARD, *LATE)})
    yield compute(lake, version, dates, kusto)
    kusto.close()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("tables", "compute"),
    [
        (AGGREGATES, lambda rows, level: gauges(rows.to_arrow(), level)),
        (COUNTERS, oracle.counters),
        (STATES, oracle.states),
    ],
    ids=["gauges", "counters", "states"],
)
def test_a_level_equals_an_independent_computation(
    computed: Computed, tables: dict[str, Table], compute: Any, level: str
) -> None:
    table = tables[level]
    wanted = compute(computed.readings, level)
    assert wanted.height > 8
    oracle.assert_level(computed.levels[table.name], wanted)
    assert computed.expected[kusto_name(table)] == wanted.height


def test_the_hard_cases_are_among_them(computed: Computed) -> None:
    counted = computed.levels["counters_1d"]
    sums = {(row["device_id"], row["event_date"].day): row for row in counted.iter_rows(named=True)}
    assert [sums["daily", day]["increase"] for day in (1, 2, 3)] == [None, 100.0, 100.0]
    assert [sums["gap", day]["increase"] for day in (1, 2, 3, 6)] == [None, 2.0, 8.0, None]
    assert (sums["rolls", 2]["increase"], sums["rolls", 2]["reset_count"]) == (LIMIT - 65_000 + 400 + 19_600 + 5, 1)
    assert sums["reset", 2]["reset_count"] == 2
    held = {
        (row["device_id"], row["event_date"].day, row["state"]): (row["seconds_in_state"], row["transitions"])
        for row in computed.levels["states_1d"].iter_rows(named=True)
    }
    assert held["night", 2, "closed"] == (86_400.0, 0)
    assert held["twice", 2, "open"] == (0.0, 0)
    assert held["twice", 2, "closed"] == (72_000.0, 1)
    assert held["button", 2, "press"] == (None, None)
    assert held["ahead", 6, "open"] == (0.0, 0)
    assert held["heard", 6, "open"] == (3_600.0, 0)


@pytest.mark.deep
def test_late_readings_leave_what_one_load_of_all_would(silver: Silver, lake: Lake, kusto: Kusto) -> None:
    """Also of the date after, which gained no reading itself: there the counter's first step and the night begin."""
    first, second = date(2026, 3, 1), date(2026, 3, 2)
    early = [
        *counter("m", {"2026-03-01T20:00:00": 10.0, "2026-03-02T01:00:00": 16.0, "2026-03-02T02:00:00": 17.0}),
        *state("d", {"2026-03-01T22:00:00": "open", "2026-03-02T00:30:00": "closed", "2026-03-02T02:00:00": "open"}),
    ]
    late = [*counter("m", {"2026-03-01T23:00:00": 14.0}), *state("d", {"2026-03-01T23:30:00": "closed"})]
    load_dates(lake, kusto, silver.commit(early), [first, second])

    after = silver.commit([{**row, "enqueued_at": at("2026-03-02T03:00:00")} for row in late])
    load_dates(lake, kusto, after, [first])

    readings = dated(lake.rows(READINGS))
    for level in ("1m", "1d"):
        for table, wanted in (
            (COUNTERS[level], oracle.counters(readings, level)),
            (STATES[level], oracle.states(readings, level)),
        ):
            oracle.assert_level(dated(lake.rows(table)), wanted)
            oracle.assert_level(dated(kusto.query(kusto_name(table))), wanted)
    assert dated(lake.rows(COUNTERS["1d"])).sort("event_date")["increase"].to_list() == [4.0, 3.0]
