"""Whether the parts of a binary layout fit together: places, sizes, names, keys and what can be computed exactly.

Belongs here: everything wrong with a layout that its shape does not show, each with its place and what to do; and the
fields a layout can give, by path, so that a mapping's paths can be checked against them.
Does not: the shape (`layout_model`), or the mapping around the layout (`spec_checks`).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from canonical.layout_model import (
    SIZES,
    FixedLayout,
    Layout,
    LayoutField,
    LayoutItem,
    Length,
    TlvLayout,
    size_of,
)

Problem = tuple[tuple[Any, ...], str]
"""Where in the layout, and what is wrong."""
Place = tuple[Any, ...]

_MOST_DIGITS = 18


def layout_problems(layout: Layout) -> list[Problem]:
    """Everything wrong with a layout; empty when it can be decoded."""
    return list(_fixed(layout) if isinstance(layout, FixedLayout) else _tlv(layout))


def layout_paths(layout: Layout) -> tuple[str, ...]:
    """Every field a layout can give, as paths of the payload: `temperature`, `history[*].temperature`."""
    found: dict[str, None] = {}
    if isinstance(layout, FixedLayout):
        found.update(dict.fromkeys(_paths(layout.fields, "")))
        return tuple(found)
    found.update(dict.fromkeys(_paths(layout.header, "")))
    lists = [(item, item.list_name, item.fields) for item in layout.items]
    lists += [
        (item, variant.list_name or item.list_name, (*variant.before, *item.fields, *variant.after))
        for variant in layout.variants
        for item in layout.items
    ]
    for item, name, fields in lists:
        before = f"{name}[*]." if name else ""
        found.update(dict.fromkeys(f"{before}{key}" for key in item.show))
        found.update(dict.fromkeys(_paths(fields, before)))
    if layout.unknown == "stop":
        found["_rest"] = None
    return tuple(found)


def _paths(fields: tuple[LayoutField, ...], before: str) -> Iterator[str]:
    for field in fields:
        if field.name is not None:
            path = f"{before}{field.name}" + ("" if field.repeat is None else "[*]")
            yield from _paths(field.fields, f"{path}.") if field.fields else (path,)


def _fixed(layout: FixedLayout) -> Iterator[Problem]:
    if layout.length is not None and layout.min_length is not None:
        yield ("min_length",), "give either length or min_length"
    yield from _fields(layout.fields, ("fields",), layout.length)


def _tlv(layout: TlvLayout) -> Iterator[Problem]:
    yield from _keys(layout)
    yield from _fields(layout.header, ("header",), None)
    if size_of(layout.header) is None:
        yield ("header",), "a header has the same length in every message: no `when`, `optional` or `rest` in it"
    if layout.unknown == "skip" and (layout.length is None or layout.length.prefix is None):
        yield ("unknown",), "`skip` needs to know where an unknown item ends: give the layout `length: {prefix: uint8}`"
    for number, item in enumerate(layout.items):
        yield from _item(layout, item, ("items", number))
    yield from _same_keys(layout)
    for number, variant in enumerate(layout.variants):
        place = ("variants", number)
        for part in ("before", "after"):
            yield from _fields(getattr(variant, part), (*place, part), None)
        if size_of((*variant.before, *variant.after)) is None:
            yield place, "the fields of a variant have the same length in every message"
        yield from ((place, f"the keys have no '{key}'") for key in variant.add if key not in layout.key_names)
        for item in layout.items:
            clash = {f.name for f in (*variant.before, *variant.after)} & {f.name for f in item.fields} - {None}
            if clash:
                yield place, f"field '{min(map(str, clash))}' is also in an item; a name is there once in an object"
                break


def _keys(layout: TlvLayout) -> Iterator[Problem]:
    names = layout.key_names
    bits = [not isinstance(key, str) for key in layout.keys]
    if len(set(names)) != len(names):
        yield ("keys",), "a part of the key is there twice"
    if any(bits) and not all(bits):
        yield ("keys",), "either all parts of the key are bits of one integer, or none is"
    if layout.key_size > 2:
        yield ("keys",), "a key has at most two bytes"
    for high, low in layout.key_bits:
        if any(bits) and (high < low or high >= layout.key_size * 8):
            yield ("keys",), f"bits {high}..{low} are not in {layout.head}; write [highest, lowest]"


def _item(layout: TlvLayout, item: LayoutItem, place: Place) -> Iterator[Problem]:
    yield from _key_of(layout, item, place)
    if item.show and item.list_name is None:
        yield (*place, "show"), "`show` is for items in a `list`"
    for key in item.show:
        if any(field.name == key for field in item.fields):
            yield (*place, "show"), f"a field is named '{key}' as well; a name is there once in an object"
    length = item.length if item.length is not None else layout.length
    if length is None and size_of(item.fields) is None:
        ways = "`{prefix: uint8}`, `{at: n, table: …}` or `{rest: true}`"
        yield place, f"the length of this item depends on the message: give `length`, a number or one of {ways}"
    yield from _fields(item.fields, (*place, "fields"), length if isinstance(length, int) else None)
    if isinstance(length, Length) and length.at is not None and not length.table and length.times == 0:
        yield (*place, "length"), "times is 0, so the byte says nothing; give the length as a number"


def _key_of(layout: TlvLayout, item: LayoutItem, place: Place) -> Iterator[Problem]:
    for key, (high, low) in zip(layout.key_names, layout.key_bits, strict=True):
        given = getattr(item, key)
        most = (1 << (high - low + 1)) - 1
        if given is None:
            yield place, f"give the item its {key}, or `{key}: any`"
            continue
        for value in given if isinstance(given, tuple) else (given,):
            if value != "any" and value > most:
                yield (*place, key), f"{key} {value} does not fit; the most is {most}"
    for key in ("channel", "type"):
        if key not in layout.key_names and (getattr(item, key) is not None or key in item.show):
            yield (*place, key), f"the keys of this layout have no '{key}'"


def _same_keys(layout: TlvLayout) -> Iterator[Problem]:
    """Keys of several items; what names its keys goes before `any`, so only equals are a fault."""
    seen: dict[tuple[Any, ...], int] = {}
    for number, item in enumerate(layout.items):
        values = [getattr(item, key) for key in layout.key_names]
        lists = [value if isinstance(value, tuple) else (value,) for value in values]
        for key in ((first, *rest) for first in lists[0] for rest in ([()] if len(lists) == 1 else zip(lists[1]))):
            if key in seen and None not in key:
                where = ", ".join(f"{n} {v}" for n, v in zip(layout.key_names, key, strict=True))
                yield ("items", number), f"{where} is already item {seen[key] + 1}"
                break
            seen[key] = number


def _fields(fields: tuple[LayoutField, ...], place: Place, length: int | None) -> Iterator[Problem]:
    known: set[str] = set()
    named: dict[str, bool] = {}
    extent = size_of(fields)
    if length is not None and extent is not None and extent > length:
        yield place, f"the fields take {extent} bytes, the length is {length}"
    for number, field in enumerate(fields):
        here = (*place, number)
        if field.name is None:
            if field.when is not None and field.when.field not in known:
                yield (*here, "when"), f"there is no whole number '{field.when.field}' before"
            continue
        if field.name in named and not (named[field.name] and field.when is not None):
            yield (*here, "name"), f"'{field.name}' is there twice; only fields with `when` may share a name"
        named[field.name] = field.when is not None
        yield from _field(field, here, known)
        if field.type is not None and ("int" in field.type or field.type == "bool") and field.repeat is None:
            known.add(field.name)


def _field(field: LayoutField, here: Place, known: set[str]) -> Iterator[Problem]:
    if field.when is not None and field.when.field not in known:
        yield (*here, "when"), f"there is no whole number '{field.when.field}' before it"
    if isinstance(field.repeat, str) and field.repeat != "rest" and field.repeat not in known:
        yield (*here, "repeat"), f"there is no whole number '{field.repeat}' before it; else a number, or `rest`"
    if field.fields:
        yield from _fields(field.fields, (*here, "fields"), None)
        if size_of(field.fields) in {None, 0}:
            yield here, "the elements have the same length in every message: no `when`, `optional` or `rest` in them"
    elif field.repeat is not None and field.type is not None and field.type.endswith("(rest)"):
        yield (*here, "type"), "`rest` cannot repeat"
    if field.fields and any(value is not None for value in (field.bits, field.mask)):
        yield here, "an object has no bits and no mask"
    if field.type is not None and ("int" in field.type or field.type.startswith("bcd")):
        yield from _exact(field, here)


def _exact(field: LayoutField, here: Place) -> Iterator[Problem]:
    times, plus, digits = exact(field.scale, field.offset)
    type_ = str(field.type)
    if type_.startswith("bcd"):
        length = type_[4:-1]
        if length == "rest" or int(length) > _MOST_DIGITS // 2:
            yield (*here, "type"), f"a BCD number has 1 to {_MOST_DIGITS // 2} bytes, not {length}"
            return
        most = 10 ** (2 * int(length))
    else:
        most = 1 << (SIZES[type_] * 8 if field.bits is None else field.bits[0] - field.bits[1] + 1)
    if digits > _MOST_DIGITS:
        yield (*here, "scale"), f"scale and offset have {digits} digits behind the point; the most is {_MOST_DIGITS}"
    elif (times, plus) != (1, 0) and abs(times) * most + abs(plus) >= 1 << 63:
        yield (*here, "scale"), f"{type_} * {field.scale:g} + {field.offset:g} is too large to be exact"


def exact(scale: float, offset: float) -> tuple[int, int, int]:
    """times, plus and digits, all whole: number * scale + offset = (number * times + plus) / 10**digits."""
    first, second = Decimal(repr(scale)).normalize(), Decimal(repr(offset)).normalize()
    digits = max(0, -int(first.as_tuple().exponent), -int(second.as_tuple().exponent))
    return int(first.scaleb(digits)), int(second.scaleb(digits)), digits
