"""A mapping spec compiled to SQL: one statement a group of readings.

Belongs here: the statement that takes decoded records through identity, time, units and row rules. It gives one row a
record: `row`, device_id, recorded_us, discriminator, from_envelope, the number of the event rule that fails (`fault`)
with EVENT_DETAILS, the columns of each reading (`reading_columns`), and in one list (`shown`) the readings' fields as
they came, where one is refused; where a message holds several records also `record` and the places of the entry
(`i1`, `i2` …).
Does not: bytes to fields (`decoders`), the rules themselves (`quality.rules.row`), or the tables (`canonicaliser`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canonical import sql
from canonical.content import spec_of
from canonical.decoders.bodies import Bodies
from canonical.decoders.cell import Cell, Decoder
from canonical.decoders.csv_rows import HEADER_PROPERTY, CsvRows
from canonical.decoders.json_entries import JsonEntries
from canonical.decoders.json_objects import JsonObjects
from canonical.decoders.protobuf_messages import ProtobufMessages
from canonical.identities import device_fields, discriminator_field, enveloped, native, not_blank
from canonical.identities import properties_of as named_by
from canonical.reading_columns import ABSENT, SHOWN, CellOf, OtherNames, ReadingColumns
from canonical.schemas.registry import descriptor
from canonical.spec.decode import CsvDecode, JsonDecode, ProtobufDecode
from canonical.spec.readings import NumberFormat, Reading, Slot
from canonical.spec_model import Group, MappingSpec, instant_us
from canonical.times import Moment
from quality.rules.macros import fault

EVENT_DETAILS = ("body_detail", "payload_device", "envelope_device", "time_text")
"""What the message of an event's rule may need; NULL where no rule fails."""


@dataclass(frozen=True, slots=True)
class Part:
    """One group of a mapping, ready to run: `decoder.prepare` the table, register it as `source`, run `statement`."""

    group: Group
    decoder: Decoder
    depth: int
    """Levels of entries below the message."""
    statement: str
    event_constants: Mapping[str, str | None]
    readings: Sequence[ReadingColumns | OtherNames]

    @property
    def traced(self) -> str:
        """The statement with every column of its stages, for who wants to know how it comes to its result."""
        stages, _, _ = self.statement.rpartition("\nSELECT ")
        return f"{stages}\nSELECT * FROM settled"


@dataclass(frozen=True, slots=True)
class Compiled:
    """One mapping, ready to run."""

    spec: MappingSpec
    bodies: Bodies | None
    """What makes records of the bodies; None where each body is one object, row or message as it stands."""
    several: bool
    """Whether a message can hold several records."""
    head: Part
    """For what concerns a message as a whole."""
    header: str | None
    """The column with the header line of CSV rows."""
    parts: Sequence[Part]


def compiled(entry: Mapping[str, Any], content: Mapping[str, Any], properties: Mapping[str, str]) -> Compiled:
    """One mapping of a content; `properties` says which column of the source table holds which property."""
    spec = spec_of(entry)
    groups = spec.groups
    several = spec.decode.many or bool(spec.records)
    keep = ["row", "enqueued_us", "envelope_device", *sorted(set(properties.values()))]
    bodies = None
    if Bodies.needed(spec.decode, grouped=bool(spec.records)):
        scalars = any(path.startswith(("@value", "[")) for path in spec.paths)
        bodies = Bodies(spec.decode, keep, properties, scalars=scalars)
    compiler = _Compiler(spec, entry, content, properties, keep, several=several, documents=bodies is not None)
    parts = [compiler.part(group) for group in groups]
    head = parts[0]
    if groups[0].each is not None or (spec.records and isinstance(spec.decode, JsonDecode)):
        head = compiler.part(Group(0, (), spec.device, spec.time, spec.discriminator))
    header = _header(spec, properties)
    return Compiled(spec=spec, bodies=bodies, several=several, head=head, header=header, parts=parts)


def _header(spec: MappingSpec, properties: Mapping[str, str]) -> str | None:
    if not isinstance(spec.decode, CsvDecode) or spec.decode.header is False:
        return None
    return "header" if spec.decode.header == "first_line" else properties[HEADER_PROPERTY]


def properties_of(spec: MappingSpec) -> set[str]:
    """The application and system properties that a mapping looks at."""
    named = set(spec.match.named)
    for group in spec.groups:
        named |= named_by(group.device, group.discriminator)
    if isinstance(spec.decode, CsvDecode) and spec.decode.header is True:
        named.add(HEADER_PROPERTY)
    if isinstance(spec.decode, JsonDecode) and spec.decode.payload is not None:
        named |= spec.decode.payload.named
    return named


