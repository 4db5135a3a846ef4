from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import structlog
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ingest_workers import logs
from ingest_workers.buffer import Buffer
from ingest_workers.instruments import INSTRUMENTS
from ingest_workers.observer import Several
from ingest_workers.prometheus_names import prometheus_name
from ingest_workers.sink import Sink
from ingest_workers.standing import Standing
from ingest_workers.telemetry import asked_for, telemetry_of
from ingest_workers.telemetry_page import telemetry_page
from ingest_workers.worker import Patience, Worker

REQUESTS = {
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


@pytest.fixture
def collector(monkeypatch):
    """An OTLP collector that keeps what it is sent, by path."""
    kept: dict[str, list] = {path: [] for path in REQUESTS}

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = REQUESTS[self.path]()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            request.ParseFromString(body)
            kept[self.path].append(request)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setattr("ingest_workers.telemetry_providers.LAST_WORDS_SECONDS", 60.0)  # a busy machine is slow
    yield kept
    server.shutdown()
    server.server_close()


def run(sink, hub, *, prometheus: bool = False, sink_fails: int = 0) -> tuple[Standing, str]:
    """A worker over the hub with telemetry as the environment asks; what it became, and the page for Prometheus."""
    logs.configure_once()
    failures = iter(range(sink_fails))

    class Stumbling(Sink):
        def commit(self, flush):
            if next(failures, None) is not None:
                raise OSError("503")
            return super().commit(flush)

    standing = Standing()
    telemetry = telemetry_of(standing, worker="bronze-7", restarts=2, prometheus=prometheus)
    assert telemetry is not None
    worker = Worker(
        hub,
        Buffer(rows=150, size=10**8, seconds=0.2, limit=10**8),
        Stumbling(sink.lake, "local", "telemetry", 0, "amqp"),
        patience=Patience(start=5, store=5, look=0.05),
        observer=Several([standing, telemetry]),
    )
    worker.run(until_head=True)
    page = telemetry.metrics()[1].decode() if prometheus else ""
    telemetry.close()
    return standing, page


def told(kept) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Metric name to value by attributes, of the last export; a histogram's value is its sum."""
    found = {}
    for resource in kept["/v1/metrics"][-1].resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                data = getattr(metric, metric.WhichOneof("data"))
                found[metric.name] = {
                    tuple((a.key, a.value.string_value) for a in point.attributes): (
                        point.sum if hasattr(point, "sum") else point.as_int or point.as_double
                    )
                    for point in data.data_points
                }
    return found


def test_metrics_spans_and_lines_reach_a_collector(collector, sink, make_hub):
    standing, _ = run(sink, make_hub({"0": 300, "1": 100}), sink_fails=1)

    metrics = told(collector)
    assert metrics["lakehouse.bronze.events.committed"] == {(): 400}
    assert metrics["lakehouse.bronze.events.received"] == {(("partition", "0"),): 300, (("partition", "1"),): 100}
    assert metrics["lakehouse.worker.retries"][(("what", "store"),)] == 1
    assert set(metrics["lakehouse.bronze.events.lost"].values()) == {0}
    assert metrics["lakehouse.worker.restarts"] == {(): 2}
    assert metrics["lakehouse.bronze.lag.events"] == {(("partition", "0"),): 0, (("partition", "1"),): 0}
    assert metrics["lakehouse.worker.warnings"][(("event", "the lake does not take a commit, trying again"),)] == 1

    spans = [
        span
        for request in collector["/v1/traces"]
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert len(spans) == standing.commits
    assert [event.name for span in spans for event in span.events] == ["refused"]

    lines = [
        line.body.string_value
        for request in collector["/v1/logs"]
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for line in scope.log_records
    ]
    assert {"worker begins", "committed", "worker ended"} <= set(lines)


def test_the_worker_says_who_it_is_and_the_environment_may_rename_the_service(collector, sink, make_hub, monkeypatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "ingest-north")
    run(sink, make_hub({"0": 10}))
    (resource,) = collector["/v1/metrics"][-1].resource_metrics
    named = {a.key: a.value.string_value for a in resource.resource.attributes}
    assert (named["service.name"], named["service.instance.id"]) == ("ingest-north", "bronze-7")


def test_every_metric_that_is_sent_is_an_instrument_of_ours(collector, sink, make_hub):
    run(sink, make_hub({"0": 10}))
    assert set(told(collector)) <= {each.name for each in INSTRUMENTS}


def test_prometheus_reads_the_same_metrics(sink, make_hub):
    _, page = run(sink, make_hub({"0": 200}), prometheus=True)
    named = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")}
    unmeasured = {"lakehouse.worker.warnings"}
    assert {prometheus_name(each) for each in INSTRUMENTS if each.name not in unmeasured} <= named


def test_a_collector_that_is_down_costs_no_event_and_little_time(sink, make_hub, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("ingest_workers.telemetry_providers.LAST_WORDS_SECONDS", 1.0)
    begun = time.monotonic()
    standing, _ = run(sink, make_hub({"0": 300}))
    assert standing.committed_events == 300
    assert time.monotonic() - begun < 60


ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}


@pytest.mark.parametrize(
    ("environment", "signals"),
    [
        ({}, set()),
        (ENDPOINT, {"metrics", "traces", "logs"}),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, {"traces"}),
        (ENDPOINT | {"OTEL_LOGS_EXPORTER": "none"}, {"metrics", "traces"}),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, {"metrics"}),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "true"}, set()),
        ({"OTEL_SERVICE_NAME": "x"}, set()),
    ],
)
def test_signals_are_sent_as_the_standard_variables_ask(environment, signals):
    assert asked_for(environment) == signals


