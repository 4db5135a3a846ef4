"""What a link's address names.

Belongs here: the four kinds of address. Does not: whether the named thing exists (`hub`).
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from local_azure.event_hubs.errors import NOT_FOUND, AmqpError

CBS = "$cbs"
MANAGEMENT = "$management"


@dataclass(frozen=True, slots=True)
class Address:
    """A node (`$cbs`, `$management`) or a hub, with partition and consumer group where they are given."""

    name: str
    partition: str | None = None
    consumer_group: str | None = None

    @property
    def is_node(self) -> bool:
        """Whether this is `$cbs` or `$management`."""
        return self.name in (CBS, MANAGEMENT)

    @property
    def path(self) -> str:
        """What a claim has to cover."""
        group = f"/consumergroups/{self.consumer_group}" if self.consumer_group else ""
        return f"{self.name}{group}" + (f"/partitions/{self.partition}" if self.partition else "")


def parse(address: object) -> Address:
    """Read `hub`, `hub/Partitions/0`, `hub/ConsumerGroups/g/Partitions/0` or a node, with or without scheme and host.

    Raises:
        AmqpError: it is none of these.
    """
    text = str(address)
    path = urlsplit(text).path if "://" in text else text
    match [unquote(part) for part in path.strip("/").split("/")]:
        case [name] if name:
            return Address(name)
        case [name, second, partition] if second.lower() == "partitions":
            return Address(name, partition)
        case [name, second, group, fourth, partition] if (second.lower(), fourth.lower()) == (
            "consumergroups",
            "partitions",
        ):
            return Address(name, partition, group)
    raise AmqpError(NOT_FOUND, f"'{text}' is not the address of a hub, a partition or a node")
