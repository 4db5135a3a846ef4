"""A mapping spec compiled to one SQL statement.

Belongs here: the statement that takes the decoded events of one mapping through identity, time, units and row rules.
It gives one row an event: `row`, device_id, recorded_us, discriminator, from_envelope, the number of the event rule
that fails (`fault`) with EVENT_DETAILS, and the columns of each reading (`reading_columns`).
Does not: bytes to fields (`decoders`), the rules themselves (`quality.rules.row`), or the tables (`canonicaliser`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canonical import sql
from canonical.content import spec_of
from canonical.decoders.cell import Cell, Decoder
from canonical.decoders.csv_rows import HEADER_PROPERTY, CsvRows
from canonical.decoders.json_objects import JsonObjects
from canonical.decoders.protobuf_messages import ProtobufMessages
from canonical.reading_columns import ABSENT, ReadingColumns
from canonical.schemas.registry import descriptor
from canonical.spec_model import CsvDecode, JsonDecode, MappingSpec, SourceTemplate, instant_us
from quality.rules.macros import fault

_YEAR_1, _YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000
_ISO = (
    r"[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9][Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,12})?)?"
    r"([Zz]|[+-](0[0-9]|1[0-4]):?[0-5][0-9])"
)
_MICROSECONDS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}


EVENT_DETAILS = ("body_detail", "payload_device", "envelope_device", "time_text")
"""What the message of an event's rule may need; NULL where no rule fails."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """One mapping, ready to run: `decoder.prepare` the source table, register it as `source`, run `statement`."""

    spec: MappingSpec
    decoder: Decoder
    statement: str
    event_constants: Mapping[str, str | None]
    readings: Sequence[ReadingColumns]


def compiled(entry: Mapping[str, Any], content: Mapping[str, Any], properties: Mapping[str, str]) -> Compiled:
    """One mapping of a content; `properties` says which column of the source table holds which property."""
    spec = spec_of(entry)
    decoder = _decoder(spec, properties)
    cells = {path: decoder.cell(path) for path in spec.paths}
    readings = [
        ReadingColumns(number, reading, entry["factors"][number], content, cells)
        for number, reading in enumerate(spec.readings)
    ]
    keep = ", ".join(["row", "enqueued_us", "envelope_device", *sorted(set(properties.values()))])
    fields = [
        *_device(spec, cells, properties),
        *_time(spec, cells),
        f"{_discriminator(spec, cells, properties)} AS discriminator",
        *(field for reading in readings for field in reading.fields()),
    ]
    values = [part for reading in readings for part in reading.values()]
    judged = [part for reading in readings for part in reading.judged()]
    result = [part for reading in readings for part in reading.result()]
    limits = content["limits"]
    earliest = spec.time.earliest or datetime.fromisoformat(limits["earliest"])
    ahead = limits["ahead_hours"] if spec.time.ahead_hours is None else spec.time.ahead_hours
    any_given = " OR ".join(f"f{n} IS DISTINCT FROM {ABSENT}" for n in range(len(readings)))
    event_fault = fault(
        "event",
        **{name: name for name in ("body_fault", "payload_device", "envelope_device", "device_id", "time_given")},
        **{name: name for name in ("recorded_us", "enqueued_us", "readings_given")},
        gateway=sql.boolean(value=spec.device.gateway),
        earliest_us=sql.integer(instant_us(earliest)),
        ahead_hours=sql.number(ahead),
    )
    statement = f"""
WITH decoded AS ({decoder.relation("source", keep)}),
fields AS (
    SELECT row, enqueued_us, envelope_device AS envelope_name, body_fault, body_detail, {", ".join(fields)} FROM decoded
),
converted AS (
    SELECT *, {_not_blank("named_device")} AS payload_device, {_not_blank("envelope_name")} AS envelope_device,
        {_moment(spec)} AS moment, {", ".join(values)} FROM fields
),
identified AS (
    SELECT *, source || ':' || coalesce({_native(spec)}) AS device_id, {_recorded(spec)} AS recorded_us FROM converted
),
judged AS (SELECT *, {", ".join(judged)} FROM identified),
settled AS (SELECT *, {event_fault} AS fault FROM (SELECT *, ({any_given}) AS readings_given FROM judged))
SELECT row, device_id, from_envelope, fault,
    CASE WHEN body_fault IS NULL THEN recorded_us END AS recorded_us,
    CASE WHEN body_fault IS NULL THEN discriminator END AS discriminator,
    {", ".join(f"CASE WHEN fault IS NOT NULL THEN left({name}, 200) END AS {name}" for name in EVENT_DETAILS)},
    {", ".join(result)}
FROM settled"""
    constants = {
        "device_field": spec.device.path,
        "time_field": spec.time.path,
        "earliest": earliest.isoformat(),
        "ahead_hours": f"{ahead:g}",
    }
    return Compiled(spec=spec, decoder=decoder, statement=statement, event_constants=constants, readings=readings)


