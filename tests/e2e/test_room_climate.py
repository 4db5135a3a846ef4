"""An office's real rows, all the way, against a computation of their own from the raw files.

Six of its sixty files, or all of them where LAKE_DEEP_TESTS is set (`make deep`).
"""

from __future__ import annotations

import gzip
import math
import os
import statistics
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
from deltalake import DeltaTable

DATA = os.environ.get("LAKE_REAL_DATA")
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(DATA is None, reason="LAKE_REAL_DATA names no folder of field data"),
]

DEEP = bool(os.environ.get("LAKE_DEEP_TESTS"))
SOME = {"01", "02", "03", "04", "05", "60"}
EVENTS, HOURLY, DAILY, SHARE = (273_145, 1_728, 240, 103.2) if DEEP else (35675, 176, 32, 130.2)
READINGS = 4 * EVENTS
COLUMNS = {
    4: ("air_temperature", ""),
    5: ("relative_humidity", ""),
    6: ("light_level", "light1"),
    7: ("light_level", "light2"),
}


class Window(NamedTuple):
    """What a window of readings comes to, computed without the product."""

    count: int
    low: float
    high: float
    mean: float
    spread: float | None
    first: float
    last: float


def _files() -> list[Path]:
    found = sorted(Path(DATA or "", "room_climate", "datasets-location_A").glob("*.csv.gz"))
    return [file for file in found if DEEP or file.name[-9:-7] in SOME]


def _rows() -> Iterator[list[str]]:
    for file in _files():
        with gzip.open(file, "rt") as lines:
            yield from (line.split(",") for line in lines if line.strip())


def _oracle(seconds: int) -> dict[tuple[str, str, str, int], Window]:
    """Windows by node, metric, channel and start in seconds since 1970."""
    found: dict[tuple[str, str, str, int], list[tuple[int, float]]] = defaultdict(list)
    for row in _rows():
        at, node = int(row[1]), row[3].strip()
        for place, (metric, channel) in COLUMNS.items():
            found[node, metric, channel, at // 1000 // seconds * seconds].append((at, float(row[place])))
    return {key: _window(sorted(readings)) for key, readings in found.items()}


def _window(readings: list[tuple[int, float]]) -> Window:
    values = [value for _, value in readings]
    spread = statistics.stdev(values) if len(values) > 1 else None
    mean = math.fsum(values) / len(values)
    return Window(len(values), min(values), max(values), mean, spread, values[0], values[-1])


def _found(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str, int], Window]:
    return {
        (
            row["device_id"].rpartition(":")[2],
            row["metric"],
            row["channel"],
            int(row["window_start"].replace(tzinfo=UTC).timestamp()),
        ): Window(
            row["reading_count"],
            *(
                row[name]
                for name in ("min_value", "max_value", "avg_value", "stdev_value", "first_value", "last_value")
            ),
        )
        for row in rows
    }


def _same(found: dict[Any, Window], wanted: dict[Any, Window]) -> None:
    assert found.keys() == wanted.keys()
    exact = [
        key
        for key, window in wanted.items()
        if found[key]._replace(mean=0, spread=0) != window._replace(mean=0, spread=0)
    ]
    assert exact == []
    for key, window in wanted.items():
        assert found[key].mean == pytest.approx(window.mean, rel=1e-9), key
        assert found[key].spread == pytest.approx(window.spread, rel=1e-9, abs=1e-12), key


@pytest.fixture(scope="module")
def climate(terminal, tmp_path_factory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("climate") / "demo"
    source = tmp_path_factory.mktemp("room_climate")
    for file in _files():
        (source / file.name).symlink_to(file)
    ran = terminal.run(
        home.parent,
        "demo",
        "--source",
        str(source),
        "--mapping",
        "room_climate",
        "--dir",
        str(home),
        "--json",
        timeout=500,
    )
    assert ran.code == 0, ran.err
    told: dict[str, Any] = ran.json()
    return told


def test_every_row_is_an_event_and_every_event_four_readings(climate) -> None:
    assert climate["events_sent"] == climate["bronze_rows"] == EVENTS
    assert climate["readings"] == {"accepted": READINGS, "quarantined": 0, "duplicate": 0}
    assert climate["events"] == {"accepted": EVENTS, "partial": 0, "quarantined": 0, "duplicate": 0}
    assert climate["quarantine_reasons"] == {}
    assert climate["ledger_balanced"] is True
    assert (climate["gold"]["readings_1h"], climate["gold"]["readings_1d"]) == (HOURLY, DAILY)
    assert (climate["warm"]["fct_readings_hourly"], climate["warm"]["fct_readings_daily"]) == (HOURLY, DAILY)


@pytest.mark.parametrize(("level", "seconds", "windows"), [("1h", 3600, HOURLY), ("1d", 86_400, DAILY)])
def test_gold_and_warm_are_what_the_raw_files_say(climate, level, seconds, windows) -> None:
    wanted = _oracle(seconds)
    assert len(wanted) == windows
    gold = DeltaTable(f"{climate['lake']}/gold/readings_{level}").to_pyarrow_table().to_pylist()
    _same(_found(gold), wanted)
    fact = {"1h": "fct_readings_hourly", "1d": "fct_readings_daily"}[level]
    start = {"1h": "f.window_start", "1d": "f.event_date"}[level]
    with duckdb.connect(str(Path(climate["lake"]).parent / "warm" / "warm.duckdb"), read_only=True) as db:
        result = db.execute(
            f"""
            select d.device_id, m.metric, f.channel, cast({start} as timestamp) as window_start, f.reading_count,
                f.min_value, f.max_value, f.avg_value, f.stdev_value, f.first_value, f.last_value
            from marts.{fact} f join marts.dim_device d using (device_key) join marts.dim_metric m using (metric_key)
            """
        )
        names = [column[0] for column in result.description or ()]
        warm = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    _same(_found(warm), wanted)


def test_minutes_hold_every_reading_once(climate) -> None:
    counts = DeltaTable(f"{climate['lake']}/gold/readings_1m").to_pyarrow_table(columns=["reading_count"])
    assert sum(counts["reading_count"].to_pylist()) == READINGS


def test_the_office_delivered_more_than_its_schedule_in_each_session(climate) -> None:
    """One message every four seconds, in sessions that five missed ones end; a day is reckoned by itself."""
    moments: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row in _rows():
        moments[row[3].strip(), int(row[1]) // 86_400_000].append(int(row[1]))
    expected = 0.0
    for times in map(sorted, moments.values()):
        pauses = [(after - before) / 1000 for before, after in pairwise(times)]
        expected += 1 + sum(pause / 4 if pause <= 20 else 1 for pause in pauses)
    gold = DeltaTable(f"{climate['lake']}/gold/readings_1d").to_pyarrow_table()
    received, wanted = (math.fsum(gold[name].to_pylist()) for name in ("reading_count", "expected_count"))
    assert wanted == pytest.approx(4 * expected, rel=1e-9)
    assert round(100 * received / wanted, 1) == SHARE
