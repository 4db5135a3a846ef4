"""Payloads written as text inside an envelope: base64 and hex to bytes, a column at once.

Belongs here: strictness. Base64 is read in both alphabets (`+/` and `-_`), padded or not, but nothing else may be in
it; hex has an even number of digits of either case.
Does not: where in the envelope the text is (`compilation`), or what the bytes mean (`layout`).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from canonical.decoders.layout_numbers import Bytes, Flags, Ints, flat_places

FAULT = "bad_payload"
_WRONG = 255


def _digits(alphabet: str, also: dict[str, int]) -> Bytes:
    table = np.full(256, _WRONG, dtype=np.uint8)
    for value, letter in enumerate(alphabet):
        table[ord(letter)] = value
    for letter, value in also.items():
        table[ord(letter)] = value
    return table


_HEX = _digits("0123456789abcdef", {letter: 10 + n for n, letter in enumerate("ABCDEF")})
_BASE64 = _digits("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", {"-": 62, "_": 63})


def payload_bytes(texts: pa.Array, encoding: Literal["base64", "hex"]) -> tuple[pa.Array, pa.Array]:
    """The bytes of each text (binary, null where they cannot be read) and the fault: null, or `bad_payload`.

    `texts` is one chunk of string; a null gives neither bytes nor a fault.
    """
    texts = texts.cast(pa.binary())
    if encoding == "base64":
        texts = _unpadded(texts)
    places, lengths, content = _parts(texts)
    table = _HEX if encoding == "hex" else _BASE64
    values = table[content[flat_places(places, lengths)]]
    owner = np.repeat(np.arange(len(lengths)), lengths)
    wrong = np.zeros(len(lengths), dtype=np.bool_)
    wrong[owner[values == _WRONG]] = True
    wrong |= lengths < 0
    if encoding == "hex":
        wrong |= lengths % 2 == 1
        content, sizes = _from_hex(values, lengths, wrong)
    else:
        wrong |= lengths % 4 == 1
        content, sizes = _from_base64(values, lengths, wrong)
    offsets = np.zeros(len(sizes) + 1, dtype=np.int32)
    np.cumsum(sizes, out=offsets[1:])
    whole = pa.Array.from_buffers(pa.binary(), len(sizes), [None, pa.py_buffer(offsets), pa.py_buffer(content)])
    given = texts.is_valid()
    bad = pc.and_(given, pa.array(wrong))
    bodies = pc.if_else(pc.and_(given, pc.invert(bad)), whole, pa.scalar(None, pa.binary()))
    return bodies, pc.if_else(bad, pa.scalar(FAULT), pa.scalar(None, pa.string()))


def _unpadded(texts: pa.Array) -> pa.Array:
    """Without `=` at the end, where it fills a group of four; any other `=` stays, and is wrong."""
    lengths = pc.binary_length(texts)
    full = pc.equal(pc.bit_wise_and(lengths, 3), 0)
    one = pc.and_(full, pc.ends_with(texts, "="))
    two = pc.and_(full, pc.ends_with(texts, "=="))
    cut = pc.if_else(two, pc.binary_slice(texts, 0, -2), pc.if_else(one, pc.binary_slice(texts, 0, -1), texts))
    return cut if pc.any(one).as_py() else texts


def _parts(texts: pa.Array) -> tuple[Ints, Ints, Bytes]:
    _, offsets, content = texts.buffers()
    if not len(texts) or content is None:
        nothing = np.zeros(len(texts), dtype=np.int64)
        return nothing, nothing, np.zeros(0, dtype=np.uint8)
    places = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    lengths = np.diff(places)
    if texts.null_count:
        lengths = np.where(texts.is_valid().to_numpy(zero_copy_only=False), lengths, 0)
    return places[:-1], lengths, np.frombuffer(content, dtype=np.uint8)


def _from_hex(values: Bytes, lengths: Ints, wrong: Flags) -> tuple[Bytes, Ints]:
    sizes = np.where(wrong, 0, lengths // 2)
    kept = values[np.repeat(~wrong, lengths)]
    content: Bytes = (kept[0::2] << np.uint8(4)) | kept[1::2]
    return content, sizes


def _from_base64(values: Bytes, lengths: Ints, wrong: Flags) -> tuple[Bytes, Ints]:
    sizes = np.where(wrong, 0, lengths * 6 // 8)
    starts = np.cumsum(lengths) - lengths
    nth = flat_places(np.zeros_like(sizes), sizes)
    place = np.repeat(starts, sizes) + nth // 3 * 4 + nth % 3
    shift = (nth % 3 * 2 + 2).astype(np.uint8)
    low = values[place + 1] if len(place) else values[:0]
    content: Bytes = (values[place] << shift) | (low >> (6 - shift))
    return content, sizes
