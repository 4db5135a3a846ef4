"""Binary payloads to JSON documents, all payloads of a batch at once.

Belongs here: running a layout over a column of payloads, and putting the fields of each message together as one JSON
object. Work is done by column: numpy over one buffer of bytes with the places of the messages in it, so that a batch
costs by its bytes and by the fields of the layout, not by its messages. No message changes what another gives.
Does not: what a layout may say (`canonical.layout_model`), types (`layout_numbers`), places of fields
(`layout_fields`) and of items (`layout_items`), or base64 and hex (`layout_payload`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from canonical.decoders.layout_fields import Member, Stretches, joined, keyed, members, objects, stretches
from canonical.decoders.layout_items import Walked, Walker
from canonical.decoders.layout_numbers import Flags, Ints, hex_texts, whole_texts
from canonical.decoders.layout_payload import payload_bytes
from canonical.layout_model import FixedLayout, Layout, TlvLayout, size_of

__all__ = ["FAULT", "LayoutDocuments", "payload_bytes"]

FAULT = "bad_payload"
_SLICE_ROWS, _SLICE_BYTES = 65_536, 2 << 20
"""What is decoded at once: a bound for memory, and for the offsets of Arrow's texts."""


class LayoutDocuments:
    """Documents of one layout: the object of its fields, or the fault `bad_payload`."""

    def __init__(self, layout: Layout) -> None:
        self._part = _Fixed(layout) if isinstance(layout, FixedLayout) else _Tlv(layout)

    def documents(self, bodies: pa.Array) -> tuple[pa.Array, pa.Array]:
        """JSON text per body and the fault; a null body gives neither."""
        parts = [self._slice(part) for part in _slices(bodies)]
        texts = pa.concat_arrays([part for part, _ in parts]) if parts else pa.array([], pa.string())
        faults = pa.concat_arrays([part for _, part in parts]) if parts else pa.array([], pa.string())
        return texts, faults

    def _slice(self, bodies: pa.Array) -> tuple[pa.Array, pa.Array]:
        # Null bodies are left out, not read as empty ones.
        valid = bodies.drop_null()
        texts, broken = self._part.decoded(stretches(valid))
        texts = pc.if_else(pa.array(broken), pa.scalar(None, pa.string()), texts)
        faults = pc.if_else(pa.array(broken), pa.scalar(FAULT), pa.scalar(None, pa.string()))
        if len(valid) == len(bodies):
            return texts, faults
        given = bodies.is_valid()
        place = pc.if_else(given, pc.subtract(pc.cumulative_sum(given.cast(pa.int64())), 1), None)
        return texts.take(place), faults.take(place)


def _slices(bodies: pa.Array) -> Iterator[pa.Array]:
    ends = np.cumsum(pc.fill_null(pc.binary_length(bodies), 0).to_numpy(zero_copy_only=False).astype(np.int64))
    start = 0
    while start < len(bodies):
        before = ends[start - 1] if start else 0
        stop = int(np.searchsorted(ends, before + _SLICE_BYTES, side="right"))
        stop = min(max(stop, start + 1), start + _SLICE_ROWS)
        yield bodies.slice(start, stop - start)
        start = stop


class _Fixed:
    """Fields at their places."""

    def __init__(self, layout: FixedLayout) -> None:
        self._layout = layout

    def decoded(self, at: Stretches) -> tuple[pa.Array, Flags]:
        layout = self._layout
        found, broken = members(layout.fields, at, layout.byte_order)
        length = at.end - at.start
        if layout.length is not None:
            broken |= length != layout.length
        if layout.min_length is not None:
            broken |= length < layout.min_length
        return objects(found, len(at)), broken


