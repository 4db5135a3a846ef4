"""The issuer's public keys, fetched and kept.

Belongs here: when to ask the issuer, and going on with known keys while it does not answer.
Does not: what a token must say (`tokens`).
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import jwt
import structlog

from settings.gateway import Jwt

log = structlog.get_logger(__name__)

_FETCH_SECONDS = 5.0
_LARGEST_BYTES = 2**20

Fetch = Callable[[str], bytes]


class SigningKeys:
    """Keys by id. A key id that nobody knows costs the issuer one request per `ask_again_seconds`, not one each."""

    def __init__(self, settings: Jwt, fetch: Fetch | None = None) -> None:
        self._settings = settings
        self._fetch = fetch or _fetch
        self._keys: dict[str, Any] = {}
        self._fetched_at = self._asked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, key_id: str) -> Any | None:
        """The key, or None. Raises: ConnectionError where no keys could ever be fetched."""
        if not self._is_due(key_id):
            return self._keys.get(key_id)
        async with self._lock:
            if self._is_due(key_id):
                await self._refresh()
        if self._fetched_at == float("-inf"):
            raise ConnectionError(f"the issuer's keys at {self._settings.jwks_uri} cannot be fetched")
        return self._keys.get(key_id)

    def _is_due(self, key_id: str) -> bool:
        now = time.monotonic()
        if now - self._asked_at < self._settings.ask_again_seconds:
            return False
        return key_id not in self._keys or now - self._fetched_at > self._settings.keys_seconds

    async def _refresh(self) -> None:
        try:
            document = json.loads(await asyncio.to_thread(self._fetch, self._settings.jwks_uri))
            found = jwt.PyJWKSet.from_dict(document).keys
        except (OSError, ValueError, jwt.PyJWTError) as problem:
            log.warning("the issuer's keys cannot be fetched", uri=self._settings.jwks_uri, error=str(problem))
        else:
            self._keys = {key.key_id: key.key for key in found if key.key_id and key.public_key_use in {None, "sig"}}
            self._fetched_at = time.monotonic()
        self._asked_at = time.monotonic()


def _fetch(uri: str) -> bytes:
    # The settings refuse other schemes than https, and http beyond this machine.
    with urllib.request.urlopen(uri, timeout=_FETCH_SECONDS) as answer:  # noqa: S310
        content: bytes = answer.read(_LARGEST_BYTES)
    return content
