"""Questions 1 to 8: what was measured, by which device, and how completely.

Belongs here: their answers from Silver's readings. Does not: the health of devices (`devices`), sites' days (`sites`).
"""

from __future__ import annotations

import polars as pl

from tests.integration.warm.answers.silver import END, SERIES, Row, Silver, fiscal_name, fiscal_year
from tests.integration.warm.estate import INTERVALS

_MEAN = pl.col("value").mean()


def temperature_by_site_and_day(silver: Silver) -> list[Row]:
    """1. A day counts where its device stood when the day began."""
    air = silver.numbers.filter(pl.col("metric") == "air_temperature")
    value = pl.col("value")
    placed = silver.at_device(air, "day")
    return placed.group_by("site", "day").agg(_MEAN, low=value.min(), high=value.max()).rows()


def hour_of_day_profile(silver: Silver) -> list[Row]:
    """2. Hours of UTC, every metric."""
    hours = silver.numbers.group_by("metric", pl.col("recorded_at").dt.hour().cast(pl.Int64))
    return hours.agg(_MEAN, pl.len()).rows()


def weekdays_and_weekends(silver: Silver) -> list[Row]:
    """3. Saturday and Sunday are the weekend."""
    air = silver.numbers.filter(pl.col("metric") == "air_temperature")
    return air.group_by(pl.col("day").dt.weekday() >= 6).agg(_MEAN).rows()


def readings_by_fiscal_quarter(silver: Silver) -> list[Row]:
    """4. April begins the first; a device counts once for each version it was seen in."""
    found: dict[str, list[Row]] = {}
    for row in silver.at_device(silver.numbers, "day").iter_rows(named=True):
        quarter = (row["day"].month - 4) % 12 // 3 + 1
        assert fiscal_year(row["day"]) in {2025, 2026}
        found.setdefault(f"{fiscal_name(row['day'])} Q{quarter}", []).append((row["device_id"], row["device_since"]))
    return [(name, len(seen), len(set(seen))) for name, seen in found.items()]


def where_a_device_stood(silver: Silver) -> list[Row]:
    """5. Every version and gap, with the name its site has today."""
    today = silver.sites.filter(pl.col("valid_to") == END).select("site_id", site="name")
    stood = silver.devices.join(today, on="site_id", how="left")
    return stood.select("device_id", "valid_from", "valid_to", "registered", "site").rows()


def _heard(silver: Silver) -> pl.DataFrame:
    day = pl.col("day")
    return silver.numbers.group_by("device_id").agg(
        first=day.min(), last=day.max(), count=pl.len(), days=day.n_unique(), metrics=pl.col("metric").n_unique()
    )


def unregistered_devices(silver: Silver) -> list[Row]:
    """6. In no register today."""
    current = silver.devices.filter(pl.col("valid_to") == END)
    strangers = current.filter(~pl.col("registered")).join(_heard(silver), on="device_id")
    return strangers.select("device_id", "first", "last", "count").rows()


def newest_day_of_each_device(silver: Silver) -> list[Row]:
    """7. Also devices that were never heard."""
    every = silver.devices.select("device_id").unique().join(_heard(silver), on="device_id", how="left")
    return every.select("device_id", "last", pl.col("days", "metrics").fill_null(0)).rows()


def incomplete_series(silver: Silver) -> list[Row]:
    """8. As many as the mapping's interval has room for in a day."""
    interval = pl.col("mapping_id").replace_strict(INTERVALS, default=None, return_dtype=pl.Float64)
    series = silver.numbers.group_by(*SERIES, "day", interval.alias("interval")).agg(count=pl.len())
    share = pl.col("count") * pl.col("interval") / 86_400
    verdict = pl.when(share < 0.9).then(pl.lit("incomplete")).otherwise(pl.lit("complete"))
    told = series.filter(pl.col("interval").is_not_null())
    return told.select("day", "device_id", "metric", share.alias("share"), verdict.alias("verdict")).rows()
