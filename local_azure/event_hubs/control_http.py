"""Just enough HTTP/1.1 for the side door, on the port that speaks AMQP: whoever knows one address knows all.

Belongs here: reading one request, finding whom it is for, answering in JSON. Does not: what is done (`control`).

    GET /                     what goes on
    POST /faults              begin a fault: {"kind": "throttle", "seconds": 5, "partition": "0"}
    DELETE /faults[/ID]       end one, or all
    POST /head                {"hub": "telemetry", "partition": "0", "first": 500}

A web page in a browser of this machine could reach a loopback port too: requests that say they come from one are
refused.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from local_azure.event_hubs.control import Control
from local_azure.event_hubs.errors import AmqpError

_METHODS = (b"GET ", b"POST ", b"DELETE ")
_LONGEST = 64 * 1024
_REASONS = {200: "OK", 201: "Created", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}


def is_http(data: bytes) -> bool:
    """Whether a connection that begins so speaks HTTP."""
    return data.startswith(_METHODS)


class HttpDoor(asyncio.Protocol):
    """One request, one answer, goodbye."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is handed over."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect the request; answer once it is whole."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if end:
            request, *lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            length = headers.get("content-length", "0")
            if not length.isdecimal() or int(length) > _LONGEST:
                self._answer(400, {"error": f"a request of '{length}' bytes"})
            elif len(body) >= int(length):
                self._serve(request, headers, body[: int(length)])
        elif len(self._received) > _LONGEST:
            self._transport.close()

    def _serve(self, request: str, headers: dict[str, str], body: bytes) -> None:
        if "origin" in headers:
            self._answer(403, {"error": "this is not for web pages"})
            return
        method, _, rest = request.partition(" ")
        path = rest.partition(" ")[0].strip("/")
        try:
            self._answer(*self._route(method, path, dict(json.loads(body or b"{}"))))
        except (KeyError, TypeError, ValueError) as problem:
            self._answer(400, {"error": str(problem)})
        except AmqpError as problem:
            self._answer(404, {"error": problem.description})

    def _route(self, method: str, path: str, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        match method, path.split("/"):
            case "GET", [""]:
                return 200, self._control.status()
            case "POST", ["faults"]:
                return 201, self._control.inject(given)
            case "DELETE", ["faults"]:
                return 200, {"cleared": self._control.clear()}
            case "DELETE", ["faults", fault_id] if fault_id.isdecimal():
                return 200, {"cleared": self._control.clear(int(fault_id))}
            case "POST", ["head"]:
                first = self._control.move_head(str(given["hub"]), str(given["partition"]), int(given["first"]))
                return 200, {"first": first}
        return 404, {"error": "there are GET /, POST /faults, DELETE /faults[/ID] and POST /head"}

    def _answer(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
        self._transport.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        self._transport.close()
