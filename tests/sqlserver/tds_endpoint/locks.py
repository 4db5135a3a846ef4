"""Application locks: sp_getapplock and its release, by session or transaction owner.

Belongs here: who holds which name, waiting for it, and what the procedures return.
Does not: locks of rows and tables, which the endpoint has none of.
"""

from __future__ import annotations

import threading

GRANTED, GRANTED_AFTER_WAIT, TIMED_OUT = 0, 1, -1


class ApplicationLocks:
    """The exclusive locks of a server."""

    def __init__(self) -> None:
        self._held: dict[str, list[object]] = {}
        self._changed = threading.Condition()

    def acquire(self, name: str, owner: object, timeout_ms: int) -> int:
        """What sp_getapplock returns; an owner may hold a lock more than once."""
        with self._changed:
            if self._mine(name, owner):
                self._held.setdefault(name, []).append(owner)
                return GRANTED
            seconds = None if timeout_ms < 0 else timeout_ms / 1000
            if not self._changed.wait_for(lambda: self._mine(name, owner), seconds):
                return TIMED_OUT
            self._held.setdefault(name, []).append(owner)
            return GRANTED_AFTER_WAIT

    def _mine(self, name: str, owner: object) -> bool:
        return all(each is owner for each in self._held.get(name, []))

    def release(self, name: str, owner: object) -> bool:
        """Whether the owner held it."""
        with self._changed:
            held = self._held.get(name, [])
            if owner not in held:
                return False
            held.remove(owner)
            self._changed.notify_all()
            return True

    def leave(self, owner: object) -> None:
        """The owner is gone, and with it all it held."""
        with self._changed:
            for held in self._held.values():
                held[:] = [each for each in held if each is not owner]
            self._changed.notify_all()
