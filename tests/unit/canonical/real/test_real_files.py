"""Published files of rows against what plain Python reads in them."""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.real_data

INCH_OF_WATER = 249.08891
LIBRARY = {
    3: ("device_temperature", ""),
    4: ("battery_voltage", ""),
    5: ("relative_humidity", ""),
    6: ("air_temperature", ""),
    7: ("light_level", "par"),
    8: ("light_level", "tsr"),
}
AIR = {
    "CO(GT)": ("co_mass_concentration", "", 1683),
    "NMHC(GT)": ("nmhc_mass_concentration", "", 8443),
    "C6H6(GT)": ("benzene", "", 366),
    "NOx(GT)": ("nox", "", 1639),
    "NO2(GT)": ("no2_mass_concentration", "", 1642),
    "PT08.S1(CO)": ("gas_sensor_response", "co", 366),
    "PT08.S2(NMHC)": ("gas_sensor_response", "nmhc", 366),
    "PT08.S3(NOx)": ("gas_sensor_response", "nox", 366),
    "PT08.S4(NO2)": ("gas_sensor_response", "no2", 366),
    "PT08.S5(O3)": ("gas_sensor_response", "o3", 366),
    "T": ("outdoor_air_temperature", "", 366),
    "RH": ("relative_humidity", "", 366),
    "AH": ("vapor_pressure", "", 366),
}
"""Metric, channel, and how often the file says -200."""
SIGNALS = {
    "Supply Air Temperature": ("supply_air_temperature", "", "F"),
    "Supply Air Temperature Set Point": ("supply_air_temperature_setpoint", "", "F"),
    "Supply Air Temperature Heating Set Point": ("supply_air_heating_setpoint", "", "F"),
    "Supply Air Temperature Cooling Set Point": ("supply_air_cooling_setpoint", "", "F"),
    "Outdoor Air Temperature": ("outdoor_air_temperature", "", "F"),
    "Mixed Air Temperature": ("mixed_air_temperature", "", "F"),
    "Return Air Temperature": ("return_air_temperature", "", "F"),
    "Supply Air Fan Status": ("fan_status", "supply", ("off", "on")),
    "Return Air Fan Status": ("fan_status", "return", ("off", "on")),
    "Supply Air Fan Speed Control Signal": ("fan_speed_command", "supply", "share"),
    "Return Air Fan Speed Control Signal": ("fan_speed_command", "return", "share"),
    "Exhaust Air Damper Control Signal": ("damper_command", "exhaust", "share"),
    "Outdoor Air Damper Control Signal": ("damper_command", "outdoor", "share"),
    "Return Air Damper Control Signal": ("damper_command", "return", "share"),
    "Cooling Coil Valve Control Signal": ("valve_command", "cooling", "share"),
    "Heating Coil Valve Control Signal": ("valve_command", "heating", "share"),
    "Supply Air Duct Static Pressure Set Point": ("static_pressure_setpoint", "", "water"),
    "Supply Air Duct Static Pressure": ("static_pressure", "", "water"),
    "Occupancy Mode Indicator": ("occupancy_mode", "", ("unoccupied", "occupied")),
}
TO_CANONICAL = {
    "F": lambda value: (value - 32) * 5 / 9,
    "share": lambda value: value * 100,
    "water": lambda value: value * INCH_OF_WATER,
}


def _rows(file, *, delimiter=","):
    with gzip.open(file, "rt", newline="") as content:
        yield from csv.DictReader(content, delimiter=delimiter)


