"""How dates are cut into answers that Kusto does not cut."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from assets.gold import copying
from assets.gold.load import _runs

FIRST = date(2026, 3, 1)


def days(*offsets: int) -> list[date]:
    return [FIRST + timedelta(days=offset) for offset in offsets]


@pytest.mark.parametrize(
    ("rows", "groups"),
    [
        ({0: 4, 1: 6}, [[0, 1]]),
        ({0: 4, 1: 7}, [[0], [1]]),
        ({0: 30, 1: 1, 2: 1}, [[0], [1, 2]]),
        ({0: 1, 2: 1}, [[0], [2]]),
        ({0: 1, 1: 0, 2: 1}, [[0], [2]]),
        ({0: 0}, []),
    ],
)
def test_neighbouring_dates_share_an_answer_while_they_fit(
    rows: dict[int, int], groups: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "SLICE_ROWS", 10)
    counted = {FIRST + timedelta(days=offset): count for offset, count in rows.items()}
    assert list(copying._grouped(list(counted), counted)) == [days(*group) for group in groups]


def test_a_run_is_of_near_dates_and_bounded() -> None:
    runs = list(_runs(days(0, 1, 8, *range(16, 66))))
    assert [len(run) for run in runs] == [3, 31, 19]
