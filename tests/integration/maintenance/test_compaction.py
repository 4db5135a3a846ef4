from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as pafs
import pytest

from assets.maintenance import compaction
from assets.maintenance.compaction import rewrite
from assets.maintenance.survey import parts, requests
from ingest_workers import data_files as worker_files
from ingest_workers.events import Draft, Events
from ingest_workers.sink import Sink
from lake.fence import append, once, write
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY, TABLES
from settings.clock import now

YESTERDAY = (now() - timedelta(days=1)).date().isoformat()
TODAY = now().date().isoformat()
LAST_WEEK = (now() - timedelta(days=7)).date().isoformat()


def part_of(lake: Lake, day: str):
    return next(part for part in parts(lake.open(BRONZE_TELEMETRY), BRONZE_TELEMETRY) if part.value == day)


def test_a_past_day_becomes_one_file_and_keeps_every_row(lake, fill, later, numbers):
    fill(LAST_WEEK)
    before = numbers()
    report = later(BRONZE_TELEMETRY)
    assert (report.rewritten, report.files_before, report.files_after) == ((LAST_WEEK,), 12, 1)
    assert report.read_requests_after < report.read_requests_before
    assert numbers() == before


def test_all_columns_survive(lake, fill, later):
    fill(LAST_WEEK, commits=3)
    before = lake.rows(BRONZE_TELEMETRY).sort_by("sequence_number")
    later(BRONZE_TELEMETRY)
    assert lake.rows(BRONZE_TELEMETRY).sort_by("sequence_number").equals(before)


def test_a_second_run_finds_nothing_to_do(lake, fill, later):
    fill(LAST_WEEK)
    later(BRONZE_TELEMETRY)
    version = lake.version(BRONZE_TELEMETRY)
    assert later(BRONZE_TELEMETRY).rewritten == ()
    assert lake.version(BRONZE_TELEMETRY) == version


def test_the_open_day_is_left_alone(lake, fill, later):
    fill(TODAY)
    report = later(BRONZE_TELEMETRY, hours=0)
    assert (report.rewritten, report.files_after) == ((), 12)
    assert report.hot[0].startswith(f"{TODAY}: open until")


def test_a_past_day_that_a_late_worker_writes_to_is_left_alone(lake, fill, later):
    """A worker that catches up writes to yesterday's partition: it is hot however old its name is."""
    fill(LAST_WEEK)
    report = later(BRONZE_TELEMETRY, hours=0.5)
    assert (report.rewritten, report.files_after) == ((), 12)
    assert report.hot[0].startswith(f"{LAST_WEEK}: written at")


def test_time_is_bounded_and_the_rest_is_said_to_be_left(lake, fill, later, monkeypatch):
    fill(LAST_WEEK, commits=2)
    fill(YESTERDAY, commits=2, first=1000)
    from assets.maintenance import maintain as module

    monkeypatch.setattr(module, "now", lambda: now() + timedelta(days=2))
    report = module.maintain(lake, BRONZE_TELEMETRY, seconds=-1)
    assert (report.rewritten, report.left) == ((), 2)


def test_the_fence_survives(lake, later):
    sink = Sink(lake, "local", "hub", 0, "amqp")
    start = int((datetime.fromisoformat(LAST_WEEK).replace(tzinfo=UTC)).timestamp() * 1e6)
    for number in range(5):
        sink.commit({"0": event(number, start)})
    later(BRONZE_TELEMETRY)
    assert sink.positions(["0"]) == {"0": 4}
    again = sink.commit({"0": event(4, start)})
    assert (again.rows, again.already_there) == (0, 1)


def event(number: int, start: int) -> Events:
    draft = Draft("0")
    for name, value in (
        ("sequence_number", number), ("offset", str(number)), ("enqueued_at", start + number), ("ingested_at", start),
        ("device_id", "d"), ("content_type", None), ("content_encoding", None), ("schema_ref", None),
        ("properties", []), ("body", b"x"),
    ):  # fmt: skip
        getattr(draft, name).append(value)
    return draft.events()