def test_all_that_a_library_sent_is_read(library, replayed, made, total, same) -> None:
    events = replayed(library, "ulb_library", header=False)
    found = made(events)

    wanted = defaultdict(list)
    packets = Counter()
    for line in library.read_text("latin-1").splitlines():
        fields = line.split()
        at = datetime.fromtimestamp(int(fields[0]) // 1000, UTC)
        packets[fields[1], fields[2]] += 1
        for place, (metric, channel) in LIBRARY.items():
            wanted[f"ulb_library:{fields[1]}", metric, channel].append((at, float(fields[place].replace(",", "."))))
    assert found.outcomes() == {"accepted": 7114, "partial": 0, "quarantined": 0, "lost": 0}
    assert found.reasons() == {}
    same(found.totals(), {key: total.of(readings) for key, readings in wanted.items()})
    # Node 6 restarted after six hours: numbers 0 to 2 came twice, with other times and values.
    assert [key for key, count in packets.items() if count > 1] == [("6", "0"), ("6", "1"), ("6", "2")]
    numbers = zip(*(found.readings.column(name).to_pylist() for name in ("device_id", "discriminator")), strict=True)
    assert Counter(numbers) == {(f"ulb_library:{node}", number): 6 * n for (node, number), n in packets.items()}


def test_an_air_quality_station_means_no_value_by_minus_200(real, replayed, made, total, same) -> None:
    [file] = (real / "uci_air_quality").glob("*.csv.gz")
    found = made(replayed(file, "uci_air_quality", header=True))

    rows = [row for row in _rows(file, delimiter=";") if any(cell for cell in row.values() if isinstance(cell, str))]
    wanted = defaultdict(list)
    absent = Counter()
    times, silent = [], 0
    for row in rows:
        local = datetime.strptime(f"{row['Date']} {row['Time']}", "%d/%m/%Y %H.%M.%S")  # noqa: DTZ007 - see below
        times.append(at := (local - timedelta(hours=1)).replace(tzinfo=UTC))
        before = absent.total()
        for name, (metric, channel, _) in AIR.items():
            value = float(row[name].replace(",", "."))
            if value == -200:
                absent[name] += 1
            else:
                wanted[f"uci_air_quality:{file.name.split('.')[0]}", metric, channel].append((at, value))
        silent += absent.total() - before == len(AIR)
    # A clock that was put forward would have skipped an hour in March, and said one twice in October.
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(hours=1)}
    assert absent == {name: count for name, (_, _, count) in AIR.items()}
    assert (len(rows), silent) == (9357, 31)
    # 114 rows of nothing, and 31 hours without one value.
    assert found.reasons() == {("no_readings", "body"): 114, ("no_readings", None): 31}
    assert found.outcomes() == {"accepted": 9326, "partial": 0, "quarantined": 145, "lost": 0}
    same(found.totals(), {key: total.of(readings) for key, readings in wanted.items()})


@pytest.mark.parametrize(
    ("name", "zone", "outcomes", "reasons"),
    [
        ("MZVAV-2-2", "America/Chicago", {"accepted": 37440, "partial": 0, "quarantined": 0, "lost": 0}, {}),
        (
            "SZVAV",
            "America/Los_Angeles",
            {"accepted": 11510, "partial": 4329, "quarantined": 0, "lost": 0},
            {
                ("missing_field", "Supply Air Temperature Heating Set Point"): 590,
                ("missing_field", "Supply Air Temperature Cooling Set Point"): 590,
                ("below_range", "Exhaust Air Damper Control Signal"): 4099,
            },
        ),
    ],
)
def test_air_handling_units_in_fahrenheit(real, replayed, made, total, same, name, zone, outcomes, reasons) -> None:
    file = real / "lbnl_ahu_faults" / f"{name}.csv.gz"
    found = made(replayed(file, "lbnl_ahu_faults", header=True))

    device = f"lbnl:{name}"
    wanted, texts, refused, errors = defaultdict(list), Counter(), Counter(), Counter()
    partial = 0
    for row in _rows(file):
        at = datetime.strptime(row.pop("Datetime"), "%m/%d/%Y %H:%M").replace(tzinfo=ZoneInfo(zone))
        row.pop("Fault Detection Ground Truth")
        before = refused.total()
        for column, text in row.items():
            signal = column.strip().removeprefix("AHU: ")
            metric, channel, how = SIGNALS[signal]
            if text == "":
                refused["missing_field", signal] += 1
            elif text == "#VALUE!":
                errors[signal] += 1
            elif isinstance(how, tuple):
                texts[device, metric, channel, how[int(text)]] += 1
            elif how == "share" and float(text) < 0:
                refused["below_range", signal] += 1
            else:
                wanted[device, metric, channel].append((at, TO_CANONICAL[how](float(text))))
        partial += refused.total() > before
    assert (refused, partial) == (reasons, outcomes["partial"])
    assert errors == ({"Outdoor Air Temperature": 1} if name == "SZVAV" else {})
    assert Counter({(why, field.removeprefix("AHU: ")): n for (why, field), n in found.reasons().items()}) == refused
    assert found.texts() == texts
    assert found.outcomes() == outcomes
    same(found.totals(), {key: total.of(readings) for key, readings in wanted.items()})
