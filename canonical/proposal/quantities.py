"""Which metric a field is, in which unit, and which of its values say "none".

Belongs here: comparing a field's words with the catalogue's, and its numbers with what metrics can be. Every doubt is
said with its alternative.
Does not: the words (`words`), the usual ranges (`ranges`), texts and booleans (`states`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from canonical import units
from canonical.proposal.numbers import Numbers
from canonical.proposal.ranges import SENTINEL_TEXTS, SENTINELS, USUAL
from canonical.proposal.words import plain
from quality.contracts.metrics import METRICS, Metric

_IMPLIED: dict[str, frozenset[str]] = {
    "air_temperature": frozenset({"air"}),
    "relative_humidity": frozenset({"relative"}),
    "air_pressure": frozenset({"air"}),
    "battery_level": frozenset({"level"}),
    "battery_voltage": frozenset({"voltage"}),
    "sound_level": frozenset({"level"}),
    "people_count": frozenset({"count"}),
    "wind_speed": frozenset({"speed"}),
    "supply_air_temperature": frozenset({"air"}),
    "return_air_temperature": frozenset({"air"}),
    "mixed_air_temperature": frozenset({"air"}),
    "exhaust_air_temperature": frozenset({"air"}),
    "outdoor_air_temperature": frozenset({"air"}),
    "no2_mass_concentration": frozenset({"mass", "concentration"}),
    "co_mass_concentration": frozenset({"mass", "concentration"}),
    "nox_mass_concentration": frozenset({"mass", "concentration"}),
    "o3_mass_concentration": frozenset({"mass", "concentration"}),
    "nmhc_mass_concentration": frozenset({"mass", "concentration"}),
    "tvoc_mass_concentration": frozenset({"mass", "concentration"}),
}
"""Words of a metric's name that vendors leave out."""
_ALSO: dict[str, frozenset[str]] = {
    "outdoor_air_temperature": frozenset({"outdoor"}),
    "device_temperature": frozenset({"internal", "board", "chip", "cpu", "mcu"}),
    "people_count": frozenset({"occupant"}),
    "pm2_5": frozenset({"pm25"}),
    "rainfall": frozenset({"rain"}),
    "snr": frozenset({"snr", "lsnr", "lorasnr"}),
    "fan_speed": frozenset({"motor"}),
    "switch_state": frozenset({"relay"}),
    "device_error": frozenset({"error"}),
}
"""Words that stand for a word of the metric's name."""
_SILENT = frozenset({"state", "status", "event", "sensor", "value", "val", "reading", "data", "current", "avg", "mean"})
_TYPES = frozenset({"state", "status", "event"})
_ENOUGH = 0.55


@dataclass(slots=True)
class Quantity:
    """A metric for a field, with all that the spec has to say about its numbers."""

    metric: Metric
    unit: str | None
    scale: float = 1.0
    sentinels: list[Any] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)


def candidates(words: Sequence[str], kinds: Iterable[str], around: Sequence[str] = ()) -> list[tuple[float, Metric]]:
    """Metrics whose names share words with a field's, best first; of equals the catalogue's first.

    The words of what is `around` the field (the object it is in) count for less, and not alone.
    """
    own = set(words)
    context = set(around) - own
    found = []
    for metric in METRICS:
        if metric.kind not in kinds:
            continue
        named = set(metric.name.split("_")) - _TYPES
        if metric.name == "pm2_5":
            named = {"pm25"}
        implied = _IMPLIED.get(metric.name, frozenset())
        also = _ALSO.get(metric.name, frozenset()) & own
        hits = len(own & named) + (1 if also and not also <= named else 0)
        if hits == 0 or ((own & named) <= implied - {"voltage", "level"} and not also):
            continue
        also |= _ALSO.get(metric.name, frozenset()) & context
        helped = len(context & named) + (1 if also - own else 0)
        missing = len(named - own - context - implied) - (1 if also else 0)
        left = len(own - named - _SILENT - also)
        found.append((hits + 0.7 * helped - 0.6 * max(0, missing) - 0.05 * min(left, 4), metric))
    return sorted(found, key=lambda pair: -pair[0])


def quantity_of(
    words: Sequence[str], unit: str | None, numbers: Numbers | None, around: Sequence[str] = ()
) -> Quantity | None:
    """The metric of a field of numbers; None where none is likely. Without numbers the words alone decide."""
    likely = [
        (score, metric)
        for score, metric in candidates(words, ("gauge", "counter"), around)
        if score >= _ENOUGH and (unit is None or _same_dimension(unit, metric.unit, metric.name))
    ]
    if not likely:
        return None
    best = likely[0][0]
    tried = [_fitted(metric, unit, numbers) for score, metric in likely if best - score < 0.5]
    tried.sort(key=lambda pair: -pair[0])
    fit, chosen = tried[0]
    rivals = [q.metric.name for other, q in tried[1:4] if other >= fit - 0.01 and q.metric.name != chosen.metric.name]
    if rivals:
        chosen.unsure.append(f"could also be {' or '.join(rivals)}")
    return chosen


