"""Leaving out rows gives what a filter gives, and what columns share they still share."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from assets.silver.kept_rows import Mask, kept_rows

ROWS = 1_000
DEVICES = pa.array([f"device-{number % 7}" for number in range(ROWS)]).dictionary_encode()


def reading(metric: str, shift: float) -> pa.Table:
    """One metric of the same events: device and number are the very same arrays."""
    return pa.table(
        {
            "device": DEVICES,
            "number": NUMBERS,
            "metric": pa.DictionaryArray.from_arrays(pa.array(np.zeros(ROWS, np.int32)), pa.array([metric])),
            "value": pa.array([None if number % 5 == 0 else number + shift for number in range(ROWS)]),
            "text": pa.nulls(ROWS, DEVICES.type),
        }
    )


NUMBERS = pa.array(range(ROWS), pa.int64())
MASKS = {
    "the same of each metric": np.tile(np.arange(ROWS) % 3 > 0, 2),
    "others of each metric": np.arange(2 * ROWS) % 7 > 2,
    "all of one": np.arange(2 * ROWS) < ROWS,
    "none": np.zeros(2 * ROWS, np.bool_),
    "all": np.ones(2 * ROWS, np.bool_),
}


@pytest.mark.parametrize("kept", MASKS.values(), ids=MASKS.keys())
def test_it_gives_what_a_filter_gives(kept: Mask) -> None:
    rows = pa.concat_tables([reading("a", 0.5), reading("b", 0.25)])
    assert kept_rows(rows, kept).to_pylist() == rows.filter(pa.array(kept)).to_pylist()


def test_what_two_metrics_share_they_still_share() -> None:
    rows = pa.concat_tables([reading("a", 0.5), reading("b", 0.25)])
    numbers = kept_rows(rows, MASKS["the same of each metric"]).column("number")
    first, second = (chunk.buffers()[1].address for chunk in numbers.chunks)
    assert first == second
