"""Claims-based security: shared access tokens checked, and what a connection may do with them.

Belongs here: parsing and verifying tokens, the claims of one connection. Does not: the messages that carry a
token (`requests`). Any key holder may send, listen and manage; rights per policy are not modelled.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus, urlsplit

from local_azure.event_hubs.errors import UNAUTHORIZED, AmqpError

SAS_TOKEN_TYPE = "servicebus.windows.net:sastoken"  # noqa: S105 - the name of a token type
# The key that Microsoft's emulator documents, literally.
WELL_KNOWN_KEYS: Mapping[str, str] = {"RootManageSharedAccessKey": "SAS_KEY_VALUE"}
_SCHEME = "SharedAccessSignature "


@dataclass(frozen=True, slots=True)
class Claim:
    """Leave to use everything under `path` until `expires` (seconds since 1970, real time)."""

    path: str
    expires: float


class Claims:
    """The claims that one connection has put."""

    def __init__(self) -> None:
        self._expiry: dict[str, float] = {}

    def put(self, claim: Claim) -> None:
        """Add a claim; one for the same path takes the place of the older, even if it ends sooner."""
        self._expiry[claim.path] = claim.expires

    def expire(self) -> None:
        """End all of them."""
        self._expiry.clear()

    def allow(self, path: str, now: float) -> bool:
        """Whether a claim that has not expired covers `path`."""
        wanted = path.lower()
        return any(now < expires and _covers(held, wanted) for held, expires in self._expiry.items())

    def next_expiry(self, now: float) -> float | None:
        """When the next of the living claims ends; None without any."""
        return min((expires for expires in self._expiry.values() if expires > now), default=None)


def _covers(held: str, wanted: str) -> bool:
    return not held or wanted == held or wanted.startswith(held + "/")


def resource_path(uri: str) -> str:
    """`hub/consumergroups/x` of `sb://host:port/hub/ConsumerGroups/x`; hosts differ behind proxies."""
    return (urlsplit(uri).path if "://" in uri else uri).strip("/").lower()


def verify(token: str, audience: str, keys: Mapping[str, str], now: float) -> Claim:
    """The claim that a shared access token gives for `audience`.

    Raises:
        AmqpError: the token is malformed, expired, signed with another key, or made for something else.
    """
    if not token.startswith(_SCHEME):
        raise AmqpError(UNAUTHORIZED, "the token is not a SharedAccessSignature")
    parts = dict(part.partition("=")[::2] for part in token[len(_SCHEME) :].split("&"))
    try:
        resource, signature, expiry, policy = (parts[name] for name in ("sr", "sig", "se", "skn"))
        expires = int(expiry)
    except (KeyError, ValueError):
        raise AmqpError(UNAUTHORIZED, "the token needs sr, sig, skn, and se in seconds") from None
    key = keys.get(unquote_plus(policy))
    if key is None:
        raise AmqpError(UNAUTHORIZED, f"there is no policy '{unquote_plus(policy)}' here")
    expected = hmac.digest(key.encode(), f"{resource}\n{expiry}".encode(), hashlib.sha256)
    if not hmac.compare_digest(base64.b64encode(expected), unquote(signature).encode()):
        raise AmqpError(UNAUTHORIZED, f"the token is not signed with the key of policy '{unquote_plus(policy)}'")
    if expires <= now:
        raise AmqpError(UNAUTHORIZED, f"the token expired {now - expires:.0f} s ago")
    granted, wanted = resource_path(unquote_plus(resource)), resource_path(audience)
    if not _covers(granted, wanted):
        raise AmqpError(UNAUTHORIZED, f"the token is for '{granted}', not for '{wanted}'")
    return Claim(wanted, expires)
