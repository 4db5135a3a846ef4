"""The side door from another process: tests and chaos runs do harm to a running endpoint through this.

Belongs here: one method for each thing that can go wrong. Does not: anything of the endpoint itself; this imports
none of it but the names of the kinds.
"""

from __future__ import annotations

import http.client
import json
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

from local_azure.event_hubs.faults import Kind


class Scope(TypedDict, total=False):
    """Whom a fault concerns; what is left out concerns all. `role` is "sender" or "receiver"."""

    hub: str
    partition: str
    role: str


class RemoteError(RuntimeError):
    """The endpoint did not do what it was asked; the text is its own."""


class Remote:
    """A running endpoint, named by the port that its clients use; a restart on the same port changes nothing.

    Each fault returns a number that `clear` takes. Faults live in the process: a restart clears them. `seconds` None
    means until cleared.
    """

    def __init__(self, port: int, timeout: float = 10) -> None:
        self._port = port
        self._timeout = timeout

    @classmethod
    def of(cls, connection_string: str) -> Remote:
        """The endpoint that clients with this connection string talk to."""
        parts = dict(part.partition("=")[::2] for part in connection_string.split(";"))
        port = urlsplit(parts["Endpoint"]).port
        if port is None:
            raise RemoteError(f"{parts['Endpoint']} names no port; is it a local endpoint?")
        return cls(port)

    def status(self) -> dict[str, Any]:
        """Hubs with `first` and `next` of each partition, connections with their links, tokens, active faults."""
        return self._ask("GET", "/")

    def inject(self, kind: Kind | str, **how: Any) -> int:
        """Any fault, with the fields of `faults.Fault`."""
        return int(self._ask("POST", "/faults", {"kind": str(kind)} | how)["id"])

    def throttle(self, seconds: float | None, **scope: Unpack[Scope]) -> int:
        """Answer sends and new links with server-busy."""
        return self.inject(Kind.THROTTLE, seconds=seconds, **scope)

    def reject(self, seconds: float | None, condition: str, **scope: Unpack[Scope]) -> int:
        """Reject sends with a condition of AMQP or the service."""
        return self.inject(Kind.REJECT, seconds=seconds, condition=condition, **scope)

    def stall(self, seconds: float | None, **scope: Unpack[Scope]) -> int:
        """Deliver nothing, on connections that stay alive."""
        return self.inject(Kind.STALL, seconds=seconds, **scope)

    def delay(self, delay: float, seconds: float | None, **scope: Unpack[Scope]) -> int:
        """Settle, and deliver each chunk of events, `delay` seconds late."""
        return self.inject(Kind.DELAY, delay=delay, seconds=seconds, **scope)

    def duplicate(self, events: int | None, seconds: float | None = None, **scope: Unpack[Scope]) -> int:
        """Deliver the next events twice, under the same numbers."""
        return self.inject(Kind.DUPLICATE, times=events, seconds=seconds, **scope)

    def lose_acknowledgement(self, times: int = 1, **scope: Unpack[Scope]) -> int:
        """Store the next sends, and drop their connections before the senders are told."""
        return self.inject(Kind.LOSE_ACKNOWLEDGEMENT, times=times, **scope)

    def refuse_tokens(self, seconds: float | None) -> int:
        """Accept no token."""
        return self.inject(Kind.REFUSE_TOKENS, seconds=seconds)

    def expire_tokens(self) -> int:
        """Let every token put so far expire now."""
        return self.inject(Kind.EXPIRE_TOKENS)

    def detach(self, seconds: float = 0, **scope: Unpack[Scope]) -> int:
        """Detach links now, and new ones for so long."""
        return self.inject(Kind.DETACH, seconds=seconds, **scope)

    def drop(self, seconds: float = 0, **scope: Unpack[Scope]) -> int:
        """Cut connections off now, and new ones for so long. With a scope: those that have or ask for such a link."""
        return self.inject(Kind.DROP, seconds=seconds, **scope)

    def clear(self, fault: int | None = None) -> int:
        """End one fault, or all; says how many there were."""
        return int(self._ask("DELETE", "/faults" if fault is None else f"/faults/{fault}")["cleared"])

    def move_head(self, partition: str, first: int, hub: str) -> int:
        """Drop a partition's events below a sequence number, as retention does; returns where its head is now."""
        return int(self._ask("POST", "/head", {"hub": hub, "partition": partition, "first": first})["first"])

    def _ask(self, method: str, path: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout)
        try:
            body = None if given is None else json.dumps(given)
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            told: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status >= 400:
            raise RemoteError(told["error"])
        return told