def test_the_page_is_rendered_from_the_instruments():
    page = Path(__file__).parents[4] / "docs" / "reference" / "telemetry.md"
    assert page.read_text() == telemetry_page()


def test_nobody_who_asks_gets_nothing():
    assert telemetry_of(Standing(), worker="w", restarts=0, prometheus=False, environment={}) is None


def test_lines_of_libraries_are_told_apart_and_telemetrys_own_are_not_fed_back(monkeypatch):
    heard: list[tuple[str, dict]] = []

    def hear(level: str, line) -> None:
        heard.append((level, dict(line)))

    def deaf(level: str, line) -> None:
        raise ValueError("no")

    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    before = structlog.get_config()
    try:
        logs.configure(as_json=True)
        for each in (deaf, hear):
            logs.tap(each)
        structlog.get_logger("ours").warning("a line", partition="0")
        logging.getLogger("lake.fence").warning("try %d follows", 2)
        logging.getLogger("opentelemetry.exporter").warning("the collector is down")
    finally:
        for each in (deaf, hear):
            logs.untap(each)
        structlog.configure(**before)
    assert [(level, line["event"], line.get("logger")) for level, line in heard] == [
        ("warning", "a line", None),
        ("warning", "try 2 follows", "lake.fence"),
    ]
    assert heard[0][1]["partition"] == "0"


BARE = """
import sys
from ingest_workers.operations import watched
from lake.store import Lake
from settings.load import load
settings = load()
with watched(settings, Lake.of(settings)) as observer:
    observer.begun("o", "amqp", {{}}, {{}})
import ingest_workers.bronze
loaded = [name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "prometheus_client", "dagster"))]
sys.exit(f"loaded: {{loaded}}" if bool(loaded) != {wanted} else 0)
"""


@pytest.mark.parametrize("port", [None, "0"])
def test_a_worker_loads_opentelemetry_only_when_it_is_asked_for(tmp_path, port):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "LAKE_"))}
    environment["LAKE_HOME"] = str(tmp_path)
    if port is not None:
        environment["LAKE_OPERATIONS__HEALTH_PORT"] = port
    script = BARE.format(wanted=port is not None)
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_missing_extra_is_named_and_stops_nothing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ingest_workers.telemetry_providers", None)
    logs.configure_once()
    asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    assert telemetry_of(Standing(), worker="w", restarts=0, prometheus=False, environment=asked) is None
    said = capsys.readouterr()
    assert "pip install" in said.err + said.out


AZURE = """
import sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
got = []
class Ingestion(BaseHTTPRequestHandler):
    def do_POST(self):
        import gzip
        body = self.rfile.read(int(self.headers["Content-Length"]))
        got.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        said = b'{"itemsReceived":1,"itemsAccepted":1,"errors":[]}'
        self.send_response(200); self.send_header("Content-Length", str(len(said))); self.end_headers(); self.wfile.write(said)
    def log_message(self, *_): ...
server = ThreadingHTTPServer(("127.0.0.1", 0), Ingestion)
threading.Thread(target=server.serve_forever, daemon=True).start()
import os
os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"] = (
    "InstrumentationKey=00000000-0000-0000-0000-000000000001;"
    f"IngestionEndpoint=http://127.0.0.1:{server.server_address[1]}/"
)
from ingest_workers.standing import Standing
from ingest_workers.telemetry import telemetry_of
telemetry = telemetry_of(Standing(), worker="w", restarts=0, prometheus=False)
sys.modules["ingest_workers.telemetry_providers"].LAST_WORDS_SECONDS = 60.0
telemetry.retried("hub", "refused")
telemetry._providers.span("lakehouse.bronze.commit", 0.1, {}, [])
telemetry._providers.log("warning", {"event": "a line"})
telemetry.close()
said = b" ".join(got)
missing = [name for name in (b"lakehouse.worker.retries", b"lakehouse.bronze.commit", b"a line") if name not in said]
sys.exit(f"missing: {missing} in {said[:2000]}" if missing else 0)
"""


def test_azure_monitor_gets_all_three_through_its_distro(tmp_path):
    """In a process of its own: the distro sets OpenTelemetry's globals."""
    pytest.importorskip("azure.monitor.opentelemetry")
    quiet = {
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
        "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
        "OTEL_TRACES_SAMPLER": "microsoft.fixed_percentage",
        "OTEL_TRACES_SAMPLER_ARG": "1.0",  # by default the distro leaves spans out by chance
        "TMPDIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", AZURE],
        env={**os.environ, **quiet},
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
