"""The side door over its socket, in this process: what it takes, and what it turns away."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from local_azure.event_hubs.server import EventHubsServer


def ask(folder: Path, *pieces: bytes) -> tuple[int, dict[str, Any]]:
    """Status and body that an endpoint answers to bytes that come in pieces."""

    async def talk() -> bytes:
        server = EventHubsServer(folder, {"telemetry": 2})
        await server.start()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return answer
        finally:
            await server.close()

    head, _, body = asyncio.run(talk()).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def request(method: str, path: str, body: str = "", *headers: str) -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join([*lines, "", body]).encode()


def test_it_says_what_goes_on(tmp_path: Path) -> None:
    status, told = ask(tmp_path, request("GET", "/"))

    assert status == 200
    assert told["hubs"] == {"telemetry": {"0": {"first": 0, "next": 0}, "1": {"first": 0, "next": 0}}}
    assert told["connections"] == told["faults"] == []


def test_a_fault_begins(tmp_path: Path) -> None:
    status, told = ask(tmp_path, request("POST", "/faults", '{"kind": "stall", "seconds": 60, "partition": "1"}'))

    assert status == 201
    assert (told["id"], told["kind"], told["partition"]) == (1, "stall", "1")
    assert 50 < told["left"] <= 60


def test_a_request_may_come_in_pieces(tmp_path: Path) -> None:
    whole = request("POST", "/faults", '{"kind": "stall"}')

    status, _ = ask(tmp_path, whole[:6], whole[6:60], whole[60:-3], whole[-3:])

    assert status == 201


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request("GET", "/elsewhere"), 404),
        (request("DELETE", "/faults/none"), 404),
        (request("POST", "/faults", "no json"), 400),
        (request("POST", "/faults", "[1]"), 400),
        (request("POST", "/faults", '{"kind": "earthquake"}'), 400),
        (request("POST", "/head", '{"hub": "nothing", "partition": "0", "first": 1}'), 404),
        (request("POST", "/head", '{"hub": "telemetry", "partition": "9", "first": 1}'), 404),
        (request("POST", "/head", "{}"), 400),
        (b"POST /faults HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", 400),
        (request("POST", "/faults", '{"kind": "drop"}', "Origin: http://example.org"), 403),
    ],
)
def test_what_it_does_not_do_is_explained(tmp_path: Path, asked: bytes, status: int) -> None:
    got, told = ask(tmp_path, asked)

    assert got == status
    assert told["error"]
