from __future__ import annotations

import asyncio
import socket

import pytest

from ingest_workers.gateways.serving import listening


def test_answers_are_not_held_back_for_more_to_send():
    """Without, each answer to a small request waits 40 ms for the sender's acknowledgement of its head."""

    async def option() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport) -> None:
                accepted = transport.get_extra_info("socket")
                found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

        with listening("127.0.0.1", 0, "X") as listener:
            server = await asyncio.get_running_loop().create_server(Protocol, sock=listener)
            with socket.create_connection(listener.getsockname()):
                async with asyncio.timeout(20):
                    value = await found
            server.close()
        return value

    assert asyncio.run(option()) != 0


def test_a_taken_port_is_told_with_the_setting_to_change():
    with listening("127.0.0.1", 0, "X") as taken, pytest.raises(ConnectionError, match="LAKE_A_PORT"):
        listening("127.0.0.1", taken.getsockname()[1], "LAKE_A_PORT")
