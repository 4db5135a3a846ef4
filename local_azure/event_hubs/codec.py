"""AMQP 1.0 types as bytes, and back.

Belongs here: how one value is written, read or stepped over. Does not: what a list of values means, neither
as a performative (`frames`) nor as a message section (`message`).

Writing is explicit, one function per wire type, because an `int` in Python says nothing about which of nine
integer types the peer expects. Reading is generic.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

NULL = b"\x40"
TRUE = b"\x41"
FALSE = b"\x42"
EMPTY_LIST = b"\x45"

_UINT = struct.Struct(">I")
_LONG = struct.Struct(">q")
_ULONG = struct.Struct(">Q")
_SIZE_AND_COUNT = struct.Struct(">II")


class DecodeError(ValueError):
    """Bytes that are not AMQP."""


# What reading hostile bytes can raise; a caller that met one of these answers `amqp:decode-error`.
MALFORMED = (DecodeError, IndexError, struct.error, UnicodeDecodeError, RecursionError)


class Symbol(str):
    """An AMQP symbol: ASCII from a constrained domain, a different type from string on the wire."""

    __slots__ = ()


class Timestamp(int):
    """Milliseconds since 1970-01-01 UTC; negative before."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor that says what it is."""

    descriptor: Any
    value: Any


def boolean(value: bool) -> bytes:
    """An AMQP boolean."""
    return TRUE if value else FALSE


def ubyte(value: int) -> bytes:
    """An AMQP ubyte."""
    return bytes((0x50, value))


def uint(value: int) -> bytes:
    """An AMQP uint, never in its short forms."""
    return b"\x70" + _UINT.pack(value)


def integer(value: int) -> bytes:
    """An AMQP int."""
    return b"\x71" + value.to_bytes(4, "big", signed=True)


def ulong(value: int) -> bytes:
    """An AMQP ulong."""
    return b"\x80" + _ULONG.pack(value)


def long(value: int) -> bytes:
    """An AMQP long."""
    return b"\x81" + _LONG.pack(value)


def timestamp(milliseconds: int) -> bytes:
    """An AMQP timestamp: milliseconds since 1970-01-01 UTC."""
    return b"\x83" + _LONG.pack(milliseconds)


def _variable(short: int, wide: int, data: bytes) -> bytes:
    if len(data) < 256:
        return bytes((short, len(data))) + data
    return bytes((wide,)) + _UINT.pack(len(data)) + data


def binary(data: bytes) -> bytes:
    """AMQP binary."""
    return _variable(0xA0, 0xB0, data)


def string(text: str) -> bytes:
    """An AMQP string, UTF-8."""
    return _variable(0xA1, 0xB1, text.encode())


def symbol(name: str) -> bytes:
    """An AMQP symbol, ASCII."""
    return _variable(0xA3, 0xB3, name.encode("ascii"))


def array_of_symbols(names: Iterable[str]) -> bytes:
    """An array of symbols; SASL mechanisms have to be one, a list will not do."""
    return _array(0xB3, [name.encode("ascii") for name in names])


def array_of_strings(texts: Iterable[str]) -> bytes:
    """An array of strings."""
    return _array(0xB1, [text.encode() for text in texts])


def _array(constructor: int, items: list[bytes]) -> bytes:
    body = b"".join(_UINT.pack(len(item)) + item for item in items)
    return b"\xf0" + _SIZE_AND_COUNT.pack(5 + len(body), len(items)) + bytes((constructor,)) + body


def sequence(items: Iterable[bytes]) -> bytes:
    """A list, always in its widest form: some clients cannot read the others."""
    encoded = list(items)
    body = b"".join(encoded)
    return b"\xd0" + _SIZE_AND_COUNT.pack(4 + len(body), len(encoded)) + body


