"""Gold: aggregates by date, daily counts, and the readings as Azure Data Explorer holds them.

Belongs here: every table that is replaced by whole dates, and which dates are held.
Does not: dbt's marts (`dbt_warm`).
"""

from __future__ import annotations

from quality.contracts.columns import EVENT, INDEX, KEY, KEY_NAMES, MAPPING, SILVER_BATCH
from quality.contracts.model import Column, Table

LEVELS = {"1m": 60, "5m": 300, "1h": 3600, "1d": 86400}
"""Aggregate levels and the length of their window in seconds."""


def _level(level: str, seconds: int) -> Table:
    return Table(
        layer="gold",
        name=f"readings_{level}",
        says=f"Readings per device, metric, channel and window of {level}.",
        columns=(
            Column(name="event_date", type="date", says="Date of window_start, UTC."),
            *(c for c in KEY if c.name in {"device_id", "metric", "channel"}),
            Column(
                name="window_start",
                type="timestamp",
                says=f"Start of the window of {seconds} s; end is exclusive.",
            ),
            Column(name="unit", type="string", says="Canonical unit of the metric."),
            Column(name="reading_count", type="long", says="Readings in the window."),
            Column(name="min_value", type="double", says="Smallest value, in `unit`."),
            Column(name="max_value", type="double", says="Largest value, in `unit`."),
            Column(name="avg_value", type="double", says="Arithmetic mean, in `unit`."),
            Column(
                name="stdev_value",
                type="double",
                says="Sample standard deviation, in `unit`; null for fewer than 2 readings.",
                null=True,
            ),
            Column(name="first_value", type="double", says="Value of the earliest reading, in `unit`."),
            Column(name="last_value", type="double", says="Value of the latest reading, in `unit`."),
            Column(
                name="expected_count",
                type="double",
                says="Readings to expect by the device's count of messages, else by the interval within its session, "
                "else by the interval alone; null where nothing is declared.",
                null=True,
            ),
            Column(
                name="completeness",
                type="double",
                says="reading_count / expected_count, not capped; null where nothing is expected.",
                null=True,
            ),
        ),
        key=("device_id", "metric", "channel", "window_start"),
        partition_by=("event_date",),
        sort_by=("window_start",),
        retention_days={"1m": 90, "5m": 365, "1h": 1825, "1d": None}[level],
        fresh_within=10,
    )


READINGS_1M, READINGS_5M, READINGS_1H, READINGS_1D = (_level(name, seconds) for name, seconds in LEVELS.items())

AGGREGATES = {"1m": READINGS_1M, "5m": READINGS_5M, "1h": READINGS_1H, "1d": READINGS_1D}

DATA_QUALITY_1D = Table(
    layer="gold",
    name="data_quality_1d",
    says="What became of the rows that arrived on a day, per mapping, outcome and reason.",
    columns=(
        Column(name="enqueued_date", type="date", says="Date of enqueued_at, UTC."),
        Column(name="mapping_id", type="string", says="Mapping spec; empty where none took the event."),
        Column(name="outcome", type="string", says="`accepted`, `quarantined` or `duplicate`."),
        Column(name="reason", type="string", says="Reason code of quarantined rows; else empty."),
        Column(name="row_count", type="long", says="Readings (or events without readings) of that outcome."),
        Column(name="event_count", type="long", says="Events with at least one such row."),
    ),
    key=("enqueued_date", "mapping_id", "outcome", "reason"),
    partition_by=("enqueued_date",),
    fresh_within=10,
)

SUSPECT_READINGS_1D = Table(
    layer="gold",
    name="suspect_readings_1d",
    says="How many accepted readings of a day are in doubt, per mapping, metric and rule.",
    columns=(
        Column(name="event_date", type="date", says="Date of recorded_at, UTC."),
        MAPPING,
        Column(name="metric", type="string", says="Name in the metric catalogue."),
        Column(name="code", type="string", says="Rule that raised the doubt; empty for all rules together."),
        Column(name="suspect_count", type="long", says="Readings in doubt; each once, also where `code` is empty."),
        Column(name="reading_count", type="long", says="Accepted readings of the mapping and metric on the day."),
        Column(name="device_count", type="long", says="Devices with a reading in doubt."),
    ),
    key=("event_date", "mapping_id", "metric", "code"),
    partition_by=("event_date",),
    fresh_within=10,
)

DATE_STATE = Table(
    layer="gold",
    name="date_state",
    says="Up to which Silver batch each date is loaded, per lane; the newest row of a date counts.",
    columns=(
        Column(
            name="lane",
            type="string",
            says="`readings` or `flags` (dates of recorded_at), or `quality` (dates of enqueued_at).",
        ),
        Column(name="date", type="date", says="The date."),
        Column(name="lake_id", type="string", says="Lake whose batch it is; a restored lake counts batches anew."),
        Column(name="silver_batch", type="long", says="Silver batch the date holds."),
        Column(name="rows_loaded", type="long", says="Rows of the lane's source on that date."),
        Column(name="loaded_at", type="timestamp", says="When."),
    ),
    key=("lane", "date", "lake_id", "silver_batch"),
)

ADX_READINGS = Table(
    layer="gold",
    name="adx_readings",
    says="Accepted readings as Azure Data Explorer holds them, swapped per date of recorded_at.",
    columns=(
        *KEY,
        Column(name="value", type="double", says="In the metric's canonical unit; null for states.", null=True),
        Column(name="value_text", type="string", says="State or event name; empty for numbers.", null=True),
        Column(name="unit", type="string", says="Canonical unit of the metric."),
        Column(name="flags", type="long", says="Bits named in `quality.contracts.flags`."),
        Column(
            name="ordinal",
            type="long",
            says="Rank among readings of one device, metric, channel and instant, by discriminator: breaks ties.",
        ),
        Column(
            name="interval_s",
            type="double",
            says="Seconds between readings the mapping declares; null where it declares none.",
            unit="s",
            null=True,
        ),
        Column(
            name="expected",
            type="double",
            says="Readings expected since the one before, itself included, by the device's own count of messages or "
            "within its session; null where the mapping knows neither.",
            null=True,
        ),
        *EVENT,
        INDEX,
        MAPPING,
        SILVER_BATCH,
    ),
    key=KEY_NAMES,
    retention_days=365,
)
