"""Reason codes: why a reading or an event is in quarantine.

Belongs here: the closed list of codes, whom they concern and what to do. A code is part of the contract: analysts group
by it, alerts name it, runbooks are found by it.
Does not: the expressions that decide (`quality.rules`, `canonical`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Reason:
    """One code; `scope` says whether it rejects a single reading or the whole event."""

    code: str
    scope: Literal["event", "reading"]
    says: str
    do: str


REASONS: tuple[Reason, ...] = (
    Reason("empty_body", "event", "The event has no bytes.", "Ask the sender's owner; nothing can be read."),
    Reason(
        "body_too_large",
        "event",
        "The body is larger than a device message may be.",
        "Split it, or raise max_body_bytes of the mapping.",
    ),
    Reason(
        "unknown_content_type",
        "event",
        "No mapping reads this content type.",
        "Add a mapping spec, then replay the hour.",
    ),
    Reason(
        "no_mapping",
        "event",
        "Mappings read this content type, but none matches this event.",
        "Widen the match of a mapping, then replay the hour.",
    ),
    Reason(
        "bad_encoding",
        "event",
        "The content encoding is unknown or the compressed bytes are broken.",
        "Fix the sender, or add the encoding.",
    ),
    Reason(
        "invalid_utf8",
        "event",
        "The body is not valid UTF-8.",
        "Declare the charset in the mapping, or fix the sender.",
    ),
    Reason("invalid_json", "event", "The body is not valid JSON.", "Fix the sender; the raw bytes are kept."),
    Reason(
        "invalid_csv",
        "event",
        "The row has another number of columns than the mapping says.",
        "Fix the file or the mapping, then replay the hour.",
    ),
    Reason(
        "invalid_protobuf",
        "event",
        "The bytes are no message of the schema.",
        "Check schema reference and sender version.",
    ),
    Reason("invalid_cbor", "event", "The body is not one valid CBOR item.", "Fix the sender; the raw bytes are kept."),
    Reason(
        "invalid_senml",
        "event",
        "The body is JSON or CBOR, but no SenML pack.",
        "Fix the sender: RFC 8428 says what a pack holds.",
    ),
    Reason(
        "bad_payload",
        "event",
        "The binary payload does not fit its layout, or its base64 or hex is broken.",
        "Compare the layout with the vendor's, by firmware version; then replay the hour.",
    ),
    Reason(
        "schema_drift",
        "event",
        "A field is new, gone or of another type, and the mapping says to reject such events.",
        "Map or ignore the field, or let it evolve; then replay the hour.",
    ),
    Reason(
        "unknown_schema",
        "event",
        "The schema reference names no registered schema.",
        "Register the schema, then replay the hour.",
    ),
    Reason(
        "missing_device",
        "event",
        "Neither the payload nor the envelope says which device it was.",
        "Fix the sender or the mapping.",
    ),
    Reason(
        "device_mismatch",
        "event",
        "The payload names another device than the one that authenticated.",
        "A wrong identity, or a gateway: then say `gateway: true`.",
    ),
    Reason(
        "missing_time",
        "event",
        "The payload has no time where the mapping demands one.",
        "Fix the sender, or allow the envelope's time in the mapping.",
    ),
    Reason(
        "bad_time",
        "event",
        "The time cannot be read.",
        "Add the format to the mapping, then replay the hour.",
    ),
    Reason(
        "future",
        "event",
        "Recorded more than the allowed time after the hub took it.",
        "The device clock runs ahead.",
    ),
    Reason(
        "too_old",
        "event",
        "Recorded before the earliest time allowed.",
        "The device clock was reset, or the time unit is wrong.",
    ),
    Reason("no_readings", "event", "The event was read and held no reading.", "Map a field, or stop sending it."),
    Reason(
        "missing_field",
        "reading",
        "A required field is absent or null.",
        "Fix the sender, or mark the field optional.",
    ),
    Reason(
        "not_a_number",
        "reading",
        "The field is no number.",
        "Fix the sender, or declare the text a sentinel.",
    ),
    Reason("not_finite", "reading", "NaN or infinite.", "The sensor has failed, or declare a sentinel."),
    Reason("unknown_unit", "reading", "The unit is unknown.", "Add the unit to the mapping."),
    Reason(
        "unit_mismatch",
        "reading",
        "The unit measures another dimension than the metric.",
        "Fix the sender or the mapping.",
    ),
    Reason("below_range", "reading", "Below the smallest value the metric can have.", "Check sensor and unit."),
    Reason("above_range", "reading", "Above the largest value the metric can have.", "Check sensor and unit."),
    Reason(
        "unknown_metric",
        "reading",
        "The name is none for which the mapping has a metric.",
        "Add the name to the mapping, or say `others: ignore`.",
    ),
    Reason(
        "unknown_state",
        "reading",
        "The text is none of the states the metric knows.",
        "Add the state to the mapping.",
    ),
    Reason(
        "conflict",
        "reading",
        "An earlier accepted reading of the same key has another value.",
        "Two devices share an identity, or the device resends with changes.",
    ),
)

CODES: dict[str, Reason] = {reason.code: reason for reason in REASONS}
