"""What all connections of one server share.

Belongs here: the hubs, the keys, the readers, the limits. Does not: anything of a single connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from local_azure.event_hubs import cbs
from local_azure.event_hubs.errors import NOT_FOUND, AmqpError
from local_azure.event_hubs.faults import Faults
from local_azure.event_hubs.hub import DEFAULT_CONSUMER_GROUP, Namespace
from local_azure.event_hubs.quota import Quota
from local_azure.event_hubs.receivers import Receivers


@dataclass(slots=True)
class Tokens:
    """How many tokens were put and what became of them."""

    accepted: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Broker:
    """Shared state and limits. `consumer_groups` None means that any name will do."""

    namespace: Namespace
    keys: Mapping[str, str] = field(default_factory=lambda: cbs.WELL_KNOWN_KEYS)
    consumer_groups: frozenset[str] | None = None
    receivers: Receivers = field(default_factory=Receivers)
    faults: Faults = field(default_factory=Faults)
    tokens: Tokens = field(default_factory=Tokens)
    quota: Quota | None = None
    # A frame as large as a message lets the SDK send a batch in one piece.
    max_frame_size: int = 1024 * 1024
    max_message_size: int = 1024 * 1024
    # Clients are told this; one that is silent for twice as long is hung up on.
    idle_timeout: float = 240.0
    # A claim ends after so many seconds, even if its token is good for longer.
    longest_claim: float = float("inf")

    def check_consumer_group(self, name: str) -> None:
        """Raise not-found for a consumer group that the server was not given."""
        if self.consumer_groups is not None and name not in self.consumer_groups | {DEFAULT_CONSUMER_GROUP}:
            raise AmqpError(NOT_FOUND, f"there is no consumer group '{name}'")
