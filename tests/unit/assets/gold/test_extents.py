"""What tags say about a date, without a Kusto."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from assets.gold import database
from assets.gold.extents import Attempt, Held, look

D1, D2 = date(2026, 3, 1), date(2026, 3, 12)
OURS = Attempt("lake1", 12, "abc")


def extent(table: str, rows: int, *tags: str) -> dict[str, Any]:
    return {"ExtentId": "x", "TableName": table, "RowCount": rows, "Tags": "\n".join(tags)}


class Answering:
    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = list(rows)
        self.asked: list[str] = []

    def command(self, text: str) -> list[dict[str, Any]]:
        self.asked.append(text)
        return self.rows


def test_rows_are_counted_per_table_date_and_attempt() -> None:
    kusto: Any = Answering(
        extent("Readings", 5, *OURS.tags(D1)),
        extent("Readings", 7, *OURS.tags(D2)),
        extent("Readings_stage", 11, *OURS.tags(D1)),
        extent("Readings_stage", 13, *Attempt("lake1", 12, "def").tags(D1)),
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


@pytest.mark.parametrize(
    ("held", "answer"),
    [
        (Held(5, frozenset(OURS.tags(D1))), True),
        (Held(4, frozenset(OURS.tags(D1))), False),
        (Held(5, frozenset({"drop-by:2026-03-01"})), False),
        (Held(5, frozenset(Attempt("lake1", 1, "abc").tags(D1))), False),
        (Held(5, frozenset(Attempt("lake2", 12, "abc").tags(D1))), False),
        (Held(5, frozenset([*OURS.tags(D1), *Attempt("lake1", 11, "old").tags(D1)])), False),
        (Held(), False),
    ],
)
def test_a_date_is_there_when_all_its_rows_are_of_this_load(held: Held, answer: bool) -> None:
    assert held.is_from(OURS, D1, 5) is answer


def test_a_date_without_rows_is_there_when_nothing_is() -> None:
    assert Held().is_from(OURS, D1, 0)
    assert not Held(5, frozenset(OURS.tags(D1))).is_from(OURS, D1, 0)


@pytest.mark.parametrize(("lake", "newest"), [("lake1", 12), ("lake2", 3), ("lake3", 0)])
def test_batches_of_another_lake_say_nothing(lake: str, newest: int) -> None:
    tags = [*OURS.tags(D1), *Attempt("lake1", 4, "x").tags(D1), *Attempt("lake2", 3, "y").tags(D1)]
    assert Held(1, frozenset(tags)).newest_batch(lake) == newest


def test_the_load_tag_names_lake_date_batch_and_kql() -> None:
    assert OURS.load(D1) == f"load:lake1/2026-03-01/12/{database.digest()}"


def test_no_two_attempts_share_a_tag() -> None:
    assert Attempt.new("lake1", 1).tag != Attempt.new("lake1", 1).tag
