"""Queues with the semantics of the storage service, in SQLite: acknowledged means on the disk.

A file of its own, beside the database: putting a message must not wait for a long query.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages(
    number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, message_id TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL, inserted REAL NOT NULL, expires REAL NOT NULL, visible REAL NOT NULL,
    dequeued INTEGER NOT NULL, receipt TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_queue ON messages(queue, visible);
"""
WEEK_SECONDS = 7 * 86400
NEVER_SECONDS = 100 * 365 * 86400


class MessageMissingError(Exception):
    """The message is gone, or another receiver has it: the receipt does not match."""


@dataclass(frozen=True)
class Message:
    """One message; times are seconds since 1970."""

    message_id: str
    body: str
    inserted: float
    expires: float
    visible: float
    dequeued: int
    receipt: str


_FIELDS = "message_id, body, inserted, expires, visible, dequeued, receipt"


class Queues:
    """All queues of the endpoint."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._connection.close()

    def put(self, queue: str, body: str, *, delay: float = 0, lives: float = WEEK_SECONDS) -> Message:
        """Add a message that becomes visible after `delay` seconds and is gone after `lives`; negative: never."""
        now = self._clock()
        expires = now + (NEVER_SECONDS if lives < 0 else lives)
        message = Message(str(uuid.uuid4()), body, now, expires, now + delay, 0, uuid.uuid4().hex)
        with self._lock:
            self._insert(queue, message)
        return message

    def _insert(self, queue: str, m: Message) -> None:
        self._connection.execute(
            f"INSERT INTO messages(queue, {_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (queue, m.message_id, m.body, m.inserted, m.expires, m.visible, m.dequeued, m.receipt),
        )

    def _visible(self, queue: str, count: int) -> list[Message]:
        now = self._clock()
        rows = self._connection.execute(
            f"SELECT {_FIELDS} FROM messages WHERE queue = ? AND visible <= ? AND expires > ? ORDER BY number LIMIT ?",
            (queue, now, now, count),
        ).fetchall()
        return [Message(*row) for row in rows]

    def peek(self, queue: str, count: int) -> list[Message]:
        """The next messages, left where they are."""
        with self._lock:
            return self._visible(queue, count)

    def receive(self, queue: str, count: int, hidden: float) -> list[Message]:
        """The next messages, hidden from others for `hidden` seconds, each under a new receipt."""
        with self._lock:
            received = []
            self._connection.execute("BEGIN IMMEDIATE")
            for message in self._visible(queue, count):
                changed = (self._clock() + hidden, message.dequeued + 1, uuid.uuid4().hex)
                self._connection.execute(
                    "UPDATE messages SET visible = ?, dequeued = ?, receipt = ? WHERE message_id = ?",
                    (*changed, message.message_id),
                )
                received.append(Message(message.message_id, message.body, message.inserted, message.expires, *changed))
            self._connection.execute("COMMIT")
            return received

    def delete(self, queue: str, message_id: str, receipt: str) -> None:
        """Remove a message that is still held under `receipt`."""
        with self._lock:
            done = self._connection.execute(
                "DELETE FROM messages WHERE queue = ? AND message_id = ? AND receipt = ?", (queue, message_id, receipt)
            )
            if done.rowcount == 0:
                raise MessageMissingError(message_id)

    def update(self, queue: str, message_id: str, receipt: str, *, hidden: float, body: str | None) -> Message:
        """Hide a held message for longer, or change its text; it gets a new receipt."""
        with self._lock:
            renewed = uuid.uuid4().hex
            rows = self._connection.execute(
                "UPDATE messages SET visible = ?, receipt = ?, body = coalesce(?, body) "
                f"WHERE queue = ? AND message_id = ? AND receipt = ? RETURNING {_FIELDS}",
                (self._clock() + hidden, renewed, body, queue, message_id, receipt),
            ).fetchall()
            if not rows:
                raise MessageMissingError(message_id)
            return Message(*rows[0])

    def finish(self, queue: str, message_id: str, report: tuple[str, str] | None) -> None:
        """Delete a message and put its report, a (queue, body) pair, in one step."""
        now = self._clock()
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            done = self._connection.execute(
                "DELETE FROM messages WHERE queue = ? AND message_id = ?", (queue, message_id)
            )
            if report and done.rowcount:
                target, body = report
                self._insert(
                    target, Message(str(uuid.uuid4()), body, now, now + WEEK_SECONDS, now, 0, uuid.uuid4().hex)
                )
            self._connection.execute("COMMIT")

    def reveal(self, queue: str) -> None:
        """Make every message visible now: after a restart nobody holds one any more."""
        with self._lock:
            self._connection.execute(
                "UPDATE messages SET visible = min(visible, ?) WHERE queue = ?", (self._clock(), queue)
            )

    def clear(self, queue: str) -> None:
        """Remove all messages."""
        with self._lock:
            self._connection.execute("DELETE FROM messages WHERE queue = ?", (queue,))

    def ids(self, queue: str) -> set[str]:
        """The ids of all messages, visible or not."""
        with self._lock:
            rows = self._connection.execute("SELECT message_id FROM messages WHERE queue = ?", (queue,)).fetchall()
        return {row[0] for row in rows}

    def count(self, queue: str) -> int:
        """How many messages there are, visible or not."""
        return len(self.ids(queue))
