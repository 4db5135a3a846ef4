"""Bodies of one-byte charsets as UTF-8.

Belongs here: rewriting all bodies of a batch at once, by table.
Does not: which charset a mapping names (`canonical.spec.decode`), or UTF-8 itself, which needs nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


@cache
def _table(charset: str) -> tuple[Bytes, Bytes]:
    """For each byte the UTF-8 bytes of its character, and how many they are; what is not assigned becomes U+FFFD."""
    characters = [bytes([byte]).decode(charset, errors="replace").encode() for byte in range(256)]
    letters = np.zeros((256, 3), np.uint8)
    for byte, character in enumerate(characters):
        letters[byte, : len(character)] = list(character)
    return letters, np.array([len(character) for character in characters], np.uint8)


def as_utf8(bodies: pa.ChunkedArray, charset: str) -> pa.ChunkedArray:
    """The same texts in UTF-8."""
    chunks = [_chunk(chunk, charset) for chunk in bodies.cast(pa.large_binary()).chunks]
    return pa.chunked_array(chunks, pa.large_binary()).cast(pa.binary())


def _chunk(bodies: pa.Array, charset: str) -> pa.Array:
    letters, lengths = _table(charset)
    _, offsets_buffer, data = bodies.buffers()
    if data is None or len(bodies) == 0:
        return bodies
    offsets = np.frombuffer(offsets_buffer, np.int64)[bodies.offset : bodies.offset + len(bodies) + 1]
    held = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    if not held.size or held.max() < 0x80:
        return bodies
    ends = np.concatenate([[0], np.cumsum(lengths[held], dtype=np.int64)])
    written = letters[held][np.arange(3) < lengths[held][:, None]]
    moved = ends[offsets - offsets[0]]
    made = pa.Array.from_buffers(
        pa.large_binary(), len(bodies), [None, pa.py_buffer(moved.tobytes()), pa.py_buffer(written.tobytes())]
    )
    return made if bodies.null_count == 0 else _with_nulls(made, bodies)


def _with_nulls(made: pa.Array, bodies: pa.Array) -> pa.Array:
    return pc.if_else(bodies.is_null(), pa.scalar(None, pa.large_binary()), made)
