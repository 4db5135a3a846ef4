"""Questions and answers over a pair of links: `$cbs` and `$management`.

Belongs here: finding the answer's link, repeating the question's id. Does not: what is answered (`cbs`,
`management`).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from local_azure.event_hubs import addresses, cbs, codec, management, message
from local_azure.event_hubs.clock import wall_seconds
from local_azure.event_hubs.errors import AmqpError
from local_azure.event_hubs.faults import Kind
from local_azure.event_hubs.links import InboundLink, OutboundLink

if TYPE_CHECKING:
    from local_azure.event_hubs.session import Session


class AnswerLink(OutboundLink):
    """Takes answers to the client, in order."""

    def __init__(self, session: Session, handle: int, node: str) -> None:
        super().__init__(session, handle, None)
        self.node = node
        self._queue: deque[bytes] = deque()

    def put(self, encoded: bytes) -> None:
        """Queue an answer."""
        self._queue.append(encoded)
        self.session.connection.schedule_pump()

    def waiting(self) -> bool:
        """Whether an answer is queued."""
        return bool(self._queue)

    def take(self, most: int) -> list[bytes]:
        """The oldest answers."""
        return [self._queue.popleft() for _ in range(min(most, len(self._queue)))]


class QuestionLink(InboundLink):
    """Brings requests to a node; the answer goes to the newest link of the session from the same node."""

    def __init__(self, session: Session, handle: int, node: str, delivery_count: int) -> None:
        super().__init__(session, handle, None, delivery_count)
        self._node = node

    def receive(self, payload: bytes, message_format: int) -> None:
        """Answer one request."""
        asked = message.decode(payload)
        request = asked.application_properties
        if self._node == addresses.CBS:
            status, description, body = self._put_token(asked)
        else:
            namespace = self.session.broker.namespace
            status, description, body = management.answer(request, namespace, self.session.connection.allows)
        reply = message.encode(
            properties=[codec.NULL] * 5 + [message.raw_message_id(payload)],
            application_properties=(
                ("status-code", codec.integer(status)),
                ("status-description", codec.string(description)),
            ),
            value=body,
        )
        self.session.answer(self._node, reply)

    def _put_token(self, asked: message.Message) -> management.Answer:
        request = asked.application_properties
        if request.get("operation") != "put-token":
            return 400, f"$cbs does not know '{request.get('operation')}'", codec.NULL
        if request.get("type") != cbs.SAS_TOKEN_TYPE:
            return 401, f"only tokens of type {cbs.SAS_TOKEN_TYPE} can be checked here", codec.NULL
        broker, now = self.session.broker, wall_seconds()
        if broker.faults.strike(Kind.REFUSE_TOKENS):
            broker.tokens.refused += 1
            return 401, "tokens are refused on demand", codec.NULL
        try:
            claim = cbs.verify(str(asked.body), str(request.get("name")), broker.keys, now)
        except AmqpError as problem:
            broker.tokens.refused += 1
            return 401, problem.description, codec.NULL
        broker.tokens.accepted += 1
        self.session.connection.put_claim(cbs.Claim(claim.path, min(claim.expires, now + broker.longest_claim)))
        return 202, "Accepted", codec.NULL
