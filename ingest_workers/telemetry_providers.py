"""OpenTelemetry's SDK, set up as the standard variables say: the one module that imports it.

Belongs here: meter, tracer and logger providers, by OTLP over HTTP, for Prometheus, or through Azure Monitor's distro.
Does not: what is measured (`telemetry`). Endpoints, headers, timeouts, intervals and resource attributes are read from
the `OTEL_` variables by the SDK itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from opentelemetry._logs import Logger, LogRecord, SeverityNumber, get_logger_provider
from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import (
    SERVICE_INSTANCE_ID,
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, Tracer, get_tracer_provider

from ingest_workers.instruments import Instrument

SCOPE = "lakehouse"
LAST_WORDS_SECONDS = 5.0
"""How long the end of a worker may wait for a collector."""
SEVERITY = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}

_UNWANTED = ("azure_sdk", "django", "fastapi", "flask", "psycopg2", "requests", "urllib", "urllib3")
"""What the distro would trace by itself: a span for each request of an SDK costs more than the events in it."""
_LOG_FIELDS = frozenset({"event", "timestamp", "level"})
"""What a log record has fields of its own for."""

Read = Callable[[], Iterable[tuple[float, Mapping[str, str]]]]
Page = Callable[[], tuple[str, bytes]]


@dataclass(frozen=True)
class Providers:
    """Where measurements, spans and lines go; each of the three may be absent."""

    meter: Meter | None
    tracer: Tracer | None
    logger: Logger | None
    prometheus: Page | None
    shutdowns: tuple[Callable[[], object], ...]

    @classmethod
    def of(cls, signals: frozenset[str], *, worker: str, azure: bool, prometheus: bool) -> Providers:
        """Providers for the signals that go by OTLP, beside Azure Monitor and Prometheus where they are asked for.

        Raises: ImportError where a package is missing.
        """
        resource = _resource(worker)
        page, readers = None, []
        if prometheus:
            page, reader = _prometheus()
            readers.append(reader)
        if "metrics" in signals:
            readers.append(_otlp_metrics())
        spans = [_otlp_spans()] if "traces" in signals else []
        lines = [_otlp_logs()] if "logs" in signals else []
        if azure:
            return _through_azure_monitor(resource, readers, spans, lines, page)
        meters = MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)
        tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
        for span_processor in spans:
            tracers.add_span_processor(span_processor)
        for line_processor in lines:
            loggers.add_log_record_processor(line_processor)
        return cls(
            meter=meters.get_meter(SCOPE) if readers else None,
            tracer=tracers.get_tracer(SCOPE) if spans else None,
            logger=loggers.get_logger(SCOPE) if lines else None,
            prometheus=page,
            shutdowns=_shutdowns(meters, tracers, loggers),
        )

    def counter(self, each: Instrument) -> Callable[..., None]:
        """Adds to a counter: value, attributes."""
        return self.meter.create_counter(each.name, each.unit, each.says).add if self.meter else _nothing

    def histogram(self, each: Instrument) -> Callable[..., None]:
        """Records in a histogram: value, attributes."""
        if self.meter is None:
            return _nothing
        return self.meter.create_histogram(
            each.name, each.unit, each.says, explicit_bucket_boundaries_advisory=each.buckets
        ).record

    def gauge(self, each: Instrument, read: Read) -> None:
        """Reads a gauge whenever metrics are collected."""
        if self.meter is None:
            return

        def observe(_: CallbackOptions) -> list[Observation]:
            return [Observation(value, dict(attributes)) for value, attributes in read()]

        self.meter.create_observable_gauge(each.name, [observe], each.unit, each.says)

    def span(
        self, name: str, seconds: float, attributes: Mapping[str, Any], refused: Sequence[tuple[int, str]]
    ) -> None:
        """A span that ends now and took `seconds`; what was refused on the way are its events."""
        if self.tracer is None:
            return
        ended = time.time_ns()
        span = self.tracer.start_span(
            name, kind=SpanKind.PRODUCER, start_time=ended - int(seconds * 1e9), attributes=dict(attributes)
        )
        for at, why in refused:
            span.add_event("refused", {"exception.message": why}, at)
        span.set_status(StatusCode.OK)
        span.end(ended)

    def log(self, level: str, line: Mapping[str, Any]) -> None:
        """One line: its event is the body, the rest are attributes."""
        if self.logger is None:
            return
        attributes = {name: _attribute(value) for name, value in line.items() if name not in _LOG_FIELDS}
        self.logger.emit(
            LogRecord(
                timestamp=time.time_ns(),
                severity_text=level.upper(),
                severity_number=SEVERITY.get(level, SeverityNumber.INFO),
                body=str(line.get("event", "")),
                attributes=attributes,
            )
        )

    def close(self) -> None:
        """Send what is left and end the threads; a collector that does not answer is not waited for."""

        def last_words() -> None:
            for shutdown in self.shutdowns:
                shutdown()

        farewell = threading.Thread(target=last_words, name="telemetry-farewell", daemon=True)
        farewell.start()
        farewell.join(LAST_WORDS_SECONDS)


def _nothing(*_: object) -> None:
    return None


def _attribute(value: Any) -> str | bool | int | float:
    return value if isinstance(value, (str, bool, int, float)) else str(value)


def _resource(worker: str) -> Resource:
    """Ours first, so that OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over it."""
    try:
        ours = version("telemetry-lakehouse")
    except PackageNotFoundError:
        ours = "unknown"
    named = {SERVICE_NAME: "lakehouse-bronze-worker", SERVICE_INSTANCE_ID: worker, SERVICE_VERSION: ours}
    return Resource.create(named).merge(OTELResourceDetector().detect())


def _otlp_metrics() -> MetricReader:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - per signal

    return PeriodicExportingMetricReader(OTLPMetricExporter())


def _otlp_spans() -> BatchSpanProcessor:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - per signal

    return BatchSpanProcessor(OTLPSpanExporter())


def _otlp_logs() -> BatchLogRecordProcessor:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415 - per signal

    return BatchLogRecordProcessor(OTLPLogExporter())


def _prometheus() -> tuple[Page, MetricReader]:
    """A registry of our own: the package's global one would mix the metrics of two workers of one process."""
    from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415 - with a port only
    from prometheus_client import CollectorRegistry  # noqa: PLC0415
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415

    registry = CollectorRegistry()
    reader = PrometheusMetricReader(registry=registry)
    return lambda: (CONTENT_TYPE_LATEST, generate_latest(registry)), reader


