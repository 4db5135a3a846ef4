"""Bronze, and which lake this is.

Belongs here: tables that hold what came, as it came, and what never came.
Does not: what it means (`silver_tables`).
"""

from __future__ import annotations

from quality.contracts.columns import ENQUEUED_AT, EVENT, EVENT_NAMES
from quality.contracts.model import Column, Table

IDENTITY = Table(
    layer="bronze",
    name="identity",
    says="Which lake this is; a restored lake gets a new row, because its batch numbers begin again. "
    "The newest counts.",
    columns=(
        Column(name="lake_id", type="string", says="Random id; part of every tag and app id outside this lake."),
        Column(name="made_at", type="timestamp", says="When."),
        Column(name="why", type="string", says="`created`, or why it was renewed."),
    ),
    key=("lake_id",),
)

BRONZE_TELEMETRY = Table(
    layer="bronze",
    name="telemetry",
    says="Every event the hub accepted, as it came: raw bytes and envelope, readable or not, once.",
    columns=(
        Column(name="ingest_date", type="date", says="Date of enqueued_at, UTC."),
        *EVENT,
        Column(name="offset", type="string", says="The broker's position token; opaque text."),
        ENQUEUED_AT,
        Column(name="ingested_at", type="timestamp", says="When the worker took it over."),
        Column(
            name="device_id",
            type="string",
            says="Authenticated identity: IoT Hub connection device id or partition key.",
            null=True,
        ),
        Column(name="content_type", type="string", says="AMQP content type of the message.", null=True),
        Column(name="content_encoding", type="string", says="AMQP content encoding of the message.", null=True),
        Column(name="schema_ref", type="string", says="Schema the sender names (property `schema`).", null=True),
        Column(
            name="properties",
            type="map",
            says="Application properties as text; system properties under `sys.`; what is not text as JSON.",
        ),
        Column(name="body", type="binary", says="The raw bytes; AMQP value and sequence bodies as JSON, marked."),
        Column(name="erased_at", type="timestamp", says="When the body was erased on request.", null=True),
    ),
    key=EVENT_NAMES,
    partition_by=("ingest_date",),
    stated=("hub", "partition_id", "epoch", "sequence_number", "enqueued_at", "ingested_at"),
    retention_days=2555,
    fresh_within=1,
)

LOST = Table(
    layer="bronze",
    name="lost",
    says="Sequence numbers Bronze will never hold, as ranges: what retention took before it was "
    "read, and what was no event.",
    columns=(
        *EVENT[:-1],
        Column(name="first_sequence_number", type="long", says="First of the numbers."),
        Column(name="last_sequence_number", type="long", says="Last of the numbers."),
        Column(name="events", type="long", says="How many events were lost; 0 where the numbers never were events."),
        Column(
            name="why",
            type="string",
            says="`expired`: retention took them; `void`: the transport gave the numbers to no event.",
        ),
        Column(name="noticed_at", type="timestamp", says="When a worker noticed."),
    ),
    key=(*EVENT_NAMES[:-1], "first_sequence_number"),
)
