"""Bytes taken apart as items, each led by its kind: which way of leading and which lengths fit all samples.

Belongs here: the search, bounded in steps.
Does not: what the kinds mean (`payloads`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_LENGTHS = (2, 1, 4, 3, 6, 8, 9, 5, 7)
_STEPS = 20_000
_MOST_KINDS = 16


@dataclass(slots=True)
class Tiling:
    """A way to take all samples apart: keys in front of each item, and the length behind each key."""

    keys: tuple[str, ...]
    prefixed: bool = False
    by_registry: bool = False
    """The types are those of a registry that many vendors use."""
    types: dict[int, int] = field(default_factory=dict)
    lengths: dict[tuple[int, int], int] = field(default_factory=dict)

    def items(self, body: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Channel (0 where there is none), type and data of each item."""
        at = 0
        while at < len(body):
            channel = body[at] if "channel" in self.keys else 0
            at += len(self.keys)
            kind = body[at - 1]
            if self.prefixed:
                length, at = body[at], at + 1
            else:
                length = self.types[kind]
            yield channel, kind, body[at : at + length]
            at += length


def tilings(bodies: Sequence[bytes], known: Mapping[int, int]) -> Tiling | None:
    """The likeliest way to take the bodies apart; None where none is better than chance."""
    different = list(dict.fromkeys(body for body in bodies if body))[:200]
    if not different:
        return None
    for keys in (("channel", "type"), ("type",)):
        prefixed = Tiling(keys, prefixed=True)
        if _prefixed_fits(prefixed, different):
            return _with_lengths(prefixed, different)
    by_registry = Tiling(("channel", "type"), by_registry=True)
    if _search(by_registry, different, known) and _share_known(by_registry, known) >= 0.5:
        return _with_lengths(by_registry, different)
    for keys in (("type",), ("channel", "type")):
        tiling = Tiling(keys)
        if _search(tiling, different, {}) and _better_than_chance(tiling, different):
            return _with_lengths(tiling, different)
    return None


def _prefixed_fits(tiling: Tiling, bodies: Sequence[bytes]) -> bool:
    """Whether lengths that are said lead exactly to the end of every body, with the same length behind each type."""
    head = len(tiling.keys) + 1
    lengths: dict[int, int] = {}
    count = 0
    for body in bodies:
        at = 0
        while at < len(body):
            if at + head > len(body):
                return False
            kind, length = body[at + head - 2], body[at + head - 1]
            at += head + length
            count += 1
            if at > len(body) or length == 0 or lengths.setdefault(kind, length) != length:
                return False
    return count >= len(lengths) + 2 and count > len(bodies)


def _search(tiling: Tiling, bodies: Sequence[bytes], known: Mapping[int, int]) -> bool:
    """Find a length for each type so that every body ends with the end of an item; as few types as there can be."""
    for most in range(1, _MOST_KINDS + 1):
        search = _Search(len(tiling.keys), bodies, known, most)
        if search.fits(0, 0):
            tiling.types = search.lengths
            return True
    return False


class _Search:
    """Tries lengths, type by type in the order in which types are met, and takes back what does not fit."""

    def __init__(self, head: int, bodies: Sequence[bytes], known: Mapping[int, int], most: int) -> None:
        self._head = head
        self._bodies = bodies
        self._known = known
        self._most = most
        self._steps = 0
        self.lengths: dict[int, int] = {}

    def fits(self, number: int, at: int) -> bool:
        """Whether the bodies from `number` on, the first of them from `at` on, can be taken apart."""
        self._steps += 1
        found = self._unknown(number, at) if self._steps <= _STEPS else (-1, 0)
        if found is None:
            return True
        number, at = found
        if number < 0 or len(self.lengths) >= self._most:
            return False
        kind = self._bodies[number][at - 1]
        for length in [self._known[kind]] if kind in self._known else _LENGTHS:
            if at + length <= len(self._bodies[number]):
                self.lengths[kind] = length
                if self.fits(number, at + length):
                    return True
                del self.lengths[kind]
        return False

    def _unknown(self, number: int, at: int) -> tuple[int, int] | None:
        """Where the first item of a type without a length begins; None at the end, a negative body for a misfit."""
        while number < len(self._bodies):
            body = self._bodies[number]
            if at == len(body):
                number, at = number + 1, 0
                continue
            at += self._head
            if at > len(body):
                return -1, 0
            length = self.lengths.get(body[at - 1])
            if length is None:
                return number, at
            at += length
            if at > len(body):
                return -1, 0
        return None


def _share_known(tiling: Tiling, known: Mapping[int, int]) -> float:
    return sum(known.get(kind) == length for kind, length in tiling.types.items()) / max(1, len(tiling.types))


def _better_than_chance(tiling: Tiling, bodies: Sequence[bytes]) -> bool:
    """Kinds have to come again: with a kind for every item any bytes could be taken apart."""
    count = sum(sum(1 for _ in tiling.items(body)) for body in bodies)
    return count > len(bodies) and count >= 3 * len(tiling.types) and len({len(body) for body in bodies}) > 1


def _with_lengths(tiling: Tiling, bodies: Sequence[bytes]) -> Tiling:
    for body in bodies:
        for channel, kind, data in tiling.items(body):
            tiling.lengths[channel, kind] = len(data)
    return tiling
