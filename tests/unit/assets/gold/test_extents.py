"""What tags say about a date, without a Kusto."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from assets.gold import database
from assets.gold.extents import ALL_HOURS, Attempt, Extent, Held, look

D1, D2 = date(2026, 3, 1), date(2026, 3, 12)
OURS = Attempt("lake1", 12, "abc")


def extent(table: str, rows: int, *tags: str) -> dict[str, Any]:
    return {"ExtentId": f"{table} {rows}", "TableName": table, "RowCount": rows, "Tags": "\n".join(tags)}


class Answering:
    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = list(rows)
        self.asked: list[str] = []

    def command(self, text: str, *, repeatable: bool) -> list[dict[str, Any]]:
        assert repeatable, "a look changes nothing"
        self.asked.append(text)
        return self.rows


def test_rows_are_counted_per_table_date_and_attempt() -> None:
    kusto: Any = Answering(
        extent("Readings", 5, *OURS.tags(D1, 5)),
        extent("Readings", 7, *OURS.tags(D2, 7)),
        extent("Readings_stage", 11, *OURS.tags(D1, 5)),
        extent("Readings_stage", 13, *Attempt("lake1", 12, "def").tags(D1, 5)),
    )

    survey = look(kusto, ["Readings", "Readings_stage"], [D1, D2])

    assert survey.held("Readings", D1).rows == 5
    assert survey.held("Readings_stage", D1).rows == 24
    assert survey.held("Readings_stage", D1, OURS).rows == 11
    assert survey.held("Readings_stage", D2) == Held()


def test_one_look_asks_for_whole_months() -> None:
    kusto: Any = Answering()

    look(kusto, ["Readings"], [D1, D2])

    (asked,) = kusto.asked
    assert asked.startswith('.show tables (Readings) extents | where Tags contains "drop-by:2026-03" | project ')


def held(*extents: tuple[int, list[str]]) -> Held:
    return Held(tuple(Extent(f"x{n}", "Readings", rows, frozenset(tags)) for n, (rows, tags) in enumerate(extents)))


EARLIER = Attempt("lake1", 11, "old")


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        (held((5, OURS.tags(D1, 5))), True),
        # Older readings stay, and new ones are added beside them.
        (held((3, EARLIER.tags(D1, 3)), (2, OURS.tags(D1, 5))), True),
        (held((4, OURS.tags(D1, 5))), False),
        (held((5, ["drop-by:2026-03-01"])), False),
        (held((5, Attempt("lake1", 1, "abc").tags(D1, 5))), False),
        (held((5, Attempt("lake2", 12, "abc").tags(D1, 5))), False),
        (held((3, Attempt("lake2", 12, "abc").tags(D1, 3)), (2, OURS.tags(D1, 5))), False),
        (Held(), False),
    ],
)
def test_a_date_is_there_when_all_its_rows_are_of_loads_up_to_this_one(found: Held, answer: bool) -> None:
    assert found.is_from(OURS, D1, 5) is answer


def test_a_date_without_rows_is_there_when_nothing_is() -> None:
    assert Held().is_from(OURS, D1, 0)
    assert not held((5, OURS.tags(D1, 5))).is_from(OURS, D1, 0)


@pytest.mark.parametrize(
    ("found", "batch"),
    [
        (held((3, EARLIER.tags(D1, 3)), (2, OURS.tags(D1, 5))), 12),
        # An extent was lost, or is there twice; the newest load is of other KQL; nobody knows where a row is from.
        (held((2, OURS.tags(D1, 5))), 0),
        (held((3, EARLIER.tags(D1, 3)), (2, OURS.tags(D1, 5)), (2, OURS.tags(D1, 5))), 0),
        (held((5, ["load:lake1/2026-03-01/12/0123456789ab", "holds:12/5"])), 0),
        (held((5, ["drop-by:2026-03-01"])), 0),
        (Held(), 0),
    ],
)
def test_a_batch_is_proven_by_tags_and_count(found: Held, batch: int) -> None:
    assert found.proven("lake1", D1) == batch


def test_the_newest_load_says_what_each_hour_has() -> None:
    found = held((3, EARLIER.tags(D1, 3, 1, "aa")), (2, OURS.tags(D1, 5, 2, "ab")))
    assert found.sums("lake1", D1) == "ab"
    assert held((2, OURS.tags(D1, 5, 2, "ab"))).sums("lake1", D1) is None


@pytest.mark.parametrize(
    ("tags", "hours"), [(["hours:000003"], 3), (["hours:000001", "hours:800000"], 0x800001), ([], ALL_HOURS)]
)
def test_an_extent_tells_its_hours(tags: list[str], hours: int) -> None:
    assert Extent("x", "Readings1m", 1, frozenset(tags)).hours == hours


@pytest.mark.parametrize(("lake", "newest"), [("lake1", 12), ("lake2", 3), ("lake3", 0)])
def test_batches_of_another_lake_say_nothing(lake: str, newest: int) -> None:
    tags = [*OURS.tags(D1, 1), *Attempt("lake1", 4, "x").tags(D1, 1), *Attempt("lake2", 3, "y").tags(D1, 1)]
    assert held((1, tags)).newest_batch(lake) == newest


def test_the_load_tag_names_lake_date_batch_and_kql() -> None:
    assert OURS.load(D1) == f"load:lake1/2026-03-01/12/{database.digest()}"


def test_no_two_attempts_share_a_tag() -> None:
    assert Attempt.new("lake1", 1).tag != Attempt.new("lake1", 1).tag
