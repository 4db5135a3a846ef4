"""Questions 13 to 17: silence, batteries, health, alerts and faults of devices.

Belongs here: their answers from Silver's readings, doubts and register, device by device and day by day.
Does not: how long a state was held, which `tests.integration.gold.oracle` finds from the same readings.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import polars as pl

from assets.gold.domain.fault_rules import FAULTS
from quality.contracts.domain_limits import HEALTH_LIMITS as LIMITS
from quality.contracts.entities import IOT_DEVICE
from tests.integration.gold import oracle
from tests.integration.warm.answers.silver import END, Row, Silver
from tests.integration.warm.estate import INTERVALS

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SILENT_HOURS = 4
"""From so many silent hours on a device that is to report is an alert; dbt's variable `silence_hours`."""


@dataclass(frozen=True)
class Health:
    """One device on one day."""

    device_id: str
    day: date
    status: str
    expected: bool
    hours_silent: int
    battery: float | None


def health(silver: Silver) -> list[Health]:
    """Every device that was to report or did, on every day of which there are readings."""
    versions = silver.versions(IOT_DEVICE)
    doubtful = silver.flags.filter(pl.col("value").is_not_null())
    doubts = doubtful.unique(["device_id", "metric", "channel", "recorded_at", "discriminator"])
    suspects = Counter(doubts.select("device_id", "event_date").iter_rows())
    found = []
    for day in silver.readings["day"].unique().sort():
        midnight = datetime.combine(day, time())
        heard: dict[str, pl.DataFrame] = {
            str(key[0]): of for key, of in silver.readings.filter(pl.col("day") == day).group_by("device_id")
        }
        register = _register(versions, midnight)
        for device in sorted(register.keys() | heard.keys()):
            spans = register.get(device, [])
            if device in heard or any(span["expected_to_report"] for span in spans):
                of = heard.get(device, silver.readings.clear())
                found.append(_judged(device, midnight, silver.heard, spans, of, suspects[device, day]))
    return found


def _register(versions: pl.DataFrame, midnight: datetime) -> dict[str, list[dict[str, Any]]]:
    held: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in versions.sort("valid_from").iter_rows(named=True):
        since, until = max(row["valid_from"], midnight), min(row["valid_to"] or END, midnight + DAY)
        if since < until:
            held[row["device_id"]].append(row | {"since": since, "until": until})
    return held


def _judged(
    device: str, midnight: datetime, heard: datetime, spans: list[dict[str, Any]], of: pl.DataFrame, suspects: int
) -> Health:  # fmt: skip
    awaited = [span for span in spans if span["expected_to_report"]]
    since, until = (midnight, midnight + DAY) if not spans else (midnight, midnight)
    if awaited:
        since, until = min(span["since"] for span in awaited), max(span["until"] for span in awaited)
    until = max(since, min(until, max(midnight, heard)))
    moments = sorted([since, until, *(moment for moment in of["recorded_at"] if since <= moment <= until)])
    silence = max(((right - left).total_seconds() for left, right in pairwise(moments)), default=0.0)
    hours = set(_whole_hours(since, until))
    numbers = of.filter(pl.col("value").is_not_null())
    battery = numbers.filter(pl.col("metric") == "battery_level").sort("recorded_at")["value"]
    known = [span["interval_s"] for span in spans if span["interval_s"] is not None]
    limit = known[-1] * LIMITS.silence_intervals if known else LIMITS.silence_s
    watched = (until - since).total_seconds()
    completeness = _completeness(numbers)
    tried: list[tuple[str, bool]] = [
        ("unheard", bool(spans) and of.is_empty() and watched < limit),
        ("silent", of.is_empty()),
        ("unregistered", not spans),
        ("unexpected", not awaited),
        ("low_battery", len(battery) > 0 and battery.min() < LIMITS.battery_low),
        ("suspect", len(numbers) > 0 and suspects / len(numbers) > LIMITS.suspect_share),
        ("patchy", silence > limit),
        ("patchy", completeness is not None and completeness < LIMITS.completeness * watched / 86_400),
        ("healthy", True),
    ]
    return Health(
        device_id=device, day=midnight.date(), status=next(word for word, applies in tried if applies),
        expected=bool(awaited), hours_silent=len(hours - set(of["hour"])),
        battery=battery.last() if len(battery) else None,
    )  # fmt: skip


def _whole_hours(since: datetime, until: datetime) -> Iterator[datetime]:
    hour = since.replace(minute=0, second=0, microsecond=0)
    hour += HOUR if hour < since else timedelta()
    while hour + HOUR <= until:
        yield hour
        hour += HOUR


def _completeness(numbers: pl.DataFrame) -> float | None:
    told = numbers.filter(pl.col("mapping_id").is_in(INTERVALS))
    series = told.group_by("metric", "channel", "mapping_id").len()
    wanted = sum(86_400 / INTERVALS[mapping] for mapping in series["mapping_id"])
    return told.height / wanted if wanted else None


def _framed(rows: list[Health]) -> pl.DataFrame:
    return pl.DataFrame([{name: getattr(row, name) for name in row.__dataclass_fields__} for row in rows])


