"""Which events are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from canonical.drift.sampling import EVERY, FIRST, sampled


def numbers(table: pa.Table) -> list[tuple[str, int]]:
    return list(zip(table["partition_id"].to_pylist(), table["sequence_number"].to_pylist(), strict=True))


def test_the_first_events_of_a_stream_are_all_looked_at(events: Callable[..., Any]) -> None:
    assert len(sampled(events(*[b"x"] * 300, first=FIRST - 300))) == 300


@pytest.mark.parametrize("step", [1, 2, 16, 1000], ids=lambda step: f"every {step}. event is a device's")
def test_later_events_are_looked_at_evenly_however_devices_take_turns(events: Callable[..., Any], step: int) -> None:
    later = events(*[b"x"] * 16_000, first=1_000_000)

    of_device = later.take(pa.array(range(0, 16_000, step)))

    expected = len(of_device) / EVERY
    assert abs(len(sampled(of_device)) - expected) <= 4 * expected**0.5 + 1


def test_the_choice_is_the_event_s_own_whatever_lies_beside_it(events: Callable[..., Any]) -> None:
    whole = pa.concat_tables([events(*[b"x"] * 500, first=9_000, partition=name) for name in ("0", "1")])

    cut = [name for start in range(0, 1000, 37) for name in numbers(sampled(whole.slice(start, 37)))]

    assert cut == numbers(sampled(whole))
    assert {name for part, name in cut if part == "0"} != {name for part, name in cut if part == "1"}
