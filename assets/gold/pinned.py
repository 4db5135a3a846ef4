"""Silver at the versions of one load, each opened once.

Belongs here: keeping what an opened version of a table is, for as long as a load lasts. A version never changes, and
every date of a load reads the same ones: replaying Delta's log, and telling each file's statistics to Arrow, takes
longer than reading a date. Silver's log is kept, too: no load asks for batches after its own, and no other changes.
Does not: heads of other tables, which are opened whenever they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow.dataset as ds

from lake.store import Lake
from quality.contracts.model import Table
from quality.contracts.tables import BATCHES


@dataclass(frozen=True)
class PinnedLake(Lake):
    """The lake it was made of; not for longer than one load, since files of old versions are swept away in the end."""

    _opened: dict[tuple[str, int | None], ds.Dataset] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def over(cls, lake: Lake) -> PinnedLake:
        """The same lake, with nothing opened yet."""
        return cls(lake.root, lake.options)

    def dataset(self, table: Table, version: int | None = None) -> ds.Dataset:
        """As `Lake.dataset`; a version that is named is the same object each time."""
        if version is None and table is not BATCHES:
            return super().dataset(table)
        key = (table.path, version)
        if key not in self._opened:
            self._opened[key] = super().dataset(table, version)
        return self._opened[key]
