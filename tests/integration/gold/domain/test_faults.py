"""Fault indicators: each rule on an hour that it is about, and all of them on labelled faults of real units."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.gold.domain.fault_rules import FAULTS, NUMBERS, STATES
from assets.gold.domain.faults import FAULT_INDICATORS

Judged = dict[str, tuple[float, float]]
DAY = date(2026, 3, 1)
HEALTHY = {
    "supply": 13.0, "setpoint": 13.0, "mixed": 20.0, "return": 23.0, "outdoor": 13.0, "heating_valve": 0.0,
    "cooling_valve": 60.0, "outdoor_damper": 30.0, "fan_speed": 80.0, "duct_pressure": 350.0, "duct_setpoint": 350.0,
}  # fmt: skip


def indicators(numbers: pl.DataFrame, shares: pl.DataFrame) -> list[dict[str, Any]]:
    """The query of the table over hours, without a lake."""
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        for name, frame in (("readings_1h", numbers), ("state_hours", shares)):
            db.register(name, frame.to_arrow())
        db.execute(
            "CREATE TABLE days AS SELECT DISTINCT event_date, CAST(event_date AS TIMESTAMPTZ) AS day_start, "
            "day_start + INTERVAL 1 day AS day_end FROM readings_1h"
        )
        db.execute(
            "CREATE TABLE register (device_id VARCHAR, site_id VARCHAR, valid_from TIMESTAMPTZ, valid_to TIMESTAMPTZ)"
        )
        found: list[dict[str, Any]] = db.sql(FAULT_INDICATORS.query).to_arrow_table().to_pylist()
        return found


def judged(*hours: dict[str, Any]) -> Judged:
    """Code to hours judged and hours in fault, of a unit whose hours are healthy but for what is said."""
    numbers, shares = [], []
    for n, said in enumerate(hours):
        at = {"event_date": DAY, "device_id": "u", "window_start": datetime(2026, 3, 1, n, tzinfo=UTC)}
        points = {**HEALTHY, **said}
        for point, (metric, channel) in NUMBERS.items():
            value = points.get(point)
            if value is not None:
                wide = 0.0 if said.get("stuck") and point == "supply" else 0.2
                numbers.append(
                    {
                        **at,
                        "metric": metric,
                        "channel": channel,
                        "avg_value": value,
                        "reading_count": 60,
                        "min_value": value - wide,
                        "max_value": value + wide,
                    }
                )
        for point, share in {"fan_on": 1.0, "unoccupied": 0.0, **said}.items():
            if point in STATES:
                metric, channel, state = STATES[point]
                shares.append({**at, "metric": metric, "channel": channel, "state": state, "share": share})
    found = indicators(pl.DataFrame(numbers), pl.DataFrame(shares))
    return {row["code"]: (row["hours_judged"], row["hours_in_fault"]) for row in found}


WRONG: dict[str, dict[str, Any]] = {
    "heating_and_cooling": {"heating_valve": 30.0},
    "supply_too_warm": {"supply": 15.5},
    "supply_too_cold": {"supply": 10.5},
    "cooling_exhausted": {"cooling_valve": 100.0, "supply": 14.5},
    "heating_exhausted": {"heating_valve": 100.0, "supply": 11.5},
    "cools_when_shut": {"cooling_valve": 0.0, "mixed": 15.5},
    "heats_when_shut": {"cooling_valve": 0.0, "mixed": 9.5},
    "mixed_air_impossible": {"mixed": 25.5},
    "damper_does_not_follow": {"outdoor_damper": 90.0},
    "free_cooling_missed": {"outdoor": 10.0, "mixed": 19.1},
    "duct_pressure_off": {"duct_pressure": 200.0},
    "fan_out_of_hours": {"unoccupied": 1.0},
    "supply_sensor_stuck": {"stuck": True},
}


def test_every_rule_has_an_hour_that_it_is_about() -> None:
    assert [rule.code for rule in FAULTS] == list(WRONG)


@pytest.mark.parametrize("code", WRONG)
def test_a_rule_tells_the_hour_that_is_wrong_from_one_that_is_not(code: str) -> None:
    assert judged(WRONG[code], WRONG[code])[code] == (2, 2)
    good = {"unoccupied": 1.0, "fan_on": 0.0} if code == "fan_out_of_hours" else {}
    well = judged(good, good)
    # Some rules are about hours of another kind, and say nothing of a healthy one.
    assert well.get(code, (0, 0))[1] == 0


def test_an_hour_without_a_point_or_without_its_fan_is_not_judged() -> None:
    found = judged({"heating_valve": None}, {"fan_on": 0.5, "heating_valve": 30.0}, {"fan_speed": 0.0})
    assert "heating_and_cooling" not in found
    assert found["supply_too_warm"] == (1, 0)


# --- Labelled faults: Granderson et al. (2020), https://doi.org/10.1038/s41597-020-0398-6 ---


def celsius(column: pl.Expr) -> pl.Expr:
    return (column - 32) / 1.8


def percent(column: pl.Expr) -> pl.Expr:
    return column * 100


def pascal(column: pl.Expr) -> pl.Expr:
    """From inches of water, which is what the published `psi` must be."""
    return column * 249.08891


COLUMNS = {
    "AHU: Supply Air Temperature": ("supply", celsius),
    "AHU: Supply Air Temperature Set Point": ("setpoint", celsius),
    "AHU: Supply Air Temperature Heating Set Point": ("heating_setpoint", celsius),
    "AHU: Supply Air Temperature Cooling Set Point": ("cooling_setpoint", celsius),
    "AHU: Outdoor Air Temperature": ("outdoor", celsius),
    "AHU: Mixed Air Temperature": ("mixed", celsius),
    "AHU: Return Air Temperature": ("return", celsius),
    "AHU: Outdoor Air Damper Control Signal": ("outdoor_damper", percent),
    "AHU: Cooling Coil Valve Control Signal": ("cooling_valve", percent),
    "AHU: Heating Coil Valve Control Signal": ("heating_valve", percent),
    "AHU: Supply Air Fan Speed Control Signal": ("fan_speed", percent),
    "AHU: Supply Air Duct Static Pressure": ("duct_pressure", pascal),
    "AHU: Supply Air Duct Static Pressure Set Point": ("duct_setpoint", pascal),
}


def unit(name: str) -> tuple[pl.DataFrame, pl.DataFrame, dict[date, bool]]:
    """Hours of a labelled unit, its own clock taken for UTC, and which of its days are faulty."""
    root = os.environ.get("LAKE_REAL_DATA")
    if not root:
        pytest.skip("LAKE_REAL_DATA names no folder of field data")
    raw = pl.read_csv(Path(root, "lbnl_ahu_faults", f"{name}.csv.gz"), infer_schema=False)
    raw = raw.rename({column: column.strip() for column in raw.columns}).with_columns(
        pl.col("Datetime").str.to_datetime("%m/%d/%Y %H:%M", time_unit="us", time_zone="UTC").alias("at")
    )
    raw = raw.with_columns(
        pl.col("at").dt.truncate("1h").alias("window_start"), pl.col("at").dt.date().alias("event_date"),
        pl.lit(name).alias("device_id"),
    )  # fmt: skip
    place = ["event_date", "device_id", "window_start"]
    numbers = []
    for column, (point, scaled) in COLUMNS.items():
        if column not in raw.columns:
            continue
        metric, channel = NUMBERS[point]
        value = scaled(pl.col(column).cast(pl.Float64, strict=False))
        numbers.append(
            raw.select(*place, value=value).drop_nulls("value").group_by(place).agg(
                avg_value=pl.col("value").mean(), min_value=pl.col("value").min(), max_value=pl.col("value").max(),
                reading_count=pl.len().cast(pl.Int64),
            ).with_columns(metric=pl.lit(metric), channel=pl.lit(channel))
        )  # fmt: skip
    shares = []
    for column, point, text in (
        ("AHU: Supply Air Fan Status", "fan_on", "1"),
        ("Occupancy Mode Indicator", "unoccupied", "0"),
    ):
        metric, channel, state = STATES[point]
        shares.append(
            raw.group_by(place).agg(share=(pl.col(column) == text).mean())
            .with_columns(metric=pl.lit(metric), channel=pl.lit(channel), state=pl.lit(state))
        )  # fmt: skip
    truth = raw.group_by("event_date").agg((pl.col("Fault Detection Ground Truth") == "1").any().alias("faulty"))
    return pl.concat(numbers), pl.concat(shares), dict(truth.iter_rows())


TOLD = {"MZVAV-2-2": (12, 13, 1, 13), "SZVAV": (6, 7, 4, 4)}
"""Faulty days told, faulty days, other days told, other days: as docs/gold-domain.md says."""


@pytest.mark.parametrize("name", TOLD)
def test_the_page_says_what_the_rules_find_of_labelled_faults(name: str) -> None:
    """No promise that they find much; where they come to find other days, the page is to say so."""
    numbers, shares, truth = unit(name)
    rows = [row for row in indicators(numbers, shares) if row["severity"] != "info" and row["is_fault"]]
    told = {row["event_date"] for row in rows}
    faulty = {day for day, is_faulty in truth.items() if is_faulty}
    well = truth.keys() - faulty
    assert (len(told & faulty), len(faulty), len(told & well), len(well)) == TOLD[name]
