"""A run to an MQTT broker, as devices publish: one message per event, at least once.

Belongs here: the connection, topic and properties of a message, and publishing again what was not acknowledged.
Does not: what a message holds (`formats`), or how it gets from the broker to the hub (the MQTT gateway).

The gateway reads the device from the topic, content type from its property, message id and schema from user properties.
MQTT 3.1.1 has no properties: then the topic has to name the schema (`{schema}`), and message ids stay behind.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from simulator.devices import Fleet, Format
from simulator.formats import CONTENT_TYPE, SCHEMAS
from simulator.outlet import Parcel
from simulator.plan import Slice
from simulator.sender import SendingError
from simulator.statistics import Progress, Statistics

IN_FLIGHT = 500
_CONNECT_S = 10.0
_PUBLISH_S = 30.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
_REFUSED = frozenset({0x84, 0x85, 0x86, 0x87, 0x8C})
"""CONNACK reasons that another attempt does not change: version, client id, password, authorisation, method."""
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, kw_only=True, slots=True)
class MqttBroker:
    """Where the broker is, and how to speak with it."""

    host: str
    port: int
    topic: str = "telemetry/{device}"
    """`{device}` and `{schema}` are put in."""
    version: Literal["5", "3.1.1"] = "5"
    tls: bool | None = None
    """None: TLS, but to this machine."""
    ca_file: Path | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot work, or would tell secrets."""
        if "{device}" not in self.topic or set("+#") & set(self.topic):
            raise ValueError(f"the topic {self.topic!r} needs {{device}}, and no '+' or '#'")
        if self.version == "3.1.1" and "{schema}" not in self.topic:
            raise ValueError("MQTT 3.1.1 has no properties: put {schema} into the topic")
        if self.password is not None and not self.encrypted and self.host not in _LOOPBACK:
            raise ValueError(f"MQTT to {self.host} without TLS would show the password to the network")

    @classmethod
    def at(cls, address: str, **options: Any) -> MqttBroker:
        """`HOST:PORT`; ValueError for anything else."""
        host, colon, port = address.rpartition(":")
        if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise ValueError(f"{address!r} is no broker's address; write HOST:PORT, such as 127.0.0.1:1883")
        return cls(host=host.strip("[]"), port=int(port), **options)

    @property
    def encrypted(self) -> bool:
        """Whether to use TLS."""
        return self.host not in _LOOPBACK if self.tls is None else self.tls


class _Message(NamedTuple):
    topic: str
    payload: bytes
    properties: Properties | None


