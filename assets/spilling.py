"""A DuckDB for one piece of work: what memory does not hold goes to disk, and all of it is gone when the work is.

Belongs here: opening it with the limits that every tier wants, and closing it however the work ends.
Does not: what is asked of it (a class of each tier, made from this one); engines that keep plans (`canonical.engine`).
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from settings.scratch import Scratch


class SpillingDuckdb:
    """An engine of its own in UTC, with a folder to spill into."""

    def __init__(self, name: str, spill: Path | None, *, memory_limit: str = "1GB") -> None:
        """`name` begins the folder's; `spill`: where folders are made (default: the system's temporary folder)."""
        self._spill = Scratch(spill, name)
        self._db = duckdb.connect(
            config={
                "memory_limit": memory_limit,
                "temp_directory": str(self._spill.path),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "TimeZone": "UTC",
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the rows and what they spilled."""
        self._db.close()
        self._spill.close()
