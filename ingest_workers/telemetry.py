"""OpenTelemetry for the workers: metrics, a span per commit, and the log lines.

Belongs here: what is sent (`Telemetry`, an observer) and the decision whether anything is.
Does not: instruments' names (`instruments`), exporters (`telemetry_providers`; only it imports OpenTelemetry's SDK).

Nothing is imported and nothing is measured unless the standard variables ask for it: `OTEL_EXPORTER_OTLP_ENDPOINT` or
one per signal, `OTEL_{METRICS,TRACES,LOGS}_EXPORTER`, `APPLICATIONINSIGHTS_CONNECTION_STRING`, or a port for
Prometheus. Telemetry that cannot be set up is said once and costs no event.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import structlog

from ingest_workers import instruments, logs
from ingest_workers.buffer import Flush
from ingest_workers.events import Events
from ingest_workers.instruments import Instrument
from ingest_workers.observer import Held, Observer, Trouble
from ingest_workers.sink import Committed
from ingest_workers.source import Head
from ingest_workers.standing import Standing
from settings.clock import now

if TYPE_CHECKING:
    from ingest_workers.telemetry_providers import Providers

log = structlog.get_logger(__name__)

SIGNALS = ("metrics", "traces", "logs")
AZURE = "APPLICATIONINSIGHTS_CONNECTION_STRING"


def asked_for(environment: Mapping[str, str]) -> frozenset[str]:
    """The signals to be sent by OTLP, as the OpenTelemetry variables say; none where they say nothing.

    `OTEL_<SIGNAL>_EXPORTER` decides; without it a signal is sent where it has an endpoint.
    """
    if _disabled(environment):
        return frozenset()
    return frozenset(signal for signal in SIGNALS if _asked(environment, signal.upper()))


def _asked(environment: Mapping[str, str], signal: str) -> bool:
    if exporters := environment.get(f"OTEL_{signal}_EXPORTER"):
        return "otlp" in [name.strip() for name in exporters.split(",")]
    return bool(
        environment.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environment.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    )


def _disabled(environment: Mapping[str, str]) -> bool:
    return environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def telemetry_of(
    standing: Standing, *, worker: str, restarts: int, prometheus: bool, environment: Mapping[str, str] | None = None
) -> Telemetry | None:
    """Telemetry as the environment asks for it; None where nobody asks, or where it cannot be set up."""
    environment = os.environ if environment is None else environment
    signals = asked_for(environment)
    azure = bool(environment.get(AZURE)) and not _disabled(environment)
    if not (signals or azure or prometheus):
        return None
    if signals and (protocol := environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")) != "http/protobuf":
        log.warning("telemetry goes by http/protobuf, the one protocol that is built in", asked_for=protocol)
    try:
        from ingest_workers.telemetry_providers import Providers  # noqa: PLC0415 - only where it is asked for

        providers = Providers.of(signals, worker=worker, azure=azure, prometheus=prometheus)
    except ImportError as missing:
        extra = "azure-monitor" if (missing.name or "").startswith("azure") else "worker"
        log.warning("no telemetry: a package is missing", missing=missing.name, do=f"pip install '.[{extra}]'")
        return None
    return Telemetry(standing, providers, restarts=restarts)


class Telemetry(Observer):
    """Measures what the worker's observer is told."""

    def __init__(self, standing: Standing, providers: Providers, *, restarts: int) -> None:
        self._standing, self._providers = standing, providers
        self._count: dict[Instrument, Callable[..., None]] = {
            each: providers.counter(each) for each in instruments.INSTRUMENTS if each.kind == "counter"
        }
        self._record: dict[Instrument, Callable[..., None]] = {
            each: providers.histogram(each) for each in instruments.INSTRUMENTS if each.kind == "histogram"
        }
        self._refused: list[tuple[int, str]] = []
        for gauge, read in self._gauges(restarts).items():
            providers.gauge(gauge, read)
        for trouble in ("hub", "store", "partition"):
            self._count[instruments.RETRIES](0, {"what": trouble})
        logs.tap(self._line)

    def begun(self, origin: str, transport: str, heads: Mapping[str, Head], held: Held) -> None:
        """See `Observer`."""
        for partition in heads:  # a counter that is born with its first loss shows no increase
            self._count[instruments.LOST](0, {"partition": partition})

    def received(self, events: Events) -> None:
        """See `Observer`."""
        self._count[instruments.RECEIVED](len(events), {"partition": events.partition_id})

    def committed(self, flush: Flush, outcome: Committed, seconds: float) -> None:
        """See `Observer`."""
        count, record = self._count, self._record
        at = int(now().timestamp() * 1e6)
        for partition, events in flush.partitions.items():
            age = max(0.0, (at - events.enqueued_at(0)) / 1e6)
            record[instruments.COMMIT_AGE](age, {"partition": partition})
        for gap in outcome.gaps:
            count[instruments.LOST](gap.events, {"partition": gap.partition_id})
        count[instruments.COMMITTED](outcome.rows, {})
        count[instruments.REPEATED](outcome.already_there, {})
        record[instruments.COMMIT_DURATION](seconds, {})
        record[instruments.FLUSH_SIZE](flush.size, {})
        record[instruments.FLUSH_EVENTS](flush.rows, {})
        refused, self._refused = self._refused, []
        self._providers.span(
            "lakehouse.bronze.commit",
            seconds,
            {
                "lakehouse.bronze.origin": self._standing.origin,
                "lakehouse.bronze.events.committed": outcome.rows,
                "lakehouse.bronze.events.repeated": outcome.already_there,
                "lakehouse.bronze.events.lost": sum(gap.events for gap in outcome.gaps),
                "lakehouse.bronze.partitions": sorted(flush.partitions),
                "lakehouse.bronze.flush.size": flush.size,
            },
            refused,
        )

    def retried(self, trouble: Trouble, why: object) -> None:
        """See `Observer`."""
        self._count[instruments.RETRIES](1, {"what": trouble})
        if trouble == "store":
            self._refused.append((time.time_ns(), str(why)))

    @property
    def metrics(self) -> Callable[[], tuple[str, bytes]] | None:
        """The page for Prometheus, where that was asked for."""
        return self._providers.prometheus

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        logs.untap(self._line)
        self._providers.close()

    def _gauges(self, restarts: int) -> dict[Instrument, Callable[[], list[tuple[float, dict[str, str]]]]]:
        standing = self._standing

        def per_partition(name: str) -> list[tuple[float, dict[str, str]]]:
            return [(getattr(each, name), {"partition": each.partition}) for each in standing.partitions()]

        return {
            instruments.LAG_EVENTS: lambda: per_partition("lag_events"),
            instruments.LAG_AGE: lambda: per_partition("lag_seconds"),
            instruments.BUFFER_SIZE: lambda: [(standing.buffered, {})],
            instruments.BUFFER_LIMIT: lambda: [(standing.buffer_limit, {})],
            instruments.RESTARTS: lambda: [(restarts, {})],
            instruments.READY: lambda: [(int(not standing.why_not_ready()), {})],
        }

    def _line(self, level: str, line: Mapping[str, Any]) -> None:
        if level in {"warning", "error", "critical"}:
            # A library's text has values in it; only ours is one of few.
            event = "library" if "logger" in line else str(line.get("event", ""))[:80]
            self._count[instruments.WARNINGS](1, {"event": event})
        self._providers.log(level, line)
