"""The stream of a run, judged by a reading of it that knows nothing of how it was made."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.message import DecodeError

from canonical.schemas.telemetry_v1_pb2 import Telemetry
from quality.contracts.metrics import BY_NAME
from simulator.faults import FAULTS, TYPICAL, FaultRates
from simulator.patterns import Patterns
from simulator.plan import MESSAGE_ID_WIDTH, SimulationOptions, slices

START = datetime(2026, 3, 1, tzinfo=UTC)
MANY_FAULTS = FaultRates(
    corrupt=0.05, duplicate=0.08, conflict=0.05, out_of_range=0.08, late=0.08, wrong_unit=0.04, missing_field=0.06
)
TO_CELSIUS = {"degC": lambda t: t, "degF": lambda t: (t - 32) / 1.8, "K": lambda t: t - 273.15}


def events(options: SimulationOptions):
    fleet = options.fleet
    for piece in slices(options):
        for n, message_id, body, promise in zip(*piece, strict=True):
            yield fleet.device(n), message_id, body, promise


def read(format_: str, body: bytes) -> tuple[str, str, dict[str, tuple[float | None, str | None]]] | str:
    """Device, time and per metric (value, reason it is bad); or the reason why nothing can be read."""
    if format_ == "protobuf":
        try:
            telemetry = Telemetry.FromString(body)
        except DecodeError:
            return "invalid_protobuf"
        fields = {f: getattr(telemetry, f) if telemetry.HasField(f) else None for f in ("temperature", "humidity")}
        device, time, unit = telemetry.device, str(telemetry.time_ms), "degC"
    else:
        try:
            fields = json.loads(body)
        except json.JSONDecodeError:
            return "invalid_json"
        device, time, unit = fields["device"], fields["time"], fields["temperature_unit"]
    celsius = TO_CELSIUS.get(unit)
    metrics = {"temperature": "air_temperature", "humidity": "relative_humidity"}
    if format_ == "json":
        metrics |= {"pressure": "air_pressure", "battery": "battery_voltage"}
        metrics |= {name: name for name in ("latitude", "longitude") if name in fields}
    readings: dict[str, tuple[float | None, str | None]] = {}
    for field, metric in metrics.items():
        value = fields.get(field)
        if value is None:
            readings[metric] = (None, "missing_field")
        elif field == "temperature" and celsius is None:
            readings[metric] = (None, "unit_mismatch")
        else:
            value = celsius(value) if field == "temperature" else value / 100 if field == "pressure" else value
            limits = BY_NAME[metric]
            reason = "below_range" if value < limits.low else "above_range" if value > limits.high else None
            readings[metric] = (value, reason)
    return device, time, readings


@pytest.mark.parametrize(
    ("protobuf_share", "moving_share", "patterns"),
    [
        (0, 0.5, "daily"),
        (0.3, 0.3, "daily,drift,spikes,stuck,gaps"),
        (0.3, 0, "stuck"),
        (0.1, 1, "gaps"),
        (1, 1, "spikes,drift"),
    ],
)
def test_every_promise_is_what_a_reader_of_the_bytes_finds(protobuf_share, moving_share, patterns):
    options = SimulationOptions(
        devices=9,
        events=6000,
        start=START,
        seed=11,
        faults=MANY_FAULTS,
        protobuf_share=protobuf_share,
        moving_share=moving_share,
        patterns=Patterns.parse(patterns),
    )
    accepted: dict[tuple[str, str, str], float] = {}
    seen: Counter[str] = Counter()
    for device, message_id, body, promise in events(options):
        found: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        read_as = read(device.format, body)
        if isinstance(read_as, str):
            reasons[read_as] += 1
        else:
            name, time, readings = read_as
            assert name == device.native_id
            for metric, (value, reason) in readings.items():
                key = (name, metric, time)
                if reason is None and key in accepted:
                    found["duplicate"] += value == accepted[key]
                    reasons["conflict"] += value != accepted[key]
                elif reason is None:
                    accepted[key] = value
                    found["accepted"] += 1
                else:
                    reasons[reason] += 1
        assert (found["accepted"], found["duplicate"], reasons.total()) == (
            promise.accepted,
            promise.duplicate,
            promise.quarantined,
        ), (message_id, body)
        assert +reasons == ({promise.reason: promise.quarantined} if promise.reason else {})
        outcome = "accepted" if found["accepted"] else "duplicate" if found["duplicate"] else "quarantined"
        assert promise.outcome == ("partial" if outcome == "accepted" and +reasons else outcome)
        assert (promise.fault is None) == (promise.outcome == "accepted" and promise.fault != "late")
        seen[promise.fault or "none"] += 1

    possible = set(FAULTS) - ({"wrong_unit"} if protobuf_share == 1 else set())
    assert set(seen) == possible | {"none"}


def test_faults_are_as_frequent_as_their_rates():
    options = SimulationOptions(devices=20, events=20_000, start=START, faults=MANY_FAULTS, protobuf_share=0)
    found = Counter(promise.fault for *_, promise in events(options))

    for fault, rate in MANY_FAULTS.shares():
        assert found[fault] / 20_000 == pytest.approx(rate, rel=0.15)


def test_without_faults_every_event_is_accepted_and_no_interval_is_missing():
    options = SimulationOptions(devices=3, events=300, start=START)
    times: dict[str, list[int]] = {}
    for device, _, body, promise in events(options):
        assert (promise.fault, promise.outcome) == (None, "accepted")
        read_as = read(device.format, body)
        assert not isinstance(read_as, str)
        time = int(read_as[1]) if device.format == "protobuf" else epoch_ms(read_as[1])
        times.setdefault(device.native_id, []).append(time)

    for series in times.values():
        assert len(series) == 100
        assert {b - a for a, b in itertools.pairwise(series)} == {15_000}
        assert START.timestamp() * 1000 <= series[0] < START.timestamp() * 1000 + 15_000


def epoch_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def test_late_messages_are_hours_earlier_than_their_neighbours():
    options = SimulationOptions(
        devices=2, events=2000, start=START, faults=FaultRates(late=0.05), protobuf_share=0, interval_s=7
    )
    newest: dict[str, int] = {}
    lags = Counter()
    for device, _, body, promise in events(options):
        time = epoch_ms(json.loads(body)["time"])
        if promise.fault == "late":
            if device.native_id in newest:
                lags[round((newest[device.native_id] - time) / 3_600_000)] += 1
        else:
            newest[device.native_id] = time

    assert set(lags) == {1, 4, 26, 50}


def test_message_ids_are_unique_within_a_run_and_between_runs():
    first = SimulationOptions(devices=3, events=500, start=START, faults=TYPICAL)
    second = SimulationOptions(devices=3, events=500, start=START, faults=TYPICAL, seed=2)
    ids = [message_id for options in (first, second) for _, message_id, *_ in events(options)]

    assert len(set(ids)) == 1000
    assert {len(i) for i in ids} == {MESSAGE_ID_WIDTH}


DIGEST = """
import hashlib
from datetime import UTC, datetime
from simulator.faults import TYPICAL
from simulator.patterns import Patterns
from simulator.plan import SimulationOptions, slices
digest = hashlib.sha256()
options = SimulationOptions(
    devices=5,
    events=3000,
    start=datetime(2026, 3, 1, tzinfo=UTC),
    faults=TYPICAL,
    moving_share=0.5,
    patterns=Patterns.parse("daily,drift,spikes,stuck,gaps"),
)
for piece in slices(options):
    digest.update(repr((piece.devices, piece.message_ids, piece.bodies)).encode())
