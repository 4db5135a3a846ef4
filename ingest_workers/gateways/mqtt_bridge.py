"""The MQTT gateway: a subscriber that acknowledges what the hub has accepted.

Belongs here: the connection to the broker and its session, and the order of acknowledgements.
Does not: what a message says (`mqtt_message`), or the process (`mqtt_server`).

The broker keeps what is not acknowledged and sends it again when the session is taken up: to this replica after a
restart, or to another of the same share. Within a connection nothing is sent again (MQTT 5, 4.4), so a message is not
given up while the connection lasts, and what the broker may send ahead is bounded.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import aiomqtt
import structlog
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest_workers.gateways.acceptance import RETRY_SECONDS, Acceptance, BusyError, TooLargeError
from ingest_workers.gateways.event import Event
from ingest_workers.gateways.hub import RefusedError
from ingest_workers.gateways.mqtt_message import Reading, refused
from settings.failpoints import reach
from settings.gateway import Mqtt

log = structlog.get_logger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
_END_SECONDS = 5.0
_CONNECT_SECONDS = 15.0
_REFUSED_CODES = frozenset({0x84, 0x85, 0x86, 0x87, 0x8C})
"""CONNACK reasons that another attempt does not change: version, client id, password, authorisation, method."""


class BrokerRefusedError(ConnectionError):
    """The broker says no, and would again."""


class Bridge:
    """One replica's session with the broker, over as many connections as it takes."""

    def __init__(self, settings: Mqtt, acceptance: Acceptance, ready: Callable[[str], None] | None = None) -> None:
        self._settings = settings
        self._acceptance = acceptance
        self._ready = ready
        self._reading = Reading(settings)
        self._client_id = settings.client_id or f"lakehouse-{socket.gethostname()}"
        self.trouble: str | None = "not connected yet"
        """Why no messages come; None while subscribed."""
        self.acknowledged = 0
        self.dropped = 0
        """Messages of QoS 0 that came while nothing could be held any more."""

    async def run(self, stop: asyncio.Event) -> None:
        """Raises: BrokerRefusedError."""
        pause = _FIRST_PAUSE
        stopping = asyncio.create_task(stop.wait())
        # Messages that cannot be passed on are better off with the broker.
        await asyncio.wait(
            {stopping, opened := asyncio.create_task(self._acceptance.opened())}, return_when="FIRST_COMPLETED"
        )
        opened.cancel()
        while not stop.is_set():
            try:
                await self._connected(stopping)
                pause = _FIRST_PAUSE
            except BrokerRefusedError:
                raise
            except MqttConnectError as problem:
                if _code(problem) in _REFUSED_CODES:
                    raise BrokerRefusedError(
                        f"the broker {self._settings.host} refuses this client: {problem}"
                    ) from problem
                self._note(problem, pause)
            except (aiomqtt.MqttError, OSError) as problem:
                self._note(problem, pause)
            await asyncio.wait({stopping}, timeout=pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _connected(self, stopping: asyncio.Task[bool]) -> None:
        """One connection, to its end. Raises: MqttError where it is lost."""
        async with AsyncExitStack() as stack:
            inbox = _Inbox(self)
            client = inbox.client = self._client(inbox)
            # aiomqtt has no option for it: without, paho sends PUBACK as soon as a message is in its queue.
            client._client.manual_ack_set(True)  # noqa: SLF001
            stack.callback(inbox.close)
            await stack.enter_async_context(client)
            await self._subscribe(client)
            self.trouble = None
            log.info("subscribed", broker=self._settings.host, subscription=self._reading.subscription)
            if self._ready is not None:
                self._ready(self._reading.subscription)
                self._ready = None
            taking = asyncio.create_task(inbox.take())
            stack.callback(taking.cancel)
            await asyncio.wait({taking, stopping}, return_when="FIRST_COMPLETED")
            if taking.done():
                taking.result()
            taking.cancel()
            await inbox.settle()

    def _client(self, inbox: _Inbox) -> aiomqtt.Client:
        options: dict[str, Any] = {"clean_session": False}
        if self._settings.protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho is not typed here
            properties.SessionExpiryInterval = self._settings.session_seconds
            properties.ReceiveMaximum = self._settings.in_flight
            options = {"clean_start": False, "properties": properties}
        password = self._settings.password
        return aiomqtt.Client(
            self._settings.host,
            self._settings.port,
            identifier=self._client_id,
            protocol=aiomqtt.ProtocolVersion.V5 if self._settings.protocol == "5" else aiomqtt.ProtocolVersion.V311,
            username=self._settings.username,
            password=None if password is None else password.get_secret_value(),
            keepalive=self._settings.keepalive_seconds,
            timeout=_CONNECT_SECONDS,
            tls_context=_tls(self._settings) if self._settings.tls else None,
            queue_type=cast("type[asyncio.Queue[aiomqtt.Message]]", inbox.queue),
            **options,
        )

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        if self._settings.protocol == "5":
            # Retained messages were taken when they were new.
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
            granted = await client.subscribe(self._reading.subscription, options=options)
        else:
            granted = await client.subscribe(self._reading.subscription, qos=1)
        codes = [code if isinstance(code, int) else code.value for code in granted]
        if codes != [1]:
            raise BrokerRefusedError(
                f"the broker {self._settings.host} does not grant QoS 1 on {self._reading.subscription!r} "
                f"(it says {codes}). Does it know shared subscriptions, and may this client subscribe?"
            )

    def _note(self, problem: Exception, pause: float) -> None:
        cause = problem.__cause__
        self.trouble = f"{problem}: {cause}" if cause else f"{problem}"
        log.warning(
            "no connection to the broker, trying again",
            broker=self._settings.host,
            pause_s=pause,
            error=self.trouble,
            hint="another replica has the same client id" if _code(cause) == 0x8E else None,
        )

    def deliver(self, topic: str, event: Event) -> asyncio.Future[None]:
        """Done when the hub has the event, or has refused it."""
        try:
            (parcel,) = self._acceptance.submit([event])
        except (TooLargeError, BusyError):
            return asyncio.create_task(self.deliver_later(topic, event))
        return parcel.done

    async def deliver_later(self, topic: str, event: Event) -> None:
        """Return when the hub has the event, or one that says why it cannot have it."""
        while True:
            try:
                for parcel in self._acceptance.submit([event]):
                    await parcel.done
            except (TooLargeError, RefusedError) as problem:
                event = self.refused(topic, event, problem)
            except BusyError as problem:
                await asyncio.sleep(problem.retry_after)
            else:
                return

    def refused(self, topic: str, event: Event, problem: BaseException) -> Event:
        """What is sent in the place of an event that cannot be."""
        log.warning("a message cannot be sent", topic=topic, bytes=len(event.body), error=str(problem))
        return refused(event, topic, str(problem))

    def read(self, message: aiomqtt.Message) -> Event:
        """The event of a message."""
        payload = message.payload if isinstance(message.payload, bytes) else bytes(message.payload or b"")
        return self._reading.event(message.topic.value, payload, message.properties)

    def hold(self, size: int) -> None:
        """Account for bytes in memory. Raises: BusyError."""
        self._acceptance.hold(size)

    def free(self, size: int) -> None:
        """Give bytes back."""
        self._acceptance.free(size)


@dataclass(eq=False, slots=True)
class _Taken:
    """A message under way."""

    number: int
    quality: int
    topic: str
    event: Event
    done: asyncio.Future[None]


class _Inbox:
    """The messages of one connection: acknowledgements go out in the order the messages came in (MQTT 5, 4.6)."""

    client: aiomqtt.Client

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._waiting: deque[_Taken] = deque()
        self._closed = False

    def queue(self, maxsize: int = 0) -> _Queue:
        """In the place of aiomqtt's queue, whose messages would cost a task each."""
        return _Queue(self)

    def put(self, message: aiomqtt.Message) -> bool:
        """Send a message on, if so much may be held now."""
        event = self._bridge.read(message)
        try:
            self._bridge.hold(len(event.body))
        except BusyError:
            return False
        topic = message.topic.value
        taken = _Taken(message.mid, message.qos, topic, event, self._bridge.deliver(topic, event))
        self._waiting.append(taken)
        taken.done.add_done_callback(partial(self._delivered, taken))
        return True

    async def take(self) -> None:
        """Send on what had to wait, until the connection ends. Raises: MqttError."""
        async for message in self.client.messages:
            while not self.put(message):
                if message.qos == 0:
                    self._bridge.dropped += 1
                    break
                await asyncio.sleep(RETRY_SECONDS)

    async def settle(self) -> None:
        """Give what is under way a last chance to be acknowledged."""
        if self._waiting:
            await asyncio.wait([taken.done for taken in self._waiting], timeout=_END_SECONDS)
            await asyncio.sleep(0)  # let the acknowledgements be written

    def close(self) -> None:
        """The connection is over: the broker will send again what was not acknowledged on it."""
        self._closed = True
        for taken in self._waiting:
            taken.done.cancel()

    def _delivered(self, taken: _Taken, done: asyncio.Future[None]) -> None:
        problem = None if done.cancelled() else done.exception()
        if isinstance(problem, RefusedError) and not self._closed:
            instead = self._bridge.refused(taken.topic, taken.event, problem)
            taken.done = asyncio.create_task(self._bridge.deliver_later(taken.topic, instead))
            taken.done.add_done_callback(partial(self._delivered, taken))
            return
        self._bridge.free(len(taken.event.body))
        if problem is not None:
            log.error("a message stays unacknowledged", topic=taken.topic, error=repr(problem))
        while not self._closed and self._waiting and self._waiting[0].done.done():
            first = self._waiting.popleft()
            if first.quality and not first.done.cancelled() and first.done.exception() is None:
                reach("gateway.before_acknowledgement")
                self.client._client.ack(first.number, first.quality)  # noqa: SLF001 - see `_connected`
                self._bridge.acknowledged += 1


class _Queue(asyncio.Queue[aiomqtt.Message]):
    """Holds what could not be sent on at once, and what came after it."""

    def __init__(self, inbox: _Inbox) -> None:
        super().__init__()
        self._inbox = inbox

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Send on, or keep."""
        if not self.empty() or not self._inbox.put(item):
            super().put_nowait(item)


def _tls(settings: Mqtt) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.certificate is not None:
        context.load_cert_chain(settings.certificate, settings.private_key)
    return context


def _code(problem: BaseException | None) -> int | None:
    """The reason code of MQTT 5 that an error carries."""
    code = getattr(problem, "rc", None)
    return code if code is None or isinstance(code, int) else getattr(code, "value", None)
