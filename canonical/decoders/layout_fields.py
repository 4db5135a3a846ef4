"""The fields of one layout part, at many places at once: places and types to members of JSON objects.

Belongs here: where each field lies in each stretch of bytes, whether it is there, and its JSON text. A field that a
stretch is too short for breaks the stretch, unless it is optional.
Does not: how one type is read (`layout_numbers`), or which stretch belongs to which message (`layout`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from canonical.decoders import layout_numbers as numbers
from canonical.decoders.layout_numbers import Bytes, Flags, Ints
from canonical.layout_checks import exact
from canonical.layout_model import MAX_ELEMENTS, SIZES, LayoutField, size_of


@dataclass(frozen=True, slots=True)
class Member:
    """One field where it is there: the places among the stretches (ascending) and the JSON text of its value."""

    name: str
    rows: Ints
    texts: pa.Array


@dataclass(frozen=True, slots=True)
class Stretches:
    """Parts of one buffer: from `start` up to `end`, each for itself."""

    data: Bytes
    start: Ints
    end: Ints

    def __len__(self) -> int:
        return len(self.start)


def stretches(bodies: pa.Array) -> Stretches:
    """All bodies, none of them null, as stretches of the buffer they lie in."""
    bodies = bodies.cast(pa.binary())
    _, offsets, content = bodies.buffers()
    if not len(bodies) or content is None:
        nothing = np.zeros(len(bodies), dtype=np.int64)
        return Stretches(np.zeros(0, dtype=np.uint8), nothing, nothing)
    places = np.frombuffer(offsets, dtype=np.int32)[bodies.offset : bodies.offset + len(bodies) + 1].astype(np.int64)
    return Stretches(np.frombuffer(content, dtype=np.uint8), places[:-1], places[1:])


@dataclass(slots=True)
class _State:
    """How far the fields of each stretch have been read."""

    cursor: Ints
    previous: Ints
    broken: Flags
    raw: dict[str, tuple[npt.NDArray[Any], Flags]] = field(default_factory=dict)


def members(fields: Sequence[LayoutField], at: Stretches, byte_order: str) -> tuple[list[Member], Flags]:
    """The members that the fields give, and which stretches are too short for theirs."""
    state = _State(at.start.copy(), at.start.copy(), np.zeros(len(at), dtype=np.bool_))
    found = [member for field_ in fields for member in _members_of(field_, at, state, byte_order)]
    return found, state.broken


def objects(found: Sequence[Member], count: int) -> pa.Array:
    """Members as one JSON object a stretch, in the order of the fields; of a name met twice the first counts."""
    if not found:
        return pa.array(["{}"]).take(pa.array(np.zeros(count, dtype=np.int64)))
    rows = np.concatenate([member.rows for member in found])
    texts = pa.concat_arrays([keyed(member.name, member.texts) for member in found])
    names = [member.name for member in found]
    if len(set(names)) != len(names):
        number = {name: place for place, name in enumerate(dict.fromkeys(names))}
        which = np.concatenate([np.full(len(m.rows), number[m.name], dtype=np.int64) for m in found])
        first = np.sort(np.unique(rows * len(number) + which, return_index=True)[1])
        rows, texts = rows[first], texts.take(pa.array(first))
    return pc.binary_join_element_wise(pa.scalar("{"), joined(rows, texts, count), pa.scalar("}"), "")


def keyed(name: str, texts: pa.Array) -> pa.Array:
    """`"name":` before each text."""
    return pc.binary_join_element_wise(pa.scalar(f'"{name}":'), texts, "")


def joined(rows: Ints, texts: pa.Array, count: int) -> pa.Array:
    """The texts of each row, with commas between, in the order given; empty for a row without."""
    order = np.argsort(rows, kind="stable")
    offsets = np.zeros(count + 1, dtype=np.int32)
    np.cumsum(np.bincount(rows, minlength=count), out=offsets[1:])
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), texts.take(pa.array(order))), ",")


def _members_of(field_: LayoutField, at: Stretches, state: _State, byte_order: str) -> list[Member]:
    place = _place(field_, at, state)
    here = ~state.broken if field_.when is None else ~state.broken & _holds(field_, state)
    size, count = _extent(field_, at, state, place)
    fits = (place >= at.start) & (size >= 0) & (place + size <= at.end)
    if not field_.optional:
        state.broken |= here & ~fits
    here &= fits
    state.previous = np.where(here, place, state.previous)
    state.cursor = np.where(here, place + size, state.cursor)
    if field_.name is None or not here.any():
        return []
    rows = np.flatnonzero(here)
    order = field_.byte_order or byte_order
    if field_.repeat is not None:
        return [Member(field_.name, rows, _array(field_, at, place[rows], count[rows], order))]
    if field_.fields:
        return [Member(field_.name, rows, _nested(field_, at, place[rows], order))]
    raw, texts = _values(field_, at.data, place[rows], size[rows], order)
    if raw is None:
        return [Member(field_.name, rows, texts)]
    known = np.zeros(len(at), dtype=raw.dtype)
    known[rows] = raw
    state.raw[field_.name] = (known, here)
    if field_.absent:
        given = ~_among(raw, field_.absent)
        rows, texts = rows[given], texts.filter(pa.array(given))
    return [Member(field_.name, rows, texts)]


def _place(field_: LayoutField, at: Stretches, state: _State) -> Ints:
    if field_.at is None:
        return state.cursor
    if field_.at == "same":
        return state.previous
    return (at.end if field_.at < 0 else at.start) + field_.at


def _holds(field_: LayoutField, state: _State) -> Flags:
    condition = field_.when
    assert condition is not None
    if condition.field not in state.raw:
        return np.zeros(len(state.cursor), dtype=np.bool_)
    raw, known = state.raw[condition.field]
    if condition.bit is not None:
        has_bit: Flags = (raw >> condition.bit) & 1 == 1
        return known & has_bit
    return known & _among(raw, condition.is_)


def _extent(field_: LayoutField, at: Stretches, state: _State, place: Ints) -> tuple[Ints, Ints]:
    """Bytes and, of an array, elements; a size of -1 where there are more than may be."""
    one = size_of(field_.fields) if field_.fields else _size_of_type(field_)
    left = np.maximum(at.end - place, 0)
    if one is None:  # text(rest), hex(rest)
        return left, np.ones_like(left)
    if field_.repeat is None:
        return np.full_like(left, one), np.ones_like(left)
    if field_.repeat == "rest":
        count = left // one
    elif isinstance(field_.repeat, int):
        count = np.full_like(left, field_.repeat)
    else:
        raw, known = state.raw.get(field_.repeat, (np.zeros_like(left), np.zeros(len(left), dtype=np.bool_)))
        count = np.where(known, np.minimum(raw, MAX_ELEMENTS + 1), 0).astype(np.int64)
    allowed = (count >= 0) & (count <= MAX_ELEMENTS)
    return np.where(allowed, count * one, -1), count


def _size_of_type(field_: LayoutField) -> int | None:
    if field_.type is None:
        return field_.skip
    if field_.type in SIZES:
        return SIZES[field_.type]
    length = field_.type[:-1].partition("(")[2]
    return None if length == "rest" else int(length)


def _array(field_: LayoutField, at: Stretches, places: Ints, counts: Ints, order: str) -> pa.Array:
    owner = np.repeat(np.arange(len(places)), counts)
    one = size_of(field_.fields) if field_.fields else _size_of_type(field_)
    assert one is not None
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    elements = places[owner] + nth * one
    if field_.fields:
        texts = _nested(field_, at, elements, order)
    else:
        texts = _values(field_, at.data, elements, np.full_like(elements, one), order)[1]
    return pc.binary_join_element_wise(pa.scalar("["), joined(owner, texts, len(places)), pa.scalar("]"), "")


def _nested(field_: LayoutField, at: Stretches, places: Ints, order: str) -> pa.Array:
    size = size_of(field_.fields)
    assert size is not None
    parts, _ = members(field_.fields, Stretches(at.data, places, places + size), order)
    return objects(parts, len(places))


def _values(
    field_: LayoutField, data: Bytes, places: Ints, sizes: Ints, order: str
) -> tuple[npt.NDArray[Any] | None, pa.Array]:
    """The numbers before scale and names, None where the type has none that conditions may ask for, and the texts."""
    type_, big = str(field_.type), order == "big"
    if type_.startswith("text"):
        return None, numbers.text_texts(data, places, sizes)
    if type_.startswith("hex"):
        return None, numbers.hex_texts(data, places, sizes)
    if type_.startswith("bcd"):
        return None, _bcd(field_, data, places, sizes, big=big)
    value = numbers.unsigned(data, places, SIZES[type_], big=big)
    if type_.startswith("float"):
        wide = numbers.float_values(value, SIZES[type_])
        times, plus, digits = exact(field_.scale, field_.offset)
        same = (times, plus, digits) == (1, 0, 0)
        return None, numbers.float_texts(wide if same else (wide * times + plus) / 10.0**digits)
    if field_.mask is not None:
        value &= np.uint64(field_.mask)
    bits = field_.bits or (SIZES[type_] * 8 - 1, 0)
    raw = numbers.of_bits(value, bits, signed=type_.startswith("int"))
    if type_ == "bool":
        return raw, numbers.boolean_texts(raw)
    texts = numbers.decimal_texts(raw, *exact(field_.scale, field_.offset))
    return raw, numbers.named_texts(raw, field_.names, texts) if field_.names else texts


def _among(raw: npt.NDArray[Any], wanted: Sequence[int]) -> Flags:
    limits = np.iinfo(raw.dtype)
    return np.isin(raw, np.array([value for value in wanted if limits.min <= value <= limits.max], dtype=raw.dtype))


def _bcd(field_: LayoutField, data: Bytes, places: Ints, sizes: Ints, *, big: bool) -> pa.Array:
    value, wrong = numbers.bcd_texts(data, places, int(sizes[0]) if len(sizes) else 0, big=big)
    texts = numbers.decimal_texts(value, *exact(field_.scale, field_.offset))
    if not wrong.any():
        return texts
    # Digits that are none are shown as they came, so that whoever reads the field says that it is no number.
    return pc.if_else(pa.array(wrong), numbers.hex_texts(data, places, sizes), texts)
