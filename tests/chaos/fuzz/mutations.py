"""What is done to a message, by kind.

Belongs here: one function a kind, from a sound event to a spoilt one. `LARGE` names those that also make it large: what
a batch with them costs goes by its bytes.
Does not: which kind comes next (`run`), or what must become of the event (`ledger`).
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from random import Random
from typing import Any

import cbor2
import pyarrow as pa

Event = dict[str, Any]
Kind = Callable[[Random, Event, Sequence[Event]], Event]

_INVALID_UTF8 = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\x80", b"\xe2\x82")
_NUMBERS = (
    *("1e400", "-1e400", "9" * 400, "-" + "9" * 40, "1e-400", "0." + "1" * 300, "NaN", "Infinity", "-Infinity", "-0"),
    *("00012", "0x10", "1e", "+5", ".5", "5.", "1_000", "9223372036854775808", "-9223372036854775809", "1e308"),
    *("18446744073709551616", "253402300800000", "1e18", "2147483648", "\u0661\u0662", "1,5", "1\u00a0000"),
)
_SURROGATES = (b"\\ud800", b"\\udfff\\ud800", b"\\uD83D", b"\\u0000", b"\\uZZZZ", b"\\u12", b"\\x41", b"\\")
_ODD = (None, True, False, "", " ", "-", "null", [], {}, [[]], {"": 1}, 0, -1, 1e308, -1e-320, 2**63, 2**64, -(2**70))
_ODD_TEXTS = (
    "\ud800",
    "\u0000",
    "\ufeff",
    "'; DROP TABLE readings; --",
    "{}",
    "%s%n",
    "a" * 500,
    "\u202e",
    "2026-02-30",
)
_ODD_TIMES = (
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "2026-03-29T02:30:00",
    "1e30",
    "-1",
    "+292277-01-01",
    "1772366400",
)
_ENCODINGS = ("gzip", "x-gzip", "deflate", "zstd", "br", "GZIP ", "", "identity", "gzip, gzip")
_TYPES = (
    "",
    "text/plain",
    'application/json;charset="',
    "APPLICATION/JSON",
    ";",
    "application/x-protobuf; x",
    "\u0000",
)


def bits(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """Some bits flipped."""
    body = bytearray(event["body"] or b"0")
    for _ in range(dice.choice((1, 1, 2, 8))):
        body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
    return event | {"body": bytes(body)}


def truncation(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """Its end is lost, or its beginning."""
    cut = dice.randrange(len(event["body"]) + 1)
    return event | {"body": event["body"][:cut] if dice.random() < 0.7 else event["body"][cut:]}


def splice(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """The beginning of one with the end of another."""
    other = dice.choice(others)["body"]
    return event | {
        "body": event["body"][: dice.randrange(len(event["body"]) + 1)] + other[dice.randrange(len(other) + 1) :]
    }


def doubled(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """A stretch of it several times."""
    body = event["body"]
    begin, end = sorted((dice.randrange(len(body) + 1), dice.randrange(len(body) + 1)))
    return event | {"body": body[:end] + body[begin:end] * dice.choice((1, 2, 5)) + body[end:]}


def duplicated_keys(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """A key twice, in JSON and in CBOR; a line or a field twice elsewhere."""
    body: bytes = event["body"]
    if body[:1] == b"{":
        pairs = ",".join(
            f"{json.dumps(key)}:{value}" for key in _keys(body) for value in dice.sample(("1", "null", '"x"'), 2)
        )
        return event | {
            "body": b"{" + pairs.encode() + b"," + body[1:]
            if dice.random() < 0.5
            else body[:-1] + b"," + pairs.encode() + b"}"
        }
    if body and body[0] >> 5 == 5 and body[0] & 31 < 23:
        return event | {"body": bytes([body[0] + 1]) + body[1:] + cbor2.dumps("d") + cbor2.dumps("b")}
    return event | {"body": body + b"\n" + body}


def nesting(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """Brackets within brackets, or items within items."""
    depth = dice.choice((3, 70, 1000, 20_000, 100_000))
    opened, closed = dice.choice(
        (
            (b"[", b"]"),
            (b'{"a":', b"}"),
            (b"\x81", b""),
            (b"\xa1\x01", b""),
            (b"\x9f", b"\xff"),
            (b"\xc1", b""),
            (b"\x0b", b"\x0c"),
        )
    )
    inside = dice.choice((b"", b"1", event["body"]))
    nested = opened * depth + inside + closed * dice.choice((depth, depth, depth - 1))
    if event["body"][:1] == b"{" and dice.random() < 0.5:
        nested = event["body"][:-1] + b',"deep":' + nested + b"}"
    return event | {"body": nested[:300_000]}


def numbers(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """A number as no device should write it."""
    body: bytes = event["body"]
    digits = [place for place, byte in enumerate(body) if 48 <= byte <= 57] or [0]
    begin = end = dice.choice(digits)
    while end < len(body) and body[end : end + 1] in b"0123456789.":
        end += 1
    return event | {"body": body[:begin] + dice.choice(_NUMBERS).encode() + body[end:]}


def values(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """A field with another value, or without one, in JSON and CBOR; bytes of a payload inside changed."""
    for load, dump in ((json.loads, _dumped), (cbor2.loads, cbor2.dumps)):
        try:
            tree = load(event["body"])
        except (ValueError, cbor2.CBORError, RecursionError):
            continue
        if isinstance(tree, dict | list):
            return event | {"body": dump(_changed(dice, tree, surrogates=load is json.loads))}
    return numbers(dice, event, others)


def invalid_utf8(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """Bytes in it that are no text."""
    return _inserted(dice, event, dice.choice(_INVALID_UTF8))


def surrogates(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """Halves of characters and other escapes that are none."""
    quotes = [place for place, byte in enumerate(event["body"]) if byte == 34]
    return _inserted(dice, event, dice.choice(_SURROGATES), dice.choice(quotes) + 1 if quotes else None)


def nul(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """Zeros in it."""
    return _inserted(dice, event, b"\x00" * dice.choice((1, 1, 3)))


def byte_order_mark(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """A mark before it, or another Unicode."""
    if dice.random() < 0.5:
        return event | {"body": dice.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) + event["body"]}
    return event | {"body": event["body"].decode("latin-1").encode(dice.choice(("utf-16", "utf-16-le", "utf-32")))}


def quotes(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """Signs that lay out a text, where they do not belong."""
    return _inserted(
        dice,
        event,
        dice.choice((b'"', b'""', b"'", b"\n", b"\r", b"\r\n\r\n", b",", b";", b"\t", b"}", b"]", b",]", b"/**/")),
    )


def noise(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """Any bytes, or none."""
    return event | {"body": dice.choice((b"", b"\n", dice.randbytes(dice.choice((1, 9, 60)))))}


def lengths(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """A length or a count that promises more than there is."""
    return _inserted(
        dice,
        event,
        dice.choice(
            (
                b"\xff" * 9 + b"\x01",
                b"\x9b" + b"\xff" * 8,
                b"\x5a\xff\xff\xff\xff",
                b"\x0a\x7f",
                b"\x80" * 12,
                b"\xbf",
                b"\x9f",
            )
        ),
    )


def envelope(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """The envelope of another, or of none."""
    other = dice.choice(others)
    taken = dice.sample(("content_type", "schema_ref", "properties", "device_id"), dice.randint(1, 3))
    changed = event | {name: other[name] for name in taken}
    if dice.random() < 0.4:
        changed |= dice.choice(
            (
                {"content_type": dice.choice(_TYPES)},
                {"content_type": None},
                {"schema_ref": None},
                {"schema_ref": "\u0000"},
                {"properties": [("a", "b"), ("a", "c"), ("", "")]},
            )
        )
    return changed


def encoding(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """Compressed, or only said to be; the compressed bytes spoilt."""
    named = dice.choice(_ENCODINGS)
    packed = {"gzip": gzip.compress(event["body"], 1), "deflate": zlib.compress(event["body"], 1)}.get(
        named, event["body"]
    )
    packed = bytes(pa.compress(event["body"], "zstd")) if named == "zstd" and event["body"] else packed
    packed = packed[: dice.randrange(len(packed) + 1)] if dice.random() < 0.3 else packed
    changed = event | {"body": packed, "content_encoding": named}
    return bits(dice, changed, others) if dice.random() < 0.3 else changed


def bomb(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """A few bytes that are many when they are decompressed."""
    named = dice.choice(("gzip", "deflate", "zstd"))
    return event | {"body": _bomb(named, dice.choice((b"0", b"[", b" ", b"\x81"))), "content_encoding": named}


def size(dice: Random, event: Event, others: Sequence[Event]) -> Event:
    """Very long: a text, a list, lines, or more than may be."""
    many = dice.choice((1000, 30_000, 262_144, 300_000))
    filling = dice.choice((b"a", b"1,", b"{},", b"\n", b'"":0,', b"\x00", b"0;", b" "))
    return _inserted(dice, event, filling * (many // len(filling)))


LARGE: dict[str, Kind] = {"nesting": nesting, "bomb": bomb, "size": size}
KINDS: dict[str, Kind] = {
    each.__name__.replace("_", " "): each
    for each in (
        *(bits, truncation, splice, doubled, duplicated_keys, numbers, values, invalid_utf8, surrogates, nul),
        *(byte_order_mark, quotes, noise, lengths, envelope, encoding),
    )
}


def _inserted(dice: Random, event: Event, what: bytes, at: int | None = None) -> Event:
    body = event["body"]
    at = dice.randrange(len(body) + 1) if at is None else at
    return event | {"body": body[:at] + what + body[at:]}


def _keys(body: bytes) -> list[str]:
    try:
        return list(json.loads(body))[:3]
    except (ValueError, RecursionError):  # an earlier mutation may have nested it deeper than Python reads
        return ["d"]


def _dumped(tree: Any) -> bytes:
    return json.dumps(tree).encode()


def _changed(dice: Random, tree: Any, *, surrogates: bool) -> Any:
    """The tree with something in it changed, somewhere."""
    inside = list(tree) if isinstance(tree, dict) else list(range(len(tree))) if isinstance(tree, list) else []
    if not inside or dice.random() < 0.05:
        return _odd(dice, tree, surrogates=surrogates)
    key = dice.choice(inside)
    changed = tree.copy()
    if isinstance(tree, dict) and dice.random() < 0.15:
        value = changed.pop(key)
        return (
            changed
            if dice.random() < 0.5
            else {dice.choice(("", "x", str(key).upper(), 7 if not surrogates else "7")): value, **changed}
        )
    changed[key] = _changed(dice, tree[key], surrogates=surrogates)
    return changed


def _odd(dice: Random, value: Any, *, surrogates: bool) -> Any:
    if isinstance(value, str) and dice.random() < 0.5:
        for decode, encode in ((bytes.fromhex, bytes.hex), (base64.b64decode, lambda b: base64.b64encode(b).decode())):
            try:
                spoilt = bytearray(decode(value))
            except ValueError:
                continue
            if spoilt:
                spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
                return encode(bytes(spoilt[: dice.randrange(len(spoilt)) + 1]))
    odd = dice.choice((*_ODD, *_ODD_TEXTS, *_ODD_TIMES, [value] * 3, {"v": value}, str(value)))
    return odd if surrogates or odd != "\ud800" else "\ufffd"


@cache
def _bomb(named: str, filling: bytes) -> bytes:
    content = filling * 20_000_000
    if named == "zstd":
        return bytes(pa.compress(content, "zstd"))
    return gzip.compress(content) if named == "gzip" else zlib.compress(content)
