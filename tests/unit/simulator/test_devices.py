from __future__ import annotations

import itertools

import pytest

from quality.contracts.metrics import BY_NAME
from simulator.devices import Fleet
from simulator.formats import in_unit
from simulator.patterns import Patterns

TICK_MS = 15_000


def fleet_of(devices: int, *, seed: int = 1, protobuf_share: float = 0.25, moving: float = 0.0, pattern: str = "daily"):
    weights = Patterns.parse(pattern)
    return Fleet(
        devices=devices,
        protobuf_share=protobuf_share,
        interval_ms=TICK_MS,
        seed=seed,
        moving_share=moving,
        weights=weights,
    )


def taken(fleet: Fleet, count: int, n: int = 0):
    return [fleet.sample(n, tick, 1_770_000_000_000 + tick * TICK_MS) for tick in range(count)]


def whole(fleet: Fleet, devices: int):
    return [(fleet.device(n), fleet.phases[n], taken(fleet, 3, n)) for n in range(devices)]


def test_the_same_seed_gives_the_same_fleet():
    assert whole(fleet_of(20, seed=4), 20) == whole(fleet_of(20, seed=4), 20)
    assert whole(fleet_of(20, seed=4), 20) != whole(fleet_of(20, seed=5), 20)


def test_a_larger_fleet_begins_with_the_smaller_one():
    options = {"moving": 0.3, "pattern": "daily,drift,spikes,stuck,gaps"}
    assert whole(fleet_of(50, **options), 10) == whole(fleet_of(10, **options), 10)


@pytest.mark.parametrize("pattern", ["daily", "drift", "spikes", "stuck", "gaps"])
@pytest.mark.parametrize(
    ("metric", "field", "factor", "margin"),
    [
        ("air_temperature", "temperature", 1, 7),
        ("relative_humidity", "humidity", 1, 5),
        ("air_pressure", "pressure", 0.01, 40),
        ("battery_voltage", "battery", 1, 1),
        ("latitude", "latitude", 1, 5),
        ("longitude", "longitude", 1, 5),
    ],
)
def test_values_stay_well_inside_the_catalogues_limits(metric, field, factor, margin, pattern):
    limits = BY_NAME[metric]
    fleet = fleet_of(40, moving=0.5, pattern=pattern)
    for n in range(40):
        if field in {"latitude", "longitude"} and not fleet.moving[n]:
            continue
        for tick in range(0, 10_000_000, 250_007):
            sample = fleet.sample(n, tick, 1_770_000_000_000 + tick * TICK_MS)
            for value in (getattr(sample, field), getattr(sample.contradicted(), field)):
                assert limits.low + margin < value * factor < limits.high - margin


def test_temperature_follows_the_day():
    fleet = fleet_of(1)
    warmest = max(range(1440), key=lambda minute: fleet.sample(0, 0, minute * 60_000).temperature)
    coldest = min(range(1440), key=lambda minute: fleet.sample(0, 0, minute * 60_000).temperature)

    assert abs((warmest - coldest) % 1440 - 720) < 60


def test_the_battery_runs_down_and_never_below_its_end():
    fleet = fleet_of(1)

    assert fleet.sample(0, 0, 0).battery > fleet.sample(0, 2_000_000, 0).battery > 2.3
    assert fleet.sample(0, 10**9, 0).battery > 2.3


def test_an_ageing_sensor_is_further_and_further_off_up_to_a_limit():
    good, ageing = taken(fleet_of(1), 6000), taken(fleet_of(1, pattern="drift"), 6000)
    off = [bad.temperature - well.temperature for bad, well in zip(ageing, good, strict=True)]

    assert (off[0], off[1000], off[-1]) == pytest.approx((0, 2, 8))
    assert max(a - b for a, b in itertools.pairwise(off)) < 1e-9


def test_a_spike_is_one_reading_now_and_then():
    good, spiky = taken(fleet_of(1), 970), taken(fleet_of(1, pattern="spikes"), 970)
    at = [tick for tick in range(970) if spiky[tick] != good[tick]]

    assert len(at) == 10
    assert {b - a for a, b in itertools.pairwise(at)} == {97}
    assert all(spiky[tick].temperature - good[tick].temperature == pytest.approx(18) for tick in at)


def test_a_stuck_sensor_repeats_one_value_while_time_and_battery_go_on():
    samples = taken(fleet_of(1, pattern="stuck"), 1000)
    runs = [len(list(group)) for _, group in itertools.groupby(samples, key=lambda s: (s.temperature, s.humidity))]

    assert max(runs) == 120
    assert sum(run > 1 for run in runs) in {2, 3}
    assert len({sample.time_ms for sample in samples}) == 1000
    assert len({sample.battery for sample in samples}) > 900


def test_silences_are_counted_as_they_are_kept():
    fleet = fleet_of(6, pattern="daily,gaps")
    kept = [sum(not fleet.silent(n, tick) for n in range(6)) for tick in range(1000)]

    assert [fleet.messages(ticks) for ticks in range(1001)] == [0, *itertools.accumulate(kept)]
    for messages in (1, 5, 100, 1234, 5000):
        ticks = fleet.ticks(messages)
        assert fleet.messages(ticks - 1) < messages <= fleet.messages(ticks)


@pytest.mark.parametrize(("share", "expected"), [(0, 0), (0.25, 25), (0.3, 30), (0.333, 33), (1, 100)])
def test_the_share_of_protobuf_devices_is_met_and_spread(share, expected):
    protobuf = list(fleet_of(100, protobuf_share=share).protobuf)

    assert sum(protobuf) == expected
    assert abs(sum(protobuf[:50]) - expected / 2) <= 1


def test_the_share_of_moving_devices_is_of_those_that_speak_json():
    fleet = fleet_of(100, protobuf_share=0.2, moving=0.25)

    assert sum(fleet.moving) == 20
    assert not any(moving and protobuf for moving, protobuf in zip(fleet.moving, fleet.protobuf, strict=True))


def test_every_temperature_unit_is_used_and_means_the_same():
    assert {unit: round(in_unit(25.0, unit), 6) for unit in fleet_of(20).units} == {
        "degC": 25.0,
        "degF": 77.0,
        "K": 298.15,
    }
