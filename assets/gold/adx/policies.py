"""Policies of tables and views: how long rows stay, which are hot, in what order they lie, how they come in.

Belongs here: which policies a table gets by its part in a load, as the service's JSON, and when two are the same.
Does not: sending them (`plan`).

Every level and source is swapped by extents that are ingested into its stage, and extents keep the order they were
ingested in: so the stage has the row order of its table. A stage is never merged, lest an extent that is about to be
swapped is replaced by another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from quality.contracts.kusto import column_type, identifier, timespan
from quality.contracts.live_tables import LIVE_TABLES
from quality.contracts.model import Table
from quality.contracts.tables import ADX_SOURCES, LEVEL_TABLES

KINDS = (
    "retention",
    "caching",
    "roworder",
    "streamingingestion",
    "ingestionbatching",
    "merge",
    "partitioning",
)
"""Every kind that is looked at; of these, one that is set and not wanted is told and left."""

VIEW_DAYS = {"ReadingsLatest": 31, "ReadingsLive1m": 7}
"""How long a view keeps rows, counted from when they came: the source keeps its own for less."""

_FOR_EVER_DAYS = 36500
_STAGE_DAYS = 7
"""What a loader left in a stage when it was killed and its date never came again."""
_HOT_DAYS, _HOT_DAYS_OF_COARSE = 31, 365
_COARSE_SECONDS = 3600
_BATCHING = {"MaximumBatchingTimeSpan": "00:00:10", "MaximumNumberOfItems": 500, "MaximumRawDataSizeMB": 1024}


@dataclass(frozen=True)
class Policy:
    """One policy of one table or view. `value` are the properties that matter; the service adds others of its own."""

    entity: str
    kind: str
    value: Mapping[str, Any]
    of_view: bool = False

    @property
    def command(self) -> str:
        """Sets it; again, it changes nothing."""
        what = "materialized-view" if self.of_view else "table"
        entity = f"{what} {identifier(self.entity)} policy {self.kind}"
        if self.kind == "roworder":
            order = ", ".join(f"{identifier(key['ColumnName'])} asc" for key in self.value["RowOrder"])
            return f".alter {entity} ({order})"
        if self.kind == "caching":
            return f".alter {entity} hot = {self.value['DataHotSpan'].partition('.')[0]}d"
        verb = ".alter-merge" if self.kind in {"merge", "retention"} else ".alter"
        return f"{verb} {entity} '{json.dumps(self.value)}'"

    def is_met_by(self, found: Any) -> bool:
        """Whether the service's document has these properties."""
        if self.kind == "roworder":
            wanted = [key["ColumnName"] for key in self.value["RowOrder"]]
            told = [text for text in _texts(found) if text not in _ORDERS]
            return found is not None and told == wanted
        return _holds(found, self.value)


_ORDERS = frozenset({"Ascending", "Descending", "asc", "desc", "Asc", "Desc"})


def _texts(document: Any) -> Iterator[str]:
    """Every text in a JSON document, in order. The shape of a row order is documented nowhere, its columns are."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for value in document.values():
            yield from _texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from _texts(value)


def _holds(found: Any, wanted: Any) -> bool:
    """Whether `found` has all of `wanted`; what it has besides is the service's own."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_holds(found.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(_holds(f, w) for f, w in zip(found, wanted, strict=True))
        )
    # A span is given bare or wrapped, by the kind of policy and by the service's version.
    return bool((found.get("Value") if isinstance(found, Mapping) else found) == wanted)


def of_swapped(table: Table, name: str, *, stage: bool) -> list[Policy]:
    """What a table of a load, or its stage, is given."""
    days = table.retention_days or _FOR_EVER_DAYS
    found = [
        _retention(name, _STAGE_DAYS if stage else days),
        _caching(name, _STAGE_DAYS if stage else min(days, _hot_days(table))),
        Policy(name, "roworder", {"RowOrder": [{"ColumnName": column} for column in _row_order(table)]}),
        # Streamed rows carry no tags: they could be neither counted nor swapped.
        Policy(name, "streamingingestion", {"IsEnabled": False}),
    ]
    if stage:
        found.append(Policy(name, "merge", {"AllowRebuild": False, "AllowMerge": False}))
        if table in ADX_SOURCES:
            found.append(Policy(name, "ingestionbatching", _BATCHING))
    return found


def of_live(table: Table, name: str) -> list[Policy]:
    """What a table that only grows is given."""
    days = table.retention_days or _FOR_EVER_DAYS
    return [
        _retention(name, days),
        _caching(name, days),
        Policy(name, "roworder", {"RowOrder": [{"ColumnName": column} for column in _row_order(table)]}),
        Policy(name, "streamingingestion", {"IsEnabled": False}),
        Policy(name, "ingestionbatching", _BATCHING),
    ]


def of_view(name: str) -> list[Policy]:
    """What a materialized view is given; KeyError where nobody said how long it keeps rows."""
    days = VIEW_DAYS[name]
    return [
        Policy(name, "retention", _retention(name, days).value, of_view=True),
        Policy(name, "caching", _caching(name, days).value, of_view=True),
    ]


def partitioned(table: Table, name: str, partitions: int) -> Policy:
    """Rows of one device together, across the extents of a table."""
    key = {
        "ColumnName": _row_order(table)[0],
        "Kind": "Hash",
        "Properties": {
            "Function": "XxHash64",
            "MaxPartitionCount": partitions,
            "Seed": 1,
            "PartitionAssignmentMode": "Uniform",
        },
    }
    return Policy(name, "partitioning", {"PartitionKeys": [key]})


def _retention(name: str, days: int) -> Policy:
    return Policy(name, "retention", {"SoftDeletePeriod": timespan(days), "Recoverability": "Disabled"})


def _caching(name: str, days: int) -> Policy:
    return Policy(name, "caching", {"DataHotSpan": timespan(days)})


def _hot_days(table: Table) -> int:
    seconds = next((made.seconds for made in LEVEL_TABLES if made.table is table), 0)
    return _HOT_DAYS_OF_COARSE if seconds >= _COARSE_SECONDS else _HOT_DAYS


def _row_order(table: Table) -> tuple[str, ...]:
    """By what is asked for: a device, then a time. More sort keys cost more than they give."""
    times = [name for name in table.key if column_type(table.column(name)) == "datetime"]
    return (table.key[0], times[0])


def is_live(table: Table) -> bool:
    """Whether it only grows, and views may be over it."""
    return table in LIVE_TABLES
