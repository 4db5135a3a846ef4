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
from local_azure.event_hubs.hub import Namespace
from local_azure.event_hubs.listening import PortTakenError

HOST = "127.0.0.1"


class EventHubsServer:
    """An Event Hubs namespace on loopback.

    Args:
        data_dir: where the logs are; made when missing, locked while the server lives.
        hubs: partitions per hub name; a hub that is new is created.
        clock: gives enqueued times.
        keys: shared access keys by policy name.
        consumer_groups: the ones there are beside $Default; None takes any name.
        max_frame_size: of AMQP frames that clients may send, in bytes.
    """

    def __init__(
        self,
        data_dir: Path,
        hubs: Mapping[str, int],
        *,
        clock: Clock | None = None,
        keys: Mapping[str, str] = cbs.WELL_KNOWN_KEYS,
        consumer_groups: Iterable[str] | None = None,
        max_frame_size: int = 1024 * 1024,
    ) -> None:
        self.clock = clock or Clock()
        self.namespace = Namespace(data_dir, hubs, self.clock)
        self._broker = Broker(
            self.namespace,
            keys,
            None if consumer_groups is None else frozenset(consumer_groups),
            max_frame_size=max_frame_size,
        )
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        """Listen; port 0 takes a free one.

        Raises:
            PortTakenError: somebody else listens there.
        """
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(lambda: Connection(self._broker, self._connections), HOST, port)
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                raise PortTakenError(port, "--port") from None
            raise

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
        for connection in tuple(self._connections):
            connection.stop()
        # A transport that was closed reports its end in the loop's next rounds, after its last bytes went out.
        for _ in range(100):
            if not self._connections:
                break
            await asyncio.sleep(0.01)
        self.namespace.close()