def _through_azure_monitor(
    resource: Resource,
    readers: list[MetricReader],
    spans: list[BatchSpanProcessor],
    lines: list[BatchLogRecordProcessor],
    page: Page | None,
) -> Providers:
    """The distro makes the providers and adds its exporters; ours ride along. It reads its connection string itself."""
    from azure.monitor.opentelemetry import configure_azure_monitor  # noqa: PLC0415 - an extra

    configure_azure_monitor(
        resource=resource,
        metric_readers=readers,
        span_processors=spans,
        log_record_processors=lines,
        logger_name=SCOPE,  # nobody logs there: our lines go to the provider directly, and once
        enable_live_metrics=False,
        instrumentation_options={name: {"enabled": False} for name in _UNWANTED},
    )
    meters, tracers, loggers = get_meter_provider(), get_tracer_provider(), get_logger_provider()
    return Providers(
        meter=meters.get_meter(SCOPE),
        tracer=tracers.get_tracer(SCOPE),
        logger=loggers.get_logger(SCOPE),
        prometheus=page,
        shutdowns=_shutdowns(meters, tracers, loggers),
    )


def _shutdowns(meters: Any, tracers: Any, loggers: Any) -> tuple[Callable[[], object], ...]:
    return meters.shutdown, tracers.shutdown, loggers.shutdown
