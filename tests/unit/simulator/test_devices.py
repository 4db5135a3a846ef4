from __future__ import annotations

import pytest

from quality.contracts.metrics import BY_NAME
from simulator.devices import fleet
from simulator.formats import in_unit

DAY_MS = 86_400_000


def fleet_of(devices: int, *, seed: int = 1, protobuf_share: float = 0.25):
    return fleet(devices=devices, protobuf_share=protobuf_share, interval_ms=15_000, seed=seed)


def test_the_same_seed_gives_the_same_fleet():
    assert fleet_of(20, seed=4) == fleet_of(20, seed=4)
    assert fleet_of(20, seed=4) != fleet_of(20, seed=5)


def test_a_larger_fleet_begins_with_the_smaller_one():
    assert fleet_of(50)[:10] == fleet_of(10)


@pytest.mark.parametrize(
    ("metric", "field", "factor"),
    [
        ("air_temperature", "temperature", 1),
        ("relative_humidity", "humidity", 1),
        ("air_pressure", "pressure", 0.01),
        ("battery_voltage", "battery", 1),
    ],
)
def test_values_stay_well_inside_the_catalogues_limits(metric, field, factor):
    limits = BY_NAME[metric]
    margin = 0.05 * (limits.high - limits.low) if metric != "battery_voltage" else 1.0
    for device in fleet_of(40):
        for tick in range(0, 10_000_000, 250_007):
            sample = device.sample(1_770_000_000_000 + tick * 15_000, tick)
            for value in (getattr(sample, field), getattr(sample.contradicted(), field)):
                assert limits.low + margin < value * factor < limits.high - margin


def test_temperature_follows_the_day():
    (device,) = fleet_of(1)
    warmest = max(range(1440), key=lambda minute: device.sample(minute * 60_000, 0).temperature)
    coldest = min(range(1440), key=lambda minute: device.sample(minute * 60_000, 0).temperature)

    assert abs((warmest - coldest) % 1440 - 720) < 60


def test_the_battery_runs_down_and_never_below_its_end():
    (device,) = fleet_of(1)

    assert device.sample(0, 0).battery > device.sample(0, 2_000_000).battery > 2.3
    assert device.sample(0, 10**9).battery > 2.3


@pytest.mark.parametrize(("share", "expected"), [(0, 0), (0.25, 25), (0.3, 30), (0.333, 33), (1, 100)])
def test_the_share_of_protobuf_devices_is_met_and_spread(share, expected):
    formats = [device.format for device in fleet_of(100, protobuf_share=share)]

    assert formats.count("protobuf") == expected
    assert abs(formats[:50].count("protobuf") - expected / 2) <= 1


def test_every_temperature_unit_is_used_and_means_the_same():
    devices = {device.temperature_unit: device for device in fleet_of(20)}

    assert {unit: round(in_unit(25.0, device), 6) for unit, device in devices.items()} == {
        "degC": 25.0,
        "degF": 77.0,
        "K": 298.15,
    }
