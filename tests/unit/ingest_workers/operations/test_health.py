from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request

import pytest

from ingest_workers.health import HealthServer
from ingest_workers.standing import Standing


@pytest.fixture
def standing(given) -> Standing:
    made = Standing()
    made.begun("ns/telemetry/0", "amqp", {"0": given.head(0, 9)}, {"0": 4})
    return made


@pytest.fixture
def ask(standing):
    server = HealthServer(standing, lambda: ("text/plain", b"up 1\n"), host="127.0.0.1", port=0, stall_seconds=300)
    server.start()

    def get(path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read()

    yield get
    server.stop()


def test_a_worker_that_goes_on_is_alive_and_ready(ask):
    assert ask("/healthz")[0] == 200
    status, body = ask("/readyz?verbose")
    assert (status, json.loads(body)["ready"]) == (200, True)


def test_readiness_tells_lag_per_partition(ask):
    (partition,) = json.loads(ask("/readyz")[1])["partitions"]
    assert (partition["partition"], partition["lag_events"], partition["held"]) == ("0", 5, 4)


def test_a_lake_that_takes_no_commit_is_not_ready_but_alive(ask, standing):
    standing.retried("store", OSError("no route"))
    status, body = ask("/readyz")
    assert (status, json.loads(body)["not_ready"]) == (503, ["the lake does not take a commit: no route"])
    assert ask("/healthz")[0] == 200


def test_a_stalled_worker_is_not_alive(ask, standing):
    standing._sign -= 301
    status, body = ask("/healthz")
    assert status == 503
    assert "no sign of life" in json.loads(body)["why_not"]


def test_metrics_are_handed_out_as_they_are(ask):
    assert ask("/metrics") == (200, b"up 1\n")


def test_another_path_lists_what_there_is(ask):
    status, body = ask("/")
    assert (status, body.decode().split()) == (404, ["/healthz", "/readyz", "/metrics"])


def test_without_opentelemetry_metrics_say_what_to_install(standing):
    server = HealthServer(standing, None, host="127.0.0.1", port=0, stall_seconds=300)
    server.start()
    with pytest.raises(urllib.error.HTTPError, match="501"):
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10)
    server.stop()


def test_a_taken_port_is_an_error_that_names_the_setting(standing):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match=f"{port}.*LAKE_OPERATIONS__HEALTH_PORT"):
            HealthServer(standing, None, host="127.0.0.1", port=port, stall_seconds=300)