print(digest.hexdigest())
"""


def test_the_same_options_give_the_same_bytes_in_every_process():
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(digests) == 1
    assert len(digests.pop().strip()) == hashlib.sha256().digest_size * 2


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"faults": TYPICAL},
        {"start": START + timedelta(seconds=1)},
        {"patterns": Patterns(drift=1)},
        {"moving_share": 1.0},
    ],
)
def test_other_options_give_other_bytes(other):
    base = {"devices": 3, "events": 300, "start": START}
    bodies = [body for _, _, body, _ in events(SimulationOptions(**base))]

    assert [body for _, _, body, _ in events(SimulationOptions(**base | other))] != bodies


@pytest.mark.parametrize(
    ("devices", "count", "rate"), [(1, 0, None), (1, 1, None), (7, 5, None), (7, 10_001, None), (7, 100, 3.0)]
)
def test_exactly_as_many_events_as_asked_for(devices, count, rate):
    options = SimulationOptions(devices=devices, events=count, start=START, faults=TYPICAL, rate=rate)

    assert sum(1 for _ in events(options)) == count == options.total


def test_a_rate_changes_how_much_goes_at_once_and_nothing_of_what_goes():
    def run(rate):
        options = SimulationOptions(devices=10, events=10_000, start=START, faults=MANY_FAULTS, rate=rate)
        return options.slice, [len(piece.bodies) for piece in slices(options)], [e[2] for e in events(options)]

    (_, large, fast), (size, small, slow) = run(None), run(500.0)

    assert large == [10_000]
    assert (size, set(small)) == (100, {100})
    assert slow == fast


def test_devices_with_gaps_leave_messages_out_and_the_run_has_as_many_as_asked_for():
    options = SimulationOptions(devices=8, events=8000, protobuf_share=0, patterns=Patterns.parse("daily,gaps"))
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    times: dict[str, list[int]] = {}
    with_gaps = {}
    for device, _, body, _ in events(options.starting(now)):
        times.setdefault(device.native_id, []).append(epoch_ms(json.loads(body)["time"]))
        with_gaps[device.native_id] = device.pattern == "gaps"

    assert sum(map(len, times.values())) == 8000
    assert {True, False} == set(with_gaps.values())
    for name, series in times.items():
        steps = Counter(b - a for a, b in itertools.pairwise(series))
        assert set(steps) == ({15_000, 25 * 15_000} if with_gaps[name] else {15_000})
    # The last reading is about now although more intervals are needed.
    newest = max(map(max, times.values())) / 1000
    assert timedelta(0) < now - datetime.fromtimestamp(newest, UTC) < timedelta(seconds=45)


def test_a_hundred_thousand_devices_report_in_their_first_interval():
    options = SimulationOptions(devices=100_000, events=100_000, start=START)

    names = [device for piece in slices(options) for device in piece.devices]

    assert names == list(range(100_000))
    assert (options.fleet.names[0], options.fleet.names[-1]) == ("sim-00001", "sim-100000")


@pytest.mark.parametrize(
    ("given", "total"),
    [
        ({"duration": timedelta(hours=1), "devices": 10}, 2400),
        ({"duration": timedelta(hours=1), "devices": 10, "interval_s": 60}, 600),
        ({"duration": timedelta(minutes=1), "rate": 20.0}, 1200),
        ({"duration": timedelta(seconds=1), "devices": 1}, 1),
        ({"duration": timedelta(hours=1), "devices": 10, "patterns": Patterns(gaps=1)}, 2160),
    ],
)
def test_a_duration_is_a_span_of_readings_or_with_a_rate_a_time_of_sending(given, total):
    assert SimulationOptions(**given).total == total


def test_without_a_start_the_last_reading_is_just_before_now():
    now = datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC)
    options = SimulationOptions(devices=4, events=402, protobuf_share=0).starting(now)
    newest = max(datetime.fromisoformat(json.loads(body)["time"]) for _, _, body, _ in events(options))

    assert timedelta(0) < now - newest < timedelta(seconds=45)
    assert options.starting(now + timedelta(days=1)) is options


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "either a number of events or a duration"),
        ({"events": 1, "duration": timedelta(1)}, "either a number of events or a duration"),
        ({"events": -1}, "events=-1"),
        ({"events": 1, "devices": 0}, "devices=0"),
        ({"events": 1, "rate": 0}, "rate=0"),
        ({"events": 1, "interval_s": 0}, "interval_s=0"),
        ({"events": 1, "protobuf_share": 1.1}, "protobuf_share=1.1"),
        ({"events": 1, "moving_share": -0.1}, "moving_share=-0.1"),
        ({"events": 1, "devices": 100_001}, "devices=100001"),
        ({"events": 1, "start": datetime(2026, 3, 1)}, "no time zone"),  # noqa: DTZ001 - what is refused
        ({"events": 1, "start": datetime(2000, 1, 1, tzinfo=UTC)}, "too early"),
        ({"duration": timedelta(0)}, "duration="),
    ],
)
def test_options_that_cannot_be_run_are_refused_in_words(given, says):
    with pytest.raises(ValueError, match=says):
        SimulationOptions(**given)


def test_a_plan_without_a_start_is_refused():
    with pytest.raises(ValueError, match="starting"):
        next(slices(SimulationOptions(events=1)))
