"""Whether what a mapping spec names exists and fits: fields, schemas, columns, patterns, zones.

Belongs here: everything wrong with a spec that its shape does not show, each with the place in the file and a
suggestion. Every input field of a known layout must be mapped or listed under `ignore`.
Does not: the shape (`specs`), or readings and their metrics (`reading_checks`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from canonical import zones
from canonical.decoders.protobuf_messages import kind_of, resolve
from canonical.ignored import covers
from canonical.layout_checks import layout_paths, layout_problems
from canonical.paths import PathError, place, steps
from canonical.reading_checks import Problem, expression, nearest, reading_problems, sources
from canonical.schemas.registry import SCHEMAS
from canonical.spec.decode import BinaryDecode, CsvDecode, JsonDecode, ProtobufDecode, reads_documents
from canonical.spec.identity import FORMATS, Device, SourceTemplate, Time
from canonical.spec.readings import Channel, Reading, Slot
from canonical.spec_model import MappingSpec, instant_us
from canonical.times import is_local, is_number
from quality.rules.row import AHEAD_HOURS, EARLIEST

__all__ = ["Problem", "nearest", "problems_of"]

_SOURCE = re.compile(r"[A-Za-z0-9_.-]+")
Named = tuple[tuple[Any, ...], str, int]
"""Where a path stands, the path, and how many levels below the message it starts."""


def problems_of(spec: MappingSpec) -> list[Problem]:
    """Everything wrong with the spec, in the order of its parts; empty when it can be compiled."""
    checks: tuple[Callable[[MappingSpec], Iterator[Problem]], ...] = (
        *(_match, _decode, _fields, _identities, _records),
        *(reading_problems, _size),
    )
    return [problem for check in checks for problem in check(spec)]


def _match(spec: MappingSpec) -> Iterator[Problem]:
    match, decode = spec.match, spec.decode
    for name, pattern in match.patterns.items():
        yield from expression(pattern, ("match", "patterns", name))
    if match.detect and not (isinstance(decode, ProtobufDecode) and match.schema_ref == decode.message):
        yield (
            ("match", "detect"),
            "only messages of `format: protobuf` whose schema_ref is their schema can be detected",
        )
    if match.shape and not (isinstance(decode, JsonDecode) and decode.format == "json" and decode.charset == "utf-8"):
        yield ("match",), "has, lacks and equals look into messages of `format: json` in UTF-8 only"
    for word in ("has", "lacks", "equals"):
        for path in getattr(match, word):
            yield from _path(("match", word), path, 0)


def _decode(spec: MappingSpec) -> Iterator[Problem]:
    decode = spec.decode
    if isinstance(decode, BinaryDecode):
        for where, says in layout_problems(decode.layout):
            yield ("decode", "layout", *where), says
    if isinstance(decode, JsonDecode) and decode.payload is not None:
        payload = decode.payload
        yield from _path(("decode", "payload", "path"), payload.path, 0)
        for number, case in enumerate(payload.cases):
            at = ("decode", "payload", *(("layout",) if payload.layout else ("layouts", number, "layout")))
            for where, says in layout_problems(case.layout):
                yield (*at, *where), says
            if case.when is not None:
                yield from _path(("decode", "payload", "layouts", number, "when"), case.when.path, 0)
            for name, pattern in case.patterns.items():
                yield from expression(pattern, ("decode", "payload", "layouts", number, "patterns", name))


def _fields(spec: MappingSpec) -> Iterator[Problem]:
    decode = spec.decode
    named = list(_named(spec))
    if reads_documents(decode):
        for where, path, depth in named:
            yield from _path(where, path, depth)
        yield from _bytes(spec, named)
        yield from _message(spec, named)
    elif isinstance(decode, CsvDecode):
        columns = [column.strip() for column in decode.columns]
        if len(set(columns)) != len(columns):
            yield ("decode", "columns"), "a column is named twice; give each its own name and ignore what is not read"
        for where, path, _ in named:
            if path.strip() not in columns:
                yield where, f"there is no column '{path}'.{nearest(path, columns)}"
        yield from _unread(columns, {path.strip() for _, path, _ in named}, spec)
    elif isinstance(decode, ProtobufDecode):
        if decode.message not in SCHEMAS:
            near = nearest(decode.message, SCHEMAS)
            yield ("decode", "schema"), f"schema '{decode.message}' is not registered.{near}"
            return
        for where, path, _ in named:
            yield from _protobuf_field(decode, where, path)
        fields = [field.name for field in SCHEMAS[decode.message].fields]
        yield from _unread(fields, {path.split(".")[0] for _, path, _ in named}, spec)


def _message(spec: MappingSpec, named: list[Named]) -> Iterator[Problem]:
    """Fields of a protobuf message that is read as a document."""
    if not isinstance(spec.decode, ProtobufDecode):
        return
    if spec.decode.message not in SCHEMAS:
        near = nearest(spec.decode.message, SCHEMAS)
        yield ("decode", "schema"), f"schema '{spec.decode.message}' is not registered.{near}"
        return
    fields = [field.name for field in SCHEMAS[spec.decode.message].fields]
    read = {re.split(r"[.\[]", group.each)[0] for group in spec.records}
    for where, path, depth in named:
        if depth == 0 or path.startswith("$."):
            name = re.split(r"[.\[]", path.removeprefix("$."))[0]
            read.add(name)
            if name not in fields:
                yield where, f"schema '{spec.decode.message}' has no field '{name}'.{nearest(name, fields)}"
    yield from _unread(fields, read, spec)


def _unread(known: list[str], read: set[str], spec: MappingSpec) -> Iterator[Problem]:
    for field in known:
        if field not in read and not covers(spec.ignore, field):
            yield ("readings",), f"field '{field}' is neither mapped nor ignored. Map it, or list it under `ignore`."


def _bytes(spec: MappingSpec, named: list[Named]) -> Iterator[Problem]:
    """Fields of a layout: each read one is there, and each one there is read or ignored."""
    if isinstance(spec.decode, BinaryDecode):
        before, layouts = "", [spec.decode.layout]
    elif isinstance(spec.decode, JsonDecode) and spec.decode.payload is not None and spec.decode.payload.cases:
        before = f"{spec.decode.payload.name}."
        layouts = [case.layout for case in spec.decode.payload.cases]
    else:
        return
    there = list(dict.fromkeys(f"{before}{path}" for layout in layouts for path in layout_paths(layout)))
    plain = {re.sub(r"\[\d*\*?\]", "", path) for path in there}
    for where, path, depth in named:
        name = re.sub(r"\[\d+\]", "", path.removeprefix("$."))
        outside = (depth > 0 and not path.startswith("$.")) or not name.startswith(before) or "@" in name
        if not outside and name not in plain and not any(field.startswith(f"{name}.") for field in plain):
            yield where, f"the layout gives no '{path}'.{nearest(name, plain)}"
    read = set(spec.paths)
    for group in spec.records:
        read |= {f"{group.each}.{path}" for where, path, depth in named if where[0] == "records"}
        read |= {path.removeprefix("$.") for where, path, _ in named if path.startswith("$.")}
        read |= {group.each} if any("@value" in path for where, path, _ in named if where[0] == "records") else set()
    for field in there:
        if not covers({*read, *spec.ignore}, field):
            yield ("readings",), f"field '{field}' is neither mapped nor ignored. Map it, or list it under `ignore`."


def _path(where: tuple[Any, ...], path: str, depth: int) -> Iterator[Problem]:
    try:
        place(path, depth)
    except PathError as error:
        yield where, str(error)


def _named(spec: MappingSpec) -> Iterator[Named]:
    """Every path of the spec, with where it stands and where it starts."""
    yield from _shared((), spec.device, spec.time, 0)
    if spec.discriminator and spec.discriminator.path:
        yield ("discriminator", "path"), spec.discriminator.path, 0
    for number, group in enumerate(spec.records):
        try:
            depth = len(steps(group.each))
        except PathError:
            continue  # told by _records
        at = ("records", number)
        yield from _shared(at, group.device, group.time, depth)
        if group.discriminator and group.discriminator.path:
            yield (*at, "discriminator", "path"), group.discriminator.path, depth
        for word in ("has", "lacks"):
            for path in getattr(group.only, word, ()):
                yield (*at, "only", word), path, depth
    for source in sources(spec):
        try:
            depth = len(steps(source.each)) if source.each else 0
        except PathError:
            continue
        for word, path in _of_slot(source.slot):
            yield (*source.where, word), path, depth


def _of_slot(slot: Slot) -> Iterator[tuple[str, str]]:
    if not isinstance(slot, Reading):
        yield "metric_path", slot.metric_path
        return
    if slot.path:
        yield "path", slot.path
    if slot.unit_path:
        yield "unit_path", slot.unit_path
    if slot.when:
        yield "when", slot.when.path
    if isinstance(slot.channel, Channel):
        yield "channel", slot.channel.path


def _shared(at: tuple[Any, ...], device: Device | None, time: Time | None, depth: int) -> Iterator[Named]:
    if device and device.path:
        yield (*at, "device", "path"), device.path, depth
    for path in time.paths if time else ():
        yield (*at, "time", "path" if time and time.path else "parts"), path, depth


def _protobuf_field(decode: ProtobufDecode, where: tuple[Any, ...], path: str) -> Iterator[Problem]:
    descriptor = SCHEMAS[decode.message]
    try:
        field, _ = resolve(descriptor, path)
    except KeyError:
        yield where, f"schema '{decode.message}' has no field '{path}'.{nearest(path, descriptor.fields_by_name)}"
        return
    if kind_of(field) == "other":
        yield where, f"field '{path}' is a list, bytes or a message; give the path of a number or a text"
    elif where[0] == "readings" and not field.has_presence:
        yield where, f"field '{path}' has no presence, so 0 cannot be told from nothing. Declare it `optional`."


def _identities(spec: MappingSpec) -> Iterator[Problem]:
    yield from _device(spec.device, ("device",))
    yield from _time(spec.time, ("time",))
    for number, group in enumerate(spec.records):
        if group.device is not None:
            yield from _device(group.device, ("records", number, "device"))
        if group.time is not None:
            yield from _time(group.time, ("records", number, "time"))


def _device(device: Device, at: tuple[Any, ...]) -> Iterator[Problem]:
    if isinstance(device.source, str) and not _SOURCE.fullmatch(device.source):
        yield (*at, "source"), f"source '{device.source}' may hold letters, digits, '_', '.' and '-' only"
    if device.pattern is not None:
        yield from expression(device.pattern, (*at, "pattern"), groups=1)
    for word, template in (("source", device.source), ("named_by", device.named_by)):
        if isinstance(template, SourceTemplate):
            yield from _template(template, (*at, word))


def _template(source: SourceTemplate, at: tuple[Any, ...]) -> Iterator[Problem]:
    wrong = list(expression(source.pattern, (*at, "pattern")))
    yield from wrong
    if wrong:
        return
    groups = re.compile(source.pattern).groups
    for group in re.findall(r"\{(.*?)\}", source.template):
        if not group.isdecimal() or not 1 <= int(group) <= groups:
            says = f"{{{group}}} is no group of the pattern, which has {groups}. Write {{1}} for the first."
            yield (*at, "template"), says


def _time(time: Time, at: tuple[Any, ...]) -> Iterator[Problem]:
    yield from _formats(time, at)
    if time.earliest and instant_us(time.earliest) < instant_us(datetime.fromisoformat(EARLIEST)):
        yield (*at, "earliest"), f"the lake takes nothing from before {EARLIEST}; a mapping can only be stricter"
    if time.ahead_hours is not None and time.ahead_hours > AHEAD_HOURS:
        yield (*at, "ahead_hours"), f"the lake allows {AHEAD_HOURS:g} h ahead; a mapping can only be stricter"


def _formats(time: Time, at: tuple[Any, ...]) -> Iterator[Problem]:
    formats = time.tried if time.paths else ()
    word = "formats" if time.formats else "format"
    for says in filter(None, map(_of_format, formats)):
        yield (*at, word), says
    local = [format_ for format_ in formats if is_local(format_)]
    if local and time.zone is None:
        yield (*at, word), f"texts of '{local[0]}' name no zone. Say `zone: Europe/Rome`, or `zone: UTC`."
    if time.zone is not None:
        if time.zone not in zones.known():
            yield (*at, "zone"), f"there is no time zone '{time.zone}'.{nearest(time.zone, zones.known())}"
        elif not local:
            yield (*at, "zone"), "no format reads texts without a zone, so `zone` does nothing; take it away"
    if len(time.paths) > 1 and any(is_number(format_) for format_ in formats):
        yield (*at, word), "parts make a text; give formats of texts"


def _of_format(format_: str) -> str:
    """What is wrong with a format by itself."""
    if "%" not in format_ and format_ not in FORMATS:
        known = f"There are {', '.join(FORMATS)}, and patterns such as '%d/%m/%Y %H:%M'."
        return f"'{format_}' is no format of times.{nearest(format_, FORMATS)} {known}"
    if "%Z" in format_:
        return "names of zones (%Z) are ambiguous; say `zone`, or %z where texts hold the offset"
    if "%I" in format_ and "%p" not in format_:
        return f"'{format_}': %I counts to 12, so it needs %p (AM or PM); %H is the hour of 24"
    return ""


def _records(spec: MappingSpec) -> Iterator[Problem]:
    if spec.records and not reads_documents(spec.decode):
        hint = " Say `documents: true` under `decode`." if isinstance(spec.decode, ProtobufDecode) else ""
        yield ("records",), f"messages of format {spec.decode.format} have no arrays or objects to take apart.{hint}"
    for number, group in enumerate(spec.records):
        try:
            steps(group.each)
        except PathError as error:
            yield ("records", number, "each"), str(error)
        for key in group.only.keys if group.only else ():
            yield from expression(key, ("records", number, "only", "keys"))


def _size(spec: MappingSpec) -> Iterator[Problem]:
    """Each reading of a message has a number of 31 bits."""
    if (spec.decode.many or spec.records) and spec.max_body_bytes * (len(spec.slots) + 1) >= 2**31:
        yield ("max_body_bytes",), "so long a message could hold more readings than can be numbered; say less"
