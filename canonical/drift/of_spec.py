"""A mapping spec as the fields it knows.

Belongs here: every word of the language that names a field, with the types a value of it may have.
Does not: the tree itself (`known`).
"""

from __future__ import annotations

from collections.abc import Iterator

from canonical.drift.known import BOOLEAN, ELEMENTS, NUMBER, SCALARS, TEXT, Known, named, steps
from canonical.schemas.registry import descriptor
from canonical.spec.decode import BinaryDecode, CsvDecode, JsonDecode, ProtobufDecode, SenmlDecode
from canonical.spec.identity import Time
from canonical.spec.readings import Channel, Reading
from canonical.spec_model import Group, MappingSpec

_ANY = SCALARS
_NAMES = frozenset({TEXT, NUMBER})
_SENML = ("n", "u", "v", "vs", "vb", "vd", "s", "t", "time", "ut", "bn", "bt", "bu", "bv", "bs", "bver")


def known(spec: MappingSpec) -> Known:
    """The fields of a spec. What a binary layout makes is all known: the layout is in the spec."""
    decode = spec.decode
    mapped: dict[str, frozenset[str]] = {}
    for path, types in _mapped(spec):
        place = _column(path) if isinstance(decode, CsvDecode) else path
        mapped[place] = mapped.get(place, frozenset()) | types
    tree = Known(mapped, tuple(_ignored(spec)))
    if isinstance(decode, BinaryDecode):
        tree.root.open = True
    elif isinstance(decode, CsvDecode) and not decode.header:
        tree.columns = len(decode.columns)
    elif isinstance(decode, ProtobufDecode):
        tree.numbers = frozenset(field.number for field in descriptor(decode.message).fields)
    return tree


def _ignored(spec: MappingSpec) -> Iterator[str]:
    decode = spec.decode
    if isinstance(decode, CsvDecode):
        yield from map(_column, (*decode.columns, *spec.ignore))
        return
    yield from spec.ignore
    yield from (path for path in spec.match.shape if path not in spec.paths)
    if isinstance(decode, SenmlDecode):
        yield from _SENML
    if isinstance(decode, JsonDecode) and decode.payload is not None:
        yield decode.payload.name
        yield from (case.when.path for case in decode.payload.cases if case.when)


def _mapped(spec: MappingSpec) -> Iterator[tuple[str, frozenset[str]]]:
    if isinstance(spec.decode, JsonDecode) and spec.decode.payload is not None:
        yield spec.decode.payload.path, frozenset({TEXT})
    for group in spec.groups:
        for path, types, own in _group(spec, group):
            place = _placed(path, group.each if own else None)
            if place is not None:
                yield place, types


def _group(spec: MappingSpec, group: Group) -> Iterator[tuple[str, frozenset[str], bool]]:
    """Path, types, and whether the path starts at the group's entry."""
    inside = group.each is not None
    if group.device.path:
        yield group.device.path, _NAMES, inside and "device" in group.own
    if group.discriminator and group.discriminator.path:
        yield group.discriminator.path, _NAMES, inside and "discriminator" in group.own
    for path in group.time.paths:
        yield path, _of_time(group.time), inside and "time" in group.own
    for slot in group.readings:
        if not isinstance(slot, Reading):
            yield slot.metric_path, _ANY, inside
            continue
        if slot.path:
            yield slot.path, _of_reading(spec, slot), inside
        others = [slot.unit_path, slot.when.path if slot.when else None]
        others.append(slot.channel.path if isinstance(slot.channel, Channel) else None)
        yield from ((path, _ANY, inside) for path in others if path is not None)


def _of_reading(spec: MappingSpec, reading: Reading) -> frozenset[str]:
    if reading.worded:
        return _ANY
    written = reading.number or spec.number
    texts = (written is not None and written.quoted) or any(isinstance(value, str) for value in reading.sentinels)
    types = frozenset({NUMBER, TEXT} if texts else {NUMBER})
    return types | {BOOLEAN} if any(isinstance(value, bool) for value in reading.sentinels) else types


def _of_time(time: Time) -> frozenset[str]:
    counted = [name.startswith(("epoch", "age")) for name in time.tried]
    types = {NUMBER} if any(counted) else set()
    if time.quoted or time.unset or not all(counted):
        types.add(TEXT)
    return frozenset(types | ({NUMBER} if time.unset else set()))


def _placed(path: str, each: str | None) -> str | None:
    """A path of a group from the message's root; None for what is no field (`@key`, `@index`)."""
    if path in {"@key", "@index"}:
        return None
    if path.startswith("$."):
        return path[2:]
    if each is None:
        return path
    base = steps(each.removeprefix("$."))
    while path.startswith("^."):
        path = path[2:]
        base = _around(base)
    return named((*base, *steps(path.removeprefix("@value"))))


def _column(name: str) -> str:
    """The name of a column is one step, whatever signs are in it."""
    return named((name.strip(),))


def _around(base: tuple[str, ...]) -> tuple[str, ...]:
    """The entry around an entry: up to the last `[*]` or `*` before its own."""
    inner = base[:-1]
    while inner and inner[-1] not in {ELEMENTS, "*"}:
        inner = inner[:-1]
    return inner
