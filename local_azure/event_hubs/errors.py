"""What can be told to a client that it did wrong, and how it is named on the wire.

Belongs here: error conditions and the exception that carries one to the frame that reports it. Does not: the
decision to refuse, which is taken where the rule lives.
"""

from __future__ import annotations

INTERNAL_ERROR = "amqp:internal-error"
NOT_FOUND = "amqp:not-found"
UNAUTHORIZED = "amqp:unauthorized-access"
DECODE_ERROR = "amqp:decode-error"
RESOURCE_LIMIT = "amqp:resource-limit-exceeded"
NOT_ALLOWED = "amqp:not-allowed"
NOT_IMPLEMENTED = "amqp:not-implemented"
CONNECTION_FORCED = "amqp:connection:forced"
FRAMING_ERROR = "amqp:connection:framing-error"
HANDLE_IN_USE = "amqp:session:handle-in-use"
UNATTACHED_HANDLE = "amqp:session:unattached-handle"
LINK_STOLEN = "amqp:link:stolen"
DETACH_FORCED = "amqp:link:detach-forced"
MESSAGE_TOO_LARGE = "amqp:link:message-size-exceeded"
# Event Hubs' own names: for a start position that cannot exist, and for more than it takes now.
SERVER_BUSY = "com.microsoft:server-busy"
ARGUMENT_ERROR = "com.microsoft:argument-error"


class AmqpError(Exception):
    """A refusal with its AMQP condition and a sentence for the person who reads the client's log."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(f"{condition}: {description}")
        self.condition = condition
        self.description = description