def mapping(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A map from encoded keys and values."""
    return raw_map([part for entry in entries for part in entry])


def raw_map(parts: list[bytes]) -> bytes:
    """A map from encoded key, value, key, value and so on."""
    body = b"".join(parts)
    return b"\xd1" + _SIZE_AND_COUNT.pack(4 + len(body), len(parts)) + body


def described(code: int, value: bytes) -> bytes:
    """A described value whose descriptor is a small ulong, in the two bytes every client understands."""
    return bytes((0x00, 0x53, code)) + value


_SHORT_PREFIX, _WIDE_PREFIX, _UNKNOWN = -1, -4, -9
# By the high half of a constructor: bytes of the value, or how long the prefix is that tells.
_WIDTHS = {
    0x4: 0,
    0x5: 1,
    0x6: 2,
    0x7: 4,
    0x8: 8,
    0x9: 16,
    **dict.fromkeys((0xA, 0xC, 0xE), _SHORT_PREFIX),
    **dict.fromkeys((0xB, 0xD, 0xF), _WIDE_PREFIX),
}
_WIDTH_OF = tuple(_WIDTHS.get(constructor >> 4, _UNKNOWN) for constructor in range(256))


def skip(data: bytes, at: int) -> int:
    """The position after the value that starts at `at`; never looks inside lists, maps or strings."""
    width = _WIDTH_OF[data[at]]
    if width >= 0:
        end = at + 1 + width
    elif width == _SHORT_PREFIX:
        end = at + 2 + data[at + 1]
    elif width == _WIDE_PREFIX:
        end = at + 5 + int(_UINT.unpack_from(data, at + 1)[0])
    elif data[at] == 0:
        end = skip(data, skip(data, at + 1))
    else:
        raise DecodeError(f"0x{data[at]:02x} is not an AMQP constructor")
    if end > len(data):
        raise DecodeError(f"a value of type 0x{data[at]:02x} runs past the end")
    return end


def items(data: bytes, at: int) -> tuple[int, int]:
    """Count of the items of the list or map at `at`, and where the first one starts."""
    constructor = data[at]
    if constructor == 0x45:
        return 0, at + 1
    if constructor in (0xC0, 0xC1):
        return data[at + 2], at + 3
    if constructor in (0xD0, 0xD1):
        return _UINT.unpack_from(data, at + 5)[0], at + 9
    raise DecodeError(f"expected a list or a map, got 0x{constructor:02x}")


def split(data: bytes, at: int) -> list[bytes]:
    """The items of the list or map at `at`, each still encoded."""
    count, at = items(data, at)
    parts: list[bytes] = []
    for _ in range(count):
        end = skip(data, at)
        parts.append(data[at:end])
        at = end
    return parts


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value at `at` in Python, and the position after it."""
    constructor = data[at]
    if constructor == 0:
        descriptor, at = decode(data, at + 1)
        value, at = decode(data, at)
        return Described(descriptor, value), at
    return _decode_as(constructor, data, at + 1)


def _decode_as(constructor: int, data: bytes, at: int) -> tuple[Any, int]:
    simple = _SIMPLE.get(constructor)
    if simple is not None:
        width, convert = simple
        end = at + width
    elif constructor in _TEXT:
        convert = _TEXT[constructor]
        wide = constructor >> 4 == 0xB
        length = _UINT.unpack_from(data, at)[0] if wide else data[at]
        at += 4 if wide else 1
        end = at + length
    else:
        return _decode_compound(constructor, data, at)
    if end > len(data):
        raise DecodeError(f"a value of type 0x{constructor:02x} runs past the end")
    return convert(data[at:end]), end


def _decode_compound(constructor: int, data: bytes, at: int) -> tuple[Any, int]:
    end = skip(data, at - 1)
    if constructor in (0xE0, 0xF0):
        return _decode_array(data, at, wide=constructor == 0xF0), end
    count, at = items(data, at - 1)
    values = []
    for _ in range(count):
        value, at = decode(data, at)
        values.append(value)
    if constructor in (0xC1, 0xD1):
        try:
            return dict(zip(values[::2], values[1::2], strict=True)), end
        except (TypeError, ValueError) as error:
            raise DecodeError(f"a map that is none: {error}") from None
    return values, end


def _decode_array(data: bytes, at: int, *, wide: bool) -> list[Any]:
    count, at = (_UINT.unpack_from(data, at + 4)[0], at + 8) if wide else (data[at + 1], at + 2)
    if count > len(data):
        raise DecodeError(f"an array of {count} items in {len(data)} bytes")
    values: list[Any] = []
    if count:
        constructor, at = data[at], at + 1
        if constructor not in _SIMPLE and constructor not in _TEXT:
            raise DecodeError(f"arrays of type 0x{constructor:02x} are not supported")
        for _ in range(count):
            value, at = _decode_as(constructor, data, at)
            values.append(value)
    return values


def _unpack(code: str) -> Callable[[bytes], Any]:
    packed = struct.Struct(">" + code)
    return lambda raw: packed.unpack(raw)[0]


_SIMPLE: dict[int, tuple[int, Callable[[bytes], Any]]] = {
    0x40: (0, lambda _: None),
    0x41: (0, lambda _: True),
    0x42: (0, lambda _: False),
    0x43: (0, lambda _: 0),
    0x44: (0, lambda _: 0),
    0x45: (0, lambda _: []),
    0x50: (1, _unpack("B")),
    0x51: (1, _unpack("b")),
    0x52: (1, _unpack("B")),
    0x53: (1, _unpack("B")),
    0x54: (1, _unpack("b")),
    0x55: (1, _unpack("b")),
    0x56: (1, lambda raw: raw != b"\x00"),
    0x60: (2, _unpack("H")),
    0x61: (2, _unpack("h")),
    0x70: (4, _unpack("I")),
    0x71: (4, _unpack("i")),
    0x72: (4, _unpack("f")),
    0x73: (4, lambda raw: raw.decode("utf-32-be")),
    0x74: (4, bytes),
    0x80: (8, _unpack("Q")),
    0x81: (8, _unpack("q")),
    0x82: (8, _unpack("d")),
    0x83: (8, lambda raw: Timestamp(_LONG.unpack(raw)[0])),
    0x84: (8, bytes),
    0x94: (16, bytes),
    0x98: (16, lambda raw: UUID(bytes=raw)),
}
_TEXT: dict[int, Callable[[bytes], Any]] = {
    0xA0: bytes,
    0xB0: bytes,
    0xA1: lambda raw: raw.decode(),
    0xB1: lambda raw: raw.decode(),
    0xA3: lambda raw: Symbol(raw.decode("ascii")),
    0xB3: lambda raw: Symbol(raw.decode("ascii")),
}
