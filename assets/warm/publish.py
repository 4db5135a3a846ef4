"""The last stop of the warm tier: a build whose tests passed becomes the file that readers open.

Belongs here: the checks before, the copy, the rename, and counting what is published.
Does not: building (`build`). A reader that has the old file open keeps reading it; the next one opens the new.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assets.warm.build import BUILT_WITH, unbuilt
from assets.warm.database import build_database, reading, writing
from lake.files import sync
from settings.failpoints import reach
from settings.model import Settings

MARTS = "marts"


class NotPublishableError(RuntimeError):
    """The build may not be shown to readers; what they have stays as it is."""


@dataclass(frozen=True)
class Publication:
    """What readers see from now on."""

    path: Path
    bytes: int
    rows: dict[str, int]


def publish(settings: Settings) -> Publication:
    """Replace the published file by a checked copy of the build, atomically.

    Raises: NotPublishableError when a staged date is not built (dbt failed, was killed or has not run), or when the
    copy does not hold the rows of the build; WarmBusyError.
    """
    published = settings.warm_database
    copy = published.with_name("warm.next.duckdb")
    with writing(settings) as db:
        rows = _checked(db)
        # Everything out of the write-ahead log and into the file; held open, so that no other writer begins.
        db.execute("force checkpoint")
        shutil.copyfile(build_database(settings), copy)
    with duckdb.connect(str(copy), read_only=True) as check:
        if mart_rows(check) != rows:
            raise NotPublishableError(f"{copy} is no true copy of the build. Is the disk full? Publish again.")
    sync(copy)
    reach("warm.before_publish")
    copy.replace(published)
    sync(published.parent)
    return Publication(path=published, bytes=published.stat().st_size, rows=rows)


def warm_counts(settings: Settings) -> dict[str, int]:
    """Rows per published mart, by name. Raises: WarmMissingError."""
    with reading(settings) as db:
        return mart_rows(db)


def mart_rows(db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows per mart of an open database, by name."""
    names = db.execute(
        "select table_name from information_schema.tables where table_schema = ? order by table_name", [MARTS]
    ).fetchall()
    return {name: int(db.execute(f'select count(*) from {MARTS}."{name}"').fetchall()[0][0]) for (name,) in names}


def _checked(db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows per mart of a build that may be published."""
    built = db.execute(
        "select count(*) from information_schema.tables where table_schema || '.' || table_name = ?", [BUILT_WITH]
    ).fetchall()[0][0]
    if not built or not db.execute(f"select 1 from {BUILT_WITH}").fetchall():
        raise NotPublishableError("The warm tier has not been built yet. Run its dbt assets first.")
    waiting = unbuilt(db)
    if waiting:
        raise NotPublishableError(
            f"{waiting} staged date{'s' * (waiting > 1)} not in the marts: dbt has failed, was killed or has not run "
            "since they were loaded. Run the warm dbt assets; when their tests pass, publish again."
        )
    return mart_rows(db)
