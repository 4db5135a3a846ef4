"""The endpoint as a whole: data folder, socket, connections; started and stopped in order.

Belongs here: what has to happen before the first client and after the last. Does not: the command line
(`__main__`).
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterable, Mapping
from pathlib import Path

from local_azure.event_hubs import cbs
from local_azure.event_hubs.broker import Broker
from local_azure.event_hubs.clock import Clock
from local_azure.event_hubs.connection import Connection
from local_azure.event_hubs.control import Control
from local_azure.event_hubs.control_http import HttpDoor
from local_azure.event_hubs.hub import Namespace
from local_azure.event_hubs.listening import PortTakenError
from local_azure.event_hubs.quota import Quota
from local_azure.event_hubs.retention import Retention

HOST = "127.0.0.1"
_RETENTION_EVERY_SECONDS = 0.2


class EventHubsServer:
    """An Event Hubs namespace on loopback.

    Args:
        data_dir: where the logs are; made when missing, locked while the server lives.
        hubs: partitions per hub name; a hub that is new is created.
        clock: gives enqueued times.
        keys: shared access keys by policy name.
        consumer_groups: the ones there are beside $Default; None takes any name.
        retention: how long events are kept; None keeps them for ever.
        events_per_second: that all hubs together take; the others are told that the server is busy.
        max_frame_size: of AMQP frames that clients may send, in bytes.
        idle_timeout: seconds; clients are told, and hung up on after twice as long without a word.
        longest_claim: seconds after which a token has to be put again, even if it is good for longer.
    """

    def __init__(
        self,
        data_dir: Path,
        hubs: Mapping[str, int],
        *,
        clock: Clock | None = None,
        keys: Mapping[str, str] = cbs.WELL_KNOWN_KEYS,
        consumer_groups: Iterable[str] | None = None,
        retention: Retention | None = None,
        events_per_second: float | None = None,
        max_frame_size: int = 1024 * 1024,
        idle_timeout: float = 240.0,
        longest_claim: float = float("inf"),
    ) -> None:
        self.clock = clock or Clock()
        self.namespace = Namespace(data_dir, hubs, self.clock)
        self._broker = Broker(
            self.namespace,
            keys,
            None if consumer_groups is None else frozenset(consumer_groups),
            quota=None if events_per_second is None else Quota(events_per_second),
            max_frame_size=max_frame_size,
            idle_timeout=idle_timeout,
            longest_claim=longest_claim,
        )
        self._retention = retention
        self._retention_timer: asyncio.TimerHandle | None = None
        self._connections: set[Connection] = set()
        self.control = Control(self._broker, self._connections)
        self._listener: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        """Listen; port 0 takes a free one.

        Raises:
            PortTakenError: somebody else listens there.
        """
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(self._welcome, HOST, port)
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                raise PortTakenError(port, "--port") from None
            raise
        self._retain()

    def _welcome(self) -> Connection:
        return Connection(self._broker, self._connections, lambda: HttpDoor(self.control))

    def _retain(self) -> None:
        """Look now and then: age comes by itself, without any event."""
        if self._retention is None:
            return
        for hub in self.namespace.hubs.values():
            for partition in hub.partitions.values():
                self._retention.apply(partition.log, self.clock.now_ms())
        self._retention_timer = asyncio.get_running_loop().call_later(_RETENTION_EVERY_SECONDS, self._retain)

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._listener is not None, "the server has not been started"
        return int(self._listener.sockets[0].getsockname()[1])

    @property
    def connection_string(self) -> str:
        """What a client needs, without EntityPath."""
        policy, key = next(iter(self._broker.keys.items()))
        return (
            f"Endpoint=sb://{HOST}:{self.port};SharedAccessKeyName={policy};SharedAccessKey={key};"
            "UseDevelopmentEmulator=true;"
        )

    async def close(self) -> None:
        """Tell the clients, hang up, and close the logs."""
        if self._listener is not None:
            self._listener.close()
        if self._retention_timer is not None:
            self._retention_timer.cancel()
        for connection in tuple(self._connections):
            connection.stop()
        # A transport that was closed reports its end in the loop's next rounds, after its last bytes went out.
        for _ in range(100):
            if not self._connections:
                break
            await asyncio.sleep(0.01)
        self.namespace.close()
