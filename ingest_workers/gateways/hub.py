"""The hub as a gateway sees it: partitions, the size of a batch, and a link to each partition.

Belongs here: the SDK's asynchronous producer, credentials, which partition a device goes to, what an error means.
Does not: what goes into a batch and when to try again (`lanes`).

A batch goes to one partition whole. A gateway's events come from many devices, so batches are made per partition and
not per device: the device's partition is computed here as the service computes it, and each event carries its partition
key, as the SDK's own buffered producer does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

from azure.eventhub import EventDataBatch
from azure.eventhub._buffered_producer._partition_resolver import generate_hash_code
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import EventDataSendError, EventHubError

from ingest_workers.gateways.encoding import cost
from settings.model import EventHubs

SEND_SECONDS = 20.0
CLOSE_SECONDS = 3.0
_RESERVE = 1024
"""Bytes of the limit left for the batch's own sections."""
_THROTTLED = frozenset({"server-busy", "resource-limit-exceeded"})
_TOO_LARGE = "link:message-size-exceeded"
_REFUSED = frozenset({_TOO_LARGE, "decode-error", "not-allowed", "invalid-field", "argument-error"})
"""Conditions of a batch that the hub would refuse again, however often it is sent."""


class HubError(Exception):
    """The hub did not take a batch, or did not say so: it may take it later, or have taken it."""


class ThrottledError(HubError):
    """The hub asks for less."""


class RefusedError(HubError):
    """The hub will never take these events."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What must be known before the first batch."""

    partitions: tuple[str, ...]
    """In the service's order: the hash counts through it."""
    limit: int
    """Bytes of messages a batch may hold, each as `encoding.cost` counts it."""

    def partition_of(self, device: str) -> str:
        """Where the events of a device go."""
        return self.partitions[_hash(device) % len(self.partitions)]


@lru_cache(65_536)
def _hash(key: str) -> int:
    # The SDK hashes code points where the service hashes bytes: give it the bytes as code points.
    code: int = generate_hash_code(key.encode().decode("latin-1"))
    return code


class Hub:
    """Makes links and asks for the layout. Raises HubError where the hub does not answer."""

    def __init__(self, settings: EventHubs) -> None:
        if settings.connection_string is None and settings.fully_qualified_namespace is None:
            raise ValueError(
                "no event hub is named: set LAKE_EVENT_HUBS__FULLY_QUALIFIED_NAMESPACE, or "
                "LAKE_EVENT_HUBS__CONNECTION_STRING for a local endpoint (`lakehouse up` prints it)"
            )
        self._settings = settings
        self._credential: _Credential | None = None

    async def layout(self) -> Layout:
        """Partitions and batch size, asked now."""
        client = self.client()
        try:
            async with asyncio.timeout(SEND_SECONDS):
                partitions = await client.get_partition_ids()
                batch = await client.create_batch()
        except (EventHubError, OSError, TimeoutError) as problem:
            raise _told(problem) from problem
        finally:
            await _close(client)
        return Layout(tuple(partitions), batch.max_size_in_bytes - _RESERVE)

    def link(self, partition: str) -> Link:
        """A link to one partition; it connects when first used."""
        return Link(self, partition)

    def client(self) -> EventHubProducerClient:
        """One attempt each: when to try again is decided in one place, `lanes`."""
        options: dict[str, Any] = {"retry_total": 0, "retry_backoff_factor": 0}
        if self._settings.connection_string is not None:
            return EventHubProducerClient.from_connection_string(
                self._settings.connection_string.get_secret_value(), eventhub_name=self._settings.hub, **options
            )
        if self._credential is None:
            self._credential = _Credential()
        return EventHubProducerClient(
            self._settings.fully_qualified_namespace, self._settings.hub, self._credential, **options
        )


class Link:
    """Sends batches to one partition, one at a time, over a connection of its own."""

    def __init__(self, hub: Hub, partition: str) -> None:
        self._hub = hub
        self._partition = partition
        self._client: EventHubProducerClient | None = None

    async def send(self, messages: Sequence[bytes]) -> None:
        """Returns when the hub has accepted the batch, all of it. Raises HubError; RefusedError, ThrottledError."""
        if self._client is None:
            self._client = self._hub.client()
        batch = EventDataBatch(partition_id=self._partition)
        # What EventDataBatch.add does, minus encoding again what is encoded already.
        batch._message.data.extend(messages)  # noqa: SLF001
        batch._count = len(messages)  # noqa: SLF001
        batch._size += sum(map(cost, messages))  # noqa: SLF001
        try:
            async with asyncio.timeout(2 * SEND_SECONDS):
                await self._client.send_batch(batch, timeout=SEND_SECONDS)
        except (EventHubError, OSError, TimeoutError) as problem:
            # A link that broke in mid-transfer is not worth mending: the next attempt starts afresh.
            await self.close()
            raise _told(problem) from problem
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Say goodbye, if somebody listens."""
        client, self._client = self._client, None
        if client is not None:
            await _close(client)


class _Credential:
    """DefaultAzureCredential in a thread: its asynchronous form needs a package more."""

    def __init__(self) -> None:
        from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - slow to import, needed in Azure only

        self._credential = DefaultAzureCredential()

    async def get_token(self, *scopes: str, **options: Any) -> Any:
        return await asyncio.to_thread(self._credential.get_token, *scopes, **options)

    async def close(self) -> None:
        await asyncio.to_thread(self._credential.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _close(client: EventHubProducerClient) -> None:
    with suppress(EventHubError, OSError, TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.close()


def _told(problem: Exception) -> HubError:
    """What an error of the SDK means for the batch, in one line."""
    condition = getattr(problem, "error", None) or ""
    says = str(problem).partition("\n")[0].strip() or type(problem).__name__
    if condition.rpartition(":")[2] in _THROTTLED:
        return ThrottledError(says)
    # Of a link, and not of a batch, the others may pass: a hub can be switched off and on.
    if condition == _TOO_LARGE or (isinstance(problem, EventDataSendError) and condition in _REFUSED):
        return RefusedError(says)
    return HubError(says)
