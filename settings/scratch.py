"""A folder for what a batch spills, which a kill does not leave behind for ever.

Belongs here: making it, and sweeping those whose process is gone.
Does not: what is spilled. Nothing in such a folder outlives its process.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from pathlib import Path
from typing import IO

_LOCK = "in-use"


class Scratch:
    """A folder of its own below `parent` (default: the system's temporary folder), until `close` or the process ends.

    Its process holds a lock that the system takes from it when it dies, however it dies; whoever makes the next one
    removes the folders that nobody holds.
    """

    def __init__(self, parent: Path | None, name: str) -> None:
        home = parent or Path(tempfile.gettempdir()) / "telemetry-lakehouse"
        home.mkdir(parents=True, exist_ok=True)
        # One at a time: a folder that is made and not yet locked must not be taken for a dead one's.
        with (home / ".making").open("w") as making:
            fcntl.flock(making, fcntl.LOCK_EX)
            _sweep(home)
            self.path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=home))
            self._lock = _hold(self.path)
        assert self._lock is not None, "nobody else knows of the folder"

    def close(self) -> None:
        """Remove the folder. May be called twice."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()


def _sweep(home: Path) -> None:
    for folder in home.iterdir():
        if folder.is_dir() and (lock := _hold(folder)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            lock.close()


def _hold(folder: Path) -> IO[str] | None:
    """The folder's lock, or None where another process has it or the folder is gone."""
    try:
        lock = (folder / _LOCK).open("w")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
