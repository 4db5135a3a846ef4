"""Who sends, and for which devices: API keys.

Belongs here: the caller, what it may speak for, and finding it by the hash of its key.
Does not: tokens (`tokens`), or how a credential arrives (`http_app`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ingest_workers.gateways.event import is_device
from settings.gateway import ApiKey, Gateway


class UnknownCallerError(Exception):
    """No credential, or none that is any good."""


class ForbiddenError(Exception):
    """A good credential, for something else."""


class DeviceMissingError(Exception):
    """The caller speaks for many devices and did not say which."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A credential that was checked: it speaks for one device, or for all whose names begin with a prefix."""

    name: str
    device: str | None = None
    prefix: str | None = None
    events_per_second: float | None = None

    def device_for(self, asked: str | None) -> str:
        """The device of an event. `asked` is what the request names: believed as far as the credential goes."""
        if asked is None:
            if self.device is None:
                raise DeviceMissingError(f"say which device: this credential speaks for all of {self.prefix!r}")
            return self.device
        if not is_device(asked):
            raise ForbiddenError("a device's name has 1 to 128 printable characters")
        if asked == self.device or (self.prefix is not None and asked.startswith(self.prefix) and asked != self.prefix):
            return asked
        raise ForbiddenError(f"this credential does not speak for device {asked!r}")


class ApiKeys:
    """All keys of the settings, by hash: looking up a hash tells an attacker who measures nothing about a key."""

    def __init__(self, settings: Gateway) -> None:
        self._callers = _by_hash([*settings.api_keys, *_from_file(settings.api_keys_file)])

    def __len__(self) -> int:
        return len(self._callers)

    def caller(self, key: str) -> Caller:
        """Whose key it is. Raises: UnknownCallerError."""
        caller = self._callers.get(hash_of(key))
        if caller is None:
            raise UnknownCallerError("the API key is not known here")
        return caller


def hash_of(key: str) -> str:
    """What the settings hold of a key. Keys are random and long: a slow hash would add nothing."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def _from_file(path: Path | None) -> Iterable[ApiKey]:
    if path is None:
        return ()
    try:
        return TypeAdapter(tuple[ApiKey, ...]).validate_json(path.read_bytes())
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{path}: {place}: {first['msg']} ({problem.error_count()} problems)") from None


def _by_hash(keys: Iterable[ApiKey]) -> Mapping[str, Caller]:
    found: dict[str, Caller] = {}
    for key in keys:
        if key.sha256 in found:
            raise ValueError(f"the same API key is given to {found[key.sha256].name!r} and {key.caller!r}")
        found[key.sha256] = Caller(key.caller, key.device, key.prefix, key.events_per_second)
    return found
