"""The registry: every table of the lakehouse, once.

Belongs here: what each table is, column by column. Delta schemas, Kusto DDL, dbt sources, the catalogue page
and the contract checks are rendered from it; a drift test compares what is committed with what it renders.
Does not: how rows come to be (`ingest_workers`, `assets`) or which rows are good (`quality.rules`).
"""

from __future__ import annotations

from quality.contracts.model import Column, Maintenance, Table

# The name of an event, in every table that speaks of one: `hub/partition/epoch/sequence`.
EVENT = (
    Column(name="hub", type="string", says="Event hub the event was read from."),
    Column(name="partition_id", type="string", says="Partition of the hub."),
    Column(name="epoch", type="long", says="Life of the hub; raised when it is re-created or failed over."),
    Column(name="sequence_number", type="long", says="The broker's gapless number of the event in its partition."),
)
EVENT_NAMES = tuple(c.name for c in EVENT)
INDEX = Column(
    name="index",
    type="int",
    says="Which reading of the event, from 0; -1 where a row speaks of the whole event.",
)
# A total order over readings, fixed once in Bronze (DESIGN: position).
POSITION_NAMES = ("enqueued_at", *EVENT_NAMES, "index")

KEY = (
    Column(name="device_id", type="string", says="Device, qualified by its source: `<source>:<native id>`."),
    Column(name="metric", type="string", says="Name in the metric catalogue."),
    Column(
        name="channel",
        type="string",
        says="Which of several of the metric on one device; empty for the only one.",
    ),
    Column(name="recorded_at", type="timestamp", says="When the device measured it."),
    Column(
        name="discriminator",
        type="string",
        says="Message id or device sequence number where the mapping names one; else empty.",
    ),
)
KEY_NAMES = tuple(c.name for c in KEY)

ENQUEUED_AT = Column(name="enqueued_at", type="timestamp", says="When the hub accepted the event.")
ENQUEUED_HOUR = Column(name="enqueued_hour", type="string", says="Hour of enqueued_at, UTC, as `YYYY-MM-DD-HH`.")
SILVER_BATCH = Column(name="silver_batch", type="long", says="Silver batch that wrote the row.")
DIGEST = Column(
    name="digest",
    type="string",
    says="Hash of specs, metric catalogue, rules and decoder version that produced the row.",
)
MAPPING = Column(name="mapping_id", type="string", says="Mapping spec that read the event.")


def _winner(*, null: bool) -> tuple[Column, ...]:
    reference = (*EVENT, INDEX)
    return tuple(
        Column(
            name=f"winner_{c.name}",
            type=c.type,
            says=f"{c.name} of the accepted reading of the same key.",
            null=null,
        )
        for c in reference
    )


IDENTITY = Table(
    layer="bronze",
    name="identity",
    says="Which lake this is; a restored lake gets a new row, because its batch numbers begin again. The newest counts.",
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
    retention_days=2555,
    fresh_within=1,
)

