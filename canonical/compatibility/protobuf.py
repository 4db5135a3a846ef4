"""Two versions of a protobuf message.

Belongs here: a message described as plain data (what goes over the wire and what its names promise), and the changes
between two descriptions. Fields are told apart by number, because the wire knows nothing else.
Does not: which versions there are (`registered`), or JSON Schema (`json_schema`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

from canonical.compatibility.change import Change

if TYPE_CHECKING:
    from canonical.schemas.registry import Descriptor

_TYPES = {number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()}
_COMMENTED = re.compile(r"((?:^[ \t]*//[^\n]*\n)+)[ \t]*[\w .<>,]*?\b(\w+)[ \t]*=[ \t]*(\d+)", re.MULTILINE)
_SAME_ON_THE_WIRE = (
    frozenset({"int32", "int64", "uint32", "uint64", "bool", "enum"}),
    frozenset({"sint32", "sint64"}),
    frozenset({"fixed32", "sfixed32"}),
    frozenset({"fixed64", "sfixed64"}),
    frozenset({"string", "bytes"}),
)


def described(descriptor: Descriptor, source: str = "") -> dict[str, Any]:
    """A message as data; `source`, the text of its `.proto` file, gives the comments that say what fields are."""
    says = {(name, number): _plain(comment) for comment, name, number in _COMMENTED.findall(source)}
    return _message(descriptor, says, ())


def _message(descriptor: Any, says: Mapping[tuple[str, str], str], inside: tuple[str, ...]) -> dict[str, Any]:
    proto = DescriptorProto()
    descriptor.CopyToProto(proto)
    fields: dict[str, Any] = {}
    for field in descriptor.fields:
        kind = _TYPES[field.type]
        entry: dict[str, Any] = {"name": field.name, "type": kind}
        if field.is_repeated:
            entry["repeated"] = True
        elif field.has_presence and field.message_type is None:
            entry["presence"] = True
        if comment := says.get((field.name, str(field.number))):
            entry["says"] = comment
        if field.enum_type is not None:
            entry["values"] = {str(value.number): value.name for value in field.enum_type.values}
        if field.message_type is not None and field.message_type.full_name not in inside:
            entry["message"] = _message(field.message_type, says, (*inside, field.message_type.full_name))
        fields[str(field.number)] = entry
    reserved = [[span.start, span.end - 1] for span in proto.reserved_range]
    return {"fields": fields, "reserved": reserved, "reserved_names": sorted(proto.reserved_name)}


def _plain(comment: str) -> str:
    return " ".join(line.strip().removeprefix("//").strip() for line in comment.strip().splitlines())


def changes(old: Mapping[str, Any], new: Mapping[str, Any], at: str = "") -> Iterator[Change]:
    """What `new` says otherwise than `old`, field by field in the order of their numbers."""
    before, after = old["fields"], new["fields"]
    for number in sorted({*before, *after}, key=int):
        if number not in after:
            yield from _gone(number, before[number], new, at)
        elif number not in before:
            yield from _added(number, after[number], old, at)
        else:
            yield from _changed(number, before[number], after[number], at)
    for start, end in old["reserved"]:
        if not any(first <= start and end <= last for first, last in new["reserved"]):
            what = f"number {start}" if start == end else f"numbers {start} to {end}"
            yield Change(f"{at}{what} no longer reserved", "a later field could take a number that old messages use")


def _named(number: str, field: Mapping[str, Any], at: str) -> str:
    return f"field {number} `{at}{field['name']}`"


def _type(field: Mapping[str, Any]) -> str:
    return f"{'repeated ' if field.get('repeated') else ''}{field['type']}"


def _gone(number: str, field: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Change]:
    reserved = any(first <= int(number) <= last for first, last in new["reserved"])
    why = "" if reserved else f"reserve its number (`reserved {number};`), or a later field could reuse it"
    yield Change(f"{_named(number, field, at)} ({_type(field)}) is gone{' and reserved' if reserved else ''}", why)


def _added(number: str, field: Mapping[str, Any], old: Mapping[str, Any], at: str) -> Iterator[Change]:
    about = f"{_type(field)}{'; ' + field['says'].rstrip('.') if field.get('says') else ''}"
    taken = any(first <= int(number) <= last for first, last in old["reserved"])
    why = f"number {number} was reserved: old messages use it for something else" if taken else ""
    if not why and field["name"] in old["reserved_names"]:
        why = f"the name '{field['name']}' was reserved"
    yield Change(f"{_named(number, field, at)} ({about}) is new", why)


def _changed(number: str, old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Change]:
    name = _named(number, old, at)
    if old["name"] != new["name"]:
        why = f"number {number} is reused for another field, or readers by name lose it; take a new number"
        yield Change(f"{name} is called `{new['name']}`", why)
    if _type(old) != _type(new):
        alike = any(old["type"] in group and new["type"] in group for group in _SAME_ON_THE_WIRE)
        same = alike and old.get("repeated") == new.get("repeated")
        why = "values outside the narrower type change" if same else "old messages cannot be read as that type"
        yield Change(f"{name}: type {_type(old)} → {_type(new)}", why)
    elif bool(old.get("presence")) != bool(new.get("presence")):
        says = "can be told from 0 now" if new.get("presence") else "cannot be told from 0 any more"
        yield Change(f"{name}: absence {says}", "a field that was not sent means something else to its readers")
    if old.get("says") != new.get("says"):
        yield Change(f"{name}: described as “{old.get('says', '')}” → “{new.get('says', '')}”")
    yield from _values(name, old.get("values", {}), new.get("values", {}))
    if "message" in old and "message" in new:
        yield from changes(old["message"], new["message"], f"{at}{old['name']}.")


def _values(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for number in sorted({*old, *new}, key=int):
        if number not in new:
            yield Change(f"{name}: value {old[number]} ({number}) is gone", "messages that carry it lose its meaning")
        elif number not in old:
            yield Change(f"{name}: value {new[number]} ({number}) is new")
        elif old[number] != new[number]:
            yield Change(f"{name}: value {number} is {old[number]} → {new[number]}", "it means something else now")
