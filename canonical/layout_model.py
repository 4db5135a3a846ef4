"""The language of binary layouts: which bytes of a payload are which field, as data.

Belongs here: the shape of a layout, as Pydantic models, and the size of its types. A layout is `fixed` (fields at their
places) or `tlv` (items, each led by a key such as channel and type). A decoded payload is a JSON object of the fields.
Does not: whether the fields of a layout fit together (`layout_checks`), reading bytes (`decoders.layout`), or what a
field means (`readings` of the mapping).
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from pydantic import model_validator as model_check

MAX_ELEMENTS = 4096
"""Items of one message, and elements of one array in it; what has more is no payload of a device."""
SIZES = {
    **{f"{sign}int{bits}": bits // 8 for sign in ("", "u") for bits in (8, 16, 24, 32, 40, 48, 56, 64)},
    **{f"float{bits}": bits // 8 for bits in (16, 32, 64)},
    "bool": 1,
}
"""Bytes of a number by its type."""
_BYTES = re.compile(r"(text|hex|bcd)\(([1-9][0-9]{0,4}|rest)\)")

FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
Uint = Annotated[int, Field(ge=0, lt=1 << 64)]
Key = Literal["channel", "type"]
ByteOrder = Literal["big", "little"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class FieldCondition(_Part):
    """Holds where an earlier field, as read before scale and names, is one of these numbers or has this bit set."""

    field: FieldName
    is_: tuple[int, ...] = Field(default=(), alias="is")
    bit: Annotated[int, Field(ge=0, le=63)] | None = None

    @model_check(mode="after")
    def _one_test(self) -> FieldCondition:
        if bool(self.is_) == (self.bit is not None):
            raise ValueError("give either `is: [numbers]` or `bit: n`")
        return self


class LayoutField(_Part):
    """Some bytes with a name; or `skip: n`, bytes nobody reads.

    Without `at` a field lies behind the one before; `at: same` reads the bytes of the one before again; a negative
    place counts from the end. value = number * scale + offset, exactly. With `repeat` it is an array of the type, or,
    with `fields`, of objects; without `repeat`, `fields` make one object.
    """

    name: FieldName | None = None
    skip: Annotated[int, Field(ge=1)] | None = None
    at: int | Literal["same"] | None = None
    type: str | None = None
    byte_order: ByteOrder | None = None
    bits: tuple[Annotated[int, Field(ge=0, le=63)], Annotated[int, Field(ge=0, le=63)]] | None = None
    mask: Uint | None = None
    names: dict[int, str] = Field(default_factory=dict)
    scale: float = 1.0
    offset: float = 0.0
    absent: tuple[int, ...] = ()
    when: FieldCondition | None = None
    optional: StrictBool = False
    repeat: Annotated[int, Field(ge=1, le=MAX_ELEMENTS)] | FieldName | None = None
    fields: tuple[LayoutField, ...] = ()

    @model_check(mode="before")
    @classmethod
    def _one_bit(cls, data: Any) -> Any:
        """`bits: 7` is short for `bits: [7, 7]`."""
        if isinstance(data, dict) and type(data.get("bits")) is int:
            return {**data, "bits": [data["bits"], data["bits"]]}
        return data

    @model_check(mode="after")
    def _one_kind(self) -> LayoutField:
        if self.skip is not None:
            if self.model_fields_set - {"skip", "when", "optional"}:
                raise ValueError("`skip` stands alone: it has no name and no type")
            return self
        if self.name is None:
            raise ValueError("give the field a name, or `skip: n`")
        if (self.type is None) == (not self.fields):
            raise ValueError("give either a type, or `fields` for an object")
        if self.type is not None:
            self._check_type(self.type)
        return self

    def _check_type(self, type_: str) -> None:
        if type_ not in SIZES and not _BYTES.fullmatch(type_):
            near = get_close_matches(type_, [*SIZES, "text(n)", "hex(n)", "bcd(n)"], n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ValueError(f"'{type_}' is no type.{hint} There are {', '.join(SIZES)}, text(n), hex(n) and bcd(n).")
        whole = "int" in type_
        if self.bits is not None:
            high, low = self.bits
            if not whole or high < low or high >= SIZES[type_] * 8:
                raise ValueError(f"bits {high}..{low} are not in {type_}; write [highest, lowest] of a whole number")
        if self.mask is not None and not whole:
            raise ValueError("a mask needs a whole number (uint8 …)")
        if (self.names or self.absent) and not (whole or type_ == "bool"):
            raise ValueError("names and absent need a whole number (uint8 …)")
        numeric = type_ in SIZES and type_ != "bool"
        if (self.scale != 1 or self.offset != 0) and not (numeric or type_.startswith("bcd")):
            raise ValueError(f"scale and offset need a number, not {type_}")

    @property
    def size(self) -> int | None:
        """Bytes of the field; None where only the message says it."""
        if self.skip is not None:
            return self.skip
        one = self._size_of_one
        if self.repeat is None or one is None:
            return one
        return one * self.repeat if isinstance(self.repeat, int) else None

    @property
    def _size_of_one(self) -> int | None:
        if self.type is None:
            return size_of(self.fields)
        if self.type in SIZES:
            return SIZES[self.type]
        length = self.type[:-1].partition("(")[2]
        return None if length == "rest" else int(length)


def size_of(fields: tuple[LayoutField, ...]) -> int | None:
    """Bytes from the start of the first to the end of the last; None where only the message says it."""
    cursor = previous = furthest = 0
    for field in fields:
        size = field.size
        if size is None or field.when is not None or field.optional:
            return None
        place = field.at if isinstance(field.at, int) else previous if field.at == "same" else cursor
        if place < 0:
            return None
        previous, cursor = place, place + size
        furthest = max(furthest, cursor)
    return furthest


class Length(_Part):
    """How the message says the length of an item's data: times * number + plus, or by a table of numbers.

    With `prefix` the number leads the data and is no part of it; with `at` it is the byte there, and part of it.
    """

    prefix: Literal["uint8", "uint16"] | None = None
    at: Annotated[int, Field(ge=0, le=255)] | None = None
    bits: tuple[Annotated[int, Field(ge=0, le=7)], Annotated[int, Field(ge=0, le=7)]] | None = None
    times: Annotated[int, Field(ge=0, le=1024)] = 1
    plus: Annotated[int, Field(ge=-1024, le=65535)] = 0
    table: dict[int, Annotated[int, Field(ge=0, le=65535)]] = Field(default_factory=dict)
    rest: StrictBool = False

    @model_check(mode="after")
    def _one_way(self) -> Length:
        if sum([self.prefix is not None, self.at is not None, self.rest]) != 1:
            raise ValueError("give one of `prefix: uint8`, `at: n` and `rest: true`")
        if self.bits is not None and (self.at is None or self.bits[0] < self.bits[1]):
            raise ValueError("bits are [highest, lowest] of the byte `at`")
        return self


KeyValues = Annotated[int, Field(ge=0, le=65535)] | tuple[Annotated[int, Field(ge=0, le=65535)], ...] | Literal["any"]


class LayoutItem(_Part):
    """What follows one key, or each of several.

    Its fields become fields of the payload; of a name met twice the first counts. With `list` each occurrence is an
    object in the array of that name, and `show` puts parts of its key into it.
    """

    channel: KeyValues | None = None
    type: KeyValues | None = None
    length: Annotated[int, Field(ge=0, le=65535)] | Length | None = None
    fields: tuple[LayoutField, ...] = ()
    list_name: FieldName | None = Field(default=None, alias="list")
    show: tuple[Key, ...] = ()


class Variant(_Part):
    """All items once more, under keys raised by `add`, with fields before or behind theirs."""

    add: dict[Key, Annotated[int, Field(ge=1, le=65535)]] = Field(min_length=1)
    before: tuple[LayoutField, ...] = ()
    after: tuple[LayoutField, ...] = ()
    list_name: FieldName | None = Field(default=None, alias="list")


class BitKey(_Part):
    """A part of the key that is some bits of its integer."""

    name: Key
    bits: tuple[Annotated[int, Field(ge=0, le=15)], Annotated[int, Field(ge=0, le=15)]]


class FixedLayout(_Part):
    """Fields at fixed places, or one behind the other."""

    kind: Literal["fixed"]
    byte_order: ByteOrder = "big"
    length: Annotated[int, Field(ge=1)] | None = None
    min_length: Annotated[int, Field(ge=1)] | None = None
    fields: tuple[LayoutField, ...] = Field(min_length=1)


class TlvLayout(_Part):
    """Items one behind the other, each led by its key: one byte a part, or bits of one integer (`head`).

    `unknown` says what an item of another key means: `fault` (the payload cannot be read), `stop` (what came before
    counts, the rest is shown as `_rest`), or `skip`, which needs a `length` with a prefix that all items share.
    """

    kind: Literal["tlv"]
    byte_order: ByteOrder = "big"
    head: Literal["uint8", "uint16"] = "uint8"
    keys: tuple[Key | BitKey, ...] = Field(min_length=1, max_length=2)
    header: tuple[LayoutField, ...] = ()
    trailer: Annotated[int, Field(ge=0, le=64)] = 0
    length: Length | None = None
    items: tuple[LayoutItem, ...] = Field(min_length=1, max_length=1000)
    variants: tuple[Variant, ...] = ()
    unknown: Literal["fault", "stop", "skip"] = "fault"

    @property
    def key_names(self) -> tuple[Key, ...]:
        """The parts of a key, first to last."""
        return tuple(key if isinstance(key, str) else key.name for key in self.keys)

    @property
    def key_bits(self) -> tuple[tuple[int, int], ...]:
        """Highest and lowest bit of each part in the key as one integer."""
        bits = [key.bits for key in self.keys if not isinstance(key, str)]
        if bits:
            return tuple(bits)
        width = 8 if self.head == "uint8" else 16
        count = len(self.keys)
        return tuple(((count - place) * width - 1, (count - place - 1) * width) for place in range(count))

    @property
    def key_size(self) -> int:
        """Bytes of a key."""
        one = 1 if self.head == "uint8" else 2
        return one if any(not isinstance(key, str) for key in self.keys) else one * len(self.keys)


Layout = Annotated[FixedLayout | TlvLayout, Field(discriminator="kind")]
