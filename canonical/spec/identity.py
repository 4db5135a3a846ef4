"""Who measured, and when.

Belongs here: device, time and discriminator of a spec or of a group of records.
Does not: how times are read (`canonical.times`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, field_validator
from pydantic import model_validator as model_check

from canonical.spec.part import FieldPath, Part, as_written

FORMATS = (
    *("iso", "iso_local", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns", "epoch_auto"),
    *("age_s", "age_ms"),
)
"""Names of formats; whatever holds a `%` is a pattern in strptime's letters."""


class SourceTemplate(Part):
    """A text taken from a property: where `pattern` is found, `{1}` in `template` is its first group."""

    property: str
    pattern: str
    template: str
    otherwise: str | None = None


class Device(Part):
    """Who measured. The id is `<source>:<native id>`; a gateway speaks for others than itself.

    The payload's word for the device is a field (`path`; with `pattern` its first group) or a property (`named_by`).
    `case` folds ids that one sender writes in capitals and another does not.
    """

    source: str | SourceTemplate
    path: FieldPath | None = None
    pattern: str | None = None
    named_by: SourceTemplate | None = None
    case: Literal["lower", "upper"] | None = None
    gateway: bool = False

    @model_check(mode="after")
    def _one_name(self) -> Device:
        if self.path is not None and self.named_by is not None:
            raise ValueError("give either path or named_by")
        if self.pattern is not None and self.path is None:
            raise ValueError("a pattern needs a path")
        return self

    @property
    def field(self) -> str | None:
        """Where the device's name stands, for a person."""
        return self.named_by.property if self.named_by else self.path


class Time(Part):
    """When it was measured; `fallback: envelope` takes the hub's time where the payload has none.

    `formats` are tried in order. `zone` is that of texts that name none: an hour that comes twice is the `ambiguous`
    one, and one that never comes is no time. `unset` is how the device says that it has no time.
    """

    path: FieldPath | None = None
    parts: tuple[FieldPath, ...] = ()
    format: str = "iso"
    formats: tuple[str, ...] = ()
    zone: str | None = None
    ambiguous: Literal["earlier", "later"] = "earlier"
    quoted: bool = False
    unset: tuple[str, ...] = ()
    fallback: Literal["envelope"] | None = None
    earliest: AwareDatetime | None = None
    ahead_hours: Annotated[float, Field(ge=0)] | None = None

    @field_validator("unset", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        return [as_written(text) for text in value] if isinstance(value, list | tuple) else value

    @model_check(mode="after")
    def _has_a_source(self) -> Time:
        if self.path is not None and self.parts:
            raise ValueError("give either path or parts")
        if self.path is None and not self.parts and self.fallback is None:
            raise ValueError("give a path, or `fallback: envelope`")
        if self.formats and "format" in self.model_fields_set and self.format not in {"iso", *self.formats}:
            raise ValueError("give either format or formats")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields it is read from."""
        return (self.path,) if self.path else self.parts

    @property
    def field(self) -> str | None:
        """Where the time stands, for a person."""
        return " ".join(self.paths) or None

    @property
    def tried(self) -> tuple[str, ...]:
        """The formats in order; with a zone, `iso` takes texts without one too."""
        named = self.formats or (self.format,)
        if self.zone is not None and "iso" in named and "iso_local" not in named:
            place = named.index("iso") + 1
            return (*named[:place], "iso_local", *named[place:])
        return named


class Sequence(Part):
    """That the discriminator counts a device's messages, so that those that never came can be counted.

    `modulus`: the number after the last is 0 again. `shared`: all devices of the source count the same rounds, so
    rounds before a device's first message and after its last are missing too.
    """

    modulus: Annotated[int, Field(ge=2)] | None = None
    shared: bool = False

    @model_check(mode="after")
    def _one_way(self) -> Sequence:
        if self.modulus is not None and self.shared:
            raise ValueError("a shared count has no modulus: which round a number means could not be told")
        return self


class Discriminator(Part):
    """What tells two messages of one instant apart: a field, or a property such as `sys.message_id`."""

    path: FieldPath | None = None
    property: str | None = None
    sequence: Sequence | None = None

    @model_check(mode="after")
    def _one_source(self) -> Discriminator:
        if (self.path is None) == (self.property is None):
            raise ValueError("give either path or property")
        return self
