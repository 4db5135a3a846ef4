"""Bytes at many places of one buffer as JSON texts: whole numbers, exact decimals, floats, BCD, texts and hex.

Belongs here: reading the same type at many places at once, and writing what was read as JSON. A scaled number is
written as the decimal it is (235 at a scale of 0.1 is 23.5), so that it reads back to the nearest double.
Does not: which type is where (`layout_fields`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Uints = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

_HEX_PAIRS = np.frombuffer(b"".join(b"%02x" % n for n in range(256)), dtype=np.uint16)
_PLAIN = np.array([0x20 <= n < 0x7F and n not in b'"\\' for n in range(256)])
"""Bytes that stand for themselves in a JSON text."""


def unsigned(data: Bytes, places: Ints, size: int, *, big: bool) -> Uints:
    """The whole numbers of `size` bytes at `places`."""
    value = np.zeros(len(places), dtype=np.uint64)
    for step in range(size):
        value = (value << np.uint64(8)) | data[places + (step if big else size - 1 - step)]
    return value


def of_bits(value: Uints, bits: tuple[int, int], *, signed: bool) -> npt.NDArray[Any]:
    """The bits highest..lowest of each, as int64, or as uint64 where no sign and all 64 are asked for."""
    high, low = bits
    width = high - low + 1
    value = value >> np.uint64(low)
    if width < 64:
        value &= np.uint64((1 << width) - 1)
    if signed and width < 64:
        top = np.uint64(1 << (width - 1))
        value = (value ^ top) - top
    return value if width == 64 and not signed else value.view(np.int64)


def whole_texts(value: npt.NDArray[Any]) -> pa.Array:
    """Whole numbers as JSON."""
    return pc.cast(pa.array(value), pa.string())


def decimal_texts(value: npt.NDArray[Any], times: int, plus: int, digits: int) -> pa.Array:
    """(value * times + plus) / 10**digits, exactly."""
    if times != 1 or plus != 0:
        value = value.astype(np.int64) * np.int64(times) + np.int64(plus)
    if digits == 0:
        return whole_texts(value)
    # A 128-bit decimal is its digits as one integer: the low word, then the high word that carries the sign.
    words = np.zeros((len(value), 2), dtype="<u8")
    words[:, 0] = value.astype(np.uint64) if value.dtype == np.uint64 else value.view(np.uint64)
    if value.dtype == np.int64:
        words[:, 1] = (value >> 63).view(np.uint64)
    decimals = pa.Array.from_buffers(pa.decimal128(38, digits), len(value), [None, pa.py_buffer(words)])
    return pc.cast(decimals, pa.string())


def float_values(value: Uints, size: int) -> npt.NDArray[np.float64]:
    """IEEE 754 numbers of 2, 4 or 8 bytes."""
    narrow: npt.NDArray[Any] = value.astype({2: np.uint16, 4: np.uint32, 8: np.uint64}[size])
    with np.errstate(invalid="ignore"):
        wide: npt.NDArray[np.float64] = narrow.view({2: np.float16, 4: np.float32, 8: np.float64}[size]).astype(
            np.float64
        )
    return wide


def float_texts(value: npt.NDArray[np.float64]) -> pa.Array:
    """The shortest text that reads back to each number; NaN and Infinity by their names in JavaScript."""
    texts = pc.cast(pa.array(value), pa.string())
    finite = np.isfinite(value)
    if finite.all():
        return texts
    words = np.where(np.isnan(value), "NaN", np.where(value > 0, "Infinity", "-Infinity"))
    return pc.if_else(pa.array(finite), texts, pa.array(words.tolist(), pa.string()))


def named_texts(value: npt.NDArray[Any], names: Mapping[int, str], others: pa.Array) -> pa.Array:
    """The name of each number as a JSON text; `others` where it has none."""
    limits = np.iinfo(value.dtype)
    keys = sorted(key for key in names if limits.min <= key <= limits.max)
    if not keys:
        return others
    known = np.array(keys, dtype=value.dtype)
    place = np.minimum(np.searchsorted(known, value), len(known) - 1)
    texts = pa.array([json.dumps(names[key]) for key in keys]).take(pa.array(place))
    return pc.if_else(pa.array(known[place] == value), texts, others)


def boolean_texts(value: npt.NDArray[Any]) -> pa.Array:
    """Zero is false, all else true."""
    return pa.array(["false", "true"]).take(pa.array((value != 0).astype(np.int8)))


def flat_places(places: Ints, lengths: Ints) -> Ints:
    """The places of all bytes of all stretches, one after the other."""
    ends = np.cumsum(lengths)
    return np.repeat(places - (ends - lengths), lengths) + np.arange(ends[-1] if len(ends) else 0)


def strings(content: Bytes, lengths: Ints) -> pa.Array:
    """Stretches of ASCII as an Arrow array."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(content))]
    return pa.Array.from_buffers(pa.string(), len(lengths), buffers)


def hex_texts(data: Bytes, places: Ints, lengths: Ints) -> pa.Array:
    """Bytes as lower-case hex digits, in quotes."""
    digits = _HEX_PAIRS[data[flat_places(places, lengths)]].view(np.uint8)
    return _quoted(strings(digits, lengths * 2))


def bcd_texts(data: Bytes, places: Ints, size: int, *, big: bool) -> tuple[Ints, Flags]:
    """Binary coded decimals of up to 9 bytes as numbers, and which of them have a digit above 9."""
    value = np.zeros(len(places), dtype=np.int64)
    wrong = np.zeros(len(places), dtype=np.bool_)
    for step in range(size):
        byte = data[places + (step if big else size - 1 - step)]
        high, low = byte >> 4, byte & 15
        wrong |= (high > 9) | (low > 9)
        value = value * 100 + high * np.int64(10) + low
    return value, wrong


def text_texts(data: Bytes, places: Ints, lengths: Ints) -> pa.Array:
    """UTF-8 up to the first zero byte, as JSON texts; what is no UTF-8 is shown as U+FFFD."""
    flat = data[flat_places(places, lengths)]
    owner = np.repeat(np.arange(len(places)), lengths)
    zeros = flat == 0
    if zeros.any():
        index = np.flatnonzero(zeros)
        first = np.full(len(places), np.iinfo(np.int64).max)
        np.minimum.at(first, owner[index], index)
        starts = np.cumsum(lengths) - lengths
        lengths = np.minimum(lengths, np.maximum(first - starts, 0))
        flat = data[flat_places(places, lengths)]
        owner = np.repeat(np.arange(len(places)), lengths)
    special = np.unique(owner[~_PLAIN[flat]])
    if not len(special):
        return _quoted(strings(flat, lengths))
    # Rare, and each costs its own length: texts that need an escape.
    plain = np.ones(len(places), dtype=np.bool_)
    plain[special] = False
    kept = strings(flat[plain[owner]], np.where(plain, lengths, 0))
    ends = np.cumsum(lengths)
    escaped = [json.dumps(flat[ends[n] - lengths[n] : ends[n]].tobytes().decode(errors="replace")) for n in special]
    place = np.zeros(len(places), dtype=np.int64)
    place[special] = np.arange(len(special))
    return pc.if_else(pa.array(plain), _quoted(kept), pa.array(escaped).take(pa.array(place)))


def _quoted(texts: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(pa.scalar('"'), texts, pa.scalar('"'), "")
