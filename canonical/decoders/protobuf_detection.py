"""Which version of a message a protobuf body is, where the sender does not say.

Belongs here: the rule and the look at the bytes. Where a mapping says `match: {detect: true}`, an event of its content
type without a schema reference is taken for the oldest version that has a field for all there is in the message, by
number and wire type; all versions in question are those of such mappings. Versions of a family only ever add fields
(`canonical.compatibility`), so an older one loses nothing and asks for nothing that the sender has never heard of. What
no version knows, or is no message at all, is taken for the newest, whose mapping then says what is wrong with it. A
schema reference that is there always counts.

The bytes are walked by column: all messages one field further at each step.
Does not: reading values (`protobuf_isolation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from canonical.decoders.layout_fields import Stretches, stretches
from canonical.decoders.layout_numbers import Flags, Ints
from canonical.schemas.registry import SCHEMAS
from canonical.spec.decode import ProtobufDecode

if TYPE_CHECKING:
    from canonical.schemas.registry import Descriptor
    from canonical.spec_model import MappingSpec

_MOST_FIELDS = 4096
"""In one message; what has more is looked at no further."""
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5
_WIRE = {
    **dict.fromkeys(("double", "fixed64", "sfixed64"), _EIGHT),
    **dict.fromkeys(("float", "fixed32", "sfixed32"), _FOUR),
    **dict.fromkeys(("string", "bytes", "message"), _LENGTH),
}
_NAMES = {1: "double", 2: "float", 6: "fixed64", 7: "fixed32", 9: "string", 11: "message", 12: "bytes"}
_NAMES |= {15: "sfixed32", 16: "sfixed64"}
"""Types by protobuf's number; all others are varints."""


class Detection:
    """The versions that events without a schema reference may be, by content type."""

    def __init__(self, specs: Sequence[MappingSpec]) -> None:
        named = [spec for spec in specs if spec.match.detect and isinstance(spec.decode, ProtobufDecode)]
        order = list(SCHEMAS)
        self._versions = {
            media: sorted(
                {spec.decode.message for spec in named if media in spec.match.content_type},  # type: ignore[union-attr]
                key=order.index,
            )
            for media in {media for spec in named for media in spec.match.content_type}
        }

    def named(self, source: pa.Table) -> pa.Table:
        """`source` with the schema reference that its sender left out (columns content_type, schema_ref, body)."""
        if not self._versions or not source.column("schema_ref").null_count:
            return source
        media = pc.utf8_lower(pc.utf8_trim_whitespace(_before_semicolon(source.column("content_type"))))
        names = pa.concat_arrays(source.column("schema_ref").chunks)
        for content_type, versions in sorted(self._versions.items()):
            mine = pc.and_(pc.is_null(names), pc.fill_null(pc.equal(media, content_type), fill_value=False))
            if pc.any(mine).as_py():
                found = versions_of(pa.concat_arrays(source.column("body").filter(mine).chunks), versions)
                names = pc.replace_with_mask(names, mine, found)
        return source.set_column(source.column_names.index("schema_ref"), "schema_ref", names)


def versions_of(bodies: pa.Array, versions: Sequence[str]) -> pa.Array:
    """For each body the first of `versions`, oldest first, that knows all its fields; else the last."""
    known = _known(stretches(pc.fill_null(bodies, b"")), [_wires(SCHEMAS[name]) for name in versions])
    known[-1] = True
    return pa.array(list(versions)).take(pa.array(np.argmax(known, axis=0)))


def _before_semicolon(texts: pa.ChunkedArray) -> pa.Array:
    return pc.replace_substring_regex(pa.concat_arrays(texts.chunks), pattern="(?s);.*", replacement="")


def _wires(descriptor: Descriptor) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """By field number, a bit for each wire type that the field may have."""
    table = np.zeros(max(field.number for field in descriptor.fields) + 1, dtype=np.uint8)
    for field in descriptor.fields:
        wire = _WIRE.get(_NAMES.get(field.type, ""), _VARINT)
        table[field.number] = 1 << wire | (1 << _LENGTH if field.is_repeated else 0)  # packed
    return table


def _known(at: Stretches, tables: Sequence[np.ndarray[tuple[int], np.dtype[np.uint8]]]) -> Flags:
    """By version and message: whether the version has a field for all there is."""
    known = np.ones((len(tables), len(at)), dtype=np.bool_)
    cursor = at.start.copy()
    active = np.flatnonzero(cursor < at.end)
    for _ in range(_MOST_FIELDS):
        if not len(active):
            return known
        tag, place, whole = _varints(at, cursor[active], at.end[active])
        wire, number = tag & 7, tag >> 3
        length, behind, sized = _varints(at, place, at.end[active])
        after = np.select(
            [wire == _VARINT, wire == _EIGHT, wire == _LENGTH, wire == _FOUR],
            [behind, place + 8, behind + np.minimum(length, at.end[active]), place + 4],
            default=-1,
        )
        needs = (wire == _VARINT) | (wire == _LENGTH)
        sound = whole & (sized | ~needs) & (after > 0) & (after <= at.end[active]) & (number > 0)
        for version, table in enumerate(tables):
            has = (number < len(table)) & (
                (table[np.minimum(number, len(table) - 1)] >> wire.astype(np.uint8)) & 1 == 1
            )
            known[version, active] &= has & sound
        cursor[active] = after
        active = active[sound & (after < at.end[active])]
    known[:, active] = False
    return known


def _varints(at: Stretches, places: Ints, ends: Ints) -> tuple[Ints, Ints, Flags]:
    """The numbers at `places`, where each ends, and whether it does (in 63 bits: no length is longer)."""
    value, place = np.zeros(len(places), dtype=np.int64), places.copy()
    going = np.ones(len(places), dtype=np.bool_)
    for step in range(10):
        going &= place < ends
        here = np.flatnonzero(going)
        if not len(here):
            break
        byte = at.data[place[here]].astype(np.int64)
        if step < 9:
            value[here] |= (byte & 0x7F) << (7 * step)
        place[here] += 1
        going[here] = byte >= 0x80
    ended = (place > places) & (at.data[np.maximum(place - 1, 0)] < 0x80) if len(at.data) else place > places
    return value, place, ended
