"""How workers make themselves known: a card each, in the lake.

Belongs here: a worker's name, its card (what it does, when it last said so, how often it was started), and reading the
cards of all.
Does not: measuring (`standing`), or what `lakehouse status` makes of it (`orchestration.fleet_status`).

The lake is the one place that every worker and every operator reaches, on a laptop as in Azure, and a card there
outlives the machine that wrote it. Cards decide nothing: who reads which partition is ownership's, what is taken over
is the fence's.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import structlog

from lake.files import delete_small, list_small, read_small, write_small
from lake.store import Lake
from settings.clock import now

log = structlog.get_logger(__name__)

FOLDER = "_fleet"
FORGOTTEN_AFTER = timedelta(days=7)
_SEATS = 256


@contextmanager
def seat(home: Path, name: str = "") -> Iterator[str]:
    """The name of this worker: `name`, or else this host's, and the first free number on it.

    A lock that the system takes from a dead process holds the number, so that whoever is started next takes it up
    again and is counted as a restart. Replicas that share a host's name but no disk have to be named.
    """
    number, lock = _free_seat(home / "workers")
    try:
        yield _fit(f"{name or socket.gethostname()}-{number}")
    finally:
        if lock is not None:
            lock.close()


def _free_seat(folder: Path) -> tuple[str, IO[str] | None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(_SEATS):
            lock = (folder / f"{number}.lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            return str(number), lock
    except OSError as problem:
        log.warning("this worker's name is its process id: the home folder takes no files", error=str(problem))
    return f"p{os.getpid()}", None


def _fit(name: str) -> str:
    """A name that is a file's name on every store."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name)[:120] or "worker"


class Card:
    """One worker's card: written when it starts, every so often, and when it ends."""

    def __init__(self, lake: Lake, name: str, facts: Callable[[], dict[str, Any]], *, every: float) -> None:
        self.name = name
        self._lake, self._facts, self._every = lake, facts, every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="card", daemon=True)
        self._failing = False
        before = self._before()
        self.starts = int(before.get("starts", 0)) + 1
        self._last_end = before.get("ended") or ("killed, or its host went down" if before else None)

    @property
    def restarts(self) -> int:
        """How often a worker of this name was started again."""
        return self.starts - 1

    def start(self) -> None:
        """Begin to write, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Write the last word."""
        self._over.set()
        self._thread.join(self._every + 5.0)

    def _keep(self) -> None:
        self._write()
        self._forget_old()
        while not self._over.wait(self._every):
            self._write()
        self._write()

    def _write(self) -> None:
        said = {
            "worker": self.name,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "starts": self.starts,
            "last_end": self._last_end,
            "written_at": now(),
            "every_seconds": self._every,
            **self._facts(),
        }
        try:
            write_small(self._lake, f"{FOLDER}/{self.name}.json", json.dumps(said, default=_plain).encode())
        except Exception as problem:  # noqa: BLE001 - a worker that cannot say how it is goes on working
            error = f"{type(problem).__name__}: {problem}"
            if not self._failing:
                log.warning("the worker's card cannot be written; tried again", error=error)
            self._failing = True
        else:
            self._failing = False

    def _before(self) -> dict[str, Any]:
        try:
            return _parsed(read_small(self._lake, f"{FOLDER}/{self.name}.json")) or {}
        except Exception as problem:  # noqa: BLE001 - as above
            log.warning("the worker's former card cannot be read", error=f"{type(problem).__name__}: {problem}")
            return {}

    def _forget_old(self) -> None:
        try:
            for card in cards(self._lake):
                if card["written_at"] < now() - FORGOTTEN_AFTER:
                    delete_small(self._lake, f"{FOLDER}/{card['worker']}.json")
        except Exception as problem:  # noqa: BLE001 - as above
            log.warning("old cards cannot be removed", error=f"{type(problem).__name__}: {problem}")


def cards(lake: Lake) -> list[dict[str, Any]]:
    """The cards of all workers, by name; one that is not whole is passed over. `written_at` is an instant.

    Raises: whatever the store raises when it does not answer.
    """
    found = (_parsed(read_small(lake, path)) for path in list_small(lake, FOLDER) if path.endswith(".json"))
    return [card for card in found if card is not None]


def silent_for(card: dict[str, Any], at: datetime) -> timedelta | None:
    """How long a running worker has said nothing; None where it ended or spoke when it should."""
    silence: timedelta = at - card["written_at"]
    if card.get("ended") or silence <= timedelta(seconds=4 * float(card.get("every_seconds", 15))):
        return None
    return silence


def _parsed(content: bytes | None) -> dict[str, Any] | None:
    try:
        card = json.loads(content or b"")
        card["written_at"] = datetime.fromisoformat(card["written_at"])
        str(card["worker"])
    except (ValueError, KeyError, TypeError):
        return None
    return dict(card)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
