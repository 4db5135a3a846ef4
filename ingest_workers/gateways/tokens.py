"""Who sends, by a token of Microsoft Entra or another issuer.

Belongs here: what a token must say to be believed, and which devices it speaks for. Algorithm, issuer, audience and
expiry come from the settings, never from the token.
Does not: the issuer's keys (`signing_keys`).
"""

from __future__ import annotations

from typing import Any

import jwt

from ingest_workers.gateways.callers import Caller, ForbiddenError, UnknownCallerError
from ingest_workers.gateways.event import is_device
from ingest_workers.gateways.signing_keys import SigningKeys
from settings.gateway import Jwt

_LONGEST_TOKEN = 16_384
_LONGEST_NAME = 128


class Tokens:
    """Checks bearer tokens."""

    def __init__(self, settings: Jwt, keys: SigningKeys) -> None:
        self._settings = settings
        self._keys = keys

    async def caller(self, token: str) -> Caller:
        """Who the token speaks for. Raises: UnknownCallerError, ForbiddenError; ConnectionError without keys."""
        if len(token) > _LONGEST_TOKEN:
            raise UnknownCallerError("the token is too long")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise UnknownCallerError("the token is not a JWT") from None
        if header.get("alg") not in self._settings.algorithms:
            raise UnknownCallerError(f"the token is not signed with {' or '.join(self._settings.algorithms)}")
        key_id = header.get("kid")
        key = await self._keys.key(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise UnknownCallerError("the token is signed with a key that its issuer does not publish")
        return self._speaks_for(self._claims(token, key))

    def _claims(self, token: str, key: Any) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=list(self._settings.algorithms),
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=self._settings.leeway_seconds,
                options={"require": ["exp", "iat", "aud", "iss", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise UnknownCallerError("the token has expired") from None
        except (jwt.PyJWTError, ValueError, TypeError) as problem:
            raise UnknownCallerError(f"the token is not valid: {problem}") from None

    def _speaks_for(self, claims: dict[str, Any]) -> Caller:
        roles = claims.get("roles")
        if self._settings.role and not (isinstance(roles, list) and self._settings.role in roles):
            raise ForbiddenError(f"the token lacks the role {self._settings.role!r}")
        # Apart from the callers of API keys, and in ASCII, whatever the issuer lets people be called.
        name = "jwt:" + str(claims["sub"]).encode("ascii", "backslashreplace").decode()[:_LONGEST_NAME]
        prefix = claims.get(self._settings.prefix_claim) if self._settings.prefix_claim else None
        if isinstance(prefix, str) and is_device(prefix) and not prefix[-1].isalnum():
            return Caller(name, prefix=prefix)
        device = claims.get(self._settings.device_claim) if self._settings.device_claim else None
        if isinstance(device, str) and is_device(device):
            return Caller(name, device=device)
        wanted = " or ".join(filter(None, (self._settings.prefix_claim, self._settings.device_claim)))
        raise ForbiddenError(f"the token names no device: it needs the claim {wanted}")
