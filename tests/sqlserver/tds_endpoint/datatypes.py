"""Types of columns and parameters: how they are declared, and how a value lies on the wire.

Belongs here: MS-TDS 2.2.5.4 "Data Type Definitions", 2.2.5.5 "Data Type Details" (TYPE_INFO, TYPE_VARBYTE, PLP).
Does not: tokens around values (`rows`, `bulk`), or what type an expression has (`describe`).
"""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from tds_endpoint.tokens import COLLATION
from tds_endpoint.wire import Reader

NULL, GUID, INTN, DATEN, TIMEN, DATETIME2N, DATETIMEOFFSETN = 0x1F, 0x24, 0x26, 0x28, 0x29, 0x2A, 0x2B
BITN, DECIMALN, NUMERICN, FLTN, MONEYN, DATETIMN = 0x68, 0x6A, 0x6C, 0x6D, 0x6E, 0x6F
VARBINARY, VARCHAR, BINARY, CHAR, NVARCHAR, NCHAR, XML = 0xA5, 0xA7, 0xAD, 0xAF, 0xE7, 0xEF, 0xF1
FIXED = {0x30: (INTN, 1), 0x32: (BITN, 1), 0x34: (INTN, 2), 0x38: (INTN, 4), 0x3A: (DATETIMN, 4), 0x3B: (FLTN, 4)}
FIXED |= {0x3C: (MONEYN, 8), 0x3D: (DATETIMN, 8), 0x3E: (FLTN, 8), 0x7A: (MONEYN, 4), 0x7F: (INTN, 8)}
MAX = 0xFFFF
WIDE = Context(prec=80)  # decimals have up to 38 digits, Python's default context 28
EPOCH = dt.date(1, 1, 1).toordinal()
INTEGERS = {"tinyint": 1, "smallint": 2, "int": 4, "bigint": 8}
TEXTS = {
    "varchar": VARCHAR,
    "nvarchar": NVARCHAR,
    "char": CHAR,
    "nchar": NCHAR,
    "varbinary": VARBINARY,
    "binary": BINARY,
}
ENCODINGS = {VARCHAR: "cp1252", CHAR: "cp1252", NVARCHAR: "utf-16-le", NCHAR: "utf-16-le", XML: "utf-16-le"}


@dataclass(frozen=True)
class DataType:
    """A SQL Server type: token, length in bytes, precision and scale."""

    token: int
    length: int = 0
    precision: int = 0
    scale: int = 0

    @property
    def is_max(self) -> bool:
        """Whether values come in parts (PLP)."""
        return self.token == XML or (self.token in {VARCHAR, NVARCHAR, VARBINARY} and self.length == MAX)

    @property
    def characters(self) -> int | None:
        """How many characters a text may have; None for no bound, or no text."""
        if self.is_max or self.token not in ENCODINGS:
            return None
        return self.length // 2 if self.token in {NVARCHAR, NCHAR} else self.length

    @property
    def info(self) -> bytes:
        """TYPE_INFO."""
        token = bytes([self.token])
        if self.token in {DECIMALN, NUMERICN}:
            return token + bytes([self.length, self.precision, self.scale])
        if self.token in {TIMEN, DATETIME2N, DATETIMEOFFSETN}:
            return token + bytes([self.scale])
        if self.token == DATEN:
            return token
        if self.token in ENCODINGS and self.token != XML:
            return token + struct.pack("<H", self.length) + COLLATION
        if self.token in {VARBINARY, BINARY}:
            return token + struct.pack("<H", self.length)
        return token + bytes([self.length])


def read_type(reader: Reader) -> DataType:  # noqa: PLR0911 - a table of cases, one branch each
    """TYPE_INFO of a parameter or a bulk column."""
    token = reader.number("B")
    if token in FIXED:
        nullable, length = FIXED[token]
        return DataType(nullable, length)
    if token in {DECIMALN, NUMERICN}:
        length, precision, scale = reader.take(3)
        return DataType(token, length, precision, scale)
    if token in {TIMEN, DATETIME2N, DATETIMEOFFSETN}:
        return DataType(token, 0, 0, reader.number("B"))
    if token in {DATEN, NULL}:
        return DataType(token)
    if token == XML:
        if reader.number("B"):
            reader.b_varchar(), reader.b_varchar(), reader.us_varchar()
        return DataType(XML, MAX)
    if token in TEXTS.values():
        length = reader.number("H")
        if token in ENCODINGS:
            reader.take(5)
        return DataType(token, length)
    if token in {GUID, INTN, BITN, FLTN, MONEYN, DATETIMN}:
        return DataType(token, reader.number("B"))
    raise ValueError(f"type token {token:#04x} is not known to the endpoint")


def _time(data: bytes, scale: int) -> tuple[int, dt.time]:
    """Microseconds of the day; a seventh digit is cut."""
    ticks = int.from_bytes(data, "little") * 10 ** (7 - scale)
    micros = ticks // 10
    rest, micro = divmod(micros, 1_000_000)
    minutes, second = divmod(rest, 60)
    hour, minute = divmod(minutes, 60)
    return micros, dt.time(hour, minute, second, micro)


def _datetime(data: bytes) -> dt.datetime:
    if len(data) == 4:
        days, minutes = struct.unpack("<HH", data)
        return dt.datetime(1900, 1, 1) + dt.timedelta(days=days, minutes=minutes)  # noqa: DTZ001 - SQL Server keeps no zone
    days, ticks = struct.unpack("<iI", data)
    return dt.datetime(1900, 1, 1) + dt.timedelta(days=days, milliseconds=round(ticks * 10 / 3))  # noqa: DTZ001 - SQL Server keeps no zone


