"""What was accepted is still there, whole batches only, in order."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local_azure.event_hubs import records
from local_azure.event_hubs.clock import Clock
from local_azure.event_hubs.log import PartitionLog, read_partition
from local_azure.event_hubs.message import Incoming, decode
from local_azure.event_hubs.records import DamagedLogError
from local_azure.event_hubs.segment import segments_in

OpenLog = Callable[..., PartitionLog]


def tail(log: PartitionLog) -> Path:
    """The file that the next event goes to."""
    return segments_in(log.folder)[-1]


def bodies(log: PartitionLog) -> list[bytes]:
    return log.read(0, 1000, 1 << 20) if len(log) else []


def test_an_empty_log_says_so(open_log: OpenLog) -> None:
    log = open_log()

    assert (len(log), log.last_sequence_number, log.last_offset, log.last_enqueued_ms) == (0, -1, -1, None)


def test_events_are_numbered_without_gaps_across_restarts(open_log: OpenLog, plain: Incoming, tmp_path: Path) -> None:
    for _ in range(3):
        open_log().append(plain.events * 2)
    open_log()

    records_read = list(read_partition(tmp_path, "hub", "0"))

    assert [record.sequence_number for record in records_read] == [0, 1, 2, 3, 4, 5]
    assert [decode(record.message).body for record in records_read] == [b"hello"] * 6


def test_the_offset_is_a_position_and_never_the_sequence_number(
    open_log: OpenLog, plain: Incoming, tmp_path: Path
) -> None:
    open_log().append(plain.events * 3)

    for record in read_partition(tmp_path, "hub", "0"):
        assert record.offset != record.sequence_number
        assert decode(record.message).annotations["x-opt-offset"] == str(record.offset)
        assert decode(record.message).annotations["x-opt-sequence-number"] == record.sequence_number


def test_a_reopened_log_serves_the_same_bytes(open_log: OpenLog, plain: Incoming) -> None:
    log = open_log()
    log.append(plain.events * 3)
    before = bodies(log), log.last_offset, log.end_offset

    log = open_log()

    assert (bodies(log), log.last_offset, log.end_offset) == before


def test_a_write_cut_off_anywhere_takes_its_whole_batch_and_no_other(
    open_log: OpenLog, plain: Incoming, tmp_path: Path
) -> None:
    log = open_log()
    log.append(plain.events * 2)
    kept = log.end_offset
    log.append(plain.events * 2)
    whole = tail(log).read_bytes()
    log.close()

    for length in range(kept, len(whole)):
        path = tmp_path / str(length) / tail(log).name
        path.parent.mkdir()
        path.write_bytes(whole[:length])
        torn = PartitionLog(path.parent, Clock())
        assert (len(torn), torn.dropped_bytes, path.stat().st_size) == (2, length - kept, kept)
        torn.append(plain.events)
        assert len(torn) == 3
        torn.close()


def test_zeros_after_a_power_cut_count_as_a_torn_end(open_log: OpenLog, plain: Incoming) -> None:
    log = open_log()
    log.append(plain.events)
    with tail(log).open("ab") as file:
        file.write(bytes(5000))

    assert len(open_log()) == 1


def test_damage_inside_the_log_is_an_error_and_not_a_shorter_log(open_log: OpenLog, plain: Incoming) -> None:
    log = open_log()
    log.append(plain.events)
    log.append(plain.events)
    with tail(log).open("r+b") as file:
        file.seek(60)
        file.write(b"\xff\xff")

    with pytest.raises(DamagedLogError, match="damaged at byte 8"):
        open_log()


def test_a_file_that_is_no_log_is_left_alone(open_log: OpenLog) -> None:
    path = tail(open_log())
    path.write_bytes(b"something else entirely")

    with pytest.raises(DamagedLogError, match="not the log of a partition"):
        open_log()
    assert path.read_bytes() == b"something else entirely"


def test_a_full_disk_leaves_the_log_as_it_was(
    open_log: OpenLog, plain: Incoming, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log()
    log.append(plain.events)
    real, calls = os.pwrite, []

    def fill_up(file: int, data: bytes, at: int) -> int:
        calls.append(at)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(file, data[:10], at)

    monkeypatch.setattr("local_azure.event_hubs.segment.os.pwrite", fill_up)
    with pytest.raises(OSError, match="No space"):
        log.append(plain.events)
    monkeypatch.undo()

    assert len(log) == 1
    log.append(plain.events)
    assert len(open_log()) == 2
    assert len(calls) == 2


def test_short_writes_are_carried_on(open_log: OpenLog, plain: Incoming, monkeypatch: pytest.MonkeyPatch) -> None:
    log = open_log()
    real = os.pwrite
    monkeypatch.setattr(
        "local_azure.event_hubs.segment.os.pwrite", lambda file, data, at: real(file, bytes(data)[:7], at)
    )
    log.append(plain.events * 3)
    monkeypatch.undo()

    assert len(open_log()) == 3


def test_enqueued_time_never_goes_backwards(open_log: OpenLog, plain: Incoming, noon: Clock, tmp_path: Path) -> None:
    times = [datetime(2024, 2, 29, hour, tzinfo=UTC) for hour in (12, 15, 9, 16)]
    for instant in times:
        noon.set(instant)
        open_log().append(plain.events)

    hours = [record.enqueued_at.hour for record in read_partition(tmp_path, "hub", "0")]

    assert hours == [12, 15, 15, 16]


@pytest.mark.parametrize(
    ("hour", "inclusive", "index"), [(11, True, 0), (12, True, 0), (12, False, 2), (13, True, 2), (14, False, 4)]
)
def test_a_time_finds_the_first_event_after_it(
    open_log: OpenLog, plain: Incoming, noon: Clock, *, hour: int, inclusive: bool, index: int
) -> None:
    log = open_log()
    for at in (12, 14):
        noon.set(datetime(2024, 2, 29, at, tzinfo=UTC))
        log.append(plain.events * 2)
    wanted = int(datetime(2024, 2, 29, hour, tzinfo=UTC).timestamp() * 1000)

    assert log.first_at_time(wanted, inclusive=inclusive) == index


@pytest.mark.parametrize(("most", "most_bytes", "expected"), [(2, 10_000, 2), (10, 10_000, 5), (10, 200, 2), (9, 1, 1)])
def test_reads_are_limited_but_never_empty(
    open_log: OpenLog, plain: Incoming, most: int, most_bytes: int, expected: int
) -> None:
    log = open_log()
    log.append(plain.events * 5)

    assert len(log.read(0, most, most_bytes)) == expected


def test_a_reader_beside_a_running_server_sees_whole_batches(
    open_log: OpenLog, plain: Incoming, tmp_path: Path
) -> None:
    log = open_log()
    log.append(plain.events)
    with tail(log).open("ab") as file:  # the start of a batch that is still being written
        file.write(records.pack(1, 0, 1, b"first of two") + records.pack(2, 0, 0, b"second")[:20])

    assert [record.sequence_number for record in read_partition(tmp_path, "hub", "0")] == [0]


def test_asking_for_a_partition_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="partition '9' of hub 'telemetry'"):
        read_partition(tmp_path, "telemetry", "9")


@pytest.mark.parametrize("events", [1, 600])
def test_a_log_of_any_length_is_read_in_order(open_log: OpenLog, plain: Incoming, events: int) -> None:
    log = open_log()
    log.append(plain.events * events)
    read: list[Any] = []

    while len(read) < events:
        read += [decode(data).annotations["x-opt-sequence-number"] for data in log.read(len(read), 100, 5000)]

    assert read == list(range(events))
