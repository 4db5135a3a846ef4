"""Questions 9 to 12: comfort and use of sites, by their own days and calendars.

Belongs here: their answers from Silver's readings, the bands and resources of the contracts.
Does not: where a device stood (`silver`).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time
from fractions import Fraction
from itertools import pairwise
from statistics import fmean
from zoneinfo import ZoneInfo

import polars as pl

from quality.contracts.domain_limits import COMFORT, RESOURCES
from quality.contracts.entities import SITE
from quality.contracts.metrics import BY_NAME
from tests.integration.warm.answers.silver import SERIES, Row, Silver, fiscal_name


def _stood(silver: Silver, rows: pl.DataFrame, moment: str) -> pl.DataFrame:
    """Rows of devices that the register places somewhere at the moment."""
    return silver.at_device(rows, moment).filter(pl.col("site_id").is_not_null())


def _comfort(silver: Silver) -> pl.DataFrame:
    """Hours of each site's own days that were known, too cold and too warm."""
    bands = {band.metric: (band.low, band.high) for band in COMFORT}
    air = silver.numbers.filter(pl.col("metric").is_in(bands))
    zones = {name: ZoneInfo(zone) for name, zone in silver.now(SITE).select("site_id", "time_zone").iter_rows()}
    means: dict[tuple[str, str, date, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    # A window of five minutes is at one place.
    air = air.with_columns(window=pl.col("recorded_at").dt.truncate("5m"))
    for row in _stood(silver, air, "window").iter_rows(named=True):
        zone = zones.get(row["site_id"], UTC)
        clock = row["window"].replace(tzinfo=UTC).astimezone(zone)
        midnight = datetime.combine(clock.date(), time(), zone).astimezone(UTC)
        hour = int((clock.astimezone(UTC) - midnight).total_seconds() // 3600)
        means[row["site_id"], row["metric"], clock.date(), hour][row["device_id"]].append(row["value"])
    hours: dict[tuple[str, str, date], list[float]] = defaultdict(list)
    for (site, metric, day, _), devices in means.items():
        hours[site, metric, day].append(fmean(fmean(values) for values in devices.values()))
    made = []
    for (site, metric, day), found in hours.items():
        low, high = bands[metric]
        below = sum(low is not None and mean < low for mean in found)
        above = sum(high is not None and mean > high for mean in found)
        made.append((site, metric, day, high, len(found), below, above))
    columns = ("site_id", "metric", "day", "high", "known", "below", "above")
    return silver.at_site(pl.DataFrame(made, schema=columns, orient="row"), "day")


def comfort_by_site(silver: Silver) -> list[Row]:
    """9. Hours neither too cold nor too warm, of those that are known."""
    known, below, above = (pl.col(name).sum() for name in ("known", "below", "above"))
    found = _comfort(silver).group_by("site", "metric")
    return found.agg(share=(known - below - above) / known, above=above, below=below).rows()


def sites_too_warm(silver: Silver) -> list[Row]:
    """10. An hour or more above the band."""
    warm = _comfort(silver).filter(pl.col("above") >= 1)
    return warm.select("day", "site", "metric", "high", "above").rows()


def use(silver: Silver) -> pl.DataFrame:
    """Amounts by site, date and resource; an hour counts where its meter stood as it began."""
    made = []
    for resource in RESOURCES:
        of_counters = silver.numbers.filter(pl.col("metric").is_in(resource.counters))
        for key, series in of_counters.group_by(*SERIES):
            for earlier, later in pairwise(series.sort("recorded_at").iter_rows(named=True)):
                if (later["day"] - earlier["day"]).days <= 1:
                    rise = _rise(str(key[1]), earlier["value"], later["value"])
                    made.append((later["device_id"], later["hour"], resource.name, resource.unit, rise))
        of_intervals = silver.numbers.filter(pl.col("metric").is_in(resource.intervals))
        columns = of_intervals.select("device_id", "hour", "value")
        made += [(device, hour, resource.name, resource.unit, value) for device, hour, value in columns.iter_rows()]
    schema = ("device_id", "hour", "resource", "unit", "amount")
    used = _stood_or_not(silver, pl.DataFrame(made, schema=schema, orient="row"))
    by_day = used.group_by("site_id", "resource", "unit", day=pl.col("hour").dt.date()).agg(pl.col("amount").sum())
    return silver.at_site(by_day, "day")


def _stood_or_not(silver: Silver, rows: pl.DataFrame) -> pl.DataFrame:
    return silver.at_device(rows, "hour").select("device_id", "hour", "resource", "unit", "amount", "site_id")


def _rise(metric: str, earlier: float, later: float) -> float:
    """What was counted between two readings of a meter: a fall is a start from nothing, or a roll-over."""
    left, right, limit = Fraction(earlier), Fraction(later), BY_NAME[metric].rolls_over_at
    if right >= left:
        return float(right - left)
    rolled = limit is not None and left - right > Fraction(limit) / 2
    return float(Fraction(limit or 0) - left + right if rolled else right)


def energy_by_site_and_month(silver: Silver) -> list[Row]:
    """11. By calendar month."""
    months = use(silver).group_by("site", pl.col("day").dt.month_start(), "resource", "unit")
    return months.agg(pl.col("amount").sum()).rows()


def use_by_organisation(silver: Silver) -> list[Row]:
    """12. By the organisation that had the site on the day, under the name it has today."""
    totals: dict[Row, float] = defaultdict(float)
    for row in use(silver).iter_rows(named=True):
        totals[row["organisation"], fiscal_name(row["day"]), row["resource"], row["unit"]] += row["amount"]
    return [(*key, amount) for key, amount in totals.items()]