def decode(kind: DataType, data: bytes) -> Any:  # noqa: C901, PLR0911 - a table of cases, one branch each
    """The Python value of a value's bytes, which are not null."""
    token = kind.token
    if token == INTN:
        return int.from_bytes(data, "little", signed=len(data) > 1)
    if token == BITN:
        return data[0] != 0
    if token == FLTN:
        return struct.unpack("<d" if len(data) == 8 else "<f", data)[0]
    if token in ENCODINGS:
        return data.decode(ENCODINGS[token], "surrogatepass")
    if token in {DECIMALN, NUMERICN}:
        magnitude = int.from_bytes(data[1:], "little")
        return WIDE.scaleb(Decimal(magnitude if data[0] else -magnitude), -kind.scale)
    if token == MONEYN:
        high_low = struct.unpack("<iI", data) if len(data) == 8 else (0, struct.unpack("<i", data)[0])
        return Decimal((high_low[0] << 32) + high_low[1]).scaleb(-4)
    if token == DATEN:
        return dt.date.fromordinal(EPOCH + int.from_bytes(data, "little"))
    if token == TIMEN:
        return _time(data, kind.scale)[1]
    if token == DATETIME2N:
        date = dt.date.fromordinal(EPOCH + int.from_bytes(data[-3:], "little"))
        return dt.datetime.combine(date, _time(data[:-3], kind.scale)[1])
    if token == DATETIMEOFFSETN:
        date = dt.date.fromordinal(EPOCH + int.from_bytes(data[-5:-2], "little"))
        utc = dt.datetime.combine(date, _time(data[:-5], kind.scale)[1], dt.UTC)
        return utc.astimezone(dt.timezone(dt.timedelta(minutes=struct.unpack("<h", data[-2:])[0])))
    if token == DATETIMN:
        return _datetime(data)
    if token == GUID:
        return uuid.UUID(bytes_le=data)
    return data


def read_value(reader: Reader, kind: DataType) -> Any:
    """TYPE_VARBYTE: a length, then the bytes."""
    if kind.is_max:
        if reader.number("Q") == 0xFFFFFFFFFFFFFFFF:
            return None
        parts = bytearray()
        while count := reader.number("I"):
            parts += reader.take(count)
        return decode(kind, bytes(parts))
    if kind.token in TEXTS.values():
        count = reader.number("H")
        return None if count == 0xFFFF else decode(kind, reader.take(count))
    if kind.token == NULL:
        return None
    count = reader.number("B")
    return decode(kind, reader.take(count)) if count else None


def _ticks(value: dt.time | dt.datetime, scale: int) -> bytes:
    micros = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
    ticks: int = micros * 10 // 10 ** (7 - scale)
    return ticks.to_bytes(3 if scale <= 2 else 4 if scale <= 4 else 5, "little")


def _days(value: dt.date) -> bytes:
    return int(value.toordinal() - EPOCH).to_bytes(3, "little")


def encode(kind: DataType, value: Any) -> bytes:  # noqa: C901, PLR0911 - a table of cases, one branch each
    """The bytes of a value, without its length."""
    token = kind.token
    if token == INTN:
        return int(value).to_bytes(kind.length, "little", signed=kind.length > 1)
    if token == BITN:
        return b"\1" if value else b"\0"
    if token == FLTN:
        return struct.pack("<d" if kind.length == 8 else "<f", value)
    if token in ENCODINGS:
        return str(value).encode(ENCODINGS[token], "replace" if ENCODINGS[token] == "cp1252" else "surrogatepass")
    if token in {DECIMALN, NUMERICN}:
        scaled = int(WIDE.to_integral_value(WIDE.scaleb(Decimal(value), kind.scale)))
        return bytes([scaled >= 0]) + abs(scaled).to_bytes(kind.length - 1, "little")
    if token == DATEN:
        return _days(value)
    if token == TIMEN:
        return _ticks(value, kind.scale)
    if token == DATETIME2N:
        return _ticks(value, kind.scale) + _days(value)
    if token == DATETIMEOFFSETN:
        utc = value.astimezone(dt.UTC)
        offset = value.utcoffset() or dt.timedelta()
        return _ticks(utc, kind.scale) + _days(utc) + struct.pack("<h", offset // dt.timedelta(minutes=1))
    if token == DATETIMN:
        since = value - dt.datetime(1900, 1, 1)  # noqa: DTZ001 - SQL Server keeps no zone
        return struct.pack("<iI", since.days, round((since - dt.timedelta(days=since.days)).total_seconds() * 300))
    if token == GUID:
        return uuid.UUID(str(value)).bytes_le
    return bytes(value)


def write_value(kind: DataType, value: Any) -> bytes:
    """TYPE_VARBYTE."""
    if kind.is_max:
        if value is None:
            return b"\xff" * 8
        data = encode(kind, value)
        return struct.pack("<Q", len(data)) + (struct.pack("<I", len(data)) + data if data else b"") + b"\0\0\0\0"
    if kind.token in TEXTS.values():
        if value is None:
            return b"\xff\xff"
        data = encode(kind, value)
        return struct.pack("<H", len(data)) + data
    if value is None:
        return b"\0"
    data = encode(kind, value)
    return bytes([len(data)]) + data
