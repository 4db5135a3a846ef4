"""What a table's files are like: which partitions are closed, which are worth rewriting, and what reading them costs.

Belongs here: looking, by the Delta log and file statistics alone. Nothing here opens a data file or changes anything.
Does not: rewriting (`compaction`) or deleting (`retention`).

*Requests* are counted from the files and log entries that a reader has to ask for, the way ADLS Gen2 bills reads: one
for a file's footer and one for each 4 MB begun of it; one for each log object that opening the table takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from lake.files import list_small
from lake.store import Lake
from quality.contracts.model import Table

BILLED_BYTES = 4 * 2**20
_HOUR = "%Y-%m-%d-%H"


@dataclass(frozen=True, slots=True)
class Part:
    """One partition of a table, or all of a table that has none."""

    value: str
    """As Delta writes it; empty for a table without partitions."""
    sizes: tuple[int, ...]
    """Bytes of each file."""
    newest: datetime
    """When its newest file was written."""

    @property
    def requests(self) -> int:
        """What one full read asks of the store; see the module."""
        return sum(1 + max(1, -(-size // BILLED_BYTES)) for size in self.sizes)


def parts(target: DeltaTable, table: Table) -> list[Part]:
    """The partitions of an opened table, by value."""
    files = pa.table(target.get_add_actions(flatten=True))
    column = f"partition.{table.partition_by[0]}" if table.partition_by else None
    grouped: dict[str, list[tuple[int, int]]] = {}
    values = files[column].to_pylist() if column else [""] * files.num_rows
    written = files["modification_time"].cast(pa.int64()).to_pylist()
    for value, size, at in zip(values, files["size_bytes"].to_pylist(), written, strict=True):
        grouped.setdefault(_text(value), []).append((size, at))
    return [
        Part(value, tuple(size for size, _ in found), datetime.fromtimestamp(max(at for _, at in found) / 1000, UTC))
        for value, found in sorted(grouped.items())
    ]


def why_hot(table: Table, part: Part, at: datetime) -> str | None:
    """Why a partition is left alone now; None where it is closed. A log without partitions never is hot."""
    policy = table.maintenance
    if not table.partition_by:
        return None
    opens = _end_of(part.value) + timedelta(hours=policy.closed_after_hours)
    if at < opens:
        return f"open until {opens:%Y-%m-%d %H:%M}"
    if at - part.newest < timedelta(minutes=policy.quiet_minutes):
        return f"written at {part.newest:%Y-%m-%d %H:%M}"
    return None


def worth_rewriting(table: Table, part: Part) -> bool:
    """Whether there are several files well below the target; what a rewrite leaves is not worth another."""
    small = table.maintenance.file_mb * 2**20 // 2
    return sum(size < small for size in part.sizes) > 1


def log_requests(lake: Lake, table: Table) -> tuple[int, int]:
    """Objects that opening the table takes, and objects in its log altogether."""
    names = [path.rpartition("/")[2] for path in list_small(lake, f"{table.path}/_delta_log")]
    checkpoints = [int(name[:20]) for name in names if ".checkpoint" in name and name[:20].isdigit()]
    newest = max(checkpoints, default=-1)
    entries = sum(name.endswith(".json") and name[:20].isdigit() and int(name[:20]) > newest for name in names)
    return entries + checkpoints.count(newest) + (newest >= 0), len(names)


def requests(found: Iterable[Part]) -> int:
    """Requests of a full read of all of them."""
    return sum(part.requests for part in found)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _end_of(value: str) -> datetime:
    """The end of an hour or a day, by the form of its name."""
    try:
        return datetime.strptime(value, _HOUR).replace(tzinfo=UTC) + timedelta(hours=1)
    except ValueError:
        return datetime.combine(date.fromisoformat(value), time(), UTC) + timedelta(days=1)
