"""The types of AMQP 1.0 and how each is read.

Belongs here: one reader per type, each from the bytes after its constructor to a Python value that says which type it
was: text is `str`, binary is `bytes`, a timestamp is a `Timestamp`.
Does not: sections of a message (`amqp_message`).

Readers raise whatever Python raises on bytes that are no AMQP; the caller keeps those bytes.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

Read: TypeAlias = Callable[[bytes, int], "tuple[Any, int]"]
MOST_NAMES = 4096
_NAMES: dict[bytes, str] = {}


class Timestamp(int):
    """Milliseconds since 1970, UTC: any that 64 bits can say, also those that are no `datetime`."""

    __slots__ = ()


def read(data: bytes, position: int) -> tuple[Any, int]:
    """The value whose constructor is at `position`, and the position after it."""
    return TABLE[data[position]](data, position + 1)


def _constant(value: Any) -> Read:
    return lambda data, position: (value, position)


def _fixed(layout: str, convert: Callable[[Any], Any] | None = None) -> Read:
    unpack, width = struct.Struct(layout).unpack_from, struct.calcsize(layout)
    if convert is None:
        return lambda data, position: (unpack(data, position)[0], position + width)
    return lambda data, position: (convert(unpack(data, position)[0]), position + width)


def _bytes8(convert: Callable[[bytes], Any]) -> Read:
    def read(data: bytes, position: int) -> tuple[Any, int]:
        end = position + 1 + data[position]
        return convert(data[position + 1 : end]), end

    return read


def _bytes32(convert: Callable[[bytes], Any]) -> Read:
    def read(data: bytes, position: int) -> tuple[Any, int]:
        begin = position + 4
        end = begin + int.from_bytes(data[position:begin], "big")
        return convert(data[begin:end]), end

    return read


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _char(code: int) -> str | dict[str, int]:
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else {"$char": code}


def _decimal(width: int, exponent_bits: int, bias: int) -> Callable[[bytes], Decimal]:
    """IEEE 754 decimal of `width` bits, binary integer form."""

    def convert(raw: bytes) -> Decimal:
        bits = int.from_bytes(raw, "big")
        sign, top = bits >> (width - 1), bits >> (width - 6) & 0x1F
        if top >= 0x1E:
            return Decimal(("-" if sign else "") + ("NaN" if top == 0x1F else "Infinity"))
        wide = top >= 0x18
        shift = width - 1 - exponent_bits - (2 if wide else 0)
        exponent = (bits >> shift) & ((1 << exponent_bits) - 1)
        digits = bits & ((1 << shift) - 1) | (0b100 << shift if wide else 0)
        return Decimal((sign, tuple(map(int, str(digits))), exponent - bias))

    return convert


def _name(raw: bytes) -> str | bytes:
    """The text of a map's key, of which there are few different ones."""
    name: str | bytes | None = _NAMES.get(raw)
    if name is None:
        name = _text(raw)
        if isinstance(name, str) and len(_NAMES) < MOST_NAMES:
            _NAMES[raw] = name
    return name


def _list(table: list[Read], width: int) -> Read:
    def read(data: bytes, position: int) -> tuple[list[Any], int]:
        count = int.from_bytes(data[position + width : position + 2 * width], "big")
        position += 2 * width
        values: list[Any] = []
        for _ in range(count):
            code = data[position]
            if code == 0x40:  # most fields of most lists are null
                values.append(None)
                position += 1
            else:
                value, position = table[code](data, position + 1)
                values.append(value)
        return values, position

    return read


def _map(table: list[Read], width: int) -> Read:
    def read(data: bytes, position: int) -> tuple[dict[Any, Any], int]:
        count = int.from_bytes(data[position + width : position + 2 * width], "big")
        position += 2 * width
        values: dict[Any, Any] = {}
        for _ in range(count // 2):
            code = data[position]
            if code in {0xA1, 0xA3}:
                begin = position + 2
                position = begin + data[position + 1]
                key: Any = _name(data[begin:position])
            else:
                key, position = table[code](data, position + 1)
            values[key], position = table[data[position]](data, position + 1)
        return values, position

    return read


def _array(table: list[Read], width: int) -> Read:
    def read(data: bytes, position: int) -> tuple[list[Any], int]:
        end = position + width + int.from_bytes(data[position : position + width], "big")
        count = int.from_bytes(data[position + width : position + 2 * width], "big")
        position += 2 * width
        values: list[Any] = []
        if count == 0:
            return values, end
        if count > len(data):
            raise ValueError(f"an array of {count} items in {len(data)} bytes")
        constructor, position = data[position], position + 1
        if constructor == 0:
            _, position = table[data[position]](data, position + 1)
            constructor, position = data[position], position + 1
        for _ in range(count):
            value, position = table[constructor](data, position)
            values.append(value)
        return values, position

    return read


def _described(table: list[Read]) -> Read:
    def read(data: bytes, position: int) -> tuple[Any, int]:
        descriptor, position = table[data[position]](data, position + 1)
        value, position = table[data[position]](data, position + 1)
        return {"$descriptor": descriptor, "$value": value}, position

    return read


def _unknown(data: bytes, position: int) -> tuple[Any, int]:
    raise ValueError(f"type {data[position - 1]:#04x} is no AMQP type")


def _table() -> list[Read]:
    """How to read each type: what follows the constructor byte."""
    table: list[Read] = [_unknown] * 256
    table[0x00] = _described(table)
    for code, value in ((0x40, None), (0x41, True), (0x42, False), (0x43, 0), (0x44, 0)):
        table[code] = _constant(value)
    table[0x45] = lambda data, position: ([], position)
    for codes, layout in (
        ((0x50, 0x52, 0x53), ">B"),
        ((0x51, 0x54, 0x55), ">b"),
        ((0x60,), ">H"),
        ((0x61,), ">h"),
        ((0x70,), ">I"),
        ((0x71,), ">i"),
        ((0x72,), ">f"),
        ((0x80,), ">Q"),
        ((0x81,), ">q"),
        ((0x82,), ">d"),
    ):
        for code in codes:
            table[code] = _fixed(layout)
    table[0x56] = _fixed(">B", bool)
    table[0x73] = _fixed(">I", _char)
    table[0x74] = _fixed("4s", _decimal(32, 8, 101))
    table[0x83] = _fixed(">q", Timestamp)
    table[0x84] = _fixed("8s", _decimal(64, 10, 398))
    table[0x94] = _fixed("16s", _decimal(128, 14, 6176))
    table[0x98] = _fixed("16s", lambda raw: uuid.UUID(bytes=raw))
    for code, convert in ((0xA0, bytes), (0xA1, _text), (0xA3, _text)):
        table[code] = _bytes8(convert)
        table[code + 0x10] = _bytes32(convert)
    for code, width in ((0xC0, 1), (0xD0, 4)):
        table[code] = _list(table, width)
        table[code + 1] = _map(table, width)
    table[0xE0], table[0xF0] = _array(table, 1), _array(table, 4)
    return table


TABLE = _table()
