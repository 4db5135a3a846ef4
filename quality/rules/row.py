"""Row rules: what makes an event or a reading unacceptable, as named expressions.

Belongs here: each rule once, in the order in which they are asked: the first that fails gives the reason. A rule sees
named columns only; `quality.rules.macros` renders them, so that one pass over columns asks them all.
Does not: how the columns come to be (`canonical`), or rules that need other readings or the register
(`quality.checks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Stage = Literal["envelope", "event", "reading"]
STAGES: tuple[Stage, ...] = ("envelope", "event", "reading")

EARLIEST = "2000-01-01T00:00:00+00:00"
"""Nothing is recorded before this; a mapping may say later."""
AHEAD_HOURS = 24.0
"""How far a device clock may run ahead of the hub; a mapping may say less."""
SHOWN_CHARACTERS = 200
"""Longest text of an offending value that is kept beside the raw bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule over the named columns of its stage.

    `fails`, `field` and `value` are SQL expressions: whether the row breaks the rule (NULL is no), which input field
    is at fault, and the offending value. `says` is the message, `{column}` stands for a column.
    """

    name: str
    stage: Stage
    code: str
    fails: str
    says: str
    field: str = "NULL"
    value: str = "NULL"


COLUMNS: Mapping[Stage, tuple[str, ...]] = {
    "envelope": (
        "body_bytes",
        "content_type",
        "content_type_known",
        "schema_ref",
        "schema_registered",
        "mapping_id",
        "max_body_bytes",
        "content_encoding",
        "encoding_fault",
    ),
    "event": (
        "body_fault",
        "body_detail",
        "payload_device",
        "envelope_device",
        "device_id",
        "gateway",
        "device_field",
        "time_field",
        "time_text",
        "time_given",
        "recorded_us",
        "recorded_at",
        "enqueued_us",
        "enqueued_at",
        "earliest_us",
        "earliest",
        "ahead_hours",
        "readings_given",
    ),
    "reading": (
        "metric",
        "device_id",
        "field",
        "shown",
        "required",
        "given",
        "number",
        "unit_field",
        "unit_text",
        "unit_known",
        "unit_other",
        "value",
        "unit",
        "low",
        "high",
    ),
}
"""What a rule of each stage can see."""

RULES: tuple[Rule, ...] = (
    Rule(
        name="empty_body",
        stage="envelope",
        code="empty_body",
        fails="body_bytes = 0",
        field="'body'",
        says="the event has no bytes",
    ),
    Rule(
        name="content_type_missing",
        stage="envelope",
        code="unknown_content_type",
        fails="content_type IS NULL",
        field="'content_type'",
        says="the event names no content type, so no mapping can read it",
    ),
    Rule(
        name="content_type_unknown",
        stage="envelope",
        code="unknown_content_type",
        fails="NOT content_type_known",
        field="'content_type'",
        value="content_type",
        says="no mapping reads content type '{content_type}'",
    ),
    Rule(
        name="schema_unknown",
        stage="envelope",
        code="unknown_schema",
        fails="mapping_id IS NULL AND NOT schema_registered",
        field="'schema'",
        value="schema_ref",
        says="schema '{schema_ref}' is not registered",
    ),
    Rule(
        name="no_mapping",
        stage="envelope",
        code="no_mapping",
        fails="mapping_id IS NULL",
        field="'schema'",
        value="schema_ref",
        says="mappings read '{content_type}', but none matches this event (schema '{schema_ref}')",
    ),
    Rule(
        name="body_too_large",
        stage="envelope",
        code="body_too_large",
        fails="body_bytes > max_body_bytes",
        field="'body'",
        value="body_bytes::VARCHAR",
        says="the body has {body_bytes} bytes or more; mapping '{mapping_id}' takes {max_body_bytes}",
    ),
    Rule(
        name="encoding_unknown",
        stage="envelope",
        code="bad_encoding",
        fails="encoding_fault = 'unknown'",
        field="'content_encoding'",
        value="content_encoding",
        says="content encoding '{content_encoding}' is unknown; gzip, deflate and zstd are read",
    ),
    Rule(
        name="encoding_broken",
        stage="envelope",
        code="bad_encoding",
        fails="encoding_fault IS NOT NULL",
        field="'content_encoding'",
        value="content_encoding",
        says="the body is not what content encoding '{content_encoding}' promises: it does not decompress",
    ),
    Rule(
        name="invalid_utf8",
        stage="event",
        code="invalid_utf8",
        fails="body_fault = 'invalid_utf8'",
        field="'body'",
        says="the body is not valid UTF-8",
    ),
    Rule(
        name="invalid_json",
        stage="event",
        code="invalid_json",
        fails="body_fault = 'invalid_json'",
        field="'body'",
        value="body_detail",
        says="the body is not valid JSON",
    ),
    Rule(
        name="not_an_object",
        stage="event",
        code="invalid_json",
        fails="body_fault = 'not_an_object'",
        field="'body'",
        value="body_detail",
        says="the body is JSON, but no object",
    ),
    Rule(
        name="invalid_csv",
        stage="event",
        code="invalid_csv",
        fails="body_fault = 'invalid_csv'",
        field="'body'",
        says="the row cannot be split into columns: {body_detail}",
    ),
    Rule(
        name="invalid_protobuf",
        stage="event",
        code="invalid_protobuf",
        fails="body_fault = 'invalid_protobuf'",
        field="'body'",
        says="the bytes are no message of schema '{body_detail}'",
    ),
    Rule(
        name="missing_device",
        stage="event",
        code="missing_device",
        fails="device_id IS NULL",
        field="device_field",
        says="neither the payload nor the envelope names the device",
    ),
    Rule(
        name="device_mismatch",
        stage="event",
        code="device_mismatch",
        fails="NOT gateway AND payload_device <> envelope_device",
        field="device_field",
        value="payload_device",
        says="the payload names '{payload_device}', but '{envelope_device}' authenticated",
    ),
    Rule(
        name="missing_time",
        stage="event",
        code="missing_time",
        fails="recorded_us IS NULL AND NOT time_given",
        field="time_field",
        says="the payload has no time and the mapping does not allow the hub's",
    ),
    Rule(
        name="bad_time",
        stage="event",
        code="bad_time",
        fails="recorded_us IS NULL",
        field="time_field",
        value="time_text",
        says="the time {time_text} cannot be read",
    ),
    Rule(
        name="future",
        stage="event",
        code="future",
        fails="recorded_us > enqueued_us + (ahead_hours * 3600000000)::BIGINT",
        field="time_field",
        value="time_text",
        says="recorded at {recorded_at}, more than {ahead_hours} h after the hub took it at {enqueued_at}",
    ),
    Rule(
        name="too_old",
        stage="event",
        code="too_old",
        fails="recorded_us < earliest_us",
        field="time_field",
        value="time_text",
        says="recorded at {recorded_at}, before the earliest time allowed, {earliest}",
    ),
    Rule(
        name="no_readings",
        stage="event",
        code="no_readings",
        fails="NOT readings_given",
        says="the event was read and holds no reading that the mapping knows",
    ),
    Rule(
        name="required",
        stage="reading",
        code="missing_field",
        fails="required AND NOT given",
        field="field",
        says="'{field}' of {device_id} is absent or null; {metric} is required",
    ),
    Rule(
        name="type",
        stage="reading",
        code="not_a_number",
        fails="number IS NULL",
        field="field",
        value="shown",
        says="'{field}' of {device_id} is {shown}, which is no number",
    ),
    Rule(
        name="finite",
        stage="reading",
        code="not_finite",
        fails="NOT isfinite(number)",
        field="field",
        value="shown",
        says="'{field}' of {device_id} is {shown}, which is not finite",
    ),
    Rule(
        name="unit_given",
        stage="reading",
        code="missing_field",
        fails="NOT unit_known AND unit_text IS NULL",
        field="unit_field",
        value="shown",
        says="'{unit_field}' of {device_id} does not say in which unit '{field}' is",
    ),
    Rule(
        name="unit_dimension",
        stage="reading",
        code="unit_mismatch",
        fails="NOT unit_known AND unit_other",
        field="unit_field",
        value="unit_text",
        says="{metric} of {device_id} comes in '{unit_text}', which does not measure what {unit} measures",
    ),
    Rule(
        name="unit_known",
        stage="reading",
        code="unknown_unit",
        fails="NOT unit_known",
        field="unit_field",
        value="unit_text",
        says="{metric} of {device_id} comes in '{unit_text}', a unit the mapping does not know",
    ),
    Rule(
        name="finite_converted",
        stage="reading",
        code="not_finite",
        fails="NOT isfinite(value)",
        field="field",
        value="shown",
        says="'{field}' of {device_id} is {shown}, which is not finite in {unit}",
    ),
    Rule(
        name="range_low",
        stage="reading",
        code="below_range",
        fails="value < low",
        field="field",
        value="shown",
        says="{metric} of {device_id} is {value} {unit}; the least it can be is {low}",
    ),
    Rule(
        name="range_high",
        stage="reading",
        code="above_range",
        fails="value > high",
        field="field",
        value="shown",
        says="{metric} of {device_id} is {value} {unit}; the most it can be is {high}",
    ),
)
