"""Silver: readings, what is doubted or was refused of them, and the log of how they were made.

Belongs here: every table of telemetry between Bronze and Gold.
Does not: reference entities (`entities`, `entity_tables`).
"""

from __future__ import annotations

from quality.contracts.columns import (
    DIGEST,
    ENQUEUED_AT,
    ENQUEUED_HOUR,
    EVENT,
    EVENT_NAMES,
    INDEX,
    KEY,
    KEY_NAMES,
    MAPPING,
    MAPPING_VERSION,
    RULES_VERSION,
    SILVER_BATCH,
    winner,
)
from quality.contracts.model import Column, Maintenance, Table

READINGS = Table(
    layer="silver",
    name="readings",
    says="One accepted measurement of one metric by one device.",
    columns=(
        *KEY,
        Column(
            name="value",
            type="double",
            says="In the metric's canonical unit; null for states and events.",
            null=True,
        ),
        Column(name="value_text", type="string", says="State or event name; null for numbers.", null=True),
        Column(name="unit", type="string", says="Canonical unit of the metric."),
        Column(name="flags", type="long", says="Bits named in `quality.contracts.flags`."),
        Column(
            name="recorded_at_source",
            type="string",
            says="`device` or `envelope`: whose clock recorded_at is.",
        ),
        *EVENT,
        INDEX,
        ENQUEUED_AT,
        MAPPING,
        DIGEST,
        SILVER_BATCH,
        ENQUEUED_HOUR,
    ),
    key=KEY_NAMES,
    partition_by=("enqueued_hour",),
    sort_by=("recorded_at",),
    stated=("recorded_at", "sequence_number", "enqueued_at"),
    retention_days=730,
    fresh_within=2,
    maintenance=Maintenance(order_by=("recorded_at",)),  # history is looked up by moments; measured in ADR 12
)

QUARANTINE = Table(
    layer="silver",
    name="quarantine",
    says="One rejected reading or event, with its reason and its raw bytes.",
    columns=(
        *EVENT,
        INDEX,
        ENQUEUED_AT,
        Column(name="reason", type="string", says="Code from `quality.contracts.reasons`."),
        Column(name="field", type="string", says="Input field or metric at fault.", null=True),
        Column(name="value", type="string", says="The offending value as text, cut at 200 characters.", null=True),
        Column(name="message", type="string", says="What is wrong, for a person."),
        Column(name="mapping_id", type="string", says="Mapping spec that read the event.", null=True),
        MAPPING_VERSION,
        RULES_VERSION,
        *(Column(name=c.name, type=c.type, says=f"{c.says} Null where it is not known.", null=True) for c in KEY),
        *winner(null=True),
        Column(name="body", type="binary", says="The raw bytes of the event."),
        DIGEST,
        SILVER_BATCH,
        ENQUEUED_HOUR,
    ),
    key=(*EVENT_NAMES, "index"),
    partition_by=("enqueued_hour",),
    retention_days=730,
    fresh_within=2,
)

DUPLICATES = Table(
    layer="silver",
    name="duplicates",
    says="One reading that says again what an accepted reading of its key already said.",
    columns=(
        *KEY,
        *EVENT,
        INDEX,
        ENQUEUED_AT,
        *winner(null=False),
        MAPPING,
        DIGEST,
        SILVER_BATCH,
        ENQUEUED_HOUR,
    ),
    key=(*EVENT_NAMES, "index"),
    partition_by=("enqueued_hour",),
    retention_days=730,
    fresh_within=2,
)

READING_FLAGS = Table(
    layer="silver",
    name="reading_flags",
    says="One doubt about one accepted reading, from what other readings or the device register say.",
    columns=(
        Column(name="event_date", type="date", says="Date of recorded_at, UTC."),
        *KEY,
        Column(name="code", type="string", says="Rule that raised it; see the page of rules."),
        Column(name="value", type="double", says="The reading's value; null for states and events.", null=True),
        Column(name="message", type="string", says="What is odd, for a person."),
        Column(name="parameters", type="map", says="Limits the rule went by."),
        *EVENT,
        INDEX,
        ENQUEUED_AT,
        MAPPING,
        Column(name="rules_version", type="string", says="Hash of the rules and their limits, 8 hexadecimal digits."),
        Column(name="silver_batch", type="long", says="Silver batch whose readings were looked at."),
    ),
    key=(*KEY_NAMES, "code"),
    partition_by=("event_date",),
    sort_by=("recorded_at",),
    retention_days=730,
    fresh_within=10,
)

BATCHES = Table(
    layer="silver",
    name="batches",
    says="Plan and log of Silver: what each batch takes in, how, and what it touches.",
    columns=(
        Column(name="batch", type="long", says="Number of the batch, from 1, gapless."),
        Column(name="planned_at", type="timestamp", says="When it was planned."),
        Column(name="mode", type="string", says="`append` or `replace`."),
        DIGEST,
        Column(
            name="watermark",
            type="counts",
            says="`hub/partition/epoch` to the last sequence number this batch leaves processed.",
        ),
        Column(name="previous", type="counts", says="The watermark before this batch."),
        Column(
            name="reached",
            type="counts",
            says="`hub/partition/epoch` to enqueued_at of its last processed event, epoch "
            "microseconds: prunes the next read.",
        ),
        Column(name="hours", type="strings", says="Enqueued hours it writes."),
        Column(name="event_dates", type="dates", says="Dates of recorded_at of the readings it adds or removes."),
        Column(name="readings_version", type="long", says="Delta version of silver.readings used as history."),
        Column(
            name="quarantine_version",
            type="long",
            says="Delta version of silver.quarantine before the batch.",
        ),
        Column(
            name="duplicates_version",
            type="long",
            says="Delta version of silver.duplicates before the batch.",
        ),
        Column(name="events", type="long", says="Bronze events it reads."),
        Column(name="accepted", type="long", says="Readings it writes."),
        Column(name="quarantined", type="long", says="Quarantine rows it writes."),
        Column(name="duplicates", type="long", says="Duplicate rows it writes."),
    ),
    key=("batch",),
)

