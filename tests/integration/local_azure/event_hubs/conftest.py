"""A local Event Hubs as a process of its own, and three ways to talk to it: SDK producer, SDK consumer, raw frames."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventHubConsumerClient, EventHubProducerClient
from azure.eventhub._pyamqp.utils import generate_sas_token

from local_azure.event_hubs import codec, frames
from local_azure.event_hubs.message import BATCH_FORMAT, DATA, encode

HUB = "telemetry"
Arguments = tuple[str, ...]


@dataclass
class Endpoint:
    """One process serving one data folder."""

    data: Path
    process: subprocess.Popen[str]
    pid: int
    port: int
    connection_string: str
    ready_file: Path

    def producer(self, **options: Any) -> EventHubProducerClient:
        options = {"eventhub_name": HUB, "retry_total": 0} | options
        return EventHubProducerClient.from_connection_string(self.connection_string, **options)

    def consumer(self, **options: Any) -> EventHubConsumerClient:
        options = {"eventhub_name": HUB, "consumer_group": "$Default", "retry_total": 0} | options
        return EventHubConsumerClient.from_connection_string(self.connection_string, **options)

    def put(self, *bodies: bytes, partition: str = "0") -> None:
        """Send one batch by hand: quicker than the SDK, for tests that are not about sending."""
        client = Wire(self)
        assert client.authorize() == 202
        client.attach(1, f"{HUB}/Partitions/{partition}", sender=True)
        client.read_until(frames.FLOW)
        events = [codec.described(DATA, codec.binary(body)) for body in bodies]
        batch = b"".join(codec.described(DATA, codec.binary(event)) for event in events)
        client.transfer(1, 1, batch, message_format=BATCH_FORMAT)
        fields, _ = client.read_until(frames.DISPOSITION)
        assert fields[4].descriptor == 0x24
        client.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Endpoint]]:
    """Start an endpoint; called again, it starts a successor on the same data unless told otherwise."""
    running: list[subprocess.Popen[str]] = []

    def start_one(*arguments: str, data: Path = tmp_path / "data", hub: str = f"{HUB}:2", port: int = 0) -> Endpoint:
        ready = tmp_path / "ready.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "local_azure.event_hubs", "--data", str(data), "--port", str(port)]
        command += ["--hub", hub, "--ready-file", str(ready), *arguments]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        running.append(process)
        deadline = time.monotonic() + 60
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                pytest.fail(f"the endpoint did not start: {process.communicate()[1]}")
            time.sleep(0.02)
        return Endpoint(data=data, process=process, ready_file=ready, **json.loads(ready.read_text()))

    yield start_one
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def endpoint(start: Callable[..., Endpoint]) -> Endpoint:
    return start()


@dataclass
class Received:
    """What a consumer was handed, and what went wrong."""

    events: list[tuple[str, Any]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    contexts: dict[str, Any] = field(default_factory=dict)

    def bodies(self) -> list[bytes]:
        return [b"".join(event.body) for _, event in self.events]


@pytest.fixture
def receive() -> Iterator[Callable[..., Received]]:
    """Receive until so many events or errors came, then stop, or go on in the background with `until=None`."""
    with ExitStack() as stack:

        def run(
            consumer: EventHubConsumerClient,
            until: int | None,
            *,
            errors: int = 10_000,
            wait: float = 60,
            **options: Any,
        ) -> Received:
            got = Received()
            enough = threading.Event()

            def on_batch(context: Any, events: list[Any]) -> None:
                got.events += [(context.partition_id, event) for event in events]
                got.contexts[context.partition_id] = context
                if until is not None and len(got.events) >= until:
                    enough.set()

            def on_error(context: Any, error: Exception) -> None:
                got.errors.append(error)
                if len(got.errors) >= errors:
                    enough.set()

            settings = {"starting_position": "-1", "prefetch": 3000, "max_wait_time": 0.2} | options
            thread = threading.Thread(
                target=lambda: consumer.receive_batch(on_batch, on_error=on_error, **settings), daemon=True
            )
            thread.start()

            def end() -> None:
                with suppress(Exception):  # a server that was killed cannot be told goodbye
                    consumer.close()
                thread.join(60)

            if until is None:
                stack.callback(end)
            else:
                enough.wait(wait)
                end()
            return got

        yield run


class Wire:
    """A client that speaks frames, to do what the SDK would never do."""

    def __init__(self, endpoint: Endpoint, *, max_frame_size: int = 65536, idle_ms: int = 0) -> None:
        self._endpoint = endpoint
        self._socket = socket.create_connection(("127.0.0.1", endpoint.port), timeout=60)
        self._buffer = b""
        self._exchange_header(b"AMQP\x03\x01\x00\x00")
        self.read_raw()
        self.send(frames.write(0, frames.SASL_INIT, (codec.symbol("ANONYMOUS"), codec.NULL, codec.NULL), 1))
        self.read_raw()
        self._exchange_header(b"AMQP\x00\x01\x00\x00")
        self.send(frames.open_("wire", max_frame_size, idle_ms))
        self.read()
        window = (codec.uint(0), codec.uint(2048), codec.uint(2**31 - 1), codec.uint(255))
        self.send(frames.write(1, frames.BEGIN, (codec.NULL, *window)))
        self.read()

    def _exchange_header(self, header: bytes) -> None:
        self.send(header)
        assert self._take(8) == header

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            more = self._socket.recv(65536)
            if not more:
                raise ConnectionError("the server hung up")
            self._buffer += more
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read_raw(self, timeout: float = 60) -> bytes | None:
        """The next frame as bytes; None when there is none for so long."""
        self._socket.settimeout(timeout)
        try:
            head = self._take(4)
        except TimeoutError:
            return None
        return head + self._take(int.from_bytes(head, "big") - 4)

    def read(self, timeout: float = 60) -> tuple[int, list[Any], bytes] | None:
        """Code, decoded fields and payload of the next frame that says something."""
        raw = self.read_raw(timeout)
        while raw == frames.EMPTY_FRAME:
            raw = self.read_raw(timeout)
        if raw is None:
            return None
        frame = frames.read(raw)
        assert frame is not None
        return frame.code, [codec.decode(item)[0] for item in frame.fields], frame.payload

    def read_until(self, code: int) -> tuple[list[Any], bytes]:
        while True:
            got = self.read()
            assert got is not None, f"no frame 0x{code:02x} came"
            if got[0] == code:
                return got[1], got[2]

    def attach(self, handle: int, address: str, *, sender: bool, **extra: bytes) -> None:
        """Ask for a link; `extra` may hold encoded `capabilities` and `properties`."""
        here, there = codec.described(0x28, codec.sequence([codec.string("me")])), codec.string(address)
        remote = codec.described(0x29 if sender else 0x28, codec.sequence([there]))
        source, target = (here, remote) if sender else (remote, here)
        role = codec.boolean(not sender)
        terms = (codec.string(f"link-{handle}"), codec.uint(handle), role, codec.ubyte(0), codec.ubyte(0))
        count = codec.uint(0) if sender else codec.NULL
        tail = (extra.get("capabilities", codec.NULL), extra.get("properties", codec.NULL))
        fields = (*terms, source, target, codec.NULL, codec.NULL, count, codec.NULL, codec.NULL, *tail)
        self.send(frames.write(1, frames.ATTACH, fields))

    def authorize(self, path: str = HUB, *, expires: float | None = None) -> int:
        """Open `$cbs`, put a token on it and return the status code."""
        self.attach(100, "$cbs", sender=False)
        self.read_until(frames.ATTACH)
        self.attach(101, "$cbs", sender=True)
        self.read_until(frames.FLOW)
        self.flow(100, credit=10)
        return self.put_token(path, expires=expires)

    def put_token(self, path: str = HUB, *, expires: float | None = None, delivery_id: int = 0) -> int:
        """Put one more token and return the status code."""
        audience = f"sb://127.0.0.1:{self._endpoint.port}/{path}"
        ends = int(expires or time.time() + 300)
        token = generate_sas_token(audience, "RootManageSharedAccessKey", "SAS_KEY_VALUE", ends)
        properties = [codec.string("id-1")]
        request = (("operation", "put-token"), ("type", "servicebus.windows.net:sastoken"), ("name", audience))
        named = [(name, codec.string(value)) for name, value in request]
        body = encode(properties=properties, application_properties=named, value=codec.string(token))
        self.transfer(101, delivery_id, body)
        _, payload = self.read_until(frames.TRANSFER)
        assert codec.string("id-1") in payload
        return 202 if codec.integer(202) in payload else 401

    def transfer(
        self,
        handle: int,
        delivery_id: int | None,
        payload: bytes,
        *,
        more: bool = False,
        settled: bool = False,
        aborted: bool = False,
        message_format: int = 0,
    ) -> None:
        number = codec.NULL if delivery_id is None else codec.uint(delivery_id)
        flags = (codec.boolean(settled), codec.boolean(more), codec.NULL, codec.NULL, codec.NULL)
        fields = (
            codec.uint(handle),
            number,
            codec.binary(b"t"),
            codec.uint(message_format),
            *flags,
            codec.boolean(aborted),
        )
        body = codec.described(frames.TRANSFER, codec.sequence(fields)) + payload
        self.send(frames.HEADER.pack(8 + len(body), 2, 0, 1) + body)

    def flow(self, handle: int | None, *, credit: int = 0, window: int = 2048, seen: int = 0, **more: Any) -> None:
        """Give credit on a link, or only move the session's window."""
        session = (codec.uint(seen), codec.uint(window), codec.uint(0), codec.uint(2**31 - 1))
        count = codec.uint(more.get("delivery_count", 0))
        link = (codec.NULL,) * 3 if handle is None else (codec.uint(handle), count, codec.uint(credit))
        flags = (codec.boolean(more.get("drain", False)), codec.boolean(more.get("echo", False)))
        self.send(frames.write(1, frames.FLOW, (*session, *link, codec.NULL, *flags, codec.NULL)))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def wire() -> Iterator[Callable[..., Wire]]:
    with ExitStack() as stack:

        def connect(endpoint: Endpoint, **options: Any) -> Wire:
            client = Wire(endpoint, **options)
            stack.callback(client.close)
            return client

        yield connect
