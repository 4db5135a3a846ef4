"""Hours of a date as bits, as spans and as sums."""

from __future__ import annotations

from datetime import date

import pytest

from assets.gold.changes import spans_of
from assets.gold.extents import ALL_HOURS
from assets.gold.mend import hours_that_differ, sums_of

D1 = date(2026, 3, 1)
NOTHING = sums_of({})


@pytest.mark.parametrize(
    ("hours", "spans"),
    [
        (0, []),
        (0b1, [("03-01T00", "03-01T01", 0b1)]),
        (0b1011, [("03-01T00", "03-01T02", 0b11), ("03-01T03", "03-01T04", 0b1000)]),
        (1 << 23, [("03-01T23", "03-02T00", 1 << 23)]),
        (ALL_HOURS, [("03-01T00", "03-02T00", ALL_HOURS)]),
    ],
)
def test_neighbouring_hours_are_one_span(hours: int, spans: list[tuple[str, str, int]]) -> None:
    found = [(f"{since:%m-%dT%H}", f"{until:%m-%dT%H}", bits) for since, until, bits in spans_of(D1, hours)]
    assert found == spans


def test_hours_differ_where_their_sums_do() -> None:
    was = sums_of({0: (5, "0000000a"), 7: (5, "0000000b")})
    assert hours_that_differ(was, was) == 0
    assert hours_that_differ(was, NOTHING) == 1 | 1 << 7
    assert (
        hours_that_differ(was, sums_of({0: (5, "0000000a"), 7: (5, "0000000c"), 23: (1, "0000000d")}))
        == 1 << 7 | 1 << 23
    )
