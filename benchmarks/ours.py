"""The Bronze worker, as `lakehouse ingest bronze` runs it, until the head.

Several share the partitions by a fixed rule: how workers find their shares takes seconds whatever the rate, and has
tests of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measured import child
from ingest_workers import amqp, bronze, kafka, logs
from ingest_workers.source import Deliver, Head, Position, Source
from ingest_workers.transport import source_of
from settings.model import EventHubs, Settings

TRANSPORTS = amqp.AmqpSource, kafka.KafkaSource
"""Loaded before the word is given, as everything is that a contender needs."""


class Share:
    """A source that has some of the partitions and knows of no others."""

    def __init__(self, source: Source, workers: int, turn: int) -> None:
        self._source, self._workers, self._turn = source, workers, turn

    def heads(self) -> Mapping[str, Head]:
        """Of the share."""
        return {name: head for name, head in self._source.heads().items() if int(name) % self._workers == self._turn}

    def start(self, position: Position, deliver: Deliver) -> None:
        """Read the share."""
        self._source.assign(self.heads().keys())
        self._source.start(position, deliver)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


def settings_of(job: dict[str, Any]) -> Settings:
    """The job's hub and knobs; everything else as it comes."""
    return Settings(
        root=job["lake"],
        home=Path(job["lake"]) / "home",
        event_hubs=EventHubs(**job["hub"]),
        bronze=job.get("bronze", {}),
    )


def work(job: dict[str, Any]) -> int:
    """Everything of the share into the lake."""
    logs.configure(level=logging.ERROR)
    bronze.source_of = lambda hub: Share(source_of(hub), job["workers"], job["turn"])  # type: ignore[assignment]
    return bronze.run_bronze(settings_of(job), until_head=True).committed


if __name__ == "__main__":
    child(work)