def by_unit(unit: str, numbers: Numbers | None) -> Quantity | None:
    """The metric that a unit alone speaks for, where a field's name says nothing."""
    speaks = {
        "degC": "air_temperature", "degF": "air_temperature", "percent": "relative_humidity", "hPa": "air_pressure",
        "Pa": "air_pressure", "kPa": "air_pressure", "mbar": "air_pressure", "ppm": "co2", "lx": "illuminance",
        "V": "voltage", "mV": "voltage", "A": "current", "mA": "current", "W": "power", "kW": "power", "kWh": "energy",
        "Wh": "energy", "dBm": "signal_strength", "Hz": "frequency", "dB": "sound_level",
    }  # fmt: skip
    metric = next((metric for metric in METRICS if metric.name == speaks.get(unit)), None)
    if metric is None:
        return None
    chosen = _fitted(metric, unit, numbers)[1]
    chosen.unsure.append(f"only the unit ({unit}) says that this is {metric.name}")
    return chosen


def _fitted(metric: Metric, unit: str | None, numbers: Numbers | None) -> tuple[float, Quantity]:
    """How well a metric fits the numbers, with the unit and factor that fit best."""
    values = numbers.values if numbers else []
    plausible = [value for value in values if value not in SENTINELS] or values
    if unit is not None:
        options: list[tuple[str, float, float, float]] = [(unit, 1.0, float("-inf"), float("inf"))]
    else:
        limits = (metric.low if metric.low is not None else float("-inf"), metric.high or float("inf"))
        options = [*USUAL.get(metric.name, ((metric.unit, 1.0, *limits),))]
    best: tuple[float, Quantity] | None = None
    for name, scale, low, high in options:
        if scale != 1 and numbers is not None and not numbers.whole:
            continue
        inside = [v for v in plausible if low <= v <= high and _possible(metric, name, scale, v)]
        share = len(inside) / len(plausible) if plausible else 1.0
        if best is None or share > best[0] + 0.2:
            best = (share, Quantity(metric, name, scale))
    assert best is not None, "the first option is tried whatever the numbers are"
    share, found = best
    if unit is None:
        _say_unit(found, options)
    if numbers is not None and values:
        possible = _sentinels(found, numbers)
        if possible < 1:
            low, high = min(values), max(values)
            found.unsure.append(
                f"values from {low:g} to {high:g} do not all lie in what {metric.name} can be; the rest is rejected"
            )
        share = (share + possible) / 2
    return share, found


def _say_unit(found: Quantity, options: Sequence[tuple[str, float, float, float]]) -> None:
    assert found.unit is not None, "a fitted quantity has a unit"
    if found.metric.unit == "dimensionless":
        return
    others = [name for name, scale, _, _ in options if scale == 1 and name != found.unit]
    alternative = f"; if not: {', '.join(others)}" if others else ""
    factor = f" and the factor {found.scale:g}" if found.scale != 1 else ""
    found.unsure.append(f"the unit is not said; {found.unit}{factor} fits the values{alternative}")


def _sentinels(found: Quantity, numbers: Numbers) -> float:
    """Values that mean "none": impossible ones that are known for it or come again. Gives the share that is left."""
    unit = str(found.unit)
    impossible = {v: n for v, n in numbers.repeated.items() if not _possible(found.metric, unit, found.scale, v)}
    for value, times in impossible.items():
        if value in SENTINELS or times > 1:
            found.sentinels.append(int(value) if value == int(value) else value)
            often = "once" if times == 1 else f"{times} times"
            found.unsure.append(f"{value:g} (there {often}) was taken to mean: no value")
    texts = list(dict.fromkeys(numbers.others))
    for text in texts:
        found.sentinels.append(text)
        if plain(text) not in SENTINEL_TEXTS:
            found.unsure.append(f"the text {text!r} was taken to mean: no value")
    left = sum(n for value, n in impossible.items() if value not in found.sentinels)
    return 1 - left / max(1, len(numbers.values))


def _possible(metric: Metric, unit: str, scale: float, value: float) -> bool:
    times, plus, over = units.factors(unit, metric.unit, scale)
    converted = (value * times + plus) / over
    return (metric.low is None or converted >= metric.low) and (metric.high is None or converted <= metric.high)


def _same_dimension(unit: str, canonical: str, metric: str) -> bool:
    try:
        if units.dimension(unit) != units.dimension(canonical):
            return False
    except ValueError:
        return False
    # Decibels, shares and counts are all without a dimension, but nobody measures loudness in percent.
    if units.dimension(unit) == "":
        alike = {"percent": {"percent", "dimensionless"}, "dimensionless": {"percent", "dimensionless"}}
        parts = {"ppm", "ppb", "percent"}
        return canonical in alike.get(unit, set()) or {unit, canonical} <= parts or unit == canonical
    return True
