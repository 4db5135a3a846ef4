"""The two DuckDB files of the warm tier, and how they are opened.

Belongs here: where they lie, one writer at a time, naive UTC, and how a lost build file comes back.
Does not: what is written (`staging`, `build`) or how a build becomes the published file (`publish`).
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from assets.warm.engine import WarmBusyError, WarmMissingError
from settings.model import Settings

WAIT_SECONDS = 30.0
"""How long a second writer waits for the first: longer than a load, shorter than a person's patience."""


def build_database(settings: Settings) -> Path:
    """The file that is written: beside the published one, so that a rename can replace that."""
    return settings.warm_database.with_name("warm.build.duckdb")


@contextmanager
def writing(settings: Settings, wait_seconds: float = WAIT_SECONDS) -> Iterator[duckdb.DuckDBPyConnection]:
    """The build file, for this process alone.

    A lost build file is copied from the published one first: it holds every date, and a build of a few dirty dates
    upon an empty file would publish a database without the others.
    Raises: WarmBusyError when another process still holds it after `wait_seconds`.
    """
    path = build_database(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() and settings.warm_database.exists():
        _restore(settings.warm_database, path)
    connection = _connect(path, wait_seconds)
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


@contextmanager
def reading(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file, read-only: it never waits for a build and never stops one.

    Raises: WarmMissingError where nothing has been published.
    """
    path = settings.warm_database
    if not path.exists():
        raise WarmMissingError(f"{path} is not there: nothing has been published. Materialise the warm assets first.")
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def _restore(published: Path, build: Path) -> None:
    """A crash in between leaves no half of a database under the build file's name."""
    part = build.with_name(f"warm.restore-{os.getpid()}.duckdb")
    shutil.copyfile(published, part)
    part.replace(build)


def _connect(path: Path, wait_seconds: float) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return duckdb.connect(str(path))
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise
            if time.monotonic() >= deadline:
                raise WarmBusyError(
                    f"{path} is being written by another process; waited {wait_seconds:g} s. "
                    f"Let that build end, or stop it, then run again. DuckDB says: {error}"
                ) from error
        time.sleep(0.2)
