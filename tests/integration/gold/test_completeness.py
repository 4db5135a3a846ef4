"""What was expected: by a device's own count, within its sessions, or by the clock; and by a library's real rows."""

from __future__ import annotations

import os
import tarfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assets.gold.load import load_dates
from assets.silver import digests
from canonical.canonicaliser import Canonicaliser
from canonical.schedules import SCHEDULES
from canonical.spec_model import MappingSpec
from lake.store import Lake
from quality.contracts.tables import AGGREGATES

DATA = os.environ.get("LAKE_REAL_DATA")
D1 = date(2026, 3, 1)
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
METRIC, CHANNEL = "air_temperature", ""
Windows = dict[tuple[str, str], tuple[int, float | None, float | None]]


def spec(**fields: Any) -> MappingSpec:
    """A mapping that reads one temperature; only when it is expected matters here."""
    return MappingSpec.model_validate(
        {
            "id": "counted",
            "version": 1,
            "description": "A node.",
            "match": {"content_type": ["application/json"]},
            "decode": {"format": "json"},
            "device": {"path": "node", "source": "lab"},
            "time": {"path": "at", "format": "epoch_ms"},
            "readings": [{"metric": METRIC, "path": "t", "unit": "degC"}],
        }
        | fields
    )


def counts(name: str, **how: Any) -> MappingSpec:
    return spec(id=name, discriminator={"path": "number", "sequence": how})


COUNTED = counts("counted")
MAPPINGS = {
    mapping.id: mapping
    for mapping in (
        COUNTED,
        counts("in_bytes", modulus=256),
        counts("in_rounds", shared=True),
        spec(id="in_sessions", interval="10s", session_gap="1m"),
        spec(id="by_the_clock", interval="15s"),
        spec(id="at_will"),
    )
}
Load = Callable[..., None]
Readings = Sequence[tuple[float, int | str]]
"""Second of the day and number of each."""


def minutes(*numbers: int | str) -> Readings:
    return [(60 * n, number) for n, number in enumerate(numbers)]


def unnumbered(*seconds: float) -> Readings:
    return [(second, "") for second in seconds]


@pytest.fixture
def load(silver, lake: Lake, kusto) -> Load:
    """Readings by mapping and device, through Azure Data Explorer into Gold."""

    def put(given: Mapping[tuple[str, str], Readings]) -> None:
        canonicaliser = Canonicaliser.of(list(MAPPINGS.values()))
        digests.keep(lake, canonicaliser)
        silver.digest = canonicaliser.digest
        rows = [
            {
                "device_id": f"{mapping}:{device}",
                "mapping_id": mapping,
                "recorded_at": MIDNIGHT + timedelta(seconds=second),
                "discriminator": str(number),
                "value": 20.0,
            }
            for (mapping, device), readings in given.items()
            for second, number in readings
        ]
        load_dates(lake, kusto, silver.commit(rows), [D1])

    return put


def windows(lake: Lake, level: str) -> Windows:
    rows = lake.rows(AGGREGATES[level]).to_pylist()
    return {
        (row["device_id"], f"{row['window_start']:%H:%M}"): (
            row["reading_count"],
            row["expected_count"],
            row["completeness"],
        )
        for row in rows
    }


def of_day(lake: Lake) -> dict[str, tuple[int, float | None]]:
    return {device: (count, expected) for (device, _), (count, expected, _) in windows(lake, "1d").items()}


DAY: dict[tuple[str, str], tuple[Readings, float | None]] = {
    ("counted", "none lost"): (minutes(5, 6, 7), 3),
    ("counted", "three lost"): (minutes(5, 9), 5),
    ("counted", "one came late"): (minutes(5, 7, 6, 8), 4),
    ("counted", "one number twice"): (minutes(5, 5, 6), 2),
    ("counted", "the device restarted"): (minutes(500, 501, 0, 1), 4),
    ("counted", "one without a number stands for itself"): (minutes(5, "x", 7), 4),
    ("in_bytes", "the count began anew, and zero was lost"): (minutes(254, 255, 1, 2), 5),
    ("in_bytes", "one came late across the end of the count"): (minutes(255, 254, 0), 2),
    # Of rounds 1000 to 1003 that all of them count:
    ("in_rounds", "missed one"): ([(0, 1000), (60, 1001), (180, 1003)], 4),
    ("in_rounds", "came late and left early"): ([(61, 1001), (121, 1002)], 4),
    ("in_rounds", "out of order"): ([(62, 1001), (63, 1000)], 4),
    ("in_rounds", "began anew, and counted one, then two on"): ([(60, 1001), (500, 0), (510, 2)], 4 + 1 + 2),
    ("in_rounds", "had begun anew the day before"): ([(0, 5), (60, 7)], 3),
    ("in_sessions", "ten, then seven of nine"): (
        unnumbered(*range(0, 100, 10), *range(3600, 3650, 10), 3670, 3680),
        19,
    ),
    ("by_the_clock", "a day of four a minute"): (unnumbered(0, 15), 5760),
    ("at_will", "nobody knows"): (unnumbered(0, 15), None),
}