def test_a_flush_whose_files_are_written_before_a_rewrite_is_committed_after_it(lake, fill, numbers):
    """The worker's own two steps on a table object older than the compaction."""
    fill(LAST_WEEK)
    start = int(datetime.fromisoformat(LAST_WEEK).replace(tzinfo=UTC).timestamp() * 1e6)
    stale = lake.open(BRONZE_TELEMETRY)
    files = worker_files.write(lake, BRONZE_TELEMETRY, [worker_files.rows("hub", 0, event(500, start))])
    assert not rewrite(lake, BRONZE_TELEMETRY, part_of(lake, LAST_WEEK)).refused
    stale.create_write_transaction(files, mode="append", schema=worker_files.SCHEMA, partition_by=["ingest_date"])
    assert numbers() == [("0", n) for n in [*range(120), 500]]


def test_writers_that_append_at_the_same_time_are_not_harmed(lake, fill, rows, numbers):
    """Against the rules, rewrites run without a pause on the very partition three writers append to."""
    fill(LAST_WEEK, commits=4)
    problems: list[BaseException] = []
    done = threading.Event()

    def write_some(partition: str) -> None:
        try:
            for n in range(8):
                once(
                    lake, BRONZE_TELEMETRY, f"test/{partition}", n + 1,
                    lambda n=n: rows(range(n * 10, n * 10 + 10), LAST_WEEK, partition),
                )  # fmt: skip
        except BaseException as problem:  # noqa: BLE001 - the test's verdict
            problems.append(problem)

    writers = [threading.Thread(target=write_some, args=(name,)) for name in "123"]

    def rewrite_all() -> None:
        while not done.is_set():
            rewrite(lake, BRONZE_TELEMETRY, part_of(lake, LAST_WEEK))

    rewriter = threading.Thread(target=rewrite_all)
    for thread in [rewriter, *writers]:
        thread.start()
    for thread in writers:
        thread.join(120)
    done.set()
    rewriter.join(60)
    assert problems == []
    assert any(commit["operation"] == "OPTIMIZE" for commit in lake.open(BRONZE_TELEMETRY).history())
    assert numbers() == sorted([("0", n) for n in range(40)] + [(p, n) for p in "123" for n in range(80)])


def test_a_rewrite_gives_way_to_a_writer_that_replaced_its_rows(lake, fill, rows, numbers, monkeypatch):
    fill(LAST_WEEK)

    def replaced_meanwhile(point: str) -> None:
        if point == "maintenance.before_rewrite":
            write(
                lake.open(BRONZE_TELEMETRY), rows(range(3), LAST_WEEK), {},
                mode="overwrite", predicate=f"ingest_date = '{LAST_WEEK}'",
            )  # fmt: skip

    monkeypatch.setattr(compaction, "reach", replaced_meanwhile)
    outcome = rewrite(lake, BRONZE_TELEMETRY, part_of(lake, LAST_WEEK))
    assert outcome.refused
    assert outcome.after == outcome.before
    assert numbers() == [("0", n) for n in range(3)]


def test_a_writer_that_replaces_rewritten_rows_reads_again_and_writes(lake, fill, rows, numbers):
    fill(LAST_WEEK)
    tries = []

    def attempt(target) -> None:
        tries.append(target.version())
        if len(tries) == 1:
            rewrite(lake, BRONZE_TELEMETRY, part_of(lake, LAST_WEEK))
        write(
            target, rows(range(3), LAST_WEEK), {"test": 1}, mode="overwrite", predicate=f"ingest_date = '{LAST_WEEK}'"
        )

    from lake.fence import on_fresh_table

    on_fresh_table(lake, BRONZE_TELEMETRY, attempt)
    assert len(tries) == 2
    assert numbers() == [("0", n) for n in range(3)]


def test_a_reader_of_the_version_before_goes_on_reading_it(lake, fill, later):
    fill(LAST_WEEK)
    version = lake.version(BRONZE_TELEMETRY)
    later(BRONZE_TELEMETRY)
    assert lake.dataset(BRONZE_TELEMETRY, version).count_rows() == 120


