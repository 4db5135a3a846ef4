"""Times in the ways in which devices write them, and clocks that change twice a year."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from canonical import zones
from canonical.canonicaliser import Canonicaliser

ROME = {"path": "at", "zone": "Europe/Rome", "formats": ["iso", "%d/%m/%Y %H:%M"]}
CASES = [
    ({"format": "epoch_ns"}, 1458031648545999999, "2016-03-15T08:47:28.545999"),
    ({"format": "epoch_ns"}, "1458031648545999999", "bad_time"),
    ({"format": "epoch_ns", "quoted": True}, "1458031648545999999", "2016-03-15T08:47:28.545999"),
    ({"format": "epoch_auto"}, 1458031648, "2016-03-15T08:47:28"),
    ({"format": "epoch_auto"}, 1458031648545, "2016-03-15T08:47:28.545"),
    ({"format": "epoch_auto"}, 1458031648545999, "2016-03-15T08:47:28.545999"),
    ({"format": "epoch_auto"}, 1458031648545999123, "2016-03-15T08:47:28.545999"),
    ({"format": "age_s"}, 61.5, "2026-11-21T02:58:59.5"),
    ({"format": "age_ms"}, 1000, "2026-11-21T03:00:00"),
    ({"formats": ["iso", "epoch_s"]}, 1458031648, "2016-03-15T08:47:28"),
    ({"formats": ["iso", "epoch_s"]}, "2016-03-15T08:47:28Z", "2016-03-15T08:47:28"),
    ({"formats": ["iso", "epoch_s"]}, "1458031648", "bad_time"),
    ({"format": "%Y%m%d%H%M%S", "zone": "UTC"}, 20160315084728, "2016-03-15T08:47:28"),
    ({"format": "%d.%m.%Y %H:%M:%S %z"}, "15.03.2016 09:47:28 +0100", "2016-03-15T08:47:28"),
    ({"format": "%m/%d/%Y %I:%M %p", "zone": "UTC"}, "3/5/2016 8:47 PM", "2016-03-05T20:47:00"),
    ({"format": "%Y-%m-%d", "zone": "UTC"}, "2016-02-30", "bad_time"),
    ({"format": "iso", "zone": "UTC"}, "2016-03-15T08:47:28.25", "2016-03-15T08:47:28.25"),
    ({"format": "iso_local", "zone": "UTC"}, "2016-03-15T08:47:28Z", "bad_time"),
    (ROME, "2016-07-01T12:00:00", "2016-07-01T10:00:00"),
    (ROME, "2016-01-01T12:00:00", "2016-01-01T11:00:00"),
    (ROME, "2016-07-01T12:00:00Z", "2016-07-01T12:00:00"),
    (ROME, "01/07/2016 12:00", "2016-07-01T10:00:00"),
    (ROME, "2016-03-27T01:59:59", "2016-03-27T00:59:59"),
    (ROME, "2016-03-27T02:00:00", "bad_time"),
    (ROME, "2016-03-27T02:59:59.999999", "bad_time"),
    (ROME, "27/03/2016 02:30", "bad_time"),
    (ROME, "2016-03-27T03:00:00", "2016-03-27T01:00:00"),
    (ROME, "2016-10-30T01:59:59", "2016-10-29T23:59:59"),
    (ROME, "2016-10-30T02:00:00", "2016-10-30T00:00:00"),
    (ROME, "2016-10-30T02:59:59", "2016-10-30T00:59:59"),
    (ROME, "2016-10-30T03:00:00", "2016-10-30T02:00:00"),
    ({**ROME, "ambiguous": "later"}, "2016-10-30T02:00:00", "2016-10-30T01:00:00"),
    ({**ROME, "ambiguous": "later"}, "2016-10-30T02:59:59", "2016-10-30T01:59:59"),
    ({**ROME, "ambiguous": "later"}, "2016-10-30T03:00:00", "2016-10-30T02:00:00"),
    ({"zone": "Australia/Lord_Howe"}, "2016-04-03T01:45:00", "2016-04-02T14:45:00"),
    ({"zone": "Australia/Lord_Howe", "ambiguous": "later"}, "2016-04-03T01:45:00", "2016-04-02T15:15:00"),
    ({"zone": "Asia/Kathmandu"}, "2016-04-03T00:00:00", "2016-04-02T18:15:00"),
    ({"unset": [0]}, 0, "missing_time"),
    ({"unset": [0, ""], "fallback": "envelope"}, "", "2026-11-21T03:00:01"),
    ({"format": "epoch_s", "unset": [0], "fallback": "envelope"}, 0.0, "2026-11-21T03:00:01"),
    ({"unset": ["1970-01-01T00:00:00Z"], "fallback": "envelope"}, "1970-01-01T00:00:00Z", "2026-11-21T03:00:01"),
]


def test_a_time_is_read_in_the_formats_that_are_named(spec_of, table, json_event):
    manners: list[dict] = []
    for time, _, _ in CASES:
        if time not in manners:
            manners.append(time)
    for time in manners:
        asked = [(at, expected) for other, at, expected in CASES if other == time]
        canonicaliser = Canonicaliser.of([spec_of(time={"path": "at", **time})])
        bodies = [f'{{"id":"a","at":{_json(at)},"t":1}}'.encode() for at, _ in asked]
        converted = canonicaliser.convert(table([json_event(body, schema_ref="vendor") for body in bodies]))
        got = {row["sequence_number"]: row["recorded_at"] for row in converted.readings.to_pylist()}
        got |= {row["sequence_number"]: row["reason"] for row in converted.rejects.to_pylist()}
        assert [got[number] for number in range(len(asked))] == [_instant(expected) for _, expected in asked], time


def _json(at):
    return f'"{at}"' if isinstance(at, str) else str(at)


def _instant(expected):
    return expected if expected[0].isalpha() else datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_date_and_time_may_stand_apart(read):
    parts = {"time": {"parts": ["d", "h"], "format": "%d/%m/%Y %H.%M.%S", "zone": "Europe/Rome"}}

    readings, rejects = read(
        parts,
        {"id": "a", "d": "10/03/2004", "h": "18.00.00", "t": 1},
        {"id": "a", "d": "10/03/2004", "t": 1},
        {"id": "a", "t": 1},
    )

    assert len(readings) == 1
    assert rejects == [(1, -1, "bad_time"), (2, -1, "missing_time")]


@pytest.mark.parametrize("zone", ["Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_every_hour_of_a_clock_comes_back_from_its_own_reading(zone, canonicaliser):
    clock = ZoneInfo(zone)
    moments = range(946_684_800, 2_524_608_000, 3600 * 31 + 1800)
    local = [at + int(datetime.fromtimestamp(at, clock).utcoffset().total_seconds()) for at in moments]
    clocks = pa.table({"u": pa.array(moments, pa.int64()), "l": pa.array(local, pa.int64())})
    offsets = zones.changes(zone)
    either = [zones.to_utc("(l * 1000000)", offsets, later=later) for later in (False, True)]
    wrong = f"SELECT u FROM source WHERE coalesce(u * 1000000 NOT IN ({', '.join(either)}), true)"

    assert canonicaliser.run(wrong, clocks).column("u").to_pylist() == []


def test_a_zone_nobody_knows_is_refused():
    with pytest.raises(zones.NoZoneError, match="Mars/Olympus"):
        zones.changes("Mars/Olympus")
