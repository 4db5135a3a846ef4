"""Compressed bodies: gzip, deflate and zstd, only for the events that say so.

Belongs here: undoing `content_encoding`, bounded, so that a small body cannot become a large memory.
Does not: charsets and formats (`decoders`).
"""

from __future__ import annotations

import zlib

import pyarrow as pa
import pyarrow.compute as pc

ENCODINGS = ("gzip", "x-gzip", "deflate", "zstd")
_PLAIN = ("", "identity")


def decompressed(events: pa.Table, at_most: int) -> tuple[pa.ChunkedArray, pa.Array]:
    """Bodies as they were before compression, and each row's fault: null, `unknown` or `broken`.

    Bodies are cut one byte behind `at_most`, which tells that they are too large; one that is too large as it came
    stays as it is.
    """
    bodies = events.column("body")
    named = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(events.column("content_encoding"), "")))
    mask = pc.invert(pc.is_in(named, value_set=pa.array(_PLAIN)))
    places = pc.indices_nonzero(mask)
    if len(places) == 0:
        return bodies, pa.nulls(len(events), pa.string())
    replaced: list[bytes] = []
    faults: list[str | None] = []
    for body, encoding in zip(bodies.take(places).to_pylist(), named.take(places).to_pylist(), strict=True):
        content, fault = _one(body or b"", encoding, at_most)
        replaced.append(content)
        faults.append(fault)
    mask = _one_array(mask)
    return (
        pa.chunked_array([pc.replace_with_mask(_one_array(bodies), mask, pa.array(replaced, pa.binary()))]),
        pc.replace_with_mask(pa.nulls(len(events), pa.string()), mask, pa.array(faults, pa.string())),
    )


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks)


def _one(body: bytes, encoding: str, at_most: int) -> tuple[bytes, str | None]:
    if encoding not in ENCODINGS:
        return body, "unknown"
    if not body or len(body) > at_most:
        return body, None
    try:
        return (_zstd(body, at_most + 1) if encoding == "zstd" else _zlib(body, encoding, at_most + 1)), None
    except (zlib.error, OSError, EOFError):
        return body, "broken"


def _zlib(body: bytes, encoding: str, at_most: int) -> bytes:
    if encoding != "deflate":
        return _inflated(body, 31, at_most)
    try:  # by its standard deflate is zlib's format, but many senders send it bare
        return _inflated(body, 15, at_most)
    except (zlib.error, EOFError):
        return _inflated(body, -15, at_most)


def _inflated(body: bytes, window: int, at_most: int) -> bytes:
    """At most that many bytes; gzip may come in several members, anything else behind the end is an error."""
    parts: list[bytes] = []
    left = at_most
    while body and left:
        engine = zlib.decompressobj(wbits=window)
        part = engine.decompress(body, left)
        parts.append(part)
        left -= len(part)
        if left and not engine.eof:
            raise EOFError("the compressed bytes end early")
        body = engine.unused_data
        if body and window != 31:
            raise EOFError("there are bytes behind the end")
    return b"".join(parts)


def _zstd(body: bytes, at_most: int) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as stream:
        # Not `read`: where the bytes are broken, pyarrow (26.0) never frees the ones that it made room for.
        return bytes(stream.read_buffer(at_most))
