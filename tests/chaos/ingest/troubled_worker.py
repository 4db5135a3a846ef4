"""The product's worker, with doors through which a chaos run does harm inside it.

Belongs here: what cannot be done from outside. A store that is down, an answer that is lost on its way, a snapshot that
is stale, an ownership store that does not answer, each while a file of its name lies in `CHAOS_DOORS`; and the worker
without its fence, which has to fail. Everything else is the product's own code.
Does not: when a door opens (`faults`).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from ingest_workers import data_files
from ingest_workers.bronze import run_bronze, stop_on_signals
from ingest_workers.bronze_table import BronzeTable
from ingest_workers.ownership.file_store import FileCheckpointStore
from ingest_workers.sink import Sink
from settings.model import Settings

STORE_DOWN, ANSWER_LOST, STALE, CLAIMS_DOWN = "store-down", "answer-lost", "stale", "claims-down"
WITHOUT_FENCE = "CHAOS_WITHOUT_FENCE"


def main() -> None:
    """Work until told to stop."""
    doors = Path(os.environ["CHAOS_DOORS"])
    _hang_doors(doors)
    if os.environ.get(WITHOUT_FENCE):
        Sink._past_the_fence = lambda self, events, held: events  # type: ignore[method-assign]
    run_bronze(Settings(), stop=stop_on_signals())


def _hang_doors(doors: Path) -> None:
    def closed_while(door: str, problem: type[Exception], owner: object, *names: str) -> None:
        for name in names:
            setattr(owner, name, _refusing(doors / door, problem, getattr(owner, name)))

    closed_while(STORE_DOWN, DeltaError, BronzeTable, "fresh")
    closed_while(STORE_DOWN, OSError, data_files, "write")
    closed_while(CLAIMS_DOWN, ConnectionError, FileCheckpointStore, "list_ownership", "claim_ownership")
    commit, fresh = DeltaTable.create_write_transaction, BronzeTable.fresh

    def vague(self: DeltaTable, *arguments: object, **options: object) -> None:
        commit(self, *arguments, **options)
        if _taken(doors / ANSWER_LOST):
            raise DeltaError("the commit is there and its answer is lost")

    def stale(self: BronzeTable) -> DeltaTable:
        """As a reader that cached the log: sometimes what was fresh the last time."""
        if self._kept is not None and (doors / STALE).exists() and random.random() < 0.5:
            return self._kept
        return fresh(self)

    DeltaTable.create_write_transaction = vague
    BronzeTable.fresh = stale  # type: ignore[method-assign]


def _refusing(door: Path, problem: type[Exception], call: Callable) -> Callable:
    @wraps(call)
    def refusing(*arguments: object, **options: object) -> object:
        if door.exists():
            raise problem(f"{door.name}, says the chaos run")
        return call(*arguments, **options)

    return refusing


def _taken(door: Path) -> bool:
    """Whether the door was open; it opens for one."""
    with suppress(FileNotFoundError):
        door.unlink()
        return True
    return False
