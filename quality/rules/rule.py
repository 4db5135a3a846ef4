"""What a row rule is, and what it can see.

Belongs here: the shape of a rule and the named columns of each stage.
Does not: any rule (`quality.rules.row`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Stage = Literal["envelope", "event", "reading"]
STAGES: tuple[Stage, ...] = ("envelope", "event", "reading")

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
    severity: Literal["reject"] = "reject"


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
        "metric_known",
        "worded",
        "state",
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
