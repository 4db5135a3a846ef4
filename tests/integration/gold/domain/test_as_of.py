"""Features joined to moments hold nothing that was read after the moment."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from assets.gold.domain.as_of import features_as_of
from quality.contracts.domain_tables import FEATURES_1H

DEVICE, METRIC = "moves", "air_temperature"


def spine(*moments: tuple[str, Any], **more: list[Any]) -> pa.Table:
    devices, times = zip(*moments, strict=True)
    return pa.table(
        {"device_id": list(devices), "at": pa.array(times, pa.timestamp("us", "UTC")), **more},
    )


def test_no_feature_of_a_moment_is_made_of_what_came_after_it(world, at) -> None:
    """Beside an independent look-up: the newest row whose window had ended."""
    chance = random.Random(7)
    moments = [at("2026-03-28") + timedelta(seconds=chance.randrange(-7200, 3 * 86400)) for _ in range(200)]
    found = features_as_of(world.lake, spine(*((DEVICE, when) for when in moments)), metrics=[METRIC]).to_pylist()
    known = world.rows(FEATURES_1H, device_id=DEVICE, metric=METRIC)
    assert [row["at"] for row in found] == moments
    for row in found:
        before = [one for one in known if row["at"] - timedelta(hours=24) <= one["as_of"] <= row["at"]]
        if not before:
            assert (row["as_of"], row["avg_24h"]) == (None, None)
            continue
        newest = max(before, key=lambda one: one["as_of"])
        assert {name: row[name] for name in ("as_of", "avg_24h", "last_value", "count_7d")} == {
            name: newest[name] for name in ("as_of", "avg_24h", "last_value", "count_7d")
        }


def test_what_is_read_later_changes_no_feature_of_before(world, estate, steady, at) -> None:
    """The rest of the series is replaced by other values: up to then every row is the same."""
    estate.read(*steady("2026-03-28", "2026-03-28T12:00", device=DEVICE, value=19.8))
    estate.read(*steady("2026-03-28T12:00", "2026-03-29", device=DEVICE, value=-500.0))
    estate.load()
    until = at("2026-03-28T12:00")
    told = [
        [row for row in one.rows(FEATURES_1H, device_id=DEVICE, metric=METRIC) if row["as_of"] <= until]
        for one in (world, estate)
    ]
    assert len(told[0]) == 12
    for mine, theirs in zip(*told, strict=True):
        for name, value in mine.items():
            assert theirs[name] == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value), name


def test_a_moment_at_the_end_of_an_hour_knows_that_hour_and_one_just_before_does_not(world, at) -> None:
    end = at("2026-03-28T06:00")
    rows = features_as_of(world.lake, spine((DEVICE, end), (DEVICE, end - timedelta(microseconds=1))), metrics=[METRIC])
    assert rows["as_of"].to_pylist() == [end, end - timedelta(hours=1)]


def test_midnight_knows_the_last_hour_of_the_day_before(world, at) -> None:
    rows = features_as_of(world.lake, spine((DEVICE, at("2026-03-29"))), metrics=[METRIC])
    assert rows["as_of"].to_pylist() == [at("2026-03-29")]


def test_features_that_are_too_old_are_null_and_the_spine_keeps_its_order_and_columns(world, at) -> None:
    asked = spine((DEVICE, at("2026-04-05")), ("nobody", at("2026-03-29")), (DEVICE, at("2026-03-29")), label=[1, 2, 3])
    rows = features_as_of(world.lake, asked, metrics=[METRIC]).to_pylist()
    assert [(row["label"], row["metric"], row["as_of"]) for row in rows] == [
        (1, METRIC, None), (2, None, None), (3, METRIC, at("2026-03-29")),
    ]  # fmt: skip


def test_a_spine_that_would_be_mixed_up_is_refused(world, at) -> None:
    with pytest.raises(ValueError, match="as_of"):
        features_as_of(world.lake, spine((DEVICE, at("2026-03-29")), as_of=[1]))
    with pytest.raises(ValueError, match="device_id"):
        features_as_of(world.lake, pa.table({"at": pa.array([at("2026-03-29")])}))
