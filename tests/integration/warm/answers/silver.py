"""Silver as frames, and which version of a device or site held when.

Belongs here: what every theme of answers begins with. Times are UTC without a zone, as analysts see them.
Does not: any answer, or a look at Gold, staging or the marts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import polars as pl

from lake.store import Lake
from quality.contracts.entities import CLIENT, ENGAGEMENT, IOT_DEVICE, SITE, TRUST, Entity
from quality.contracts.metrics import METRICS
from quality.contracts.model import Table
from quality.contracts.tables import BATCHES, DUPLICATES, QUARANTINE, READING_FLAGS, READINGS

Row = tuple[Any, ...]
BEGINNING, END = datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("9999-12-31")
"""From when on and until when versions hold that have no end of their own: 1900 and the last day of 9999."""
SERIES = ("device_id", "metric", "channel", "unit")
COUNTERS = tuple(metric.name for metric in METRICS if metric.kind == "counter")
UNKNOWN = "Unknown"


@dataclass(frozen=True)
class Silver:
    """The lake of an estate."""

    lake: Lake

    def rows(self, table: Table) -> pl.DataFrame:
        """A table of Silver, its instants without their zone."""
        frame = pl.DataFrame(self.lake.rows(table))
        zoned = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
        return frame.with_columns(pl.col(zoned).dt.replace_time_zone(None).dt.cast_time_unit("us"))

    @cached_property
    def readings(self) -> pl.DataFrame:
        """Every reading, with the date and the hour it was made in."""
        moment = pl.col("recorded_at")
        return self.rows(READINGS).sort("recorded_at").with_columns(day=moment.dt.date(), hour=moment.dt.truncate("1h"))

    @cached_property
    def numbers(self) -> pl.DataFrame:
        """Readings that are numbers."""
        return self.readings.filter(pl.col("value").is_not_null())

    @cached_property
    def flags(self) -> pl.DataFrame:
        """Doubts."""
        return self.rows(READING_FLAGS)

    @cached_property
    def quarantine(self) -> pl.DataFrame:
        """What was refused."""
        return self.rows(QUARANTINE)

    @cached_property
    def duplicates(self) -> pl.DataFrame:
        """What came twice."""
        return self.rows(DUPLICATES)

    @cached_property
    def heard(self) -> datetime:
        """Up to when the hub has been listened to."""
        reached = self.lake.rows(BATCHES, columns=["reached"])["reached"].to_pylist()
        micros = max(at for each in reached for _, at in each)
        return datetime.fromisoformat("1970-01-01") + (datetime.resolution * micros)

    def versions(self, entity: Entity) -> pl.DataFrame:
        """All that was ever known of an entity."""
        return self.rows(entity.table)

    def now(self, entity: Entity) -> pl.DataFrame:
        """Of each key its newest version."""
        return self.versions(entity).sort("valid_from").group_by(entity.key).last()

    @cached_property
    def devices(self) -> pl.DataFrame:
        """Every device that is registered or was heard of, over all time without gap."""
        known = {*self.versions(IOT_DEVICE)["device_id"], *self.readings["device_id"]}
        return _periods(self.versions(IOT_DEVICE), "device_id", known)

    @cached_property
    def sites(self) -> pl.DataFrame:
        """Every site that is registered or stood at, over all time without gap, with the name it goes by."""
        versions = self.versions(SITE)
        known = {*versions["site_id"], *self.versions(IOT_DEVICE)["site_id"].drop_nulls()} - {""}
        trusts = self.versions(TRUST).filter(pl.col("valid_to").is_null())
        owners = trusts.select("organisation_code", organisation=pl.col("name"))
        named = _periods(versions, "site_id", known).with_columns(name=pl.coalesce("name", "site_id"))
        return named.join(owners, on="organisation_code", how="left")

    def at_device(self, rows: pl.DataFrame, moment: str) -> pl.DataFrame:
        """Rows with the version of their device that held at the moment, and of the site it stood at."""
        device = self.devices.select(
            "device_id", "valid_from", "valid_to", "site_id", "location", "registered"
        )  # fmt: skip
        return self.at_site(_as_of(rows, device, "device_id", moment).rename({"valid_from": "device_since"}), moment)

    def at_site(self, rows: pl.DataFrame, moment: str) -> pl.DataFrame:
        """Rows with the name and organisation that their site had at the moment."""
        site = self.sites.select("site_id", "valid_from", "valid_to", "name", "organisation")
        placed = _as_of(rows, site, "site_id", moment).rename({"name": "site"})
        return placed.with_columns(site=pl.col("site").fill_null(UNKNOWN)).drop("valid_from")

    @cached_property
    def clients(self) -> pl.DataFrame:
        """Clients as they are now."""
        return self.now(CLIENT)

    @cached_property
    def engagements(self) -> pl.DataFrame:
        """Engagements that go on."""
        return self.versions(ENGAGEMENT).filter(pl.col("valid_to").is_null())


def fiscal_year(day: date) -> int:
    """The calendar year in which the fiscal year of a day begins, in April."""
    return day.year - (day.month < 4)


def fiscal_name(day: date) -> str:
    """FY2025/26."""
    begins = fiscal_year(day)
    return f"FY{begins}/{(begins + 1) % 100:02}"


def _periods(versions: pl.DataFrame, key: str, known: Iterable[str]) -> pl.DataFrame:
    """The versions, and between, before and after them the times when the key was in no register."""
    spans = {name: [] for name in known}
    for name, since, until in versions.select(key, "valid_from", "valid_to").sort("valid_from").iter_rows():
        spans[name].append((since, until or END))
    gaps = [
        {key: name, "valid_from": left, "valid_to": right}
        for name, of in spans.items()
        for left, right in zip(
            [BEGINNING, *(until for _, until in of)], [*(since for since, _ in of), END], strict=True
        )
        if left < right
    ]
    held = versions.with_columns(pl.col("valid_to").fill_null(END), registered=pl.lit(value=True))
    unheld = pl.DataFrame(gaps, schema={name: held.schema[name] for name in (key, "valid_from", "valid_to")})
    return pl.concat([held, unheld.with_columns(registered=pl.lit(value=False))], how="diagonal")


def _as_of(rows: pl.DataFrame, periods: pl.DataFrame, key: str, moment: str) -> pl.DataFrame:
    """Every row once, with what held of its key at the moment; nulls where its key is unknown."""
    at = pl.col(moment).cast(pl.Datetime("us"))
    numbered = rows.drop([name for name in periods.columns if name != key and name in rows.columns]).with_row_index(
        "_row"
    )
    holds = (pl.col("valid_from") <= at) & (at < pl.col("valid_to"))
    found = numbered.select("_row", key, moment).join(periods, on=key).filter(holds).drop(key, moment, "valid_to")
    return numbered.join(found, on="_row", how="left", validate="1:1").drop("_row")
