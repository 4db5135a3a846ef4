"""Where the items of channel/type payloads lie: keys and lengths, all messages one item further at each step.

Belongs here: the table from keys to items, how long an item is, and walking. No step looks at a field; a message that
does not add up is broken, and none has more than MAX_ELEMENTS items.
Does not: the fields of an item (`layout_fields`), or putting a message together (`layout`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from canonical.decoders.layout_fields import Stretches
from canonical.decoders.layout_numbers import Flags, Ints, unsigned
from canonical.layout_model import MAX_ELEMENTS, Key, LayoutField, LayoutItem, Length, TlvLayout, Variant, size_of

_UNKNOWN, _DEPENDS = -1, -1


@dataclass(frozen=True, slots=True)
class Item:
    """One kind of item, ready to be met."""

    fields: tuple[LayoutField, ...]
    list_name: str | None
    show: tuple[Key, ...]
    length: int | Length


@dataclass(frozen=True, slots=True)
class Walked:
    """Every item met, in the order of the steps: its message, its number among the items, its data and its key."""

    message: Ints
    item: Ints
    step: Ints
    start: Ints
    end: Ints
    key: Ints
    broken: Flags
    """By message: it cannot be read."""
    rest: Ints
    """By message: where reading stopped at a key nobody knows; -1 where it did not."""


class Walker:
    """The items of one layout by their keys."""

    def __init__(self, layout: TlvLayout) -> None:
        self._layout = layout
        self.items: list[Item] = []
        self._table = np.full(1 << (8 * layout.key_size), _UNKNOWN, dtype=np.int32)
        sources = [*((variant, item) for variant in reversed(layout.variants) for item in layout.items)]
        # What names its keys goes before `any`, and an item before a variant: so they are entered last.
        for variant, item in sources:
            self._enter(_varied(item, variant, layout), layout.length)
        for item in sorted(layout.items, key=lambda item: -sum(getattr(item, k) == "any" for k in layout.key_names)):
            self._enter(item, layout.length)
        self._fixed = np.array(
            [item.length if isinstance(item.length, int) else _DEPENDS for item in self.items], dtype=np.int64
        )

    def _enter(self, item: LayoutItem | None, shared: Length | None) -> None:
        if item is None:
            return
        length = item.length if item.length is not None else shared if shared is not None else size_of(item.fields)
        assert length is not None  # `layout_checks` saw to it
        for key in _keys(item, self._layout):
            self._table[key] = len(self.items)
        self.items.append(Item(item.fields, item.list_name, item.show, length))

    def shown(self, key: Ints, part: Key) -> Ints:
        """One part of each key."""
        high, low = self._layout.key_bits[self._layout.key_names.index(part)]
        return (key >> low) & ((1 << (high - low + 1)) - 1)

    def walk(self, at: Stretches) -> Walked:
        """All items of all messages."""
        count, key_size = len(at), self._layout.key_size
        cursor, rest = at.start.copy(), np.full(count, -1, dtype=np.int64)
        broken = cursor > at.end
        active = np.flatnonzero(~broken & (cursor < at.end))
        steps: list[tuple[Ints, ...]] = []
        for step in range(MAX_ELEMENTS + 1):
            if not len(active):
                break
            if step == MAX_ELEMENTS:
                broken[active] = True
                break
            place, end = cursor[active], at.end[active]
            whole = place + key_size <= end
            broken[active[~whole]] = True
            active, place, end = active[whole], place[whole], end[whole]
            key = unsigned(at.data, place, key_size, big=True).view(np.int64)
            item = self._table[key].astype(np.int64)
            start, stop = self._extents(at, item, place + key_size, end)
            unknown = item == _UNKNOWN
            if self._layout.unknown == "stop":
                rest[active[unknown]] = place[unknown]
            known = ~unknown if self._layout.unknown == "stop" else np.ones(len(item), dtype=np.bool_)
            fits = (start <= stop) & (stop <= end)
            if self._layout.unknown == "fault":
                fits &= ~unknown
            broken[active[known & ~fits]] = True
            good = known & fits
            met = good & ~unknown
            steps.append((active[met], item[met], np.full(met.sum(), step), start[met], stop[met], key[met]))
            cursor[active[good]] = stop[good]
            active = active[good & (stop < end)]
        columns = [np.concatenate(part) for part in zip(*steps, strict=True)] if steps else [_NONE] * 6
        message, item, step_, start, stop, key = columns
        return Walked(message, item, step_, start, stop, key, broken, rest)

    def _extents(self, at: Stretches, item: Ints, place: Ints, end: Ints) -> tuple[Ints, Ints]:
        """Start and end of each item's data; an end beyond the message's where it says so, or where it says nothing."""
        start = place.copy()
        stop = place + np.where(item >= 0, self._fixed[np.maximum(item, 0)], 0)
        depends = (item >= 0) & (self._fixed[np.maximum(item, 0)] == _DEPENDS)
        for number in np.unique(item[depends]):
            length = self.items[number].length
            assert isinstance(length, Length)
            mine = np.flatnonzero(item == number)
            start[mine], stop[mine] = _measured(length, at, place[mine], end[mine])
        if self._layout.unknown == "skip":
            mine = np.flatnonzero(item == _UNKNOWN)
            assert self._layout.length is not None
            start[mine], stop[mine] = _measured(self._layout.length, at, place[mine], end[mine])
        return start, stop


_NONE = np.zeros(0, dtype=np.int64)


def _measured(length: Length, at: Stretches, place: Ints, end: Ints) -> tuple[Ints, Ints]:
    if length.rest:
        return place, end
    size = {"uint8": 1, "uint16": 2}.get(length.prefix or "uint8", 1)
    where = place if length.at is None else place + length.at
    there = where + size <= end
    value = np.zeros(len(place), dtype=np.int64)
    value[there] = unsigned(at.data, where[there], size, big=True).view(np.int64)
    if length.bits is not None:
        high, low = length.bits
        value = (value >> low) & ((1 << (high - low + 1)) - 1)
    if length.table:
        table = np.full(1 << (8 * size), -1, dtype=np.int64)
        for number, bytes_ in length.table.items():
            if 0 <= number < len(table):
                table[number] = bytes_
        measured = table[value]
    else:
        measured = value * length.times + length.plus
    start = place + size if length.at is None else place
    # Nowhere is beyond the end, so the message is broken.
    return start, np.where(there & (measured >= 0), start + measured, end + 1)


def _keys(item: LayoutItem, layout: TlvLayout) -> Iterator[int]:
    choices: list[Sequence[int]] = []
    for name, (high, low) in zip(layout.key_names, layout.key_bits, strict=True):
        given = getattr(item, name)
        values = range(1 << (high - low + 1)) if given == "any" else given if isinstance(given, tuple) else (given,)
        choices.append([value << low for value in values])
    yield from (sum(parts) for parts in product(*choices))


def _varied(item: LayoutItem, variant: Variant, layout: TlvLayout) -> LayoutItem | None:
    """The item under the variant's keys; None where it has no such key, or its length is not known beforehand."""
    more = size_of((*variant.before, *variant.after))
    length = item.length if item.length is not None else layout.length or size_of(item.fields)
    if not isinstance(length, int) or more is None:
        return None
    keys: dict[str, tuple[int, ...]] = {}
    for name, (high, low) in zip(layout.key_names, layout.key_bits, strict=True):
        given, most = getattr(item, name), (1 << (high - low + 1)) - 1
        values = range(most + 1) if given == "any" else given if isinstance(given, tuple) else (given,)
        raised = tuple(value + variant.add.get(name, 0) for value in values)
        keys[name] = tuple(value for value in raised if value <= most)
        if not keys[name]:
            return None
    fields = (*variant.before, *item.fields, *variant.after)
    update: dict[str, Any] = {
        **keys,
        "length": length + more,
        "fields": fields,
        "list_name": variant.list_name or item.list_name,
    }
    return item.model_copy(update=update)
