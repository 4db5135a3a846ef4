"""Whether what a mapping spec names exists and fits: metrics, units, schemas, columns, patterns.

Belongs here: everything wrong with a spec that its shape does not show, each with the place in the file and a
suggestion. Every input field of a known layout must be mapped or listed under `ignore`.
Does not: the shape (`specs`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from canonical import units
from canonical.decoders.protobuf_messages import kind_of, resolve
from canonical.schemas.registry import SCHEMAS
from canonical.spec_model import CsvDecode, MappingSpec, ProtobufDecode, Reading, SourceTemplate, instant_us
from quality.contracts.metrics import BY_NAME
from quality.rules.row import AHEAD_HOURS, EARLIEST

Problem = tuple[tuple[Any, ...], str]
"""Where in the file, and what is wrong."""

_SOURCE = re.compile(r"[A-Za-z0-9_.-]+")


def problems_of(spec: MappingSpec) -> list[Problem]:
    """Everything wrong with the spec, in the order of its parts; empty when it can be compiled."""
    checks: tuple[Callable[[MappingSpec], Iterator[Problem]], ...] = (_fields, _device, _time, _readings)
    return [problem for check in checks for problem in check(spec)]


def nearest(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?`, or nothing where no known word is near."""
    near = get_close_matches(word, list(known), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def _fields(spec: MappingSpec) -> Iterator[Problem]:
    decode = spec.decode
    if isinstance(decode, CsvDecode):
        if len(set(decode.columns)) != len(decode.columns):
            yield ("decode", "columns"), "a column is named twice; give each its own name and ignore what is not read"
        known = list(decode.columns)
    elif isinstance(decode, ProtobufDecode):
        if decode.message not in SCHEMAS:
            near = nearest(decode.message, SCHEMAS)
            yield ("decode", "schema"), f"schema '{decode.message}' is not registered.{near}"
            return
        known = [field.name for field in SCHEMAS[decode.message].fields]
    else:
        return
    read = {path.split(".")[0] if isinstance(decode, ProtobufDecode) else path for path in spec.paths}
    for place, path in _places(spec):
        if isinstance(decode, ProtobufDecode):
            yield from _protobuf_field(decode, place, path)
        elif path not in known:
            yield place, f"there is no column '{path}'.{nearest(path, known)}"
    for field in known:
        if field not in read and field not in spec.ignore:
            yield ("readings",), f"field '{field}' is neither mapped nor ignored. Map it, or list it under `ignore`."


def _places(spec: MappingSpec) -> Iterator[tuple[tuple[Any, ...], str]]:
    if spec.device.path:
        yield ("device", "path"), spec.device.path
    if spec.time.path:
        yield ("time", "path"), spec.time.path
    if spec.discriminator and spec.discriminator.path:
        yield ("discriminator", "path"), spec.discriminator.path
    for number, reading in enumerate(spec.readings):
        yield ("readings", number, "path"), reading.path
        if reading.unit_path:
            yield ("readings", number, "unit_path"), reading.unit_path


def _protobuf_field(decode: ProtobufDecode, place: tuple[Any, ...], path: str) -> Iterator[Problem]:
    descriptor = SCHEMAS[decode.message]
    try:
        field, _ = resolve(descriptor, path)
    except KeyError:
        yield place, f"schema '{decode.message}' has no field '{path}'.{nearest(path, descriptor.fields_by_name)}"
        return
    if kind_of(field) == "other":
        yield place, f"field '{path}' is a list, bytes or a message; give the path of a number or a text"
    elif place[0] == "readings" and not field.has_presence:
        yield place, f"field '{path}' has no presence, so 0 cannot be told from nothing. Declare it `optional`."


def _device(spec: MappingSpec) -> Iterator[Problem]:
    source = spec.device.source
    if isinstance(source, str):
        if not _SOURCE.fullmatch(source):
            yield ("device", "source"), f"source '{source}' may hold letters, digits, '_', '.' and '-' only"
        return
    try:
        groups = re.compile(source.pattern).groups
        pc.match_substring_regex(pa.array([""]), pattern=source.pattern)  # RE2, which is what will run
    except (re.error, pa.ArrowInvalid) as error:
        yield ("device", "source", "pattern"), f"not a regular expression RE2 knows: {error}"
        return
    yield from _template(source, groups)


def _template(source: SourceTemplate, groups: int) -> Iterator[Problem]:
    named = re.findall(r"\{(.*?)\}", source.template)
    for group in named:
        if not group.isdecimal() or not 1 <= int(group) <= groups:
            where = ("device", "source", "template")
            yield where, f"{{{group}}} is no group of the pattern, which has {groups}. Write {{1}} for the first."


def _time(spec: MappingSpec) -> Iterator[Problem]:
    if spec.time.earliest and instant_us(spec.time.earliest) < instant_us(datetime.fromisoformat(EARLIEST)):
        yield ("time", "earliest"), f"the lake takes nothing from before {EARLIEST}; a mapping can only be stricter"
    if spec.time.ahead_hours is not None and spec.time.ahead_hours > AHEAD_HOURS:
        yield ("time", "ahead_hours"), f"the lake allows {AHEAD_HOURS:g} h ahead; a mapping can only be stricter"


def _readings(spec: MappingSpec) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for number, reading in enumerate(spec.readings):
        place = ("readings", number)
        if (reading.metric, reading.channel) in seen:
            yield place, f"{reading.metric} channel '{reading.channel}' is there twice. Give each its own channel."
        seen.add((reading.metric, reading.channel))
        metric = BY_NAME.get(reading.metric)
        if metric is None:
            near = nearest(reading.metric, BY_NAME)
            yield (*place, "metric"), f"'{reading.metric}' is not in the metric catalogue.{near}"
        elif metric.kind not in {"gauge", "counter"}:
            yield (*place, "metric"), f"'{reading.metric}' is of kind {metric.kind}; a mapping reads numbers"
        else:
            yield from _units(reading, place, metric.unit)


def _units(reading: Reading, place: tuple[Any, ...], canonical: str) -> Iterator[Problem]:
    named = {"unit": reading.unit} if reading.unit else {f"units.{text}": unit for text, unit in reading.units.items()}
    for where, unit in named.items():
        at = (*place, where.split(".")[0])
        try:
            measures = units.dimension(str(unit))
        except ValueError:
            yield at, f"unit '{unit}' is not a unit.{nearest(str(unit), units.KNOWN)}"
            continue
        if measures != units.dimension(canonical):
            yield at, f"unit '{unit}' does not measure what {reading.metric} measures, which is in {canonical}"
