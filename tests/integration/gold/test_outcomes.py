"""Commands that are throttled, or whose answer is lost after they were done: between the client and the endpoint."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from assets.gold.load import load_dates
from lake.store import Lake
from local_azure.kusto import launch
from orchestration.resources import kusto as module
from orchestration.resources.kusto import Kusto, KustoRefusedError, KustoUnknownError

D1 = date(2026, 3, 1)


@dataclass
class Unreliable:
    """Hands requests on; of those that contain a text, the first few are refused, or done and not answered."""

    upstream: str
    text: bytes = b""
    throttled: int = 0
    unanswered: int = 0
    seen: list[bytes] = field(default_factory=list)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                matches = bool(owner.text) and owner.text in body
                owner.seen += [body] if matches else []
                if matches and owner.throttled:
                    owner.throttled -= 1
                    self.answer(429, b"{}")
                    return
                request = urllib.request.Request(owner.upstream + self.path, body, {"Content-Type": "application/json"})
                try:
                    with urllib.request.urlopen(request, timeout=30) as found:
                        status, answer = found.status, found.read()
                except urllib.error.HTTPError as error:
                    status, answer = error.code, error.read()
                if matches and owner.unanswered:
                    owner.unanswered -= 1
                    self.close_connection = True
                    return
                self.answer(status, answer)

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing to say."""

        return Handler


@pytest.fixture
def between(
    endpoint: launch.Running, kusto: Kusto, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Unreliable, Kusto]]:
    """A client whose requests go through something unreliable."""
    monkeypatch.setattr(module, "_THROTTLED_SECONDS", 0.01)
    unreliable = Unreliable(endpoint.uri)
    server = ThreadingHTTPServer(("127.0.0.1", 0), unreliable.handler())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    client = Kusto(f"http://127.0.0.1:{server.server_port}", kusto.database, ingest_timeout_seconds=60)
    yield unreliable, client
    client.close()
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.mark.parametrize(
    ("text", "throttled", "unanswered"),
    [
        (b".replace extents in table Readings ", 2, 0),
        (b".replace extents in table Readings ", 0, 1),
        (b".replace extents in table Readings1m ", 0, 1),
        (b".set-or-append Readings1m_stage", 0, 1),
        (b".drop extents from", 1, 1),
    ],
)
def test_a_load_gets_over_throttling_and_lost_answers(
    text: bytes,
    throttled: int,
    unanswered: int,
    silver: Any,
    lake: Lake,
    between: tuple[Unreliable, Kusto],
    assert_equals_oracle: Callable[..., None],
) -> None:
    unreliable, client = between
    load_dates(lake, client, silver.commit(silver.steady(D1, every=300)), [D1])
    # A leftover in the stage, so that there is something to drop.
    client.command(f".set-or-append Readings1m_stage with (tags = '[\"drop-by:{D1}\"]') <| Readings1m")
    late = {"recorded_at": silver.at("2026-03-01T05:00:00"), "value": 5.0}
    unreliable.text, unreliable.throttled, unreliable.unanswered = text, throttled, unanswered
    (done,) = load_dates(lake, client, silver.commit([late]), [D1])

    assert done.mode == "append"
    assert len(unreliable.seen) > throttled + unanswered
    assert_equals_oracle()


def test_a_command_that_stays_throttled_is_given_up(between: tuple[Unreliable, Kusto]) -> None:
    unreliable, client = between
    unreliable.text, unreliable.throttled = b".show tables", 99

    with pytest.raises(KustoRefusedError, match="throttled"):
        client.command(".show tables")

    assert len(unreliable.seen) == 6


def test_a_command_without_an_answer_is_repeated_only_where_twice_is_once(between: tuple[Unreliable, Kusto]) -> None:
    unreliable, client = between
    unreliable.text, unreliable.unanswered = b".show tables", 1

    with pytest.raises(KustoUnknownError):
        client.command(".show tables")
    assert len(unreliable.seen) == 1

    unreliable.unanswered = 1
    assert isinstance(client.command(".show tables", repeatable=True), list)
