"""Stop 4 of the data path: Bronze events become Silver, batch by batch.

Belongs here: planning a batch, carrying it out, and finishing one that a crash cut short (DESIGN, Silver 6 to 10).
Does not: what an event says (`canonical`), what makes a reading win (`workspace`), Dagster.

A plan is committed before anything it says is done. It names all that the outcome depends on (events, digest, Delta
versions used as history), so whoever finishes it computes the same rows; txn `silver/batch` in each table lets every
commit happen once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import stamina
import structlog
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction

from assets.silver import batches, digests, drift
from assets.silver.batches import APP_ID, Batch
from assets.silver.intake import Intake, between, chunks, new_events
from assets.silver.quarantine_changes import REMEMBERED
from assets.silver.snapshot import Snapshot, pinned
from assets.silver.workspace import Workspace
from canonical.canonicaliser import Canonicaliser
from canonical.drift.observation import Observer
from lake.data_files import DataFiles
from lake.fence import once, once_files
from lake.store import Lake
from quality.contracts.model import Table
from quality.contracts.tables import (
    BATCHES,
    DUPLICATES,
    EVENT_NAMES,
    QUARANTINE,
    QUARANTINE_HISTORY,
    READINGS,
)
from settings.clock import now
from settings.failpoints import reach
from settings.model import Silver

log = structlog.get_logger()

Progress = Callable[[str, int], None]
"""Called with a sentence and the number of events it concerns."""

_ACCEPTED_COLUMNS = tuple(name for name in READINGS.names if name != "silver_batch")
_WINNER = tuple(f"winner_{name}" for name in (*EVENT_NAMES, "index"))


@dataclass(frozen=True)
class Plan:
    """A batch before it is committed: what it will say, its rows, and the mark of the Bronze files it read."""

    batch: Batch
    desk: Workspace
    mark: str | None


@dataclass(frozen=True)
class Promoter:
    """Silver's one writer: everything a batch needs to know."""

    lake: Lake
    canonicaliser: Canonicaliser
    settings: Silver
    progress: Progress = lambda _said, _events: None
    spill: Path | None = None
    """Where a batch spills what its memory does not hold."""

    def promote(self) -> list[Batch]:
        """Take in everything new, in batches of bounded size; [] where there is nothing new.

        A batch that a crash had left half way is completed first and is among those returned.
        """
        resumed = self.finish()
        done = [] if resumed is None else [resumed]
        while (batch := self._next(self._incremental)) is not None:
            done.append(batch)
        return done

    def replace(self, hours: Sequence[str]) -> Batch | None:
        """Recompute enqueued hours up to the watermark with the current digest; None where they hold nothing."""
        return self._next(lambda head, before: self._replacement(head, before, set(hours)))

    def finish(self) -> Batch | None:
        """Complete the batch that a crash left planned; None where all are complete."""
        planned = batches.last(self.lake.open(BATCHES))
        if planned is None or self._complete(planned.batch):
            return None
        log.warning("silver.batch.resumed", batch=planned.batch, mode=planned.mode, hours=len(planned.hours))
        before = Snapshot(
            planned.batch - 1, planned.readings_version, planned.quarantine_version, planned.duplicates_version
        )
        made_with = digests.fetch(self.lake, planned.digest)
        with Workspace(self.settings, self.spill) as desk:
            after = planned.previous if planned.mode == "append" else {}
            self._lay_out(desk, made_with, between(after, planned.watermark, planned.hours))
            outside = planned.hours if planned.mode == "replace" else ()
            desk.set_history(self._history(desk, before, outside))
            self._gather_conflicts(desk, planned)
            self._commit(desk, planned)
        return planned

    # -- planning --------------------------------------------------------------------------------------------

    def _next(self, plan: Callable[[DeltaTable, Snapshot], Plan | None]) -> Batch | None:
        """Finish what is unfinished, plan, commit the plan, carry it out; who loses the race plans again."""
        for turn in stamina.retry_context(on=CommitFailedError, attempts=20, timeout=600, wait_max=2.0):
            with turn:
                head, before = self._settled()
                found = plan(head, before)
                if found is None:
                    return None
                planned, desk = found.batch, found.desk
                with desk:
                    reach("silver.before_plan")
                    digests.keep(self.lake, self.canonicaliser)
                    batches.append(head, planned, found.mark)
                    reach("silver.after_plan")
                    self._commit(desk, planned)
                return planned
        raise AssertionError("unreachable: the last attempt raises")

    def _settled(self) -> tuple[DeltaTable, Snapshot]:
        """The plan's table with every batch it names complete; its fence is read before all a plan depends on."""
        while True:
            head = self.lake.open(BATCHES)
            before = pinned(self.lake, batches.held(head))
            if before is not None:
                return head, before
            self.finish()

    def _incremental(self, head: DeltaTable, before: Snapshot) -> Plan | None:
        last = batches.last(head)
        watermark = last.watermark if last else {}
        reached = last.reached if last else {}
        mark = batches.bronze_mark(head)
        intake = new_events(self.lake, watermark, reached, self.settings.batch_events, mark)
        if intake.events == 0:
            return None
        made_with = batches.hour_digests(self.lake, before.batch)
        if all(made_with.get(hour, self.canonicaliser.digest) == self.canonicaliser.digest for hour in intake.hours):
            desk = Workspace(self.settings, self.spill)
            self._lay_out(desk, self.canonicaliser, between(watermark, intake.watermark, intake.hours))
            desk.set_history(self._history(desk, before, ()))
            if not desk.overtaken_hours():
                return self._planned("append", desk, before, intake, set(intake.hours))
            desk.close()
        return self._replaced(before, intake, set(intake.hours))

    def _replacement(self, head: DeltaTable, before: Snapshot, hours: set[str]) -> Plan | None:
        last = batches.last(head)
        known = hours & set(batches.hours_touched(self.lake, before.batch))
        if last is None or not known:
            return None
        mark = batches.bronze_mark(head)
        intake = Intake(0, last.watermark, last.watermark, last.reached, tuple(sorted(known)), mark)
        return self._replaced(before, intake, known)

    def _replaced(self, before: Snapshot, intake: Intake, hours: set[str]) -> Plan:
        """Recompute the hours, widened until no winner outside can move (DESIGN, Silver 8)."""
        desk = Workspace(self.settings, self.spill)
        laid_out: set[str] = set()
        while wanting := hours - laid_out:
            self._lay_out(desk, self.canonicaliser, between({}, intake.watermark, sorted(wanting)))
            laid_out |= wanting
            desk.set_history(self._history(desk, before, sorted(hours)))
            hours = hours | desk.overtaken_hours()
            if hours != laid_out:
                continue
            desk.compare(self._of_hours(READINGS, before.readings, hours, _ACCEPTED_COLUMNS))
            if (moments := desk.dethroned_moments()) is not None:
                for table, version in ((DUPLICATES, before.duplicates), (QUARANTINE, before.quarantine)):
                    losers = self._losers(table, version, hours, moments)
                    hours = hours | desk.hours_following(losers)
        return self._planned("replace", desk, before, intake, hours)

    def _planned(self, mode: str, desk: Workspace, before: Snapshot, intake: Intake, hours: set[str]) -> Plan:
        dates = desk.changed_dates() if mode == "replace" else desk.added_dates()
        planned = Batch(
            batch=before.batch + 1,
            planned_at=now(),
            mode=mode,
            digest=self.canonicaliser.digest,
            watermark=intake.watermark,
            previous=intake.previous,
            reached=intake.reached,
            hours=tuple(sorted(hours)),
            event_dates=tuple(sorted(dates)),
            readings_version=before.readings,
            quarantine_version=before.quarantine,
            duplicates_version=before.duplicates,
            events=intake.events,
            accepted=0,
            quarantined=0,
            duplicates=0,
        )
        self._gather_conflicts(desk, planned)
        return Plan(Batch(**{**vars(planned), **desk.counts()}), desk, intake.mark)

    # -- reading ---------------------------------------------------------------------------------------------

    def _lay_out(self, desk: Workspace, made_with: Canonicaliser, events: ds.Expression) -> None:
        read = 0
        desk.made_with(made_with.digest, digests.versions(made_with.content))
        observer = Observer(made_with, desk.noticed)
        for chunk in chunks(self.lake, events, self.settings.decode_events):
            desk.add(made_with.convert(chunk), chunk)
            observer.observe(chunk)
            read += chunk.num_rows
            self.progress("decoded", read)
        observer.close()

    def _history(self, desk: Workspace, before: Snapshot, outside: Sequence[str]) -> pa.RecordBatchReader | None:
        """Accepted rows that could share a key with a candidate, but for those of the hours being replaced."""
        wanted = desk.sharing_moments()
        if wanted is None:
            return None
        if outside:
            wanted &= ~pc.field("enqueued_hour").isin(list(outside))
        return self._reader(READINGS, before.readings, _ACCEPTED_COLUMNS, wanted)

    def _of_hours(self, table: Table, version: int, hours: set[str], columns: Sequence[str]) -> pa.RecordBatchReader:
        return self._reader(table, version, columns, pc.field("enqueued_hour").isin(sorted(hours)))

    def _losers(self, table: Table, version: int, hours: set[str], moments: ds.Expression) -> pa.RecordBatchReader:
        """References to winners in rows of other hours."""
        elsewhere = ~pc.field("enqueued_hour").isin(sorted(hours)) & pc.field("winner_hub").is_valid()
        return self._reader(table, version, (*_WINNER, "enqueued_hour"), elsewhere & moments)

    def _reader(
        self, table: Table, version: int, columns: Sequence[str], wanted: ds.Expression
    ) -> pa.RecordBatchReader:
        scanner = self.lake.dataset(table, version).scanner(
            columns=list(columns), filter=wanted, batch_readahead=4, fragment_readahead=2
        )
        return scanner.to_reader()

    def _gather_conflicts(self, desk: Workspace, planned: Batch) -> None:
        """Fetch the bytes of the events whose readings contradict an accepted one: few, so read once more."""
        conflicts = desk.conflicts()
        if conflicts.num_rows == 0:
            return
        hours = sorted({instant.strftime("%Y-%m-%d-%H") for instant in conflicts["enqueued_at"].to_pylist()})
        after = planned.previous if planned.mode == "append" else {}
        numbers = conflicts["sequence_number"].unique()
        events = between(after, planned.watermark, hours) & pc.field("sequence_number").isin(numbers)
        desk.add_conflicts(chunks(self.lake, events, self.settings.decode_events, (*EVENT_NAMES, "body")))

    # -- writing ---------------------------------------------------------------------------------------------

    def _files(self, desk: Workspace, batch: int) -> list[AddAction]:
        files = DataFiles(self.lake, READINGS)
        for part in desk.accepted(batch):
            files.add(part)
        return files.close()

    def _complete(self, batch: int) -> bool:
        return pinned(self.lake, batch) is not None

    def _commit(self, desk: Workspace, planned: Batch) -> None:
        """Three commits, each once; quarantine first, so that nothing accepted is ever without its reasons."""
        n = planned.batch
        predicate = None
        if planned.mode == "replace":
            predicate = f"enqueued_hour in ({', '.join(repr(hour) for hour in planned.hours)})"
            before = self._of_hours(QUARANTINE, planned.quarantine_version, set(planned.hours), REMEMBERED)
            changes = desk.quarantine_changes(before, planned.previous, n)
            if changes.num_rows:
                once(self.lake, QUARANTINE_HISTORY, APP_ID, n, lambda: changes)
            reach("silver.after_quarantine_history")
        drift.commit(self.lake, planned, desk.noticed, predicate)
        reach("silver.after_schema_drift")
        for table in (QUARANTINE, DUPLICATES, READINGS):
            rows = desk.rows(table, n)
            if predicate is None and table is READINGS:
                once_files(self.lake, table, APP_ID, n, lambda: self._files(desk, n))
            elif predicate is None:
                once(self.lake, table, APP_ID, n, rows)
            else:
                once(self.lake, table, APP_ID, n, rows, mode="overwrite", predicate=predicate)
            reach(f"silver.after_{table.name}")
        log.info(
            "silver.batch.complete",
            batch=n,
            mode=planned.mode,
            events=planned.events,
            hours=len(planned.hours),
            accepted=planned.accepted,
            quarantined=planned.quarantined,
            duplicates=planned.duplicates,
        )
