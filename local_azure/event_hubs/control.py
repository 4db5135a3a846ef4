"""The endpoint's own side door: what goes on in it, faults on demand, and a head that moves when it is told to.

Belongs here: what can be asked, and its effect on hubs and connections. Does not: how a question travels
(`control_http`), its convenience for Python (`remote`), or what a fault does once it is there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from local_azure.event_hubs import faults
from local_azure.event_hubs.broker import Broker
from local_azure.event_hubs.errors import DETACH_FORCED, AmqpError
from local_azure.event_hubs.faults import Fault, Kind

if TYPE_CHECKING:
    from local_azure.event_hubs.connection import Connection


class Control:
    """Answers questions about one running endpoint, and does it harm when asked to."""

    def __init__(self, broker: Broker, connections: Collection[Connection]) -> None:
        self._broker = broker
        self._connections = connections

    def status(self) -> dict[str, Any]:
        """Hubs with the bounds of their partitions, connections with their links, tokens, faults."""
        return {
            "pid": os.getpid(),
            "hubs": {
                hub.name: {
                    partition.partition_id: {"first": partition.log.first, "next": partition.log.next}
                    for partition in hub.partitions.values()
                }
                for hub in self._broker.namespace.hubs.values()
            },
            "connections": [connection.described() for connection in self._connections],
            "tokens": {"accepted": self._broker.tokens.accepted, "refused": self._broker.tokens.refused},
            "faults": self._broker.faults.described(),
        }

    def inject(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Begin a fault.

        Raises:
            faults.UnknownFaultError: the request asks for nothing that there is.
        """
        fault = self._broker.faults.add(faults.requested(request))
        for connection in tuple(self._connections):
            self._strike(fault, connection)
        if fault.seconds:
            # Who was stalled has nothing that would wake him: no event comes just because the fault went.
            asyncio.get_running_loop().call_later(fault.seconds + 0.01, self._wake)
        return next((told for told in self._broker.faults.described() if told["id"] == fault.id), {"id": fault.id})

    def _strike(self, fault: Fault, connection: Connection) -> None:
        concerned = [link for link in connection.links() if link.concerned_by(fault)]
        if fault.kind is Kind.DROP and (concerned or fault.concerns(None, None, None)):
            fault.strikes += 1
            connection.abort()
        elif fault.kind is Kind.EXPIRE_TOKENS:
            fault.strikes += 1
            connection.expire_claims()
        elif fault.kind is Kind.DETACH:
            fault.strikes += len(concerned)
            for link in concerned:
                link.detach(AmqpError(DETACH_FORCED, "the link was detached on demand"))

    def clear(self, fault_id: int | None = None) -> int:
        """End one fault, or all; says how many there were."""
        cleared = self._broker.faults.clear(fault_id)
        self._wake()
        return cleared

    def _wake(self) -> None:
        for connection in tuple(self._connections):
            connection.schedule_pump()

    def move_head(self, hub: str, partition: str, first: int) -> int:
        """Drop what a partition holds below a sequence number, as retention would; returns where the head is now."""
        log = self._broker.namespace.hub(hub).partition(partition).log
        log.drop_before(first)
        return log.first
