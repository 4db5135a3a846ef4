"""What should become of every event sent: one JSON line each, and the totals of all.

Belongs here: the promise of an event (`Expected`), writing it down, adding it up, and reading it back.
Does not: comparing it with what the lake holds; whoever does compares these totals per outcome and reason code.
"""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

import duckdb

from quality.contracts.reasons import CODES

Outcome = Literal["accepted", "partial", "quarantined", "duplicate"]


# Compared by identity: a manifest of millions is counted by promise, and there are two dozen of them (`faults`).
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Expected:
    """What should become of one event: its outcome, and how many quarantine or other rows it gives.

    An event rejected as a whole is one quarantined row; otherwise the counts are of its readings.
    """

    outcome: Outcome
    accepted: int = 0
    quarantined: int = 0
    duplicate: int = 0
    reason: str | None = None
    """The one reason code of all its quarantined rows."""
    fault: str | None = None

    def __post_init__(self) -> None:
        """Refuse a promise in words nobody else knows."""
        if self.reason is not None and self.reason not in CODES:
            raise ValueError(f"{self.reason!r} is no reason code of quality.contracts.reasons")
        if (self.reason is None) != (self.quarantined == 0):
            raise ValueError("quarantined rows have a reason, and only they")


@dataclass(slots=True)
class Totals:
    """Sums over a manifest. In `events`, partial ones are contained in `accepted`, as the ledger counts them."""

    events_sent: int = 0
    events: dict[str, int] = field(
        default_factory=lambda: {"accepted": 0, "partial": 0, "quarantined": 0, "duplicate": 0}
    )
    readings: dict[str, int] = field(default_factory=lambda: {"accepted": 0, "quarantined": 0, "duplicate": 0})
    reasons: dict[str, int] = field(default_factory=dict)
    """Quarantined rows per reason code, sorted by code."""
    faults: dict[str, int] = field(default_factory=dict)
    """Events per fault put in, sorted by name."""

    def add(self, expected: Expected, events: int = 1) -> None:
        """Count `events` more of the same promise."""
        self.events_sent += events
        self.events[expected.outcome] += events
        if expected.outcome == "partial":
            self.events["accepted"] += events
        self.readings["accepted"] += events * expected.accepted
        self.readings["quarantined"] += events * expected.quarantined
        self.readings["duplicate"] += events * expected.duplicate
        if expected.reason is not None:
            self.reasons[expected.reason] = self.reasons.get(expected.reason, 0) + events * expected.quarantined
        if expected.fault is not None:
            self.faults[expected.fault] = self.faults.get(expected.fault, 0) + events
        self.reasons = dict(sorted(self.reasons.items()))
        self.faults = dict(sorted(self.faults.items()))


class Manifest:
    """Writes lines to `path` (`.jsonl` or `.jsonl.gz`) and keeps the totals; without a path it only counts."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._open = ExitStack()
        self._counts: Counter[Expected] = Counter()
        self._heads: dict[tuple[str, str], str] = {}
        self._tails: dict[Expected, str] = {}

    def __enter__(self) -> Self:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._open.enter_context(self._path.open("wb"))
            if self._path.suffix == ".gz":
                # No name and no time in the header: the same run gives the same bytes.
                packed = self._open.enter_context(gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0))
                self._file = io.TextIOWrapper(packed, encoding="utf-8", newline="\n")
            else:
                self._file = io.TextIOWrapper(file, encoding="utf-8", newline="\n")
            self._open.enter_context(self._file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def record(
        self, devices: Sequence[str], formats: Sequence[str], message_ids: Sequence[str], promises: Sequence[Expected]
    ) -> None:
        """Write down what should become of these events, in the order they were sent."""
        self._counts.update(promises)
        if self._file is None:
            return
        heads, tails = self._heads, self._tails
        for key in zip(devices, formats, strict=True):
            if key not in heads:
                heads[key] = f'","device":{json.dumps(key[0])},"format":{json.dumps(key[1])}'
        for promise in promises:
            if promise not in tails:
                tails[promise] = _tail(promise)
        self._file.write(
            "".join(
                [
                    f'{{"message_id":"{i}{heads[d, f]}{tails[p]}\n'
                    for d, f, i, p in zip(devices, formats, message_ids, promises, strict=True)
                ],
            )
        )

    @property
    def totals(self) -> Totals:
        """Sums of all that was recorded."""
        totals = Totals()
        for promise, events in self._counts.items():
            totals.add(promise, events)
        return totals


def _tail(promise: Expected) -> str:
    fields = {
        "fault": promise.fault,
        "outcome": promise.outcome,
        "accepted": promise.accepted,
        "quarantined": promise.quarantined,
        "duplicate": promise.duplicate,
        "reasons": {} if promise.reason is None else {promise.reason: promise.quarantined},
    }
    return "," + json.dumps(fields, separators=(",", ":")).removeprefix("{")


def summary(manifest: Path) -> Totals:
    """Totals of a manifest on disk; FileNotFoundError where there is none."""
    if not manifest.is_file():
        raise FileNotFoundError(f"no manifest at {manifest}; `lakehouse simulate --manifest` writes one")
    totals = Totals()
    if manifest.stat().st_size == 0:
        return totals
    with duckdb.connect() as connection:
        rows = connection.execute(
            """
            select fault, outcome, accepted, quarantined, duplicate, map_keys(reasons), count(*)
            from read_json(?, format = 'newline_delimited', columns = {
                fault: 'VARCHAR', outcome: 'VARCHAR', accepted: 'BIGINT', quarantined: 'BIGINT',
                duplicate: 'BIGINT', reasons: 'MAP(VARCHAR, BIGINT)'})
            group by all
            """,
            [str(manifest)],
        ).fetchall()
    for fault, outcome, accepted, quarantined, duplicate, reasons, events in rows:
        promise = Expected(
            outcome=outcome,
            accepted=accepted,
            quarantined=quarantined,
            duplicate=duplicate,
            reason=reasons[0] if reasons else None,
            fault=fault,
        )
        totals.add(promise, events)
    return totals