def _decoder(spec: MappingSpec, properties: Mapping[str, str]) -> Decoder:
    decode = spec.decode
    if isinstance(decode, JsonDecode):
        return JsonObjects(spec.paths)
    if isinstance(decode, CsvDecode):
        header = properties[HEADER_PROPERTY] if decode.header else None
        return CsvRows(decode.columns, decode.delimiter, decode.decimal, header)
    return ProtobufMessages(decode.message, descriptor(decode.message))


def properties_of(spec: MappingSpec) -> set[str]:
    """The application and system properties that a mapping looks at."""
    named = set(spec.match.properties)
    if isinstance(spec.device.source, SourceTemplate):
        named.add(spec.device.source.property)
    if spec.discriminator and spec.discriminator.property:
        named.add(spec.discriminator.property)
    if isinstance(spec.decode, CsvDecode) and spec.decode.header:
        named.add(HEADER_PROPERTY)
    return named


def _device(spec: MappingSpec, cells: Mapping[str, Cell], properties: Mapping[str, str]) -> list[str]:
    device = spec.device
    payload = cells[device.path].name if device.path else sql.text(None)
    source = device.source
    if isinstance(source, SourceTemplate):
        column = properties[source.property]
        pattern = sql.text(source.pattern)
        otherwise = sql.text(source.otherwise)
        found = f"coalesce(regexp_matches({column}, {pattern}), false)"
        return [
            f"{payload} AS named_device",
            f"CASE WHEN {found} THEN {_filled(source.template, column, pattern)} ELSE {otherwise} END AS source",
        ]
    return [f"{payload} AS named_device", f"{sql.text(source)} AS source"]


def _filled(template: str, column: str, pattern: str) -> str:
    """A template such as `room-{1}` as SQL: texts and groups, joined."""
    parts = []
    for piece in template.replace("{", "\0{").replace("}", "}\0").split("\0"):
        if piece.startswith("{"):
            parts.append(f"regexp_extract({column}, {pattern}, {int(piece[1:-1])})")
        elif piece:
            parts.append(sql.text(piece))
    return " || ".join(parts)


def _native(spec: MappingSpec) -> str:
    """Whose word counts: the hub's, unless a gateway speaks for its devices."""
    if spec.device.gateway:
        return "payload_device, envelope_device"
    return "envelope_device, payload_device"


def _not_blank(name: str) -> str:
    return f"CASE WHEN {name} <> '' AND (NOT starts_with({name}, ' ') OR trim({name}) <> '') THEN {name} END"


def _time(spec: MappingSpec, cells: Mapping[str, Cell]) -> list[str]:
    """time_given, time_text, time_read and from_envelope."""
    if spec.time.path is None:
        return ["false AS time_given", "NULL::VARCHAR AS time_text", "true AS from_envelope"]
    cell = cells[spec.time.path]
    return [
        f"{cell.given} AS time_given",
        f"{cell.shown} AS time_text",
        f"CASE WHEN {cell.given} THEN {cell.text if spec.time.format == 'iso' else cell.digits} END AS time_read",
        f"{'false' if spec.time.fallback is None else f'NOT {cell.given}'} AS from_envelope",
    ]


def _moment(spec: MappingSpec) -> str:
    """Microseconds since 1970 of the payload's time, anywhere in time; NULL where it cannot be read."""
    if spec.time.path is None:
        return "NULL::BIGINT"
    if spec.time.format == "iso":
        matches = f"regexp_full_match(time_read, {sql.text(_ISO)})"
        return f"CASE WHEN {matches} THEN epoch_us(try_cast(upper(time_read) AS TIMESTAMPTZ)) END"
    # Exact decimals, because a double of seconds is off by a microsecond; digits past the ninth only cost.
    cut = "regexp_replace(time_read, '(\\.[0-9]{9})[0-9]+', '\\1')"
    exact = f"try_cast(CASE WHEN length(time_read) > 20 THEN {cut} ELSE time_read END AS DECIMAL(28, 9))"
    return f"try_cast(floor({exact} * {_MICROSECONDS[spec.time.format]}) AS BIGINT)"


def _recorded(spec: MappingSpec) -> str:
    within = f"CASE WHEN moment >= {_YEAR_1} AND moment < {_YEAR_10000} THEN moment END"
    return within if spec.time.fallback is None else f"CASE WHEN from_envelope THEN enqueued_us ELSE {within} END"


def _discriminator(spec: MappingSpec, cells: Mapping[str, Cell], properties: Mapping[str, str]) -> str:
    if spec.discriminator is None:
        return "''"
    if spec.discriminator.path is not None:
        return f"coalesce({cells[spec.discriminator.path].name}, '')"
    return f"coalesce({properties[str(spec.discriminator.property)]}, '')"