class _Compiler:
    def __init__(
        self,
        spec: MappingSpec,
        entry: Mapping[str, Any],
        content: Mapping[str, Any],
        properties: Mapping[str, str],
        keep: Sequence[str],
        *,
        several: bool,
        documents: bool,
    ) -> None:
        self._spec = spec
        self._factors = entry["factors"]
        self._content = content
        self._properties = properties
        self._keep = keep
        self._several = several
        self._documents = documents

    def part(self, group: Group) -> Part:
        """The group's statement."""
        decoder, depth, entry, root = self._decoder(group)
        device_cells, time_cells, discriminator_cells = (
            entry if name in group.own else root for name in ("device", "time", "discriminator")
        )
        readings = [self._reading(group.first + place, slot, entry) for place, slot in enumerate(group.readings)]
        moment = Moment(group.time, time_cells, self._content["zones"].get(group.time.zone))
        constants, limits = self._limits(group)
        discriminator = discriminator_field(group.discriminator, discriminator_cells, self._properties)
        fields = [
            *device_fields(group.device, device_cells, self._properties),
            *moment.fields(),
            f"{discriminator} AS discriminator",
            *(field for reading in readings for field in reading.fields()),
        ]
        values = [f"{moment.moment()} AS moment", *(part for reading in readings for part in reading.values())]
        judged = "".join(f", {part}" for reading in readings for part in reading.judged())
        result = "".join(f", {part}" for reading in readings for part in reading.result())
        any_given = " OR ".join(f"f{group.first + n} IS DISTINCT FROM {ABSENT}" for n in range(len(readings)))
        # A message of several records may hold none in this group: whether it gave anything is seen at its end.
        readings_given = "true" if self._several else any_given
        event_fault = fault(
            "event",
            **{name: name for name in ("body_fault", "payload_device", "envelope_device", "device_id", "time_given")},
            **{name: name for name in ("recorded_us", "enqueued_us", "readings_given")},
            gateway=sql.boolean(value=group.device.gateway),
            **limits,
        )
        places = ["row", *(["record", *(f"i{level}" for level in range(1, depth + 1))] if self._several else [])]
        kept = ", ".join([*self._keep, *(["record"] if self._several and depth == 0 else [])])
        where = ", ".join(places)
        statement = f"""
WITH decoded AS ({decoder.relation("source", kept)}),
fields AS (
    SELECT {where}, enqueued_us, envelope_device AS envelope_name, body_fault, body_detail, {", ".join(fields)}
    FROM decoded
),
converted AS (
    SELECT *, {not_blank("named_device")} AS payload_device, {not_blank(enveloped(group.device))} AS envelope_device,
        {", ".join(values)} FROM fields
),
identified AS (
    SELECT *, source || ':' || coalesce({native(group.device)}) AS device_id, {moment.recorded()} AS recorded_us
    FROM converted
),
judged AS (SELECT *{judged} FROM identified),
settled AS (SELECT *, {event_fault} AS fault FROM (SELECT *, ({readings_given}) AS readings_given FROM judged))
SELECT {where}, device_id, from_envelope, fault,
    CASE WHEN body_fault IS NULL THEN recorded_us END AS recorded_us,
    CASE WHEN body_fault IS NULL THEN discriminator END AS discriminator,
    {", ".join(f"CASE WHEN fault IS NOT NULL THEN left({name}, 200) END AS {name}" for name in EVENT_DETAILS)},
    {_shown(group)} AS shown{result}
FROM settled"""
        return Part(group, decoder, depth, statement, constants, readings)

    def _reading(self, number: int, slot: Slot, cells: CellOf) -> ReadingColumns | OtherNames:
        if isinstance(slot, Reading):
            if slot.number is None and self._spec.number is not None:
                slot = slot.model_copy(update={"number": self._spec.number})
            return ReadingColumns(number, slot, self._factors[number], self._content, cells)
        return OtherNames(number, slot, cells)

    def _decoder(self, group: Group) -> tuple[Decoder, int, CellOf, CellOf]:
        """The decoder, the levels below the message, and how cells are found from the entry and from the root."""
        decode = self._spec.decode
        own, inherited = _paths(group)
        if group.each is not None:
            entries = JsonEntries(group.each, group.only, inherited, own)

            def from_root(path: str, manner: NumberFormat | None = None) -> Cell:
                return entries.cell(path, manner, root=True)

            return entries, entries.depth, entries.cell, from_root
        decoder: Decoder
        if isinstance(decode, CsvDecode):
            decoder = CsvRows(decode, _header(self._spec, self._properties))
        elif isinstance(decode, ProtobufDecode) and not decode.documents:
            decoder = ProtobufMessages(decode.message, descriptor(decode.message))
        else:
            decoder = JsonObjects(own | inherited, documents=self._documents)
        return decoder, 0, decoder.cell, decoder.cell

    def _limits(self, group: Group) -> tuple[dict[str, str | None], dict[str, str]]:
        """What the messages of an event's rules name, and the limits of times as SQL."""
        limits = self._content["limits"]
        earliest = group.time.earliest or datetime.fromisoformat(limits["earliest"])
        ahead = limits["ahead_hours"] if group.time.ahead_hours is None else group.time.ahead_hours
        constants = {
            "device_field": group.device.field,
            "time_field": group.time.field,
            "earliest": earliest.isoformat(),
            "ahead_hours": f"{ahead:g}",
        }
        return constants, {"earliest_us": sql.integer(instant_us(earliest)), "ahead_hours": sql.number(ahead)}


def _shown(group: Group) -> str:
    """SQL: the fields of the readings as they came, in their order, where a rule refuses one of them."""
    numbers = range(group.first, group.first + len(group.readings))
    if not numbers:
        return "NULL::VARCHAR[]"
    refused = " OR ".join(f"f{n} >= 0" for n in numbers)
    return f"CASE WHEN {refused} THEN [{', '.join(f'left(shown{n}, {SHOWN})' for n in numbers)}] END"


def _paths(group: Group) -> tuple[set[str], set[str]]:
    """The paths that start at the entry, and those that start at the message."""
    own: set[str] = set().union(*(slot.paths for slot in group.readings))
    inherited: set[str] = set()
    device = {group.device.path} if group.device.path else set()
    discriminator = {group.discriminator.path} if group.discriminator and group.discriminator.path else set()
    for name, paths in (("device", device), ("time", set(group.time.paths)), ("discriminator", discriminator)):
        (own if name in group.own or group.each is None else inherited).update(paths)
    return own, inherited
