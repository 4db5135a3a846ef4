"""The language of mapping specs: how one kind of message becomes readings, as data.

Belongs here: the spec as a whole and its examples; its parts are in `canonical.spec`.
Does not: reading files (`specs`), whether the metrics, units and schemas it names exist (`spec_checks`), or how it runs
(`compilation`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field
from pydantic import model_validator as model_check

from canonical.spec.decode import CsvDecode, Decode
from canonical.spec.drift import Drift
from canonical.spec.identity import Device, Discriminator, Time
from canonical.spec.match import Match
from canonical.spec.part import MAX_BODY_BYTES, FieldPath, Identifier, Part
from canonical.spec.readings import AnyReading, NumberFormat, Reading, Slot, expanded
from canonical.spec.records import Only, Records

__all__ = ["MAX_BODY_BYTES", "Example", "Expectation", "FieldPath", "Group", "MappingSpec", "Reading", "instant_us"]


Span = Annotated[str, Field(pattern=r"^[1-9][0-9]*(\.[0-9]+)?(s|m|h)$")]


class Expectation(Part):
    """What an example must give; only the columns that are named are compared."""

    readings: tuple[dict[str, Any], ...] = ()
    rejects: tuple[dict[str, Any], ...] = ()


class Example(Part):
    """One event with what must become of it. Content type, schema and properties default to those of `match`."""

    name: str
    enqueued_at: AwareDatetime
    body: str | None = None
    body_hex: str | None = None
    body_base64: str | None = None
    device_id: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    schema_ref: str | None = None
    properties: dict[str, str] = Field(default_factory=dict)
    expect: Expectation

    @model_check(mode="after")
    def _one_body(self) -> Example:
        if sum(body is not None for body in (self.body, self.body_hex, self.body_base64)) != 1:
            raise ValueError("give one of body, body_hex and body_base64")
        return self


@dataclass(frozen=True, slots=True)
class Group:
    """Readings that share device and time: those of the message, or those of each entry of `records`."""

    first: int
    """Number of its first reading over all groups."""
    readings: tuple[Slot, ...]
    device: Device
    time: Time
    discriminator: Discriminator | None
    each: str | None = None
    only: Only | None = None
    own: frozenset[str] = frozenset()
    """Which of device, time and discriminator are its own, so that their paths start at the entry."""


class MappingSpec(Part):
    """One kind of message and what its fields are."""

    id: Identifier
    version: Annotated[int, Field(ge=1)]
    description: str
    match: Match
    decode: Decode
    device: Device
    time: Time
    discriminator: Discriminator | None = None
    number: NumberFormat | None = None
    readings: tuple[AnyReading, ...] = Field(default=(), max_length=1000)
    records: tuple[Records, ...] = Field(default=(), max_length=100)
    ignore: tuple[str, ...] = ()
    interval: Span | None = None
    session_gap: Span | None = None
    """Readings further apart are of two sessions, and nothing is expected between; unset: expected without end."""
    max_body_bytes: Annotated[int, Field(gt=0)] = MAX_BODY_BYTES
    drift: Drift = Drift()
    alert_share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of rejected rows from which a person is called; unset: the product's setting."""
    examples: tuple[Example, ...] = ()

    @model_check(mode="after")
    def _reads_something(self) -> MappingSpec:
        if not self.readings and not self.records:
            raise ValueError("give readings, or records with readings")
        if self.session_gap is not None and self.interval is None:
            raise ValueError("session_gap says where sessions end; interval, how often they report: give both")
        return self

    @property
    def groups(self) -> tuple[Group, ...]:
        """The message's own readings, if there are any, and then each group of records."""
        made: list[Group] = []
        if self.readings:
            made.append(Group(0, expanded(self.readings), self.device, self.time, self.discriminator))
        for part in self.records:
            first = made[-1].first + len(made[-1].readings) if made else 0
            own = frozenset(name for name in ("device", "time", "discriminator") if getattr(part, name) is not None)
            device, time = part.device or self.device, part.time or self.time
            discriminator = part.discriminator or self.discriminator
            made.append(Group(first, expanded(part.readings), device, time, discriminator, part.each, part.only, own))
        return tuple(made)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """All readings over all groups, in the order in which they are numbered."""
        return tuple(slot for group in self.groups for slot in group.readings)

    @property
    def metrics(self) -> set[str]:
        """The metrics it gives."""
        return {slot.metric for slot in self.slots if isinstance(slot, Reading)}

    @property
    def interval_s(self) -> float | None:
        """Declared seconds between two messages of one device."""
        return _seconds(self.interval)

    @property
    def session_gap_s(self) -> float | None:
        """Seconds without a message after which a session is over; None where there are no sessions."""
        return _seconds(self.session_gap)

    @property
    def has_header(self) -> bool:
        """Whether a file of such rows begins with a line that names its columns."""
        return isinstance(self.decode, CsvDecode) and self.decode.header is not False

    @property
    def paths(self) -> set[str]:
        """Every place in the message that the spec itself reads; those of `records` are relative to entries."""
        shared = self.device.path, self.discriminator.path if self.discriminator else None
        named = {path for path in (*shared, *self.time.paths) if path is not None}
        return named.union(*(slot.paths for slot in expanded(self.readings)))


def _seconds(span: str | None) -> float | None:
    return None if span is None else float(span[:-1]) * {"s": 1, "m": 60, "h": 3600}[span[-1]]


def instant_us(moment: datetime) -> int:
    """Microseconds since 1970, exactly (a float of seconds would not be)."""
    delta = moment - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
