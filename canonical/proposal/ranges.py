"""The values quantities usually have, in the units vendors send them in.

Belongs here: one table, by metric: unit, factor to it, and the values that speak for both, the likeliest first.
Does not: what a metric can be at most (`quality.contracts.metrics`), or using the table (`quantities`).
"""

from __future__ import annotations

Usual = tuple[str, float, float, float]
"""Unit, factor to it, smallest and largest value as they stand in the payload. With a factor, whole numbers only."""

_AIR: tuple[Usual, ...] = (
    ("degC", 1, -40, 55),
    ("degF", 1, 45, 130),
    ("K", 1, 230, 330),
    ("degC", 0.1, -400, 850),
    ("degC", 0.01, -6000, 8500),
    ("degC", 0.001, -60000, 85000),
)
_WATER: tuple[Usual, ...] = (("degC", 1, -30, 120), ("degF", 1, 100, 250), ("degC", 0.1, -300, 1200))
_SHARE: tuple[Usual, ...] = (("percent", 1, 0, 100), ("percent", 0.1, 0, 1000), ("percent", 0.01, 0, 10000))
_PRESSURE: tuple[Usual, ...] = (
    ("hPa", 1, 500, 1100),
    ("Pa", 1, 50000, 110000),
    ("kPa", 1, 50, 110),
    ("hPa", 0.1, 5000, 11000),
    ("inHg", 1, 20, 32.5),
    ("bar", 1, 0.5, 1.1),
)

USUAL: dict[str, tuple[Usual, ...]] = {
    "air_temperature": _AIR,
    "outdoor_air_temperature": _AIR,
    "supply_air_temperature": _AIR,
    "return_air_temperature": _AIR,
    "device_temperature": _AIR,
    "dew_point": _AIR,
    "soil_temperature": _AIR,
    "surface_temperature": _WATER,
    "water_temperature": _WATER,
    "supply_water_temperature": _WATER,
    "return_water_temperature": _WATER,
    "hot_water_temperature": _WATER,
    "relative_humidity": _SHARE,
    "soil_moisture": _SHARE,
    "battery_level": (("percent", 1, 5, 100), ("percent", 0.1, 100, 1000)),
    "fill_level": _SHARE,
    "air_pressure": _PRESSURE,
    "battery_voltage": (("V", 1, 0.8, 30), ("mV", 1, 800, 30000), ("V", 0.01, 80, 799)),
    "supply_voltage": (("V", 1, 1, 500), ("mV", 1, 1000, 60000)),
    "voltage": (("V", 1, -1000, 1000), ("V", 0.1, 1000, 4500), ("mV", 1, 1000, 500000)),
    "co2": (("ppm", 1, 200, 40000),),
    "latitude": (("deg", 1, -90, 90), ("deg", 1e-5, -9e6, 9e6), ("deg", 1e-6, -9e7, 9e7), ("deg", 1e-7, -9e8, 9e8)),
    "longitude": (
        ("deg", 1, -180, 180),
        ("deg", 1e-5, -18e6, 18e6),
        ("deg", 1e-6, -18e7, 18e7),
        ("deg", 1e-7, -18e8, 18e8),
    ),
    "frequency": (("Hz", 1, 15, 500), ("Hz", 0.1, 450, 650), ("Hz", 0.01, 4500, 6500)),
    "distance": (("m", 1, 0, 100), ("mm", 1, 0, 20000)),
    "signal_strength": (("dBm", 1, -150, 0),),
    "energy": (("kWh", 1, 0, 1e9), ("Wh", 1, 0, 1e12)),
}

SENTINELS: frozenset[float] = frozenset(
    (
        -1,
        -99,
        -99.9,
        -127,
        -127.99,
        -128,
        -200,
        -273.15,
        -300,
        -327.68,
        -999,
        -999.9,
        -9999,
        -32768,
        -3276.8,
        -99999,
        127,
        127.99,
        255,
        327.67,
        655.35,
        999,
        999.9,
        3276.7,
        6553.5,
        9999,
        32767,
        65535,
        65.535,
        32.767,
        99999,
        655.34,
        6553.4,
        65534,
        2147483647,
        -2147483648,
        4294967295,
        1000000000.0,
        999999,
        -888,
        888,
        8888,
        9998,
    )
)
"""Numbers that devices send for "no value"."""
SENTINEL_TEXTS: frozenset[str] = frozenset(
    (
        "n/a",
        "na",
        "nan",
        "null",
        "none",
        "-",
        "--",
        "---",
        "err",
        "error",
        "fail",
        "fault",
        "unknown",
        "unavailable",
        "#value!",
        "#n/a",
        "#ref!",
        "#div/0!",
        "not applicable",
        "not available",
        "missing",
        "invalid",
        "inf",
        "bad",
        "over",
        "under",
        "ol",
        "nodata",
        "no data",
        "undef",
        "undefined",
        "n.a.",
        "nil",
        "?",
        "offline",
        "open",
    )
)
"""Texts that people and devices write where there is no number, in lower case."""