def test_what_was_expected_of_a_day_follows_from_counts_sessions_or_the_clock(lake, load) -> None:
    load({case: readings for case, (readings, _) in DAY.items()})
    wanted = {":".join(case): (len(readings), expected) for case, (readings, expected) in DAY.items()}
    assert of_day(lake) == wanted


def test_what_is_missing_is_booked_on_the_next_reading_and_adds_up_at_every_level(lake, load) -> None:
    load(
        {
            ("counted", "a"): [(0, 0), (50, 5), (70, 7), (400, 40), (4000, 400), (4010, 401)],
            ("counted", "b"): [(0, 5), (61, 5)],
            ("in_sessions", "c"): unnumbered(*range(0, 100, 10), *range(3600, 3650, 10), 3670, 3680),
            ("by_the_clock", "d"): unnumbered(0, 15, 3600),
        }
    )
    found = {level: windows(lake, level) for level in AGGREGATES}
    for level, rows in found.items():
        assert sum(expected or 0 for (device, _), (_, expected, _) in rows.items() if device == "counted:a") == 402, (
            level
        )
    assert found["1m"]["counted:a", "00:01"] == (1, 2, 0.5)
    assert found["1m"]["counted:b", "00:01"] == (1, 0, None)
    assert found["1h"]["in_sessions:c", "00:00"] == (10, 10, 1.0)
    assert found["1h"]["in_sessions:c", "01:00"] == (7, 9, pytest.approx(7 / 9))
    assert found["1m"]["by_the_clock:d", "00:00"] == (2, 4, 0.5)
    assert found["1m"]["by_the_clock:d", "01:00"] == (1, 4, 0.25)


def test_a_mapping_says_of_each_reading_when_it_is_expected() -> None:
    mapping = spec(interval="10s", session_gap="1m", discriminator={"path": "n", "sequence": {"modulus": 16}})
    [row] = Canonicaliser.of([mapping]).schedules().to_pylist()
    assert list(row) == SCHEDULES.names
    assert row == {
        "mapping_id": "counted", "metric": METRIC, "channel": CHANNEL, "interval_s": 10.0, "session_gap_s": 60.0,
        "counted": True, "modulus": 16, "shared": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"session_gap": "1m"}, "give both"),
        ({"discriminator": {"path": "n", "sequence": {"modulus": 16, "shared": True}}}, "has no modulus"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(fields, says) -> None:
    with pytest.raises(ValueError, match=says):
        spec(**fields)


@pytest.mark.real_data
@pytest.mark.skipif(DATA is None, reason="LAKE_REAL_DATA names no folder of field data")
def test_a_library_lost_what_its_nodes_counted_and_nobody_received(lake, load) -> None:
    by_node: dict[str, list[tuple[float, int | str]]] = defaultdict(list)
    with tarfile.open(Path(DATA or "", "ulb_library", "library2data.tgz")) as archive:
        [member] = [name for name in archive.getnames() if name.endswith("/readings.txt")]
        lines = archive.extractfile(member)
        assert lines is not None
        for fields in (line.split() for line in lines.read().decode("latin-1").splitlines() if line.strip()):
            by_node[fields[1]].append((int(fields[0]) / 1000 - 1_164_976_000, int(fields[2])))
    load({("in_rounds", node): readings for node, readings in by_node.items()})
    found = of_day(lake)
    # Node 6 began anew at the end: three packets more, that count for themselves.
    assert found["in_rounds:6"] == (367, 368 + 3)
    assert {expected for node, (_, expected) in found.items() if node != "in_rounds:6"} == {368}
    assert sum(count for count, _ in found.values()) - 3 == 7111
    assert sum(expected or 0 for _, expected in found.values()) - 3 == 7360
    percent = {node: round(100 * count / (expected or 1), 1) for node, (count, expected) in found.items()}
    assert (percent["in_rounds:12"], percent["in_rounds:18"]) == (80.7, 82.3)
