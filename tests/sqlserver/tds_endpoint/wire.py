"""Bytes read in order: the little-endian integers and counted texts every TDS structure is made of.

Belongs here: MS-TDS 2.2.5.1 "Grammar Definition for Token Description", general rules and counted strings.
Does not: types of columns (`datatypes`) or tokens (`tokens`).
"""

from __future__ import annotations

import struct


class Reader:
    """A position in a message."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    def __bool__(self) -> bool:
        return self.position < len(self.data)

    def take(self, count: int) -> bytes:
        """So many bytes."""
        end = self.position + count
        if end > len(self.data):
            raise ValueError(f"message ends at {len(self.data)}, wanted {count} bytes at {self.position}")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def number(self, code: str) -> int:
        """An integer by its `struct` code, little endian."""
        size = struct.calcsize("<" + code)
        value: int = struct.unpack("<" + code, self.take(size))[0]
        return value

    def peek(self) -> int:
        """The next byte, left where it is."""
        return self.data[self.position]

    def text(self, characters: int) -> str:
        """UTF-16 of so many code units."""
        return self.take(2 * characters).decode("utf-16-le")

    def b_varchar(self) -> str:
        """B_VARCHAR: a count in one byte."""
        return self.text(self.number("B"))

    def us_varchar(self) -> str:
        """US_VARCHAR: a count in two bytes."""
        return self.text(self.number("H"))


def b_varchar(text: str) -> bytes:
    """B_VARCHAR."""
    encoded = text.encode("utf-16-le")
    return struct.pack("<B", len(encoded) // 2) + encoded


def us_varchar(text: str) -> bytes:
    """US_VARCHAR."""
    encoded = text.encode("utf-16-le")
    return struct.pack("<H", len(encoded) // 2) + encoded
