"""Bronze's files: which of them may hold events that Silver has not taken in.

Belongs here: passing over the files that an earlier batch read to their end, or each batch would read all of Bronze to
find a stream nobody has heard of. A mark names a version of Bronze and a hash of the files it had.
Does not: what is new, which sequence numbers alone decide (`intake`). A mark is a hint: where it is missing, or that
version is gone or had other files (a restored table), every file is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY


def mark_of(bronze: DeltaTable) -> str:
    """The mark of all that this version of Bronze holds."""
    return _mark(int(bronze.version()), _paths(bronze))


def unread(lake: Lake, bronze: DeltaTable, mark: str | None) -> ds.Dataset:
    """The files of `bronze` that were not there at `mark`."""
    dataset = bronze.to_pyarrow_dataset()
    read = _read_before(lake, mark)
    if not read:
        return dataset
    fragments = [fragment for fragment in dataset.get_fragments() if fragment.path not in read]
    return ds.FileSystemDataset(fragments, dataset.schema, dataset.format, dataset.filesystem)


def _read_before(lake: Lake, mark: str | None) -> set[str]:
    if not mark:
        return set()
    version = int(mark.partition(":")[0])
    try:
        paths = _paths(lake.open(BRONZE_TELEMETRY, version))
    except (TableNotFoundError, DeltaError):
        return set()
    return paths if _mark(version, paths) == mark else set()


def _paths(bronze: DeltaTable) -> set[str]:
    return set(pa.table(bronze.get_add_actions())["path"].to_pylist())


def _mark(version: int, paths: Iterable[str]) -> str:
    return f"{version}:{hashlib.sha256(chr(10).join(sorted(paths)).encode()).hexdigest()[:16]}"
