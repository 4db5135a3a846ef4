"""How a client comes in: PRELOGIN, TLS or none, LOGIN7.

Belongs here: MS-TDS 2.2.6.5 "PRELOGIN" and 2.2.6.4 "LOGIN7", and what is answered to them.
Does not: what happens in the session afterwards.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from tds_endpoint import tokens
from tds_endpoint.wire import Reader

ENCRYPT_OFF, ENCRYPT_ON, ENCRYPT_NOT_SUPPORTED, ENCRYPT_REQUIRED = 0, 1, 2, 3
VERSION = (16, 0, 4135)
PRODUCT = "Microsoft SQL Server"
UTF8_SUPPORT, AZURE_SQL_SUPPORT, DATA_CLASSIFICATION, SESSION_RECOVERY = 0x0A, 0x08, 0x09, 0x01


@dataclass(frozen=True)
class Login:
    """What a LOGIN7 says."""

    user: str
    password: str
    database: str
    application: str
    packet_size: int
    features: dict[int, bytes] = field(default_factory=dict)


def asked_encryption(body: bytes) -> int:
    """The ENCRYPTION option of a client's PRELOGIN."""
    reader = Reader(body)
    while reader.peek() != 0xFF:
        option = reader.number("B")
        offset = int.from_bytes(reader.take(2), "big")
        reader.take(2)
        if option == 1:
            return body[offset]
    return ENCRYPT_NOT_SUPPORTED


def prelogin(encryption: int) -> bytes:
    """The server's PRELOGIN: version, encryption, instance, thread, no MARS."""
    major, minor, build = VERSION
    options = [
        (0, struct.pack(">BBHH", major, minor, build, 0)),
        (1, bytes([encryption])),
        (2, b"\0"),
        (3, b""),
        (4, b"\0"),
    ]
    offset = 5 * len(options) + 1
    head, data = b"", b""
    for code, value in options:
        head += struct.pack(">BHH", code, offset + len(data), len(value))
        data += value
    return head + b"\xff" + data


def _clear(scrambled: bytes) -> str:
    """The password, whose nibbles were swapped and bits flipped (2.2.6.4)."""
    return bytes(((byte ^ 0xA5) >> 4 | (byte ^ 0xA5) << 4) & 0xFF for byte in scrambled).decode("utf-16-le")


def login(body: bytes) -> Login:
    """LOGIN7."""
    packet_size = struct.unpack_from("<I", body, 8)[0]
    has_extension = bool(body[27] & 0x10)
    offsets = [struct.unpack_from("<HH", body, 36 + 4 * index) for index in range(9)]

    def text(index: int) -> str:
        start, characters = offsets[index]
        return body[start : start + 2 * characters].decode("utf-16-le")

    start, characters = offsets[2]
    features: dict[int, bytes] = {}
    if has_extension:
        extension_offset = struct.unpack_from("<I", body, offsets[5][0])[0]
        reader = Reader(body, extension_offset)
        while reader and reader.peek() != 0xFF:
            code = reader.number("B")
            features[code] = reader.take(reader.number("I"))
    return Login(
        user=text(1),
        password=_clear(body[start : start + 2 * characters]),
        database=text(8),
        application=text(3),
        packet_size=packet_size,
        features=features,
    )


def welcome(asked: Login, database: str, packet_size: int) -> bytes:
    """All that is answered to a login that is let in."""
    reply = tokens.database_changed(database, "master")
    reply += tokens.info(5701, f"Changed database context to '{database}'.")
    reply += tokens.collation_changed()
    reply += tokens.info(5703, "Changed language setting to us_english.")
    reply += tokens.login_acknowledged(PRODUCT, VERSION)
    reply += tokens.packet_size_changed(packet_size, asked.packet_size or 4096)
    if UTF8_SUPPORT in asked.features:
        reply += tokens.features_acknowledged({UTF8_SUPPORT: b"\x01"})
    elif asked.features:
        reply += tokens.features_acknowledged({})
    return reply + tokens.done()


def refused(user: str) -> bytes:
    """What is answered to a wrong name or password."""
    return tokens.error(18456, 14, f"Login failed for user '{user}'.") + tokens.done(status=tokens.ERROR)
