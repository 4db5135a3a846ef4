"""Which transport reads the hub, as the settings say.

Belongs here: the choice, and what to install for it. Does not: the transports (`amqp`, `kafka`).
"""

from __future__ import annotations

from ingest_workers.source import Source, SourceError
from settings.model import EventHubs


def source_of(hub: EventHubs) -> Source:
    """The source the settings name. Raises: SourceError where its client is not installed."""
    if hub.transport == "kafka":
        try:
            from ingest_workers.kafka import KafkaSource  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as missing:
            raise SourceError("the Kafka transport is an extra: install 'telemetry-lakehouse[kafka]'") from missing
        return KafkaSource(hub)
    from ingest_workers.amqp import AmqpSource  # noqa: PLC0415 - not needed where the other transport reads

    return AmqpSource(hub)
