"""Predicates over Bronze keep exactly the events they name."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from assets.silver.intake import between, hour_of, hour_start, in_hours, stream_name

TIMES = ("02:59:59.999999", "03:00:00", "03:59:59.999999", "04:00:00", "05:00:00", "23:59:59")


@pytest.fixture(scope="module")
def events() -> ds.Dataset:
    """Numbers 0 to 5 at TIMES on 1 March, in two streams; one hub has a slash in its name."""
    rows = [
        {
            "ingest_date": date(2026, 3, 1), "hub": hub, "partition_id": partition, "epoch": epoch,
            "sequence_number": number, "enqueued_at": datetime.fromisoformat(f"2026-03-01T{at}").replace(tzinfo=UTC),
        }
        for hub, partition, epoch in (("a/b", "0", 0), ("a/b", "0", 1))
        for number, at in enumerate(TIMES)
    ]  # fmt: skip
    return ds.dataset(pa.Table.from_pylist(rows))


def numbers(events: ds.Dataset, predicate: ds.Expression) -> list[int]:
    return events.to_table(filter=predicate)["sequence_number"].to_pylist()


@pytest.mark.parametrize(
    ("hours", "kept"),
    [
        pytest.param(["03"], [1, 2], id="an hour holds its first instant and not the next one's"),
        pytest.param(["03", "04"], [1, 2, 3], id="neighbours are one range"),
        pytest.param(["05", "02", "05"], [0, 4], id="in any order, named twice"),
        pytest.param(["23"], [5], id="the day's last hour"),
        pytest.param(["12"], [], id="an empty hour"),
    ],
)
def test_hours_keep_their_events(events: ds.Dataset, hours: list[str], kept: list[int]) -> None:
    assert numbers(events, in_hours([f"2026-03-01-{hour}" for hour in hours])) == kept * 2


def test_between_two_watermarks_is_after_the_one_and_up_to_the_other(events: ds.Dataset) -> None:
    old, new = stream_name("a/b", "0", 0), stream_name("a/b", "0", 1)
    hours = [f"2026-03-01-{hour:02}" for hour in range(24)]

    assert numbers(events, between({old: 1}, {old: 3, new: 0}, hours)) == [2, 3, 0]
    assert numbers(events, between({}, {old: 1}, hours)) == [0, 1]
    assert numbers(events, between({old: 3}, {old: 3}, hours)) == []


@pytest.mark.parametrize("hour", ["2026-03-01-00", "2026-12-31-23"])
def test_an_hour_and_its_first_instant_name_each_other(hour: str) -> None:
    assert hour_of(hour_start(hour)) == hour