class _Tlv:
    """Items one behind the other."""

    def __init__(self, layout: TlvLayout) -> None:
        self._layout = layout
        self._walker = Walker(layout)
        self._header = size_of(layout.header) or 0

    def decoded(self, at: Stretches) -> tuple[pa.Array, Flags]:
        layout = self._layout
        body = Stretches(at.data, at.start + self._header, at.end - layout.trailer)
        walked = self._walker.walk(body)
        broken = walked.broken | (body.start > body.end)
        whole = np.flatnonzero(~broken)
        found: list[tuple[Member, Ints]] = []
        header, _ = members(layout.header, Stretches(at.data, at.start[whole], body.start[whole]), layout.byte_order)
        for place, member in enumerate(header):
            found.append((Member(member.name, whole[member.rows], member.texts), _order(-1, place, member.rows)))
        found += self._items(body, walked, broken)
        stopped = np.flatnonzero((walked.rest >= 0) & ~broken)
        if len(stopped):
            rest = hex_texts(at.data, walked.rest[stopped], body.end[stopped] - walked.rest[stopped])
            found.append((Member("_rest", stopped, rest), np.full(len(stopped), np.iinfo(np.int64).max)))
        return self._together(found, len(at)), broken

    def _items(self, at: Stretches, walked: Walked, broken: Flags) -> list[tuple[Member, Ints]]:
        """The members of all items with their order within the message; what is broken is marked."""
        found: list[tuple[Member, Ints]] = []
        lists: dict[str, list[tuple[Ints, Ints, pa.Array]]] = {}
        by_item = np.argsort(walked.item, kind="stable")
        numbers, firsts = np.unique(walked.item[by_item], return_index=True)
        for number, mine in zip(numbers, np.split(by_item, firsts[1:]), strict=False):
            item = self._walker.items[number]
            message, step = walked.message[mine], walked.step[mine]
            stretches = Stretches(at.data, walked.start[mine], walked.end[mine])
            parts, short = members(item.fields, stretches, self._layout.byte_order)
            broken[message[short]] = True
            if item.list_name is None:
                for place, part in enumerate(parts):
                    rows = part.rows
                    found.append((Member(part.name, message[rows], part.texts), _order(step[rows], place, rows)))
                continue
            every = np.arange(len(mine))
            keys = walked.key[mine]
            shown = [Member(part, every, whole_texts(self._walker.shown(keys, part))) for part in item.show]
            entry = objects([*shown, *parts], len(mine))
            lists.setdefault(item.list_name, []).append((message, step, entry))
        return found + [_listed(name, entries) for name, entries in lists.items()]

    def _together(self, found: list[tuple[Member, Ints]], count: int) -> pa.Array:
        """One object a message: members in the order of the bytes, of a name met twice the first."""
        parts = [member for member, _ in found]
        if not parts:
            return objects([], count)
        rows = np.concatenate([part.rows for part in parts])
        order = np.concatenate([order for _, order in found])
        number = {name: place for place, name in enumerate(dict.fromkeys(part.name for part in parts))}
        name = np.concatenate([np.full(len(part.rows), number[part.name], dtype=np.int64) for part in parts])
        texts = pa.concat_arrays([keyed(part.name, part.texts) for part in parts])
        by_name = np.lexsort((order, name, rows))
        first = np.ones(len(by_name), dtype=np.bool_)
        first[1:] = (np.diff(rows[by_name]) != 0) | (np.diff(name[by_name]) != 0)
        kept = by_name[first]
        kept = kept[np.lexsort((order[kept], rows[kept]))]
        inside = joined(rows[kept], texts.take(pa.array(kept)), count)
        return pc.binary_join_element_wise(pa.scalar("{"), inside, pa.scalar("}"), "")


def _order(step: Ints | int, place: int, rows: Ints) -> Ints:
    """The order of members in a message: by step, then by the field's number."""
    return np.full(len(rows), place, dtype=np.int64) + (np.asarray(step, dtype=np.int64) + 1) * (1 << 32)


def _listed(name: str, entries: list[tuple[Ints, Ints, pa.Array]]) -> tuple[Member, Ints]:
    message = np.concatenate([part for part, _, _ in entries])
    step = np.concatenate([part for _, part, _ in entries])
    texts = pa.concat_arrays([part for _, _, part in entries])
    by_message = np.lexsort((step, message))
    rows, first, place = np.unique(message[by_message], return_index=True, return_inverse=True)
    inside = joined(place, texts.take(pa.array(by_message)), len(rows))
    array = pc.binary_join_element_wise(pa.scalar("["), inside, pa.scalar("]"), "")
    return Member(name, rows, array), _order(step[by_message][first], 0, rows)
