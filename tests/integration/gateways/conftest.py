"""A local hub, gateways as the processes people start, and the lake behind them."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from azure.eventhub._pyamqp._decode import decode_payload
from cryptography.hazmat.primitives.asymmetric import rsa
from jsonschema import Draft202012Validator

from ingest_workers.bronze import run_bronze
from ingest_workers.gateways.callers import hash_of
from ingest_workers.gateways.hub import Layout, RefusedError
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.model import BronzeWorker, EventHubs, Settings

HUB = "telemetry"
PATIENCE = 60.0
ISSUER, AUDIENCE = "https://issuer.example/v2.0", "api://telemetry"


def eventually(holds: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not in {seconds:g} s: {what}"
        time.sleep(0.02)


@dataclass
class Hub:
    """The local endpoint: on the same port each time it is started."""

    folder: Path
    port: int = 0
    connection_string: str = ""
    process: subprocess.Popen | None = None

    def start(self) -> None:
        ready = self.folder / "hub.json"
        ready.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "local_azure.event_hubs", "--data", str(self.folder / "hub")),
                *("--port", str(self.port), "--hub", f"{HUB}:2", "--ready-file", str(ready)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(lambda: ready.exists() or self.process.poll() is not None, "the hub is up")
        assert self.process.poll() is None, "the hub ended"
        started = json.loads(ready.read_text())
        self.port, self.connection_string = started["port"], started["connection_string"]

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def bronze(self, lake: Path, caller: str | None = None) -> list[dict[str, Any]]:
        """All that the hub holds, as rows; of one caller, where it is named."""
        settings = self.settings(lake)
        run_bronze(settings, until_head=True)
        rows = Lake.of(settings).rows(BRONZE_TELEMETRY).to_pylist()
        if caller is not None:
            rows = [row for row in rows if ("caller", caller) in row["properties"]]
        return sorted(rows, key=lambda row: (row["partition_id"], row["sequence_number"]))

    def settings(self, lake: Path) -> Settings:
        return Settings(
            root=str(lake),
            event_hubs=EventHubs(connection_string=self.connection_string, hub=HUB),
            bronze=BronzeWorker(flush_seconds=0.5),
        )


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    running = Hub(tmp_path)
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture(scope="module")
def module_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    running = Hub(tmp_path_factory.mktemp("hub"))
    try:
        running.start()
        yield running
    finally:
        running.kill()


KEYS = {
    "device": {"device": "sim-00001"},
    "prefix": {"prefix": "plant-7:"},
    "slow": {"device": "slow-1", "events_per_second": 0.1},
    "forms": {"prefix": "forms:"},
    "items": {"prefix": "items:"},
    "killed": {"device": "killed-1"},
    "replicas": {"device": "replicas-1"},
}
"""Secrets (each the key of its entry) and what they speak for."""


def api_keys() -> str:
    return json.dumps([{"sha256": hash_of(f"secret-{n}"), "caller": n, **v} for n, v in KEYS.items()])


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @cached_property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Gateway:
    """`lakehouse gateway http` or `mqtt` as a process."""

    folder: Path
    kind: str
    environment: dict[str, str]
    process: subprocess.Popen | None = None
    port: int = 0
    starts: int = 0
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "gateway.log"

    def start(self, *, wait: bool = True, **more: str) -> None:
        self.starts += 1
        ready = self.folder / f"ready-{self.starts}.json"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "orchestration.cli.main", "gateway", self.kind, "--ready-file", str(ready)],
                env=os.environ | self.environment | more,
                stdout=log,
                stderr=log,
            )
        if not wait:
            return
        eventually(lambda: ready.exists() or self.process.poll() is not None, "the gateway is up")
        assert self.process.poll() is None, self.log.read_text()
        self.port = json.loads(ready.read_text()).get("port", 0)
        if self.kind == "http":
            eventually(lambda: self.get("/readyz").status == 200, "the gateway is ready")

    def end(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(self, body: bytes = b"{}", content_type: str | None = "application/json", key="device", **more) -> Answer:
        headers = {**more.pop("headers", {})}
        if content_type is not None:
            headers["Content-Type"] = content_type
        if key is not None:
            headers["X-Api-Key"] = f"secret-{key}"
        query = "&".join(f"{name}={value}" for name, value in more.items())
        return self.request("POST", f"/v1/telemetry?{query}", body, headers)

    def request(self, method: str, path: str, body: bytes | None = None, headers: dict | None = None) -> Answer:
        """Ask, and hold the answer against the gateway's own OpenAPI document."""
        answer = self.probe(path, method, body, headers)
        if path != "/openapi.json":
            self._check_documented(method, path, answer)
        return answer

    def probe(self, path: str, method: str = "GET", body: bytes | None = None, headers: dict | None = None) -> Answer:
        """Ask."""
        connection = self.connection()
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    @cached_property
    def document(self) -> dict[str, Any]:
        return self.request("GET", "/openapi.json").json

    def _check_documented(self, method: str, path: str, answer: Answer) -> None:
        operation = self.document["paths"].get(path.partition("?")[0], {}).get(method.lower())
        if operation is None:
            assert answer.status in {404, 405}, f"{method} {path} answers {answer.status} and is not documented"
            return
        documented = operation["responses"].get(str(answer.status))
        assert documented, f"{method} {path} answers {answer.status}: not documented"
        for name in documented.get("headers", {}):
            assert name.lower() in answer.headers, f"{name} is promised with {answer.status}"
        schema = documented["content"][answer.headers["content-type"]]["schema"]
        Draft202012Validator({**schema, "components": self.document["components"]}).validate(
            answer.json if "json" in answer.headers["content-type"] else answer.body.decode()
        )


