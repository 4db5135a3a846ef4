"""An MQTT 5 broker for tests, in a thread: what a gateway relies on, and a record of what it did.

Sessions outlive connections, unacknowledged messages are sent again when a session is taken up, a shared subscription
gives each message to one member, and Receive Maximum is kept. `amqtt`, which speaks 3.1.1 only, is the other one.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest_workers.gateways.acceptance import Acceptance
from ingest_workers.gateways.mqtt_bridge import Bridge
from settings.gateway import Mqtt

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14


@dataclass
class Message:
    topic: str
    payload: bytes
    quality: int
    properties: bytes


@dataclass
class Session:
    client_id: str
    filters: dict[str, str] = field(default_factory=dict)
    queue: deque[Message] = field(default_factory=deque)
    in_flight: OrderedDict[int, Message] = field(default_factory=OrderedDict)
    writer: asyncio.StreamWriter | None = None
    receive_maximum: int = 65_535
    next_id: int = 0


class Broker:
    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.sessions: dict[str, Session] = {}
        self.acknowledged = 0
        self.most_in_flight = 0
        self.resent = 0
        self.out_of_order: list[int] = []
        self.refuse_subscriptions = False
        self.refuse_clients: int | None = None
        self._tls = tls
        self._turn = 0
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def break_connections(self) -> None:
        def cut() -> None:
            for session in self.sessions.values():
                if session.writer is not None:
                    session.writer.transport.abort()

        self._loop.call_soon_threadsafe(cut)

    def unacknowledged(self) -> int:
        return sum(len(session.in_flight) + len(session.queue) for session in self.sessions.values())

    def connected(self) -> list[str]:
        return [name for name, session in self.sessions.items() if session.writer is not None and session.filters]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls))
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session: Session | None = None
        try:
            while True:
                kind, flags, body = await _packet(reader)
                if kind == CONNECT:
                    session = self._connect(body, writer)
                elif session is None or kind == DISCONNECT:
                    break
                elif kind == SUBSCRIBE:
                    self._subscribe(session, body)
                elif kind == PUBLISH:
                    self._publish(session, flags, body)
                elif kind == PUBACK:
                    self._puback(session, body)
                elif kind == PINGREQ:
                    writer.write(bytes((PINGRESP << 4, 0)))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            if session is not None and session.writer is writer:
                session.writer = None
            writer.close()

    def _connect(self, body: bytes, writer: asyncio.StreamWriter) -> Session | None:
        assert body[:7] == b"\x00\x04MQTT\x05", "only MQTT 5"
        flags = body[7]
        properties, used = Properties(PacketTypes.CONNECT).unpack(body[10:])
        size = struct.unpack(">H", body[10 + used : 12 + used])[0]
        client_id = body[12 + used : 12 + used + size].decode()
        if self.refuse_clients is not None:
            writer.write(_framed(CONNACK << 4, bytes((0, self.refuse_clients, 0))))
            return None
        known = client_id in self.sessions and not flags & 2
        session = self.sessions[client_id] if known else Session(client_id)
        self.sessions[client_id] = session
        if session.writer is not None:
            session.writer.write(_framed(DISCONNECT << 4, b"\x8e\x00"))
            session.writer.close()
        session.writer = writer
        session.receive_maximum = getattr(properties, "ReceiveMaximum", 65_535)
        writer.write(_framed(CONNACK << 4, bytes((int(known), 0, 0))))
        for number, message in session.in_flight.items():
            self.resent += 1
            self._write(session, number, message, again=True)
        self._pump(session)
        return session

    def _subscribe(self, session: Session, body: bytes) -> None:
        number, at = body[:2], 2
        _, used = Properties(PacketTypes.SUBSCRIBE).unpack(body[at:])
        at += used
        codes = bytearray()
        while at < len(body):
            size = struct.unpack(">H", body[at : at + 2])[0]
            topic, quality = body[at + 2 : at + 2 + size].decode(), body[at + 2 + size] & 3
            at += 3 + size
            if self.refuse_subscriptions:
                codes.append(0x9E)
                continue
            group, topic = topic.split("/", 2)[1:] if topic.startswith("$share/") else ("", topic)
            session.filters[topic] = group
            codes.append(quality)
        assert session.writer is not None
        session.writer.write(_framed(SUBACK << 4, number + b"\x00" + bytes(codes)))

    def _publish(self, publisher: Session, flags: int, body: bytes) -> None:
        quality = flags >> 1 & 3
        size = struct.unpack(">H", body[:2])[0]
        topic, at = body[2 : 2 + size].decode(), 2 + size
        number = body[at : at + 2] if quality else b""
        at += len(number)
        _, used = Properties(PacketTypes.PUBLISH).unpack(body[at:])
        self._route(Message(topic, body[at + used :], quality, body[at : at + used]))
        if quality:
            assert publisher.writer is not None
            publisher.writer.write(_framed(PUBACK << 4, number))

    def _route(self, message: Message) -> None:
        members: dict[str, list[Session]] = {}
        for session in self.sessions.values():
            for pattern, group in session.filters.items():
                if _matches(pattern, message.topic):
                    members.setdefault(group or session.client_id, []).append(session)
        for candidates in members.values():
            self._turn += 1
            here = [session for session in candidates if session.writer is not None] or candidates
            chosen = here[self._turn % len(here)]
            chosen.queue.append(message)
            self._pump(chosen)

    def _puback(self, session: Session, body: bytes) -> None:
        number = struct.unpack(">H", body[:2])[0]
        if next(iter(session.in_flight)) != number:
            self.out_of_order.append(number)
        del session.in_flight[number]
        self.acknowledged += 1
        self._pump(session)

    def _pump(self, session: Session) -> None:
        while session.queue and session.writer is not None and len(session.in_flight) < session.receive_maximum:
            message = session.queue.popleft()
            number = 0
            if message.quality:
                session.next_id = number = session.next_id % 65_535 + 1
                session.in_flight[number] = message
                self.most_in_flight = max(self.most_in_flight, len(session.in_flight))
            self._write(session, number, message)

    def _write(self, session: Session, number: int, message: Message, *, again: bool = False) -> None:
        assert session.writer is not None
        topic = message.topic.encode()
        identifier = struct.pack(">H", number) if message.quality else b""
        flags = PUBLISH << 4 | message.quality << 1 | again << 3
        content = struct.pack(">H", len(topic)) + topic + identifier + message.properties + message.payload
        session.writer.write(_framed(flags, content))


async def _packet(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    first = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return first >> 4, first & 0xF, await reader.readexactly(size)


def _framed(first: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, low = divmod(size, 128)
        length.append(low | (0x80 if size else 0))
        if not size:
            return bytes((first,)) + bytes(length) + body


def _matches(pattern: str, topic: str) -> bool:
    levels, names = pattern.split("/"), topic.split("/")
    return len(levels) == len(names) and all(level in ("+", name) for level, name in zip(levels, names, strict=True))


@pytest.fixture
def make_broker() -> Iterator[Callable[..., Broker]]:
    made: list[Broker] = []

    def make(tls: ssl.SSLContext | None = None) -> Broker:
        made.append(Broker(tls))
        made[-1].start()
        return made[-1]

    yield make
    for broker in made:
        broker.stop()


@pytest.fixture
def broker(make_broker: Callable[..., Broker]) -> Broker:
    return make_broker()


Sent = tuple[str, bytes, dict]


@pytest.fixture
def publish() -> Callable[..., None]:
    """As a device does: returns when the broker has acknowledged every message."""

    def send(port: int, messages: list[Sent], protocol: str = "V5") -> None:
        async def run() -> None:
            version = aiomqtt.ProtocolVersion[protocol]
            async with aiomqtt.Client("127.0.0.1", port, protocol=version, identifier="device") as client:
                for topic, payload, said in messages:
                    properties = Properties(PacketTypes.PUBLISH) if protocol == "V5" else None
                    for name, value in said.items():
                        setattr(properties, name, value)
                    await client.publish(topic, payload, qos=1, properties=properties)

        asyncio.run(asyncio.wait_for(run(), 60))

    return send


@dataclass
class Running:
    """A bridge in a thread of its own."""

    bridge: Bridge | None = None
    error: BaseException | None = None
    subscribed: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def bridging(hub, settings: Mqtt) -> Iterator[Running]:
    running, loop, stop = Running(), asyncio.new_event_loop(), asyncio.Event()

    async def run() -> None:
        acceptance = Acceptance(hub, hub.buffer_bytes)
        async with acceptance.running():
            running.bridge = Bridge(settings, acceptance, lambda _: running.subscribed.set())
            await running.bridge.run(stop)

    def thread() -> None:
        try:
            loop.run_until_complete(run())
        except BaseException as error:  # noqa: BLE001 - for the test to look at
            running.error = error
        running.ended.set()

    started = threading.Thread(target=thread, daemon=True)
    started.start()
    try:
        yield running
    finally:
        loop.call_soon_threadsafe(stop.set)
        started.join(30)
        loop.close()


@pytest.fixture
def bridge(test_hub) -> Iterator[Callable[..., Running]]:
    """Starts a bridge to a broker and waits until it has subscribed, or has ended."""
    with ExitStack() as stack:

        def start(broker: Broker, *, wait: bool = True, **settings) -> Running:
            options = {"host": "127.0.0.1", "port": broker.port, "tls": False, "client_id": "gateway-1"} | settings
            running = stack.enter_context(bridging(test_hub, Mqtt(**options)))
            deadline = time.monotonic() + 60
            while wait and not running.subscribed.wait(0.02) and not running.ended.is_set():
                assert time.monotonic() < deadline, "neither subscribed nor ended"
            return running

        yield start