LOST = Table(
    layer="bronze",
    name="lost",
    says="Sequence numbers Bronze will never hold, as ranges: what retention took before it was read, and what was no event.",
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
        *(Column(name=c.name, type=c.type, says=f"{c.says} Null where it is not known.", null=True) for c in KEY),
        *_winner(null=True),
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
        *_winner(null=False),
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
            says="`hub/partition/epoch` to enqueued_at of its last processed event, epoch microseconds: prunes the next read.",
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

QUARANTINE_HISTORY = Table(
    layer="silver",
    name="quarantine_history",
    says="Quarantine rows that a later batch took back, and which.",
    columns=(
        *EVENT,
        INDEX,
        ENQUEUED_AT,
        Column(name="reason", type="string", says="The reason it had."),
        Column(name="message", type="string", says="The message it had."),
        Column(name="mapping_id", type="string", says="Mapping spec that had rejected it.", null=True),
        DIGEST,
        Column(name="quarantined_in", type="long", says="Silver batch that had quarantined it."),
        Column(name="replayed_in", type="long", says="Silver batch that took it back."),
    ),
    key=(*EVENT_NAMES, "index", "quarantined_in"),
    retention_days=730,
)

LEVELS = {"1m": 60, "5m": 300, "1h": 3600, "1d": 86400}
"""Aggregate levels and the length of their window in seconds."""


def _level(level: str, seconds: int) -> Table:
    return Table(
        layer="gold",
        name=f"readings_{level}",
        says=f"Readings per device, metric, channel and window of {level}.",
        columns=(
            Column(name="event_date", type="date", says="Date of window_start, UTC."),
            *(c for c in KEY if c.name in {"device_id", "metric", "channel"}),
            Column(
                name="window_start",
                type="timestamp",
                says=f"Start of the window of {seconds} s; end is exclusive.",
            ),
            Column(name="unit", type="string", says="Canonical unit of the metric."),
            Column(name="reading_count", type="long", says="Readings in the window."),
            Column(name="min_value", type="double", says="Smallest value, in `unit`."),
            Column(name="max_value", type="double", says="Largest value, in `unit`."),
            Column(name="avg_value", type="double", says="Arithmetic mean, in `unit`."),
            Column(
                name="stdev_value",
                type="double",
                says="Sample standard deviation, in `unit`; null for fewer than 2 readings.",
                null=True,
            ),
            Column(name="first_value", type="double", says="Value of the earliest reading, in `unit`."),
            Column(name="last_value", type="double", says="Value of the latest reading, in `unit`."),
            Column(
                name="expected_count",
                type="double",
                says="Readings the declared interval leads one to expect; null where none is declared.",
                null=True,
            ),
            Column(
                name="completeness",
                type="double",
                says="reading_count / expected_count, not capped; null where no interval is declared.",
                null=True,
            ),
        ),
        key=("device_id", "metric", "channel", "window_start"),
        partition_by=("event_date",),
        sort_by=("window_start",),
        retention_days={"1m": 90, "5m": 365, "1h": 1825, "1d": None}[level],
        fresh_within=10,
    )


READINGS_1M, READINGS_5M, READINGS_1H, READINGS_1D = (_level(name, seconds) for name, seconds in LEVELS.items())
AGGREGATES = {"1m": READINGS_1M, "5m": READINGS_5M, "1h": READINGS_1H, "1d": READINGS_1D}

DATA_QUALITY_1D = Table(
    layer="gold",
    name="data_quality_1d",
    says="What became of the rows that arrived on a day, per mapping, outcome and reason.",
    columns=(
        Column(name="enqueued_date", type="date", says="Date of enqueued_at, UTC."),
        Column(name="mapping_id", type="string", says="Mapping spec; empty where none took the event."),
        Column(name="outcome", type="string", says="`accepted`, `quarantined` or `duplicate`."),
        Column(name="reason", type="string", says="Reason code of quarantined rows; else empty."),
        Column(name="row_count", type="long", says="Readings (or events without readings) of that outcome."),
        Column(name="event_count", type="long", says="Events with at least one such row."),
    ),
    key=("enqueued_date", "mapping_id", "outcome", "reason"),
    partition_by=("enqueued_date",),
    fresh_within=10,
)

DATE_STATE = Table(
    layer="gold",
    name="date_state",
    says="Up to which Silver batch each date is loaded, per lane; the newest row of a date counts.",
    columns=(
        Column(
            name="lane",
            type="string",
            says="`readings` (dates of recorded_at) or `quality` (dates of enqueued_at).",
        ),
        Column(name="date", type="date", says="The date."),
        Column(name="lake_id", type="string", says="Lake whose batch it is; a restored lake counts batches anew."),
        Column(name="silver_batch", type="long", says="Silver batch the date holds."),
        Column(name="rows_loaded", type="long", says="Rows of the lane's source on that date."),
        Column(name="loaded_at", type="timestamp", says="When."),
    ),
    key=("lane", "date", "lake_id", "silver_batch"),
)

ADX_READINGS = Table(
    layer="gold",
    name="adx_readings",
    says="Accepted readings as Azure Data Explorer holds them, swapped per date of recorded_at.",
    columns=(
        *KEY,
        Column(name="value", type="double", says="In the metric's canonical unit; null for states.", null=True),
        Column(name="value_text", type="string", says="State or event name; empty for numbers.", null=True),
        Column(name="unit", type="string", says="Canonical unit of the metric."),
        Column(name="flags", type="long", says="Bits named in `quality.contracts.flags`."),
        Column(
            name="ordinal",
            type="long",
            says="Rank among readings of one device, metric, channel and instant, by discriminator: breaks ties.",
        ),
        Column(
            name="interval_s",
            type="double",
            says="Seconds between readings the mapping declares; null where it declares none.",
            unit="s",
            null=True,
        ),
        *EVENT,
        INDEX,
        MAPPING,
        SILVER_BATCH,
    ),
    key=KEY_NAMES,
    retention_days=365,
)

TABLES: tuple[Table, ...] = (
    IDENTITY,
    BRONZE_TELEMETRY,
    LOST,
    READINGS,
    QUARANTINE,
    DUPLICATES,
    BATCHES,
    DIGESTS,
    QUARANTINE_HISTORY,
    *AGGREGATES.values(),
    DATA_QUALITY_1D,
    DATE_STATE,
)
"""Every Delta table of the lake."""


def table(path: str) -> Table:
    """The table at `layer/name`; KeyError with the known ones where there is none."""
    for candidate in TABLES:
        if candidate.path == path:
            return candidate
    raise KeyError(f"no table {path!r}; there are {', '.join(t.path for t in TABLES)}")