@pytest.fixture
def make_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Gateway]]:
    made: list[Gateway] = []

    def make(hub: Hub, kind: str = "http", **environment: str) -> Gateway:
        made.append(gateway_for(hub, tmp_path_factory.mktemp("gateway"), kind, **environment))
        return made[-1]

    yield make
    for gateway in made:
        gateway.kill()


def gateway_for(hub: Hub, folder: Path, kind: str = "http", **environment: str) -> Gateway:
    common = {
        "LAKE_HOME": str(folder),
        "LAKE_EVENT_HUBS__CONNECTION_STRING": hub.connection_string,
        "LAKE_GATEWAY__API_KEYS": api_keys(),
        "LAKE_GATEWAY__HTTP__PORT": "0",
        "LAKE_OPERATIONS__HEALTH_PORT": "0",
    }
    return Gateway(folder, kind, common | {f"LAKE_GATEWAY__{name}": value for name, value in environment.items()})


class Issuer:
    """Signs tokens and serves its public keys."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65_537, 2048)
        self.published = {"first": self.key}
        self.asked = 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                keys = [
                    {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": name, "use": "sig"}
                    for name, key in issuer.published.items()
                ]
                content = json.dumps({"keys": keys}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.uri = f"http://127.0.0.1:{self.server.server_port}/keys"

    def token(self, key: Any = None, algorithm: str = "RS256", kid: str | None = "first", **claims: Any) -> str:
        now = int(time.time())
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "subject-1",
            "oid": "device-of-token",
            "roles": ["Telemetry.Send"],
            "iat": now,
            "exp": now + 600,
        }
        payload = {name: value for name, value in (payload | claims).items() if value is not None}
        return jwt.encode(payload, key or self.key, algorithm, headers={"kid": kid} if kid else None)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    yield running
    running.server.shutdown()
    running.server.server_close()


class TestHub:
    """In the place of `ingest_workers.gateways.hub.Hub`: takes batches, or not, as a test wants it."""

    __test__ = False

    def __init__(self) -> None:
        self.partitions = ("0", "1")
        self.limit = 4000
        self.buffer_bytes = 2**20
        self.refused: bytes | None = None
        """A batch with a body that ends so is refused for good."""
        self.batches: list[tuple[str, list[bytes]]] = []
        self.trouble: dict[str, Exception] = {}
        """By partition: what a send raises; its batch is not taken."""
        self.delay: dict[str, float] = {}

    async def layout(self) -> Layout:
        if "layout" in self.trouble:
            raise self.trouble["layout"]
        return Layout(self.partitions, self.limit)

    def link(self, partition: str) -> TestLink:
        return TestLink(self, partition)

    @property
    def messages(self) -> list[bytes]:
        return [message for _, batch in self.batches for message in batch]

    def bodies(self) -> list[bytes]:
        return [b"".join(decode_payload(memoryview(message)).data) for message in self.messages]


@dataclass
class TestLink:
    hub: TestHub
    partition: str

    __test__ = False

    async def send(self, messages) -> None:
        await asyncio.sleep(self.hub.delay.get(self.partition, 0))
        if self.partition in self.hub.trouble:
            raise self.hub.trouble[self.partition]
        if self.hub.refused is not None and any(message.endswith(self.hub.refused) for message in messages):
            raise RefusedError("never")
        self.hub.batches.append((self.partition, list(messages)))

    async def close(self) -> None:
        pass


@pytest.fixture
def test_hub() -> TestHub:
    return TestHub()


@pytest.fixture(name="eventually")
def eventually_() -> Callable[..., None]:
    return eventually


@pytest.fixture(name="gateway_for", scope="session")
def gateway_for_() -> Callable[..., Gateway]:
    return gateway_for