def test_events_are_found_by_the_very_instant_they_were_enqueued(lake, later, rows):
    """Delta keeps milliseconds of a file's newest instant; a reader that asks for a microsecond must find it."""
    at = datetime.fromisoformat(LAST_WEEK).replace(tzinfo=UTC) + timedelta(microseconds=1_500_001)
    for number in range(3):
        row = rows(range(number, number + 1), LAST_WEEK).to_pylist()[0] | {"enqueued_at": at}
        append(lake, BRONZE_TELEMETRY, pa.Table.from_pylist([row], schema=rows(range(1), LAST_WEEK).schema))
    later(BRONZE_TELEMETRY)
    assert lake.dataset(BRONZE_TELEMETRY).count_rows(filter=pc.field("enqueued_at") >= at) == 3


class Counting(pafs.FileSystemHandler):
    """A file system that counts the files it opens; the rest is the other's."""

    def __init__(self, other: pafs.FileSystem) -> None:
        self.other, self.opened = other, 0

    def open_input_file(self, path):
        self.opened += 1
        return self.other.open_input_file(path)

    def get_file_info(self, paths):
        return self.other.get_file_info(paths)

    def __getattribute__(self, name):
        own = {"other", "opened", "open_input_file", "get_file_info"}
        return super().__getattribute__(name) if name in own or name.startswith("__") else getattr(self.other, name)

    get_type_name = normalize_path = get_file_info_selector = create_dir = delete_dir = delete_dir_contents = (
        delete_root_dir_contents
    ) = delete_file = move = copy_file = open_input_stream = open_output_stream = open_append_stream = lambda *_: None


def test_a_scan_opens_as_many_files_as_the_report_counts(lake, fill, later):
    fill(LAST_WEEK)

    def opened() -> int:
        found = lake.dataset(BRONZE_TELEMETRY)
        counting = Counting(found.filesystem)
        dataset = ds.FileSystemDataset(
            [
                found.format.make_fragment(fragment.path, pafs.PyFileSystem(counting), fragment.partition_expression)
                for fragment in found.get_fragments()
            ],
            found.schema,
            found.format,
            pafs.PyFileSystem(counting),
        )
        assert dataset.to_table(columns=["sequence_number"]).num_rows == 120
        return counting.opened

    before = opened()
    report = later(BRONZE_TELEMETRY)
    assert (report.files_before, report.files_after) == (12, 1)
    assert before >= 12
    assert opened() * 6 <= before
    assert requests(parts(lake.open(BRONZE_TELEMETRY), BRONZE_TELEMETRY)) == 2


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.path)
def test_every_table_has_a_policy_that_can_be_carried_out_on_an_empty_table(lake, table, later):
    lake.open(table)
    report = later(table)
    assert (report.files_after, report.deleted) == (0, 0)


def test_a_table_without_partitions_is_a_log_that_is_compacted_between_appends(lake, later):
    from quality.contracts.arrow import arrow_schema
    from quality.contracts.tables import DIGESTS

    for n in range(6):
        row = {"digest": str(n), "content": "{}", "stored_at": now()}
        append(lake, DIGESTS, pa.Table.from_pylist([row], schema=arrow_schema(DIGESTS)))
    stale = lake.open(DIGESTS)
    report = later(DIGESTS, hours=0)
    assert (report.rewritten, report.files_after) == (("all",), 1)
    write(stale, pa.Table.from_pylist([row], schema=arrow_schema(DIGESTS)), {})
    assert lake.rows(DIGESTS).num_rows == 7


KILLED = """
import sys
from datetime import timedelta
from assets.maintenance import maintain as module
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.clock import now
module.now = lambda: now() + timedelta(hours=3)
module.maintain(Lake(sys.argv[1]), BRONZE_TELEMETRY)
"""


@pytest.mark.parametrize("point", ["maintenance.before_rewrite", "maintenance.after_rewrite"])
def test_a_killed_run_leaves_every_row_and_the_next_one_goes_on(lake, fill, later, numbers, point):
    fill(LAST_WEEK)
    before = numbers()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, lake.root],
        env={**os.environ, "LAKE_KILL_AT": point},
        cwd=Path(__file__).parents[3],
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert numbers() == before
    assert later(BRONZE_TELEMETRY).files_after == 1
    assert numbers() == before
