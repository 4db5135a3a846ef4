"""A proposal as data: the parts of a spec, each with what is unsure about it.

Belongs here: the shape that the guessing modules fill and `written` writes.
Does not: guessing, or YAML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Said:
    """A part of the spec with the doubts about it."""

    data: dict[str, Any]
    unsure: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Ignored:
    """A field that nothing reads: `says` is why, and `unmapped` that it may be a measurement after all."""

    path: str
    says: str = ""
    unmapped: bool = False


@dataclass(slots=True)
class GroupDraft:
    """Readings of one group of records."""

    each: str
    only: dict[str, Any] = field(default_factory=dict)
    device: Said | None = None
    time: Said | None = None
    readings: list[Said] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """A whole proposal."""

    id: str
    description: str
    match: Said
    decode: Said
    device: Said
    time: Said
    discriminator: Said | None = None
    readings: list[Said] = field(default_factory=list)
    records: list[GroupDraft] = field(default_factory=list)
    ignore: list[Ignored] = field(default_factory=list)
    interval: str | None = None
    examples: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is unsure about the samples as a whole."""

    def spec(self) -> dict[str, Any]:
        """The data of the spec, as it is loaded from YAML."""
        spec: dict[str, Any] = {
            "id": self.id,
            "version": 1,
            "description": self.description,
            "match": self.match.data,
            "decode": self.decode.data,
            "device": self.device.data,
            "time": self.time.data,
        }
        if self.discriminator:
            spec["discriminator"] = self.discriminator.data
        if self.readings:
            spec["readings"] = [reading.data for reading in self.readings]
        if self.records:
            spec["records"] = [_group(group) for group in self.records]
        if self.ignore:
            spec["ignore"] = [ignored.path for ignored in self.ignore]
        if self.interval:
            spec["interval"] = self.interval
        if self.examples:
            spec["examples"] = self.examples
        return spec

    @property
    def unsure(self) -> list[str]:
        """Every doubt, in the order of the file."""
        parts = [self.match, self.decode, self.device, self.time, self.discriminator, *self.readings]
        for group in self.records:
            parts += [group.device, group.time, *group.readings]
        return [*self.notes, *(says for part in parts if part for says in part.unsure)]


def _group(group: GroupDraft) -> dict[str, Any]:
    data: dict[str, Any] = {"each": group.each}
    if group.only:
        data["only"] = group.only
    if group.device:
        data["device"] = group.device.data
    if group.time:
        data["time"] = group.time.data
    return data | {"readings": [reading.data for reading in group.readings]}
