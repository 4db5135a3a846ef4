from __future__ import annotations

import json
import random

import pytest
from google.protobuf.message import DecodeError

from canonical.schemas.telemetry_v1_pb2 import Telemetry
from simulator import faults, formats
from simulator.devices import fleet
from simulator.faults import FAULTS, Draw, FaultRates

FLEET = fleet(devices=16, protobuf_share=0.25, interval_ms=15_000, seed=1, moving_share=0.25)
JSON = [n for n in range(16) if not FLEET.protobuf[n] and not FLEET.moving[n]]
MOVING = [n for n in range(16) if FLEET.moving[n]]
PROTOBUF = [n for n in range(16) if FLEET.protobuf[n]]


def message(n: int, tick: int = 0) -> bytes:
    return formats.body(FLEET, n, FLEET.sample(n, tick, 1_770_000_000_000 + tick * 15_000))


def device(n: int):
    return FLEET.device(n)


def test_a_good_json_message_is_the_documented_one():
    parsed = json.loads(message(JSON[0]))

    assert list(parsed) == ["device", "time", "temperature", "temperature_unit", "humidity", "pressure", "battery"]
    assert parsed["device"] == FLEET.names[JSON[0]]
    assert parsed["time"].startswith("2026-02-02T02:40:")
    assert parsed["time"].endswith("Z")
    assert parsed["temperature_unit"] == "degC"


def test_a_device_that_moves_says_where_it_is_at_the_end_of_its_message():
    here, there = (json.loads(message(MOVING[0], tick)) for tick in (0, 100))

    assert list(here) == [*json.loads(message(JSON[0])), "latitude", "longitude"]
    assert (here["latitude"], here["longitude"]) != (there["latitude"], there["longitude"])
    assert -90 < here["latitude"] < 90
    assert -180 < here["longitude"] < 180
    assert device(MOVING[0]).readings == 6


def test_a_good_protobuf_message_is_the_documented_one():
    sample = FLEET.sample(PROTOBUF[0], 0, 1_770_000_000_123)

    body = formats.body(FLEET, PROTOBUF[0], sample)
    telemetry = Telemetry.FromString(body)
    assert telemetry.SerializeToString(deterministic=True) == body

    assert (telemetry.device, telemetry.time_ms) == (FLEET.names[PROTOBUF[0]], 1_770_000_000_123)
    assert telemetry.temperature == pytest.approx(sample.temperature, abs=0.01)
    assert telemetry.humidity == pytest.approx(sample.humidity, abs=0.1)


def test_cut_protobuf_never_parses():
    rng = random.Random(1)
    for tick in range(500):
        whole = message(PROTOBUF[tick % len(PROTOBUF)], tick)
        cut, promise = faults.corrupt(whole, "protobuf", rng)

        assert whole.startswith(cut)
        assert 0 < len(cut) < len(whole)
        with pytest.raises(DecodeError):
            Telemetry.FromString(cut)
        assert (promise.outcome, promise.reason) == ("quarantined", "invalid_protobuf")


def test_cut_json_never_parses_and_is_still_text():
    rng = random.Random(1)
    for tick in range(500):
        cut, promise = faults.corrupt(message(JSON[tick % len(JSON)], tick), "json", rng)

        assert cut.decode()
        with pytest.raises(json.JSONDecodeError):
            json.loads(cut)
        assert (promise.outcome, promise.reason) == ("quarantined", "invalid_json")


@pytest.mark.parametrize("n", [JSON[0], PROTOBUF[0]], ids=["json", "protobuf"])
def test_cuts_fall_everywhere(n):
    rng = random.Random(1)
    lengths = {len(faults.corrupt(message(n), device(n).format, rng)[0]) for _ in range(2000)}

    assert min(lengths) <= 2
    assert max(lengths) == len(message(n)) - 1


def test_a_wrong_unit_changes_the_unit_alone():
    whole = message(JSON[0])

    spoiled, promise = faults.wrong_unit(whole, device(JSON[0]))

    assert json.loads(spoiled) == json.loads(whole) | {"temperature_unit": "Pa"}
    assert (promise.outcome, promise.reason, promise.accepted) == ("partial", "unit_mismatch", 3)


def test_a_missing_field_is_absent_or_null_and_the_rest_is_as_it_was():
    rng = random.Random(1)
    whole = json.loads(message(JSON[0]))
    seen = set()
    for _ in range(200):
        spoiled, promise = faults.missing_field(message(JSON[0]), device(JSON[0]), rng)
        parsed = json.loads(spoiled)
        (gone,) = [name for name in whole if parsed.get(name) is None]
        seen.add((gone, gone in parsed))
        assert {k: v for k, v in parsed.items() if k != gone} == {k: v for k, v in whole.items() if k != gone}
        assert (promise.reason, promise.accepted, promise.quarantined) == ("missing_field", 3, 1)

    assert seen == {(f, null) for f in ("temperature", "humidity", "pressure", "battery") for null in (True, False)}


def test_a_missing_field_of_a_protobuf_message_has_no_presence():
    rng = random.Random(1)
    seen = set()
    for _ in range(50):
        spoiled, promise = faults.missing_field(message(PROTOBUF[0]), device(PROTOBUF[0]), rng)
        telemetry = Telemetry.FromString(spoiled)
        present = [name for name in ("temperature", "humidity") if telemetry.HasField(name)]
        assert len(present) == 1
        assert telemetry.time_ms > 0
        assert (promise.accepted, promise.quarantined) == (1, 1)
        seen.update(present)

    assert seen == {"temperature", "humidity"}


@pytest.mark.parametrize(
    ("rates", "says"),
    [
        ({"corrupt": -0.1}, "corrupt=-0.1"),
        ({"late": 1.5}, "late=1.5"),
        ({"late": float("nan")}, "late=nan"),
        ({"late": 0.6, "corrupt": 0.6}, "add up to more than 1"),
    ],
)
def test_rates_that_are_no_shares_are_refused(rates, says):
    with pytest.raises(ValueError, match=says):
        FaultRates(**rates)


def test_each_fault_is_drawn_as_often_as_its_rate():
    draw = Draw(FaultRates(**dict.fromkeys(FAULTS, 0.1)))
    drawn = [draw.fault((n + 0.5) / 1000) for n in range(1000)]

    assert {fault: drawn.count(fault) for fault in FAULTS} == dict.fromkeys(FAULTS, 100)
    assert drawn.count(None) == 300
    assert all((draw.fault(n / 1000) is None) == (n / 1000 >= draw.limit) for n in range(1000))