def silent_devices(silver: Silver) -> list[Row]:
    """13. Hours of each day without a word from a device that was to send one."""
    silent = [row for row in health(silver) if row.expected and row.hours_silent > 0]
    placed = silver.at_device(_framed(silent), "day")
    return placed.select("day", "device_id", "location", "hours_silent").rows()


def low_batteries(silver: Silver) -> list[Row]:
    """14. By what they last said on a day."""
    low: dict[str, list[Health]] = defaultdict(list)
    for row in health(silver):
        if row.battery is not None and row.battery < 20:
            low[row.device_id].append(row)
    return [(device, min(row.battery or 0 for row in of), max(row.day for row in of)) for device, of in low.items()]


def health_by_status(silver: Silver) -> list[Row]:
    """15. Devices a day and word."""
    return [(*key, count) for key, count in Counter((row.day, row.status) for row in health(silver)).items()]


def _faults(silver: Silver) -> list[tuple[str, date, str, int]]:
    """Device, day, rule and hours, of rules that hold for two hours or longer."""
    spans = silver.numbers.filter(pl.col("metric").is_in(_POINTS)).group_by("device_id", "hour")
    running = _running(silver)
    counted: Counter[tuple[str, date, str]] = Counter()
    for (device, hour), of in spans:
        if running.get((device, hour), 0.0) < 0.99:
            continue
        points = {
            (metric, channel): values
            for metric, channel, values in of.group_by("metric", "channel").agg("value").iter_rows()
        }
        for code, fails in _RULES.items():
            counted[device, hour.date(), code] += fails(points)
    return [(*key, hours) for key, hours in counted.items() if hours >= 2]


def _running(silver: Silver) -> dict[tuple[str, datetime], float]:
    """Share of each hour in which a unit's fan ran."""
    on = oracle.states(silver.readings.drop("day", "hour"), "1h").filter(
        (pl.col("metric") == "fan_status") & (pl.col("channel") == "supply") & (pl.col("state") == "on")
    )
    return {(device, start): share for device, start, share in on.select("device_id", "window_start", "share").rows()}


Points = Mapping[tuple[str, str], list[float]]
_SUPPLY, _SETPOINT, _MIXED = "supply_air_temperature", "supply_air_temperature_setpoint", "mixed_air_temperature"
_POINTS = (_SUPPLY, _SETPOINT, _MIXED, "valve_command")


def _mean(points: Points, metric: str, channel: str = "") -> float:
    values = points[metric, channel]
    return sum(values) / len(values)


def _valves(points: Points) -> tuple[float, float]:
    return _mean(points, "valve_command", "heating"), _mean(points, "valve_command", "cooling")


def _off(points: Points) -> float:
    return _mean(points, _SUPPLY) - _mean(points, _SETPOINT)


def _coil(points: Points) -> float:
    """By how much the coil warms, with both valves shut; nothing otherwise."""
    return _mean(points, _SUPPLY) - _mean(points, _MIXED) if max(_valves(points)) <= 1 else 0.0


_RULES: dict[str, Callable[[Points], bool]] = {
    "heating_and_cooling": lambda points: min(_valves(points)) > 5,
    "supply_too_warm": lambda points: _off(points) > 2,
    "supply_too_cold": lambda points: _off(points) < -2,
    "cooling_exhausted": lambda points: _valves(points)[1] >= 99 and _off(points) > 1,
    "heating_exhausted": lambda points: _valves(points)[0] >= 99 and _off(points) < -1,
    "cools_when_shut": lambda points: _coil(points) < -2,
    "heats_when_shut": lambda points: _coil(points) > 3,
    "supply_sensor_stuck": lambda points: len(points[_SUPPLY, ""]) >= 4 and len(set(points[_SUPPLY, ""])) == 1,
}
"""The rules that a unit can be judged by which has no other points than those of the estate."""


def alerts_by_severity(silver: Silver) -> list[Row]:
    """16. Silences of devices and faults of plant."""
    alerts: dict[Row, list[int]] = defaultdict(list)
    for row in health(silver):
        if row.status == "silent":
            alerts[row.day, "silence", "critical"].append(row.hours_silent)
        elif row.expected and row.hours_silent >= SILENT_HOURS:
            alerts[row.day, "silence", "warning"].append(row.hours_silent)
    severities = {rule.code: rule.severity for rule in FAULTS}
    for _, day, code, hours in _faults(silver):
        alerts[day, "fault", severities[code]].append(hours)
    return [(*key, len(hours), sum(hours)) for key, hours in alerts.items()]


def faults_and_their_place(silver: Silver) -> list[Row]:
    """17. Where the unit stood when the day began."""
    says = {rule.code: rule.says for rule in FAULTS}
    made = [(device, day, code, says[code], hours) for device, day, code, hours in _faults(silver)]
    frame = pl.DataFrame(made, schema=("device_id", "day", "code", "says", "hours"), orient="row")
    return silver.at_device(frame, "day").select("day", "site", "device_id", "code", "says", "hours").rows()
