"""When a share of rejected rows is a spike, and when it is over."""

from __future__ import annotations

import pytest

from assets.silver.spikes import Share, spiking


def share(rejected: int, *, mapping: str = "m", rows: int = 100) -> Share:
    return Share(mapping=mapping, rows=rows, rejected=rejected, threshold=0.1, commonest="above_range")


@pytest.mark.parametrize(
    ("rejected", "before", "expected"),
    [
        (9, set(), set()),
        (10, set(), {"m"}),
        (10, {"m"}, {"m"}),
        (5, {"m"}, {"m"}),
        (4, {"m"}, set()),
        (0, set(), set()),
    ],
)
def test_a_spike_begins_at_the_threshold_and_ends_below_half_of_it(rejected, before, expected) -> None:
    assert spiking([share(rejected)], before, least=1) == expected


def test_few_rows_are_no_spike_whatever_their_share() -> None:
    assert spiking([share(3, rows=3)], set(), least=4) == set()


def test_a_mapping_that_falls_silent_is_not_cured_and_another_is_not_hidden_by_it() -> None:
    assert spiking([share(50, mapping="n")], {"m"}, least=1) == {"m", "n"}


def test_a_mapping_without_rows_has_no_share() -> None:
    assert share(0, rows=0).share == 0.0
