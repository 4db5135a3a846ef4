"""Whether the readings of a mapping spec fit the metric catalogue.

Belongs here: metrics, units, states, channels and patterns of readings, each problem with its place and what to do.
Does not: fields and layouts (`spec_checks`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from canonical import units
from canonical.spec.part import as_written
from canonical.spec.readings import AnyReading, Channel, Reading, Slot, Triple
from canonical.spec_model import MappingSpec
from quality.contracts.metric_model import Metric
from quality.contracts.metrics import BY_NAME

Where = tuple[Any, ...]
Problem = tuple[Where, str]
"""Where in the file, and what is wrong."""


def nearest(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?`, or nothing where no known word is near."""
    near = get_close_matches(word, list(known), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def expression(pattern: str, where: Where, groups: int = 0) -> Iterator[Problem]:
    """What is wrong with a regular expression that has to have so many groups."""
    try:
        found = re.compile(pattern).groups
        pc.match_substring_regex(pa.array([""]), pattern=pattern)  # RE2, which is what will run
    except (re.error, pa.ArrowInvalid) as error:
        yield where, f"not a regular expression RE2 knows: {error}"
        return
    if found < groups:
        yield where, f"'{pattern}' has no group; put what is wanted in parentheses"


@dataclass(frozen=True, slots=True)
class Source:
    """One reading and where in the file it comes from."""

    where: Where
    slot: Slot
    each: str | None = None
    triple: Triple | None = None


def sources(spec: MappingSpec) -> Iterator[Source]:
    """All readings in their order; those of a triple stand where their name does."""
    yield from _listed(spec.readings, (), None)
    for number, group in enumerate(spec.records):
        yield from _listed(group.readings, ("records", number), group.each)


def _listed(readings: tuple[AnyReading, ...], at: Where, each: str | None) -> Iterator[Source]:
    for number, reading in enumerate(readings):
        where = (*at, "readings", number)
        if isinstance(reading, Reading):
            yield Source(where, reading, each)
            continue
        named = [(*where, "metrics", name) for name in reading.metrics]
        for place, slot in zip([*named, where], reading.readings, strict=False):
            yield Source(place, slot, each, reading)


def reading_problems(spec: MappingSpec) -> Iterator[Problem]:
    """Everything wrong with the readings."""
    seen: set[tuple[str | None, str, str]] = set()
    for source in sources(spec):
        reading = source.slot
        if not isinstance(reading, Reading):
            if reading.metric_pattern is not None:
                yield from expression(reading.metric_pattern, (*source.where, "metric_pattern"), groups=1)
            continue
        if isinstance(reading.channel, str) and reading.when is None:
            key = (source.each, reading.metric, reading.channel)
            if key in seen:
                says = f"{reading.metric} channel '{reading.channel}' is there twice. Give each its own channel."
                yield source.where, says
            seen.add(key)
        yield from _patterns(reading, source.where)
        metric = BY_NAME.get(reading.metric)
        if metric is None:
            near = nearest(reading.metric, BY_NAME)
            yield (*source.where, "metric"), f"'{reading.metric}' is not in the metric catalogue.{near}"
        elif metric.kind in {"state", "event"}:
            yield from _worded(reading, metric, source.where)
        else:
            yield from _number(reading, metric, source)
    yield from _alike(spec)


def _patterns(reading: Reading, where: Where) -> Iterator[Problem]:
    if reading.when and reading.when.pattern is not None:
        yield from expression(reading.when.pattern, (*where, "when"), groups=1)
    if isinstance(reading.channel, Channel) and reading.channel.pattern is not None:
        yield from expression(reading.channel.pattern, (*where, "channel"), groups=1)


def _worded(reading: Reading, metric: Metric, where: Where) -> Iterator[Problem]:
    """A reading of a metric whose readings are texts."""
    for word in ("unit", "scale", "offset", "number"):
        if word in reading.model_fields_set:
            yield (*where, word), f"'{metric.name}' is of kind {metric.kind}: its readings are texts, so no {word}"
    given = list(reading.states.values())
    if reading.const is not None:
        given.append(as_written(reading.const))
    elif not reading.worded and not metric.states:
        says = f"'{metric.name}' is of kind {metric.kind}: say `states`, or `text: true` for the text as it comes"
        yield (*where, "metric"), says
    for state in dict.fromkeys(given):
        if metric.states and state not in metric.states:
            says = f"'{state}' is no state of {metric.name}.{nearest(state, metric.states)}"
            yield (*where, "states" if reading.states else "const"), f"{says} There are {', '.join(metric.states)}."


def _number(reading: Reading, metric: Metric, source: Source) -> Iterator[Problem]:
    where = source.where
    if reading.worded:
        word = "states" if reading.states else "text"
        yield (*where, word), f"'{metric.name}' is of kind {metric.kind}; a mapping reads numbers, so no {word}"
    if isinstance(reading.const, str | bool):
        yield (*where, "const"), f"'{metric.name}' is of kind {metric.kind}; give a number"
    if reading.unit is None and reading.unit_path is None:
        yield where, "give either unit, or unit_path with units"
    yield from _units(reading, metric, source)


def _units(reading: Reading, metric: Metric, source: Source) -> Iterator[Problem]:
    fitting = 0
    for text, unit in {"unit": reading.unit, **reading.units}.items() if reading.unit else reading.units.items():
        at = (*source.where, "unit" if reading.unit else "units")
        try:
            measures = units.dimension(str(unit))
        except ValueError:
            yield at, f"unit '{unit}' is not a unit.{nearest(str(unit), units.KNOWN)}"
            continue
        if measures == units.dimension(metric.unit):
            fitting += 1
        elif source.triple is None or reading.unit:
            says = f"unit '{unit}' does not measure what {reading.metric} measures, which is in {metric.unit}"
            yield at, says if text in {"unit", unit} else f"'{text}': {says}"
    if reading.units and source.triple is not None and not fitting:
        yield source.where, f"none of the units measures what {metric.name} measures, which is in {metric.unit}"


def _alike(spec: MappingSpec) -> Iterator[Problem]:
    """Groups in which every entry would give readings of one key."""
    for number, group in enumerate(spec.records):
        if group.device or group.time or group.discriminator or (group.only and group.only.keys):
            continue
        if not group.each.endswith("*]") and not group.each.endswith("*"):
            continue
        for place, reading in enumerate(group.readings):
            if isinstance(reading, Reading) and isinstance(reading.channel, str) and reading.when is None:
                says = (
                    f"each entry of {group.each} would give {reading.metric} channel '{reading.channel}' once more. "
                    'Take the channel from the entry (`channel: {path: "@key"}` or `"@index"`), or give the group its '
                    "own device, time or discriminator."
                )
                yield ("records", number, "readings", place), says