class MqttOutlet:
    """One client that publishes for all devices; `batch` is how many messages may be under way at once."""

    def __init__(
        self,
        broker: MqttBroker,
        fleet: Fleet,
        *,
        statistics: Statistics,
        on_progress: Progress | None = None,
        batch: int | None = None,
        patience_s: float = 120.0,
        first_patience_s: float = 10.0,
    ) -> None:
        self._broker = broker
        self._fleet = fleet
        self._statistics = statistics
        self._on_progress = on_progress
        self._in_flight = min(batch or IN_FLIGHT, 65_535)
        self._patience_s = patience_s
        self._first_patience_s = first_patience_s
        self._client: aiomqtt.Client | None = None
        self._lost: asyncio.Task[None] | None = None
        """Done when the connection is gone."""
        self._receive_maximum = self._in_flight
        # The connection is kept alive between slices, so its loop runs beside the run.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mqtt", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._wait(self._trying(self._first_patience_s, self._connected))
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def parcels(self, piece: Slice) -> list[Parcel]:
        """As many messages each as may be under way at once."""
        messages = [
            self._message(n, message_id, body)
            for n, message_id, body in zip(piece.devices, piece.message_ids, piece.bodies, strict=True)
        ]
        size = self._in_flight
        return [
            Parcel(range(at, min(at + size, len(messages))), partial(self._send, messages[at : at + size]))
            for at in range(0, len(messages), size)
        ]

    def _message(self, n: int, message_id: str, body: bytes) -> _Message:
        format_: Format = "protobuf" if self._fleet.protobuf[n] else "json"
        schema = SCHEMAS[self._fleet.protobuf[n]]
        topic = self._broker.topic.format(device=self._fleet.names[n], schema=schema)
        if self._broker.version != "5":
            return _Message(topic, body, None)
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho is not typed here
        properties.ContentType = CONTENT_TYPE[format_]
        properties.UserProperty = [("message_id", message_id), ("schema", schema)]
        return _Message(topic, body, properties)

    def _send(self, messages: Sequence[_Message]) -> None:
        self._wait(self._publish(messages))
        self._statistics.add(len(messages), sum(len(m.topic) + len(m.payload) for m in messages))
        self._tell()

    async def _publish(self, messages: Sequence[_Message]) -> None:
        """Return when the broker has acknowledged all; those it did not are published again, in their order."""
        waiting, handed_over = list(messages), 0

        async def attempt() -> None:
            nonlocal waiting, handed_over
            client = await self._connected()
            while waiting:
                some = waiting[: self._receive_maximum]
                self._statistics.sent += len(some)
                self._statistics.repeated += min(handed_over, len(some))
                trouble, acknowledged = await self._together(client, some)
                # A broker acknowledges in the order in which it was sent to (MQTT 5, 4.6): these are the last of them.
                left = [m for m, taken in zip(some, acknowledged, strict=True) if not taken]
                waiting = left + waiting[len(some) :]
                handed_over = len(left) + max(0, handed_over - len(some))
                if trouble is not None:
                    raise trouble

        await self._trying(self._patience_s, attempt)

    async def _together(
        self, client: aiomqtt.Client, messages: Sequence[_Message]
    ) -> tuple[BaseException | None, list[bool]]:
        """Publish; what went wrong, if anything did, and which of them are acknowledged."""
        assert self._lost is not None
        publishing = [
            asyncio.create_task(client.publish(m.topic, m.payload, 1, properties=m.properties, timeout=_PUBLISH_S))
            for m in messages
        ]
        everything: asyncio.Future[list[BaseException | None]] = asyncio.gather(*publishing, return_exceptions=True)
        # By itself a publish under way does not notice that the connection is gone.
        await asyncio.wait((everything, self._lost), return_when="FIRST_COMPLETED")
        for task in publishing:
            task.cancel()
        outcomes = await everything
        trouble = next((outcome for outcome in outcomes if outcome is not None), None)
        if isinstance(trouble, asyncio.CancelledError):
            trouble = aiomqtt.MqttError("the connection was lost")
        return trouble, [outcome is None for outcome in outcomes]

    async def _trying(self, patience_s: float, work: Callable[[], Awaitable[object]]) -> None:
        """Do `work`, again and again on a fresh connection while the broker is away, for `patience_s` at most."""
        begin, pause = time.monotonic(), _FIRST_PAUSE_S
        while True:
            try:
                await work()
            except (aiomqtt.MqttError, OSError) as error:
                await self._disconnect()
                waited = time.monotonic() - begin
                if waited + pause > patience_s or (_refused(error) and not self._statistics.acknowledged):
                    security = "TLS" if self._broker.encrypted else "no TLS"
                    raise SendingError(
                        f"the broker {self._broker.host}:{self._broker.port} does not take messages, tried for "
                        f"{waited:.0f} s: {error}. {self._statistics.acknowledged} events are sent. "
                        f"Is it up, with MQTT {self._broker.version} and {security} on this port?"
                    ) from error
            else:
                return
            self._statistics.retries += 1
            self._tell()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _connected(self) -> aiomqtt.Client:
        if self._client is not None:
            return self._client
        broker = self._broker
        client = aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            protocol=aiomqtt.ProtocolVersion.V5 if broker.version == "5" else aiomqtt.ProtocolVersion.V311,
            timeout=_CONNECT_S,
            max_inflight_messages=self._in_flight,
            tls_context=ssl.create_default_context(cafile=broker.ca_file) if broker.encrypted else None,
        )
        client.pending_calls_threshold = self._in_flight
        self._listen(client)
        self._client = await client.__aenter__()
        self._lost = asyncio.create_task(_lost(client))
        return client

    def _listen(self, client: aiomqtt.Client) -> None:
        """Note how many messages the broker will have under way: it hangs up on who sends more, and most take few."""
        paho = client._client  # noqa: SLF001 - aiomqtt does not pass on what the broker says as it accepts
        inner: Any = paho.on_connect

        def on_connect(client: Any, told: Any, flags: Any, reason: Any, properties: Any = None) -> None:
            self._receive_maximum = min(self._in_flight, getattr(properties, "ReceiveMaximum", self._in_flight))
            inner(client, told, flags, reason, properties)

        paho.on_connect = on_connect

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if self._lost is not None:
            self._lost.cancel()
        if client is not None:
            with suppress(aiomqtt.MqttError, OSError):
                await client.__aexit__(None, None, None)

    def _tell(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self._statistics.acknowledged, self._statistics.total)

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end(self) -> None:
        with suppress(SendingError):
            self._wait(self._disconnect())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _lost(client: aiomqtt.Client) -> None:
    """Return when the connection is gone; nothing else is expected to come."""
    with suppress(aiomqtt.MqttError):
        async for _ in client.messages:
            pass


def _refused(error: Exception) -> bool:
    code = getattr(error, "rc", None)
    return isinstance(error, MqttConnectError) and getattr(code, "value", code) in _REFUSED
