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
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, cast

import aiomqtt
import structlog
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest_workers.gateways.acceptance import Acceptance
from ingest_workers.gateways.mqtt_inbox import Counts, Inbox
from ingest_workers.gateways.mqtt_message import Reading
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
        self.counts = Counts()

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
            inbox = Inbox(self._acceptance, self._reading, self.counts)
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

    def _client(self, inbox: Inbox) -> aiomqtt.Client:
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
