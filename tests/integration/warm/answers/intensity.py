"""Question 21: what is used per floor area, by meters and by returns.

Belongs here: its answer from Silver's readings and returns, and that of each site, by plain arithmetic.
Does not: what meters count (`sites`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from quality.contracts.domain_limits import ENERGY, RESOURCES
from quality.contracts.entities import SITE_RETURN
from tests.integration.warm.answers.silver import Row, Silver, fiscal_name, fiscal_year
from tests.integration.warm.answers.sites import use

_UNITS = {resource.name: resource.unit for resource in RESOURCES} | {"energy": "kWh"}
Key = tuple[str, int, str]
"""Site, year and resource."""


@dataclass(frozen=True)
class Used:
    """What a site used in a year of one resource, as far as anybody knows."""

    area: float | None
    area_year: int | None
    measured: float | None
    days: int
    year_days: int
    reported: float | None

    @property
    def ratio(self) -> float | None:
        """Measured a day to reported a day."""
        if not self.days or not self.reported or self.measured is None:
            return None
        return self.measured * self.year_days / (self.reported * self.days)

    def per_area(self, amount: float | None) -> float | None:
        """Where both are known."""
        return None if amount is None or self.area is None else amount / self.area


def every_use(silver: Silver) -> dict[Key, Used]:
    """By site, year and resource."""
    measured, days = _measured(silver)
    returns = silver.versions(SITE_RETURN).filter(pl.col("valid_to").is_null()).to_dicts()
    reported = _reported(returns)
    areas: dict[str, dict[int, float]] = defaultdict(dict)
    for row in returns:
        if row["gross_internal_floor_area"]:
            areas[row["site_id"]][row["return_year"]] = row["gross_internal_floor_area"]
    found = {}
    for site, year, resource in measured.keys() | reported.keys():
        key, known = (site, year, resource), areas[site]
        chosen = _nearest(known, year)
        found[key] = Used(
            area=None if chosen is None else known[chosen],
            area_year=chosen,
            measured=measured.get(key),
            days=len(days.get(key, ())),
            year_days=(date(year + 1, 4, 1) - date(year, 4, 1)).days,
            reported=reported.get(key),
        )
    return found


def _nearest(years: Iterable[int], wanted: int) -> int | None:
    """The newest up to the wanted one, else the oldest there is."""
    listed = sorted(years)
    return max((year for year in listed if year <= wanted), default=listed[0] if listed else None)


def _measured(silver: Silver) -> tuple[dict[Key, float], dict[Key, set[date]]]:
    amounts: dict[Key, float] = defaultdict(float)
    days: dict[Key, set[date]] = defaultdict(set)
    for row in use(silver).filter(pl.col("site_id").is_not_null()).iter_rows(named=True):
        for resource in _parts_of(row["resource"]):
            key = (row["site_id"], fiscal_year(row["day"]), resource)
            amounts[key] += row["amount"]
            days[key].add(row["day"])
    return amounts, days


def _reported(returns: Iterable[Mapping[str, object]]) -> dict[Key, float]:
    amounts: dict[Key, float] = defaultdict(float)
    for row in returns:
        for resource in RESOURCES:
            told = [row[name] for name in resource.reported if row[name] is not None]
            for name in _parts_of(resource.name) if told else ():
                amounts[str(row["site_id"]), int(str(row["return_year"])), name] += sum(map(float, map(str, told)))
    return amounts


def _parts_of(resource: str) -> tuple[str, ...]:
    return (resource, "energy") if resource in ENERGY else (resource,)


def site_rows(silver: Silver) -> list[Row]:
    """Every row of the mart, with the name and organisation that the site had on the year's last day."""
    found = every_use(silver)
    keys = pl.DataFrame(
        [(*key, date(key[1] + 1, 3, 31)) for key in found],
        schema={"site_id": pl.String, "year": pl.Int64, "resource": pl.String, "ends": pl.Date},
        orient="row",
    )
    made = []
    for row in silver.at_site(keys, "ends").iter_rows(named=True):
        of = found[row["site_id"], row["year"], row["resource"]]
        named = (row["site"], row["organisation"], fiscal_name(row["ends"]), row["year"], row["resource"])
        amounts = (of.measured, of.days, of.year_days, of.per_area(of.measured), of.reported, of.per_area(of.reported))
        made.append((*named, _UNITS[row["resource"]], of.area, of.area_year, *amounts, of.ratio))
    return made


def use_per_floor_area(silver: Silver) -> list[Row]:
    """21. Means weighted by floor area, and the ratio by what was reported."""
    groups: dict[Row, list[Row]] = defaultdict(list)
    for row in site_rows(silver):
        _, organisation, fiscal, _, resource, unit, *figures = row
        if resource in {"energy", "water"}:
            groups[organisation, fiscal, resource, unit].append(tuple(figures))
    return [(*key, len(of), _weighted(of, 6, 0), _weighted(of, 2, 0), _ratio(of)) for key, of in groups.items()]


def _weighted(rows: Iterable[Row], amount: int, area: int) -> float | None:
    known = [row for row in rows if row[amount] is not None and row[area] is not None]
    return sum(row[amount] for row in known) / sum(row[area] for row in known) if known else None


def _ratio(rows: Iterable[Row]) -> float | None:
    known = [row for row in rows if row[-1] is not None]
    return sum(row[-1] * row[6] for row in known) / sum(row[6] for row in known) if known else None
