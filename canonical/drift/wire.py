"""Protobuf messages on the wire: which field numbers they carry.

Belongs here: one walk over many messages at once, one field of each a step; the decoder drops what its schema does not
know and tells nobody. Only the message itself is walked, not messages inside it.
Does not: whether a message is sound (`decoders.protobuf_messages`): a walk that runs into nonsense ends there.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pyarrow as pa

MOST_STEPS = 64
"""Fields of one message that are looked at."""
_WIRE_TYPES = ("varint", "64-bit", "bytes", "group", "group", "32-bit")
Numbers: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"


def field_numbers(bodies: pa.Array, known: frozenset[int]) -> tuple[Numbers, Numbers, list[str]]:
    """Fields that are not `known`, message by message: place of the message, number, and wire type."""
    data, start, end = _laid_out(bodies)
    rows = np.arange(len(start), dtype=np.int64)
    found: list[tuple[Numbers, Numbers, Numbers]] = []
    expected = np.array(sorted(known), np.int64)
    for _ in range(MOST_STEPS):
        going = start < end
        start, end, rows = start[going], end[going], rows[going]
        if not len(rows):
            break
        tag, behind = _varint(data, start, end)
        number, wire = tag >> 3, tag & 7
        unknown = (behind >= 0) & (number > 0) & ~np.isin(number, expected)
        start = _skipped(data, wire, behind, end)
        unknown &= start >= 0
        found.append((rows[unknown], number[unknown], wire[unknown]))
        start = np.where(start < 0, end, start)
    places = np.concatenate([part for part, _, _ in found]) if found else np.zeros(0, np.int64)
    numbers = np.concatenate([part for _, part, _ in found]) if found else np.zeros(0, np.int64)
    wires = np.concatenate([part for _, _, part in found]) if found else np.zeros(0, np.int64)
    return places, numbers, [_WIRE_TYPES[wire] for wire in wires]


def _laid_out(bodies: pa.Array) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint8]], Numbers, Numbers]:
    """All bytes, padded so that a varint may be read at the end of the last; where each message starts and ends."""
    bodies = bodies.cast(pa.large_binary())
    _, offsets, data = bodies.buffers()
    places = np.frombuffer(offsets, np.int64, len(bodies) + 1, bodies.offset * 8)
    given = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return np.concatenate([given, np.zeros(16, np.uint8)]), places[:-1].copy(), places[1:].copy()


def _varint(data: np.ndarray[tuple[int], np.dtype[np.uint8]], at: Numbers, end: Numbers) -> tuple[Numbers, Numbers]:
    """Numbers at these places and where they end; -1 where there is none of at most 31 bits."""
    value = np.zeros(len(at), np.int64)
    behind = np.full(len(at), -1, np.int64)
    for place in range(5):
        byte = data[np.minimum(at + place, len(data) - 1)].astype(np.int64)
        waiting = behind < 0
        value = np.where(waiting, value | ((byte & 0x7F) << (7 * place)), value)
        behind = np.where(waiting & (byte < 0x80) & (at + place < end), at + place + 1, behind)
    return value, behind


def _skipped(data: np.ndarray[tuple[int], np.dtype[np.uint8]], wire: Numbers, at: Numbers, end: Numbers) -> Numbers:
    """Where the next field begins; -1 where the message cannot be walked on."""
    safe = np.maximum(at, 0)
    length, behind = _varint(data, safe, end)
    following = np.full(len(at), -1, np.int64)
    following = np.where(wire == 0, _behind_varint(data, safe), following)
    following = np.where(wire == 1, safe + 8, following)
    following = np.where((wire == 2) & (behind >= 0), behind + length, following)
    following = np.where(wire == 5, safe + 4, following)
    return np.where((at < 0) | (following > end), -1, following)


def _behind_varint(data: np.ndarray[tuple[int], np.dtype[np.uint8]], at: Numbers) -> Numbers:
    """Behind a varint of up to ten bytes, whatever its value."""
    behind = np.full(len(at), np.iinfo(np.int64).max, np.int64)
    for place in reversed(range(10)):
        ends = data[np.minimum(at + place, len(data) - 1)] < 0x80
        behind = np.where(ends, at + place + 1, behind)
    return behind
