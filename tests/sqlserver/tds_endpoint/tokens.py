"""Tokens of a reply other than rows.

Belongs here: MS-TDS 2.2.7 "Packet Data Token Stream Definition": DONE*, ENVCHANGE, ERROR, INFO, LOGINACK, RETURN*.
Does not: COLMETADATA and ROW, which belong to the types (`rows`).
"""

from __future__ import annotations

import struct

from tds_endpoint.wire import b_varchar, us_varchar

DONE, DONE_PROCEDURE, DONE_IN_PROCEDURE = 0xFD, 0xFE, 0xFF
FINAL, MORE, ERROR, COUNT, ATTENTION = 0x00, 0x01, 0x02, 0x10, 0x20
# SQL_Latin1_General_CP1_CI_AS: LCID 0x0409, ignoring case, kana and width; sort order 52 (2.2.5.1.2 "Collation").
COLLATION = bytes.fromhex("0904d00034")
COLLATION_NAME = "SQL_Latin1_General_CP1_CI_AS"
SERVER = "tds-endpoint"


def done(token: int = DONE, status: int = FINAL, count: int | None = None, command: int = 0) -> bytes:
    """DONE, DONEPROC or DONEINPROC; a count says how many rows."""
    flags = status | (COUNT if count is not None else 0)
    return struct.pack("<BHHQ", token, flags, command, max(count or 0, 0))


def message(token: int, number: int, severity: int, text: str, state: int = 1, line: int = 1) -> bytes:
    """ERROR (0xAA) or INFO (0xAB)."""
    body = struct.pack("<iBB", number, state, severity) + us_varchar(text) + b_varchar(SERVER) + b_varchar("")
    body += struct.pack("<i", line)
    return struct.pack("<BH", token, len(body)) + body


def error(number: int, severity: int, text: str, line: int = 1) -> bytes:
    """ERROR."""
    return message(0xAA, number, severity, text, line=line)


def info(number: int, text: str) -> bytes:
    """INFO, severity 0 to 10."""
    return message(0xAB, number, 0, text)


def _change(kind: int, body: bytes) -> bytes:
    return struct.pack("<BHB", 0xE3, len(body) + 1, kind) + body


def database_changed(new: str, old: str) -> bytes:
    """ENVCHANGE 1."""
    return _change(1, b_varchar(new) + b_varchar(old))


def packet_size_changed(new: int, old: int) -> bytes:
    """ENVCHANGE 4."""
    return _change(4, b_varchar(str(new)) + b_varchar(str(old)))


def collation_changed() -> bytes:
    """ENVCHANGE 7."""
    return _change(7, bytes([len(COLLATION)]) + COLLATION + b"\0")


def transaction_began(descriptor: int) -> bytes:
    """ENVCHANGE 8."""
    return _change(8, b"\x08" + struct.pack("<Q", descriptor) + b"\0")


def transaction_ended(descriptor: int, *, committed: bool) -> bytes:
    """ENVCHANGE 9 or 10."""
    return _change(9 if committed else 10, b"\0\x08" + struct.pack("<Q", descriptor))


def connection_reset() -> bytes:
    """ENVCHANGE 18: the pool's wish was granted."""
    return _change(18, b"\0\0")


def login_acknowledged(product: str, version: tuple[int, int, int]) -> bytes:
    """LOGINACK for TDS 7.4."""
    major, minor, build = version
    body = b"\x01\x74\x00\x00\x04" + b_varchar(product) + struct.pack(">BBH", major, minor, build)
    return struct.pack("<BH", 0xAD, len(body)) + body


def features_acknowledged(features: dict[int, bytes]) -> bytes:
    """FEATUREEXTACK."""
    parts = b"".join(struct.pack("<BI", code, len(data)) + data for code, data in features.items())
    return b"\xae" + parts + b"\xff"


def return_status(value: int) -> bytes:
    """RETURNSTATUS of a procedure."""
    return struct.pack("<Bi", 0x79, value)


def order(columns: list[int]) -> bytes:
    """ORDER."""
    return struct.pack("<BH", 0xA9, 2 * len(columns)) + b"".join(struct.pack("<H", column) for column in columns)
