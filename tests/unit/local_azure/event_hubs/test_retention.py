"""The head moves, for good, and what is left keeps its numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from azure.eventhub._utils import event_position_selector
from hypothesis import given, settings
from hypothesis import strategies as st

from local_azure.event_hubs.clock import Clock
from local_azure.event_hubs.codec import Described, Symbol
from local_azure.event_hubs.log import PartitionLog, read_partition
from local_azure.event_hubs.message import Incoming, decode, incoming
from local_azure.event_hubs.positions import start_of
from local_azure.event_hubs.records import DamagedLogError
from local_azure.event_hubs.retention import Retention
from local_azure.event_hubs.segment import segments_in

OpenLog = Callable[..., PartitionLog]
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
# Two of the small events fill a file.
SMALL = 200
PLAIN = b"\x00\x53\x75\xa0\x05hello"


@pytest.fixture
def log(open_log: OpenLog, plain: Incoming, noon: Clock) -> PartitionLog:
    """Ten events, an hour apart, two to a file."""
    log = open_log(SMALL)
    for hours in range(10):
        noon.set(NOON + timedelta(hours=hours))
        log.append(plain.events)
    assert len(segments_in(log.folder)) == 5
    return log


def kept(tmp_path: Path) -> list[int]:
    return [record.sequence_number for record in read_partition(tmp_path, "hub", "0")]


def numbers(log: PartitionLog) -> list[int]:
    """Of every event, each read as a receiver would."""
    return [
        decode(log.read(number, 1, 1)[0]).annotations["x-opt-sequence-number"] for number in range(log.first, log.next)
    ]


def test_a_log_of_many_files_reads_as_one(log: PartitionLog, tmp_path: Path) -> None:
    assert numbers(log) == kept(tmp_path) == list(range(10))
    assert [record.offset for record in read_partition(tmp_path, "hub", "0")] == [
        int(decode(log.read(number, 1, 1)[0]).annotations["x-opt-offset"]) for number in range(10)
    ]


@pytest.mark.parametrize("first", [0, 1, 2, 5, 9, 10, 99])
def test_a_head_that_moved_stays_there_and_takes_whole_files_along(
    log: PartitionLog, open_log: OpenLog, plain: Incoming, tmp_path: Path, first: int
) -> None:
    log.drop_before(first)
    first = min(first, 10)
    for again in (False, True):
        each = open_log(SMALL) if again else log
        assert (each.first, each.next, len(each), each.last_sequence_number) == (first, 10, 10 - first, 9)
        assert (each.last_enqueued_ms or 0) / 1000 == (NOON + timedelta(hours=9)).timestamp()
        assert numbers(each) == kept(tmp_path) == list(range(first, 10))
        log = each
    assert len(segments_in(tmp_path / "hub" / "0")) == 5 - min(first // 2, 4)

    log.append(plain.events)

    assert kept(tmp_path) == [*range(first, 11)]


def test_a_head_never_goes_back(log: PartitionLog) -> None:
    log.drop_before(6)
    log.drop_before(2)

    assert log.first == 6


@pytest.mark.parametrize(("hours", "first"), [(100, 0), (9, 0), (8.5, 1), (3, 6), (0, 9), (-1, 10)])
def test_events_go_when_they_are_too_old(log: PartitionLog, noon: Clock, hours: float, first: int) -> None:
    Retention(age=timedelta(hours=hours)).apply(log, noon.now_ms())

    assert log.first == first


def test_a_partition_keeps_to_its_size(log: PartitionLog) -> None:
    size = int(decode(log.read(6, 1, 1)[0]).annotations["x-opt-offset"])

    Retention(size=log.end_offset - size).apply(log, 0)
    assert log.first == 6
    Retention(size=log.end_offset - size - 1).apply(log, 0)
    assert log.first == 7


def test_without_a_rule_everything_stays(log: PartitionLog, noon: Clock) -> None:
    Retention().apply(log, noon.now_ms() + 10**12)

    assert log.first == 0


@pytest.mark.parametrize("position", ["-1", 0, 3, -1, "8", NOON, NOON + timedelta(hours=3)], ids=str)
@pytest.mark.parametrize("inclusive", [True, False])
def test_who_reads_below_the_head_starts_at_the_oldest_event(
    log: PartitionLog, position: object, inclusive: bool
) -> None:
    log.drop_before(5)
    name = Symbol("apache.org:selector-filter:string")
    selector = event_position_selector(position, inclusive).decode()
    source = Described(0x28, ["address", *[None] * 6, {name: Described(name, selector)}])

    assert start_of(source, log) == 5


def test_a_crash_between_the_head_and_its_files_leaves_nothing_behind(
    log: PartitionLog, open_log: OpenLog, tmp_path: Path
) -> None:
    (log.folder / "head").write_text("5")

    log = open_log(SMALL)

    assert log.first == 5
    assert len(segments_in(log.folder)) == 3


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 5)),
        st.tuples(st.just("drop"), st.integers(0, 60)),
        st.tuples(st.just("reopen"), st.just(0)),
    ),
    max_size=12,
)


@given(STEPS)
@settings(deadline=None, max_examples=60)
def test_whatever_is_appended_dropped_and_reopened_the_log_is_what_it_should_be(steps: list[tuple[str, int]]) -> None:
    clock, event = Clock(NOON, speed=0), incoming(PLAIN, 0).events
    first = after = 0
    with TemporaryDirectory() as name:
        folder = Path(name) / "hub" / "0"
        log = PartitionLog(folder, clock, segment_bytes=SMALL)
        for step, number in steps:
            if step == "append":
                assert log.append(event * number) == after
                after += number
            elif step == "drop":
                log.drop_before(number)
                first = max(first, min(number, after))
            else:
                log.close()
                log = PartitionLog(folder, clock, segment_bytes=SMALL)
            assert (log.first, log.next, log.last_sequence_number) == (first, after, after - 1)
            assert numbers(log) == kept(Path(name)) == list(range(first, after))
        log.close()


def test_a_file_that_is_missing_in_the_middle_is_an_error(log: PartitionLog, open_log: OpenLog) -> None:
    segments_in(log.folder)[2].unlink()

    with pytest.raises(DamagedLogError, match="ends before event 4"):
        open_log(SMALL)


def test_a_log_from_when_it_was_one_file_is_taken_over(open_log: OpenLog, plain: Incoming) -> None:
    log = open_log()
    log.append(plain.events * 3)
    [only] = segments_in(log.folder)
    log.close()
    only.rename(only.with_name("events.log"))

    assert numbers(open_log()) == [0, 1, 2]
