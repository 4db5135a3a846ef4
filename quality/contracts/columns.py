"""Columns that several tables have: the event's name, the key of a reading, and what produced a row.

Belongs here: each of them once, with its meaning.
Does not: a table (`bronze_tables`, `silver_tables`, `gold_tables`).
"""

from __future__ import annotations

from quality.contracts.model import Column

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

MAPPING_VERSION = Column(
    name="mapping_version", type="int", says="Version of that spec; null where no mapping took the event.", null=True
)

RULES_VERSION = Column(
    name="rules_version", type="string", says="Hash of the row rules and their limits, 8 hexadecimal digits."
)


def winner(*, null: bool) -> tuple[Column, ...]:
    """The reference of the accepted reading of the same key, column by column."""
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
