"""Questions 18 to 20: what was refused, and what work brings.

Belongs here: their answers from Silver's account of what arrived, and from the register of engagements.
Does not: readings or devices.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from itertools import groupby

import polars as pl

from tests.integration.warm.answers.silver import Row, Silver


def _arrived(rows: pl.DataFrame) -> list[tuple[date, str]]:
    """Day of arrival and mapping of each row; none where no mapping knew the event."""
    found = rows.select(pl.col("enqueued_hour").str.head(10).str.to_date(), pl.col("mapping_id").fill_null(""))
    return [(day, mapping) for day, mapping in found.iter_rows()]


def refused_share(silver: Silver) -> list[Row]:
    """18. Of all rows that arrived: taken, refused or repeated."""
    refused = Counter(_arrived(silver.quarantine))
    every = refused + Counter(_arrived(silver.readings)) + Counter(_arrived(silver.duplicates))
    return [(*key, count, refused[key] / count) for key, count in every.items()]


def reasons_of_refusal(silver: Silver) -> list[Row]:
    """19. Equal counts share a place, and the next one is as many places behind."""
    counts = silver.quarantine.group_by("reason", pl.col("mapping_id").fill_null("")).len()
    return counts.with_columns(place=pl.col("len").rank("min", descending=True)).rows()


def margin_by_client(silver: Silver) -> list[Row]:
    """20. Of engagements whose cost is known; what is over budget counts, what is under it does not."""
    names = dict(silver.clients.select("client_id", "name").iter_rows())
    rows = [row | {"client": names[row["client_id"]]} for row in silver.engagements.iter_rows(named=True)]
    rows.sort(key=lambda row: (row["client"], row["currency"]))
    found = []
    for key, group in groupby(rows, key=lambda row: (row["client"], row["currency"])):
        of = list(group)
        earned = [row for row in of if row["revenue"] is not None]
        revenue = sum(row["revenue"] for row in earned)
        costed = [row for row in earned if row["actual_cost"] is not None]
        base = sum(row["revenue"] for row in costed)
        margin = sum(row["revenue"] - row["actual_cost"] for row in costed) / base if base else None
        budgeted = [row for row in of if row["budget"] is not None and row["actual_cost"] is not None]
        overspent = sum(max(0.0, row["actual_cost"] - row["budget"]) for row in budgeted)
        if revenue > 0:
            found.append((*key, len(of), revenue, margin, overspent))
    return found
