"""An estate in Silver that gives every example question something to answer, and something to get wrong.

Belongs here: readings, doubts, refusals and registers of five days, written as Silver holds them. Over these days a
quarter and a fiscal year end, clocks change, a device moves and returns, a site changes hands and its name, and devices
fall silent, lose charge, are in no register, or differ from another by case only.
Does not: Gold or the warm tier, which the product makes of it (`conftest`), or any answer (`answers`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from assets.silver import digests
from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_specs
from lake.fence import write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.entities import (
    CLIENT,
    ENGAGEMENT,
    IOT_DEVICE,
    SERVICE_OFFERING,
    SITE,
    SITE_RETURN,
    TRUST,
    Entity,
)
from quality.contracts.metrics import BY_NAME
from quality.contracts.model import Table
from quality.contracts.tables import BATCHES, DUPLICATES, QUARANTINE, READING_FLAGS, READINGS

Row = dict[str, Any]
SATURDAY = date(2026, 3, 28)
DAYS = tuple(SATURDAY + timedelta(days=n) for n in range(5))
"""Saturday to Wednesday: clocks change in London on Sunday, a fiscal year ends on Tuesday."""
HEARD = datetime(2026, 4, 1, 18, tzinfo=UTC)
"""Wednesday is heard of until then."""
INTERVALS = {"tasmota": 300.0, "uci_air_quality": 3600.0}
"""Seconds between readings that a mapping declares; the others declare none."""
NORTH, SOUTH, GHOST, CLINIC = "RXX/NORTH", "RYY/SOUTH", "RZZ/GHOST", "RYY/CLINIC"
BLANK: Row = {
    "string": "", "long": 0, "int": 0, "double": 0.0, "boolean": False, "binary": b"", "map": [], "counts": [],
    "strings": [], "dates": [], "timestamp": datetime(2020, 1, 1, tzinfo=UTC), "date": date(2020, 1, 1),
}  # fmt: skip


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def settle(lake: Lake, *, followed: bool = False) -> None:
    """Write all of it; `followed`: with the mappings, which Gold asks of each reading when it was to be expected."""
    digest = "made"
    if followed:
        canonicaliser = Canonicaliser.of(load_specs())
        digests.keep(lake, canonicaliser)
        digest = canonicaliser.digest
    readings = [_reading(number, row, digest) for number, row in enumerate(_readings())]
    fence = {"silver/batch": 1}
    reached = [("telemetry/0/0", int(HEARD.timestamp() * 1e6))]
    log = {"batch": 1, "mode": "append", "digest": digest, "reached": reached, "event_dates": list(DAYS)}
    log["hours"] = sorted({row["enqueued_hour"] for row in readings})
    _put(lake, BATCHES, [log], fence)
    _put(lake, QUARANTINE, list(_refused()), fence)
    _put(lake, DUPLICATES, list(_repeated()), fence)
    _put(lake, READINGS, readings, fence)
    _put(lake, READING_FLAGS, list(_doubts(readings)), {})
    for entity, versions in REGISTERS:
        _put(lake, entity.table, [_version(version) for version in versions], {})


def later(lake: Lake) -> None:
    """Another batch: readings of Sunday that come in on Wednesday."""
    measured = [
        *_steady("bms:left", "2026-03-29T00:07", "2026-03-29T09:00", level=31.0),
        *_series("bms:meter-s", "energy_interval", {"2026-03-29T09:07": 6.5}),
    ]
    rows = [
        _reading(10**6 + number, row | {"enqueued_at": at("2026-04-01T17:00")}, "")
        for number, row in enumerate(measured)
    ]
    fence = {"silver/batch": 2}
    reached = [("telemetry/0/0", int(HEARD.timestamp() * 1e6))]
    log = {"batch": 2, "mode": "append", "reached": reached, "event_dates": [DAYS[1]], "hours": ["2026-04-01-17"]}
    _put(lake, BATCHES, [log], fence)
    for table in (QUARANTINE, DUPLICATES):
        _put(lake, table, [], fence)
    _put(lake, READINGS, [row | {"silver_batch": 2} for row in rows], fence)


def _put(lake: Lake, table: Table, rows: Sequence[Row], fence: dict[str, int]) -> None:
    blank = {column.name: None if column.null else BLANK[column.type] for column in table.columns}
    made = pa.Table.from_pylist([blank | row for row in rows], schema=arrow_schema(table))
    write(lake.open(table), made, fence, metadata=fence)


def _reading(number: int, row: Row, digest: str) -> Row:
    full = {
        "channel": "", "discriminator": "", "value": None, "value_text": None, "hub": "telemetry", "partition_id": "0",
        "sequence_number": number, "mapping_id": "made", "digest": digest, "silver_batch": 1,
        "unit": BY_NAME[row["metric"]].unit, "enqueued_at": row["recorded_at"],
    } | row  # fmt: skip
    return full | {"enqueued_hour": f"{full['enqueued_at']:%Y-%m-%d-%H}"}


def _moments(begin: str, end: str, every: int = 900) -> Iterator[datetime]:
    when = at(begin)
    while when < at(end):
        yield when
        when += timedelta(seconds=every)


def _steady(
    device: str, begin: str, end: str, metric: str = "air_temperature", level: float = 21.0, swing: float = 0.0,
    every: int = 900, **more: Any,
) -> Iterator[Row]:  # fmt: skip
    """A reading each so many seconds; `swing` up and down around `level` over the day, and a little noise."""
    for number, moment in enumerate(_moments(begin, end, every)):
        turn = math.sin((moment.hour - 9 + moment.minute / 60) * math.pi / 12)
        value = level + swing * turn + (number * 7919 % 1000) / 4000
        yield {"device_id": device, "metric": metric, "recorded_at": moment, "value": value, **more}


def _series(device: str, metric: str, values: dict[str, float | str], **more: Any) -> Iterator[Row]:
    for moment, value in values.items():
        kind = "value_text" if isinstance(value, str) else "value"
        yield {"device_id": device, "metric": metric, "recorded_at": at(moment), kind: value, **more}


def _counted(
    device: str, metric: str, begin: str, end: str, start: float, step: float, every: int = 1800, **more: Any
) -> Iterator[Row]:
    for number, moment in enumerate(_moments(begin, end, every)):
        yield {"device_id": device, "metric": metric, "recorded_at": moment, "value": start + number * step, **more}


BEGIN, END = "2026-03-28", "2026-04-01T18:00"


def _readings() -> Iterator[Row]:
    # Moves on Monday at noon from north to south, and is warmer there.
    yield from _steady("bms:left", BEGIN, "2026-03-30T12:00", level=19.5, swing=4)
    yield from _steady("bms:left", "2026-03-30T12:00", END, level=24.0, swing=5)
    yield from _steady("bms:right", BEGIN, END, level=25.5, swing=3)
    yield from _steady("bms:right", BEGIN, END, metric="co2", level=1100.0, swing=400)
    yield from _steady("bms:Right", BEGIN, "2026-03-29T13:00", level=15.0)  # by case only another one
    yield from _steady("bms:away", BEGIN, END, level=18.0, every=3600)  # at a site that no register knows
    yield from _series("bms:away", "co2", {"2026-03-30T05:00": 1500.0})
    # In the register until Sunday and from Tuesday on.
    yield from _steady("bms:back", BEGIN, "2026-04-01", level=22.0, every=1800)
    # As its mapping promises hour by hour, then with gaps.
    of_air = {"mapping_id": "uci_air_quality", "metric": "relative_humidity"}
    yield from _steady("bms:air", BEGIN, "2026-03-31", level=45.0, swing=25, every=3600, **of_air)
    yield from _steady("bms:air", "2026-03-31", "2026-03-31T20:00", level=45.0, swing=25, every=3600, **of_air)
    yield from _steady("bms:air", "2026-04-01T02:00", "2026-04-01T09:00", level=45.0, every=3600, **of_air)
    # Devices of no register, one with a colon of its own.
    yield from _steady("register:7:4", "2026-03-30T02:00", "2026-03-31T22:00", level=20.5, every=2700)
    yield from _steady("bms:moth", BEGIN, "2026-03-28T05:00", metric="co2", level=500.0)
    # Falls silent each day in the afternoon; one is weak, one doubtful, one not awaited.
    for day in DAYS:
        yield from _steady("bms:patchy", f"{day}", f"{day}T14:00", level=21.0)
    yield from _steady("bms:weak", BEGIN, END, level=21.0, every=1800)
    yield from _series("bms:weak", "battery_level", {"2026-03-28T08:00": 21.0, "2026-03-30T08:00": 17.0,
                                                    "2026-03-30T09:00": 14.5, "2026-04-01T08:00": 12.0})  # fmt: skip
    yield from _series("bms:patchy", "battery_level", {"2026-03-29T08:00": 35.0, "2026-03-29T09:00": 19.0,
                                                      "2026-03-31T09:00": 88.0})  # fmt: skip
    yield from _steady("bms:doubt", BEGIN, END, level=23.0, every=1800)
    yield from _steady("bms:spare", "2026-03-30", "2026-03-30T03:00", level=23.0)
    yield from _meters()
    yield from _plant("bms:ahu", "2026-03-28T06:00", "2026-03-28T20:00", supply=16.0, heating=30.0, cooling=40.0)
    yield from _plant("bms:ahu", "2026-03-30T06:00", "2026-03-30T20:00", supply=21.5, heating=0.0, cooling=100.0)
    yield from _plant("bms:ahu", "2026-03-31T06:00", "2026-03-31T09:00", supply=12.0, heating=0.0, cooling=0.0)
    yield from _plant("bms:stray-ahu", "2026-03-31T06:00", "2026-03-31T12:00", supply=11.0, heating=100.0, cooling=0.0)


def _meters() -> Iterator[Row]:
    plug = {"mapping_id": "tasmota"}
    yield from _counted("bms:meter-n", "energy", BEGIN, "2026-03-30T10:00", 5_000.0, 0.25, every=300, **plug)
    yield from _counted("bms:meter-n", "energy", "2026-03-30T10:00", END, 0.5, 0.5, **plug)  # began anew
    yield from _counted("bms:meter-n", "water_volume", BEGIN, END, 1e9, 0.125)
    yield from _counted("bms:meter-s", "heat_energy", BEGIN, END, 80.0, 3.5)
    yield from _steady("bms:meter-s", BEGIN, END, metric="energy_interval", level=2.0, swing=1, every=1800)
    # Carried from south to north at noon on Tuesday; one that nobody has placed.
    yield from _counted("bms:meter-m", "energy", "2026-03-31", "2026-04-01T12:00", 10.0, 1.25)
    yield from _counted("bms:meter-x", "water_volume", "2026-03-31", "2026-04-01", 0.0, 0.5)


def _plant(device: str, begin: str, end: str, *, supply: float, heating: float, cooling: float) -> Iterator[Row]:
    given = {"supply_air_temperature_setpoint": (17.0, ""), "mixed_air_temperature": (15.5, "")}
    commands = {"heating": heating, "cooling": cooling}
    for number, moment in enumerate(_moments(begin, end)):
        for metric, (value, channel) in given.items():
            yield {"device_id": device, "metric": metric, "channel": channel, "recorded_at": moment, "value": value}
        stuck = supply < 11.5
        shown = supply if stuck else supply + number % 3 / 10
        yield {"device_id": device, "metric": "supply_air_temperature", "recorded_at": moment, "value": shown}
        for channel, value in commands.items():
            yield {
                "device_id": device, "metric": "valve_command", "channel": channel, "recorded_at": moment,
                "value": value,
            }  # fmt: skip
        yield {
            "device_id": device, "metric": "fan_status", "channel": "supply", "recorded_at": moment,
            "value_text": "off" if moment.hour == 13 else "on",
        }  # fmt: skip


def _doubts(readings: Sequence[Row]) -> Iterator[Row]:
    """Every fourth reading of one device, some for two reasons; a few of another, which is below the limit."""
    kept = ("device_id", "metric", "channel", "recorded_at", "discriminator", "value", "enqueued_at", "mapping_id")
    for number, row in enumerate(row for row in readings if row["device_id"] in {"bms:doubt", "bms:right"}):
        rare = row["device_id"] == "bms:right"
        codes = ("stuck", "spike") if number % 8 == 0 else ("stuck",)
        for code in codes if number % (40 if rare else 4) == 0 else ():
            named = {"event_date": row["recorded_at"].date(), "code": code, "silver_batch": 1}
            yield {name: row[name] for name in kept} | named


def _arrived(number: int, when: str, **more: Any) -> Row:
    moment = at(when)
    place = {"hub": "telemetry", "partition_id": "0", "sequence_number": 5_000_000 + number, "silver_batch": 1}
    return place | {"enqueued_at": moment, "enqueued_hour": f"{moment:%Y-%m-%d-%H}"} | more


def _refused() -> Iterator[Row]:
    """Per day, mapping and reason others in number; two of one event, some of no mapping."""
    for number in range(23):
        day = DAYS[number % 3]
        reason = ("not_finite", "range.above", "unknown_device")[number % 7 % 3]
        mapping = ("made", "tasmota", None)[number % 11 % 3]
        yield _arrived(number // 2, f"{day}T{number % 24:02}:30", reason=reason, mapping_id=mapping, index=number % 2)


def _repeated() -> Iterator[Row]:
    for number in range(9):
        named = {"device_id": "bms:left", "metric": "air_temperature", "mapping_id": "made"}
        yield _arrived(100 + number, f"{DAYS[number % 2]}T10:00", index=number, **named)


def _version(row: Row) -> Row:
    since, until = row.get("since", "2020-01-01"), row.get("until")
    kept = {name: value for name, value in row.items() if name not in {"since", "until"}}
    ends = at(until) if until else None
    return kept | {"valid_from": at(since), "valid_to": ends, "is_current": ends is None}


def _device(native: str, site: str | None, **more: Any) -> Row:
    named = {"device_id": f"bms:{native}", "source": "bms", "native_id": native, "site_id": site, "interval_s": 900.0}
    return named | {"expected_to_report": True, "location": f"room of {native}"} | more


_DEVICES = (
    _device("left", NORTH, until="2026-03-30T12:00", location="ward"),
    _device("left", SOUTH, since="2026-03-30T12:00", location="lobby"),
    _device("right", SOUTH),
    _device("Right", NORTH),
    _device("away", GHOST, interval_s=3600.0),
    _device("back", NORTH, until="2026-03-29T00:00"),
    _device("back", SOUTH, since="2026-03-31T06:00", location=None),
    _device("air", SOUTH, interval_s=None),
    _device("patchy", NORTH, interval_s=None),
    _device("weak", SOUTH, interval_s=1800.0),
    _device("doubt", NORTH, interval_s=1800.0),
    _device("spare", SOUTH, expected_to_report=False),
    _device("mute", NORTH, since="2026-03-29T18:00"),
    _device("mute-too", SOUTH),
    _device("meter-n", NORTH, interval_s=1800.0),
    _device("meter-s", SOUTH, interval_s=1800.0),
    _device("meter-m", SOUTH, until="2026-03-31T12:00", expected_to_report=False),
    _device("meter-m", NORTH, since="2026-03-31T12:00", expected_to_report=False),
    _device("meter-x", None, expected_to_report=False),
    _device("ahu", NORTH, expected_to_report=False),
)
_SITES = (
    {"site_id": NORTH, "organisation_code": "RXX", "site_code": "NORTH", "name": "Infirmary",
     "time_zone": "Europe/London", "until": "2026-03-31"},
    {"site_id": NORTH, "organisation_code": "RYY", "site_code": "NORTH", "name": "New Infirmary",
     "time_zone": "Europe/London", "since": "2026-03-31"},
    {"site_id": SOUTH, "organisation_code": "RYY", "site_code": "SOUTH", "name": "Zähler-Haus",
     "time_zone": "Australia/Adelaide"},
    {"site_id": CLINIC, "organisation_code": "RYY", "site_code": "CLINIC", "name": "Clinic",
     "time_zone": "Europe/London"},
)  # fmt: skip
_TRUSTS = (
    {"organisation_code": "RXX", "name": "Old Name", "until": "2026-03-30"},
    {"organisation_code": "RXX", "name": "Example Trust", "since": "2026-03-30"},
    {"organisation_code": "RYY", "name": "Other Trust"},
)
_CLIENTS = (
    {"client_id": "C1", "name": "Example Council", "until": "2026-02-01"},
    {"client_id": "C1", "name": "Example City", "since": "2026-02-01"},
    {"client_id": "C2", "name": "Harbour"},
    {"client_id": "c2", "name": "Small Harbour"},
    {"client_id": "C3", "name": "Loss Ltd"},
)


def _engagement(number: int, client: str, budget: float | None, cost: float | None, revenue: float | None) -> Row:
    currency = "EUR" if number % 4 == 3 else "GBP"
    return {
        "engagement_id": f"E{number}", "client_id": client, "service_offering_id": "S1", "name": f"Survey {number}",
        "started_on": date(2026, 1, number + 1), "budget": budget, "actual_cost": cost, "revenue": revenue,
        "currency": currency,
    }  # fmt: skip


_ENGAGEMENTS = (
    _engagement(1, "C1", 10.0, 10.0, 20.0) | {"until": "2026-03-01"},
    _engagement(1, "C1", 100.0, 120.0, 150.0) | {"since": "2026-03-01"},
    _engagement(2, "C1", 100.0, 90.0, 80.0),
    _engagement(3, "C1", 70.0, 75.0, 100.0),
    _engagement(4, "C2", 50.0, None, 60.0),
    _engagement(5, "C2", None, 20.0, 30.0),
    _engagement(6, "C2", 10.0, 30.0, 90.0),
    _engagement(7, "c2", 10.0, 30.5, 45.0),
    _engagement(8, "C3", 10.0, 30.0, 0.0),
    _engagement(9, "C3", 10.0, 30.0, None),
    _engagement(11, "c2", 10.0, None, 12.0),
)


def _return(site: str, year: int, area: float | None, **figures: Any) -> Row:
    named = {"site_id": site, "organisation_code": site[:3], "site_code": site[4:], "return_year": year}
    return named | {"gross_internal_floor_area": area} | figures


_RETURNS = (
    # In another's hands at the end of the one year than at that of the other; an area is looked for before, then after.
    _return(NORTH, 2023, None, electricity_consumed=900.0, gas_consumed=4000.0, water_volume=60.0),
    _return(NORTH, 2024, 500.0, electricity_consumed=1000.0, renewable_electricity_consumed=50.0, oil_consumed=70.0),
    _return(NORTH, 2025, 520.0, electricity_consumed=1200.0, until="2026-03-30"),
    _return(NORTH, 2025, 512.5, electricity_consumed=1100.0, gas_consumed=0.0, water_volume=75.0, since="2026-03-30"),
    # Beside another of its organisation whose area is not known, and which has no meters.
    _return(SOUTH, 2024, 800.0, electricity_consumed=9000.0, steam_consumed=100.0, water_volume=0.0),
    _return(SOUTH, 2025, 820.0, electricity_consumed=9900.0, hot_water_consumed=365.0, water_volume=5.0),
    _return(CLINIC, 2025, None, electricity_consumed=333.0, water_volume=12.0),
    # Of a site that no register knows, and one that was taken back.
    _return(GHOST, 2024, 40.0, water_volume=8.0),
    _return(GHOST, 2025, 40.0, water_volume=9.0, until="2026-03-30"),
)
REGISTERS: tuple[tuple[Entity, Sequence[Row]], ...] = (
    (IOT_DEVICE, _DEVICES),
    (SITE, _SITES),
    (TRUST, _TRUSTS),
    (CLIENT, _CLIENTS),
    (SERVICE_OFFERING, ({"service_offering_id": "S1", "name": "Survey", "currency": "GBP"},)),
    (ENGAGEMENT, _ENGAGEMENTS),
    (SITE_RETURN, _RETURNS),
)
