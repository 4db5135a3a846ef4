"""To the hub, at least once: batches, retries, progress.

Belongs here: the connection, filling batches to the link's limit in order, and sending again when the outcome is
unknown. A batch that is sent again holds the same messages with the same message ids; the hub may then hold them twice,
which is what "at least once" means and what Silver counts as duplicates.
Does not: what is sent (`plan`, `replay`) or how a message is encoded (`envelope`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

import stamina
from azure.eventhub import EventHubProducerClient
from azure.eventhub.exceptions import AuthenticationError, EventHubError

from settings.model import EventHubs
from simulator.envelope import cost, fill
from simulator.statistics import Progress, Statistics

_SEND_TIMEOUT_S = 30.0
_RESERVE = 1024
"""Bytes of the limit left for the batch's own sections, of which the partition key is the largest."""


class SendingError(RuntimeError):
    """Hub or broker could not be reached, or did not take a batch, for as long as we were willing to try."""


class Sender:
    """One producer connection. Messages of one partition key or id arrive in the order they were given.

    `patience_s` is how long one batch is tried before `SendingError`; `first_patience_s` the same for connecting the
    first time, where a wrong address is likelier than an outage. `batch` is the most messages of a batch.
    """

    def __init__(
        self,
        settings: EventHubs,
        *,
        on_progress: Progress | None = None,
        statistics: Statistics | None = None,
        batch: int | None = None,
        patience_s: float = 120.0,
        first_patience_s: float = 10.0,
    ) -> None:
        self._settings = settings
        self._on_progress = on_progress
        self.statistics = statistics or Statistics()
        self._batch = batch
        self._patience_s = patience_s
        self._first_patience_s = first_patience_s
        self._client: EventHubProducerClient | None = None
        self.partition_ids: tuple[str, ...] = ()
        self.limit = 0
        """Largest size of a batch's messages, in bytes, each as `envelope.cost` counts it."""

    def __enter__(self) -> Self:
        self._trying(self._first_patience_s, "connect to", self._measure)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._disconnect()

    def open_links(self) -> None:
        """Open the links to all partitions at once: one after the other, at first use, they take half a second each.

        A link that does not open now is opened when it is used, and told about if it fails then.
        """
        client = self._connected()

        def open_link(partition_id: str) -> None:
            with suppress(EventHubError):
                client._start_producer(partition_id, _SEND_TIMEOUT_S)  # noqa: SLF001 - the SDK opens at a send only
                link = client._producers[partition_id]  # noqa: SLF001
                if link is not None:
                    link._open_with_retry()  # noqa: SLF001

        with ThreadPoolExecutor(max(1, len(self.partition_ids)), thread_name_prefix="link") as threads:
            list(threads.map(open_link, self.partition_ids))

    def send(
        self, messages: Sequence[bytes], *, partition_key: str | None = None, partition_id: str | None = None
    ) -> None:
        """Send encoded messages in order, in as few batches as the limit allows; returns when the hub has them all.

        Raises ValueError for a message that no batch can hold, SendingError when patience ends.
        """
        batch: list[bytes] = []
        size = 0
        for message in messages:
            needed = cost(message)
            if needed > self.limit:
                raise ValueError(f"a message of {len(message)} bytes is larger than the hub takes ({self.limit} bytes)")
            if size + needed > self.limit or len(batch) == self._batch:
                self._deliver(batch, size, partition_key, partition_id)
                batch, size = [], 0
            batch.append(message)
            size += needed
        if batch:
            self._deliver(batch, size, partition_key, partition_id)

    def _deliver(self, messages: list[bytes], size: int, partition_key: str | None, partition_id: str | None) -> None:
        handed_over = False

        def attempt() -> None:
            nonlocal handed_over
            client = self._connected()
            # This opens the link: what fails up to here has sent nothing.
            batch = client.create_batch(partition_key=partition_key, partition_id=partition_id)
            fill(batch, messages)
            self.statistics.sent += len(messages)
            self.statistics.repeated += len(messages) if handed_over else 0
            handed_over = True
            client.send_batch(batch, timeout=_SEND_TIMEOUT_S)

        self._trying(self._patience_s, "send to", attempt)
        self.statistics.add(len(messages), size)
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self.statistics.acknowledged, self.statistics.total)

    def _measure(self) -> None:
        client = self._connected()
        self.partition_ids = tuple(sorted(client.get_partition_ids(), key=lambda i: (len(i), i)))
        self.limit = client.create_batch().max_size_in_bytes - _RESERVE

    def _trying(self, patience_s: float, doing: str, work: Callable[[], None]) -> None:
        """Do `work`, again and again on a fresh connection while the endpoint is away, for `patience_s` at most."""
        begin = time.monotonic()
        attempts = stamina.retry_context(
            on=self._may_pass, attempts=None, timeout=patience_s, wait_initial=0.2, wait_max=5.0, wait_jitter=0.3
        )
        try:
            for attempt in attempts:
                with attempt:
                    if attempt.num > 1:
                        self.statistics.retries += 1
                        self._tell()
                    try:
                        work()
                    except EventHubError:
                        # A link that broke in mid-transfer is not worth mending: the next attempt starts afresh.
                        self._disconnect()
                        raise
        except EventHubError as error:
            hint = (
                "Check the key or the identity's role (Azure Event Hubs Data Sender)"
                if isinstance(error, AuthenticationError)
                else "Is the endpoint up (`lakehouse up`), with this hub?"
            )
            sent, cause = self.statistics.acknowledged, str(error).partition("\n")[0].rstrip(".")
            raise SendingError(
                f"could not {doing} hub {self._settings.hub!r} at {self._address} in {time.monotonic() - begin:.0f} s: "
                f"{cause}. {sent} events are sent. {hint}"
            ) from error

    def _may_pass(self, error: Exception) -> bool:
        # A refused credential before anything was sent is a wrong one; later it is an endpoint that is restarting.
        return isinstance(error, EventHubError) and (
            self.statistics.acknowledged > 0 or not isinstance(error, AuthenticationError)
        )

    @property
    def _address(self) -> str:
        if self._settings.connection_string is not None:
            parts = self._settings.connection_string.get_secret_value().split(";")
            endpoints = [p.partition("=")[2] for p in parts if p.lower().startswith("endpoint=")]
            return endpoints[0] if endpoints else "the connection string's endpoint"
        return self._settings.fully_qualified_namespace or "nowhere"

    def _connected(self) -> EventHubProducerClient:
        if self._client is None:
            self._client = producer(self._settings)
        return self._client

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            # Closing says goodbye to an endpoint that may be gone; the messages are acknowledged or will be resent.
            with suppress(EventHubError, OSError):
                client.close()


def producer(settings: EventHubs) -> EventHubProducerClient:
    """The SDK's producer for these settings; ValueError when they name no endpoint. It connects when first used."""
    # One attempt each: how often and how long to try again is decided in one place, `Sender`.
    options = {"retry_total": 0, "retry_backoff_factor": 0}
    if settings.connection_string is not None:
        return EventHubProducerClient.from_connection_string(
            settings.connection_string.get_secret_value(), eventhub_name=settings.hub, **options
        )
    if settings.fully_qualified_namespace is None:
        raise ValueError(
            "no Event Hubs endpoint is set; start the local one with `lakehouse up`, or set "
            "LAKE_EVENT_HUBS__FULLY_QUALIFIED_NAMESPACE (or LAKE_EVENT_HUBS__CONNECTION_STRING)"
        )
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - slow to import, and seldom needed on a laptop

    return EventHubProducerClient(settings.fully_qualified_namespace, settings.hub, DefaultAzureCredential(), **options)
