"""Groups of records: arrays and objects inside a message, taken apart.

Belongs here: what is an entry of a group, and its own readings.
Does not: taking apart (`canonical.decoders.json_entries`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from canonical.spec.identity import Device, Discriminator, Time
from canonical.spec.part import FieldPath, Part
from canonical.spec.readings import AnyReading

EntryType = Literal["object", "array", "text", "number", "boolean", "null"]


class Only(Part):
    """Which entries belong to the group; the others are no records of it, and nobody is told."""

    has: tuple[FieldPath, ...] = ()
    lacks: tuple[FieldPath, ...] = ()
    keys: tuple[str, ...] = ()
    types: tuple[EntryType, ...] = ()


class Records(Part):
    """The entries at `each`, with their readings. Device, time and discriminator are those of the message otherwise.

    `sensors[*]` are the elements of an array, `sensors.*` the entries of an object, `*` those of the message itself;
    `rooms[*].sensors[*]` nests.
    """

    each: Annotated[str, Field(min_length=1, pattern=r'^[^"\\]+$')]
    only: Only | None = None
    device: Device | None = None
    time: Time | None = None
    discriminator: Discriminator | None = None
    readings: tuple[AnyReading, ...] = Field(min_length=1, max_length=1000)
