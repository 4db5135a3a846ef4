"""CBOR bodies to JSON documents (RFC 8949, section 6.1).

Belongs here: one whole CBOR item a body as the JSON text it stands for, and what JSON has no words for: byte strings
become base64url without padding, undefined and unknown simple values null, NaN and Infinity the names that JavaScript
has for them (so that a reading says `not_finite`), whole numbers as keys their digits. A tag that makes a number makes
that number; other tags are looked through: a tagged time stays the text or the number it is. A key written twice, text
that is no UTF-8, bytes behind the item, references to other values, or more than MAX_DEPTH levels are no CBOR to us.
Does not: what the fields mean (`compilation`), or SenML's labels (`senml`).

CBOR has no columns to work on: where a field lies is known only when all before it has been read. So cbor2, a compiled
library, is called once a body, and the standard library's compiled encoder writes what it gives: 10 microseconds for
the usual body. Neither ever runs longer than the body is long.
"""

from __future__ import annotations

import json
import math
from base64 import b16encode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import cbor2
import pyarrow as pa

FAULT = "invalid_cbor"
MAX_DEPTH = 64
_MAX_BIGNUM_BYTES = 64
_MAX_EXPONENT = 2000
_LARGEST_BUILT_IN_TAG = 55799


class CborError(ValueError):
    """The bytes are not one CBOR item that has a JSON text."""


class CborDocuments:
    """Documents of CBOR bodies: the text of the item, or the fault `invalid_cbor`."""

    def documents(self, bodies: pa.Array) -> tuple[pa.Array, pa.Array]:
        """JSON text per body and the fault; a null body gives neither."""
        return each_document(bodies, lambda body: encoded(decoded(body)), FAULT)


def each_document(bodies: pa.Array, text_of: Callable[[bytes], str], fault: str) -> tuple[pa.Array, pa.Array]:
    """What `text_of` makes of each body that is there; `fault` where it raises CborError."""
    texts: list[str | None] = []
    faults: list[str | None] = []
    for body in bodies.to_pylist():
        text = found = None
        if body is not None:
            try:
                text = text_of(body)
            except CborError:
                found = fault
        texts.append(text)
        faults.append(found)
    return pa.array(texts, pa.string()), pa.array(faults, pa.string())


def decoded(body: bytes) -> Any:
    """The one item of a body, as Python has it. CborError where there is none, or more than one."""
    decoder = cbor2.CBORDecoder(
        BytesIO(body),
        max_depth=MAX_DEPTH,
        allow_duplicate_keys=False,
        semantic_decoders=_TAGS,
        tag_hook=_tagged,
        read_size=max(1, len(body)),
    )
    try:
        item = decoder.decode()
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise CborError(str(error)) from None
    try:
        decoder.read(1)
    except cbor2.CBORDecodeEOF:
        return item
    raise CborError("bytes behind the item")


def encoded(item: Any) -> str:
    """The JSON text of an item. CborError where it has none, as with a list for a key."""
    try:
        text = _ENCODER.encode(item)
    except (ValueError, TypeError, RecursionError) as error:
        raise CborError(str(error)) from None
    return text


def _plain(value: Any) -> Any:
    """What the encoder does not know."""
    if isinstance(value, bytes):
        return urlsafe_b64encode(value).decode().rstrip("=")
    if isinstance(value, Mapping):  # an immutable one, inside a tag
        return dict(value)
    if value is cbor2.undefined or isinstance(value, cbor2.CBORSimpleValue):
        return None
    raise TypeError(type(value).__name__)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain)


def _itself(value: Any, immutable: bool) -> Any:
    return value


def _refused(value: Any, immutable: bool) -> Any:
    raise CborError("references to other values are not read")


def _tagged(tag: cbor2.CBORTag, immutable: bool) -> Any:
    return tag.value


def _bignum(value: Any, immutable: bool) -> int:
    if not isinstance(value, bytes) or len(value) > _MAX_BIGNUM_BYTES:
        raise CborError("a big number is a byte string of at most 64 bytes")
    return int.from_bytes(value, "big")


def _negative_bignum(value: Any, immutable: bool) -> int:
    return -1 - _bignum(value, immutable)


def _parts(value: Any) -> tuple[int, int]:
    if isinstance(value, list | tuple) and len(value) == 2:
        exponent, digits = value
        if type(exponent) is int and type(digits) is int and abs(exponent) <= _MAX_EXPONENT:
            return exponent, digits
    raise CborError("a fraction is an exponent and a whole number")


def _decimal(value: Any, immutable: bool) -> float:
    exponent, digits = _parts(value)
    return float(f"{digits}e{exponent}")


def _binary(value: Any, immutable: bool) -> float:
    exponent, digits = _parts(value)
    return math.ldexp(digits, exponent)


def _written(write: Callable[[bytes], bytes]) -> Callable[[Any, bool], Any]:
    def expected(value: Any, immutable: bool) -> Any:
        return write(value).decode() if isinstance(value, bytes) else value

    return expected


_REFERENCES = (25, 28, 29, 256)
_BUILT_IN = (0, 1, 30, 35, 36, 37, 52, 54, 100, 258, 260, 261, 1004, 43000, _LARGEST_BUILT_IN_TAG)
"""Tags of which the library would make objects of Python: times, fractions, patterns, addresses, sets."""
_TAGS: Mapping[int, Callable[[Any, bool], Any]] = {
    **dict.fromkeys(_BUILT_IN, _itself),
    **dict.fromkeys(_REFERENCES, _refused),
    2: _bignum,
    3: _negative_bignum,
    4: _decimal,
    5: _binary,
    22: _written(b64encode),
    23: _written(lambda value: b16encode(value).lower()),
}