DIGESTS = Table(
    layer="silver",
    name="digests",
    says="Content-addressed store of what a digest stands for, so that any row can be decoded again as it was.",
    columns=(
        DIGEST,
        Column(
            name="content", type="string", says="Specs, metric catalogue, rule parameters, decoder version, as JSON."
        ),
        Column(name="stored_at", type="timestamp", says="When it was first used."),
    ),
    key=("digest",),
)

SCHEMA_DRIFT = Table(
    layer="silver",
    name="schema_drift",
    says="What sampled events hold beyond or against their mapping, counted per batch, enqueued "
    "hour, mapping and field.",
    columns=(
        MAPPING,
        DIGEST,
        ENQUEUED_HOUR,
        Column(
            name="kind",
            type="string",
            says="`new_field`, `changed_type`, `missing_field` (a mapped field is not there), or `present` (it is).",
        ),
        Column(name="field", type="string", says="Path in the payload, `[*]` for the elements of an array."),
        Column(name="expected", type="string", says="Type the mapping expects; empty where that is not the matter."),
        Column(name="seen", type="string", says="Type it has; empty where that is not the matter."),
        Column(name="policy", type="string", says="`evolve`, `freeze` or `quarantine`, as the mapping said then."),
        *EVENT,
        Column(name="first_enqueued_at", type="timestamp", says="When the hub accepted the first such event."),
        Column(name="last_enqueued_at", type="timestamp", says="When it accepted the last one."),
        Column(name="events", type="long", says="Such events among those looked at."),
        Column(name="example", type="string", says="The field of the first event, cut at 200 characters.", null=True),
        SILVER_BATCH,
    ),
    key=("enqueued_hour", "silver_batch", "mapping_id", "digest", "kind", "field", "expected", "seen", "policy"),
    partition_by=("enqueued_hour",),
    retention_days=365,
)

QUARANTINE_HISTORY = Table(
    layer="silver",
    name="quarantine_history",
    says="What replacing hours changed in quarantine: rows taken back, and old events that it rejected newly.",
    columns=(
        *EVENT,
        INDEX,
        ENQUEUED_AT,
        Column(name="reason", type="string", says="The reason it had, or now has."),
        Column(name="message", type="string", says="The message it had, or now has."),
        Column(name="device_id", type="string", says="Device, where it is known.", null=True),
        Column(name="mapping_id", type="string", says="Mapping spec that had rejected it.", null=True),
        MAPPING_VERSION,
        RULES_VERSION,
        DIGEST,
        Column(name="quarantined_in", type="long", says="Silver batch that wrote the row to quarantine."),
        Column(
            name="replayed_in",
            type="long",
            says="Silver batch that took it back; null where this batch rejected it newly.",
            null=True,
        ),
        Column(
            name="became",
            type="string",
            says="What a row taken back became: `accepted`, `duplicate`, `rejected` (another reason) or `absent` "
            "(the mapping no longer makes that reading); null where it was rejected newly.",
            null=True,
        ),
        Column(name="silver_batch", type="long", says="Silver batch that made the change."),
    ),
    key=(*EVENT_NAMES, "index", "reason", "silver_batch"),
    retention_days=730,
)

QUARANTINE_DECISIONS = Table(
    layer="silver",
    name="quarantine_decisions",
    says="What people decided about rejected rows; the newest decision about event, index and reason counts.",
    columns=(
        Column(name="decision", type="long", says="Number of the decision, from 1; one may be about many rows."),
        *EVENT,
        INDEX,
        Column(name="reason", type="string", says="The reason the row has: with another reason it is open again."),
        Column(name="status", type="string", says="`dismissed`, or `open` where a dismissal was withdrawn."),
        Column(name="why", type="string", says="In the words of who decided."),
        Column(name="who", type="string", says="Who decided."),
        Column(name="decided_at", type="timestamp", says="When."),
    ),
    key=(*EVENT_NAMES, "index", "reason", "decision"),
)

SPECS_IN_FORCE = Table(
    layer="silver",
    name="specs_in_force",
    says="Which content (specs, catalogue, rules) Silver is made with, act by act; the last act counts.",
    columns=(
        Column(name="act", type="long", says="Number of the act, from 1, gapless."),
        Column(
            name="how",
            type="string",
            says="`deployed` (the folder of specs changed), `swapped` (a shadow took over) or `undone` (a swap was).",
        ),
        DIGEST,
        Column(name="previous", type="string", says="Digest in force before; null at the first act.", null=True),
        Column(name="hours", type="strings", says="Enqueued hours recomputed with the act; empty for `deployed`."),
        Column(
            name="after_batch", type="long", says="Last Silver batch before the act: back-out restores its digests."
        ),
        Column(name="why", type="string", says="In the words of who acted; null where nobody said.", null=True),
        Column(name="who", type="string", says="Who acted."),
        Column(name="acted_at", type="timestamp", says="When."),
    ),
    key=("act",),
)
