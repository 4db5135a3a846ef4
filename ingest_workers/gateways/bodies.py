"""A request's body, taken in while it may still be refused.

Belongs here: the limits on size, time and memory, each enforced at the chunk that breaks it.
Does not: what the body holds (`framing`).
"""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from ingest_workers.gateways.acceptance import Hold
from ingest_workers.gateways.problems import BodyTooLargeError, BodyTooSlowError

_LEFT_BYTES = 4 * 2**20
_LEFT_SECONDS = 2.0
"""How much of a refused body is still taken in: a sender that is cut off while it sends never reads the answer."""


class Body:
    """The body of one request."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._over = False
        """Whether nothing more can come, or nothing more is awaited."""
        self._whole = False

    async def read(self, hold: Hold, *, most: int, seconds: float) -> bytes:
        """All of it. Raises: BodyTooLargeError, BodyTooSlowError, BusyError; ClientDisconnect."""
        declared = self._request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > most:
            raise BodyTooLargeError(f"a body may have {most:,} bytes, this one has {int(declared[:20]):,}")
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(seconds):
                while not self._whole:
                    chunk = await self._chunk()
                    size += len(chunk)
                    if size > most:
                        raise BodyTooLargeError(f"a body may have {most:,} bytes")
                    hold.grow(len(chunk))
                    chunks.append(chunk)
        except TimeoutError:
            self._over = True
            raise BodyTooSlowError(f"the body did not arrive in {seconds:g} s") from None
        return b"".join(chunks)

    async def leave(self) -> bool:
        """Take in the rest and forget it; whether that was all, so that the connection can be used again."""
        if self._request.headers.get("expect", "").lower() == "100-continue":
            return self._whole  # the sender waits for leave to send it, and gets none
        left = _LEFT_BYTES
        try:
            async with asyncio.timeout(_LEFT_SECONDS):
                while not self._whole and not self._over and left > 0:
                    left -= len(await self._chunk())
        except (TimeoutError, ClientDisconnect):
            return False
        return self._whole

    async def _chunk(self) -> bytes:
        message = await self._request.receive()
        if message["type"] == "http.disconnect":
            self._over = True
            raise ClientDisconnect
        self._whole = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk
