"""Which partition a key goes to.

Belongs here: the hash. Does not: round robin for events without a key (`hub`).

The service hashes keys with Bob Jenkins' lookup3 (hashlittle2, both seeds 0) and folds the two words to a
signed 16-bit number. The SDK's buffered producer computes the same on the client, so a hub that hashed in
another way would spread one key over two partitions.
"""

from __future__ import annotations

from functools import lru_cache

_MASK = 0xFFFFFFFF
_SEED = 0xDEADBEEF


def _rotate(x: int, by: int) -> int:
    return ((x << by) | (x >> (32 - by))) & _MASK


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for by in (4, 6, 8, 16, 19, 4):
        a = ((a - c) ^ _rotate(c, by)) & _MASK
        c = (c + b) & _MASK
        a, b, c = b, c, a
    return a, b, c


def _finish(a: int, b: int, c: int) -> tuple[int, int, int]:
    for by in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotate(b, by)) & _MASK
        a, b, c = b, c, a
    # Seven turns of three names: put them back under their own.
    return c, a, b


def _lookup3(data: bytes) -> tuple[int, int]:
    a = b = c = (_SEED + len(data)) & _MASK
    while len(data) > 12:
        a, b, c = _add(a, b, c, data[:12])
        a, b, c = _mix(a, b, c)
        data = data[12:]
    if data:
        a, b, c = _finish(*_add(a, b, c, data))
    return c, b


def _add(a: int, b: int, c: int, block: bytes) -> tuple[int, int, int]:
    block = block.ljust(12, b"\x00")
    words = (int.from_bytes(block[at : at + 4], "little") for at in (0, 4, 8))
    return tuple((old + word) & _MASK for old, word in zip((a, b, c), words, strict=True))  # type: ignore[return-value]  # three words in, three out


@lru_cache(maxsize=65536)
def partition_of(key: str, partitions: int) -> int:
    """Number of the partition, 0-based."""
    high, low = _lookup3(key.encode())
    folded = (high ^ low) & 0xFFFF
    return (folded - 0x10000 if folded > 0x7FFF else folded) % partitions
