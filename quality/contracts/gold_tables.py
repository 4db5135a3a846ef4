"""Gold: aggregates by date and kind, daily counts, and what Azure Data Explorer holds to compute them from.

Belongs here: every table that is replaced by whole dates, which dates are held, and which function makes which level.
Does not: the functions (`assets.gold.kql`), or dbt's marts (`dbt_warm`).
"""

from __future__ import annotations

from dataclasses import dataclass

from quality.contracts.columns import EVENT, INDEX, KEY, KEY_NAMES, MAPPING, SILVER_BATCH
from quality.contracts.model import Column, Table

LEVELS = {"1m": 60, "5m": 300, "1h": 3600, "1d": 86400}
"""Aggregate levels and the length of their window in seconds."""


RETENTION_DAYS = {"1m": 90, "5m": 365, "1h": 1825, "1d": None}
PERCENTILES = {"p05_value": 5, "p50_value": 50, "p95_value": 95}
"""Columns of percentiles and which they are; at levels of an hour and more, where a window holds enough readings."""


def _level(kind: str, level: str, says: str, columns: tuple[Column, ...], key: tuple[str, ...] = ()) -> Table:
    """One level of one kind: the columns every level begins with, then its own."""
    return Table(
        layer="gold",
        name=f"{kind}_{level}",
        says=says.format(level=level),
        columns=(
            Column(name="event_date", type="date", says="Date of window_start, UTC."),
            *(c for c in KEY if c.name in {"device_id", "metric", "channel"}),
            Column(
                name="window_start",
                type="timestamp",
                says=f"Start of the window of {LEVELS[level]} s; end is exclusive.",
            ),
            *columns,
        ),
        key=("device_id", "metric", "channel", "window_start", *key),
        partition_by=("event_date",),
        sort_by=("window_start",),
        retention_days=RETENTION_DAYS[level],
        fresh_within=10,
    )


_UNIT = Column(name="unit", type="string", says="Canonical unit of the metric.")
_COUNT = Column(name="reading_count", type="long", says="Readings in the window.")
_FIRST = Column(name="first_value", type="double", says="Value of the earliest reading, in `unit`.")
_LAST = Column(name="last_value", type="double", says="Value of the latest reading, in `unit`.")


def _readings(level: str) -> Table:
    percentiles = tuple(
        Column(
            name=name,
            type="double",
            says=f"{percent}th percentile, in `unit`: the smallest value that {percent} % of readings do not exceed. "
            "Azure Data Explorer estimates it where a window has many readings.",
        )
        for name, percent in PERCENTILES.items()
        if LEVELS[level] >= LEVELS["1h"]
    )
    columns = (
        _UNIT,
        _COUNT,
        Column(name="min_value", type="double", says="Smallest value, in `unit`."),
        Column(name="max_value", type="double", says="Largest value, in `unit`."),
        Column(name="avg_value", type="double", says="Arithmetic mean, in `unit`."),
        Column(
            name="stdev_value",
            type="double",
            says="Sample standard deviation, in `unit`; null for fewer than 2 readings.",
            null=True,
        ),
        _FIRST,
        _LAST,
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
        *percentiles,
    )
    return _level("readings", level, "Readings per device, metric, channel and window of {level}.", columns)


def _counters(level: str) -> Table:
    columns = (
        _UNIT,
        _COUNT,
        _FIRST,
        _LAST,
        Column(
            name="increase",
            type="double",
            says="What was counted up to each reading since the one before it, in `unit`: a fall is a restart from 0, "
            "or a roll-over where the metric has a limit. Null where no reading has one before it on its date or the "
            "date before.",
            null=True,
        ),
        Column(name="reset_count", type="long", says="How often the counter began anew, roll-overs not included."),
        Column(
            name="rate_per_s",
            type="double",
            says="increase by the seconds it was counted over, which may begin before the window; null where there "
            "are none.",
            null=True,
        ),
    )
    return _level("counters", level, "What was counted per device, metric, channel and window of {level}.", columns)


def _states(level: str) -> Table:
    columns = (
        Column(name="state", type="string", says="The state, or the code of the event."),
        Column(name="reading_count", type="long", says="Readings in the window that say so."),
        Column(
            name="seconds_in_state",
            type="double",
            says="Time of the window in the state: from a reading to the next of the series, for 24 hours at most, and "
            "not beyond what is known. Null for events.",
            unit="s",
            null=True,
        ),
        Column(
            name="transitions",
            type="long",
            says="How often the state was entered from another one known within 24 hours. Null for events.",
            null=True,
        ),
        Column(
            name="share",
            type="double",
            says="seconds_in_state by the length of the window, 0 to 1; what is missing to 1 over all states is not "
            "known. Null for events.",
            null=True,
        ),
    )
    says = "Time in each state, and number of each event, per device, metric, channel and window of {level}."
    return _level("states", level, says, columns, ("state",))


READINGS_1M, READINGS_5M, READINGS_1H, READINGS_1D = (_readings(level) for level in LEVELS)
COUNTERS_1M, COUNTERS_5M, COUNTERS_1H, COUNTERS_1D = (_counters(level) for level in LEVELS)
STATES_1M, STATES_5M, STATES_1H, STATES_1D = (_states(level) for level in LEVELS)

AGGREGATES = {"1m": READINGS_1M, "5m": READINGS_5M, "1h": READINGS_1H, "1d": READINGS_1D}
COUNTERS = {"1m": COUNTERS_1M, "5m": COUNTERS_5M, "1h": COUNTERS_1H, "1d": COUNTERS_1D}
STATES = {"1m": STATES_1M, "5m": STATES_5M, "1h": STATES_1H, "1d": STATES_1D}

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
        Column(
            name="register_digest",
            type="string",
            null=True,
            says="What the device register said of the day when doubts were raised; null: nothing was kept.",
        ),
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
            says="`readings` or `flags` (dates of recorded_at), `quality` (dates of enqueued_at), or `domain`.",
        ),
        Column(name="date", type="date", says="The date."),
        Column(name="lake_id", type="string", says="Lake whose batch it is; a restored lake counts batches anew."),
        Column(
            name="silver_batch",
            type="long",
            says="Silver batch the date holds; of `domain` the load of `gold.domain_loads`.",
        ),
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

_SERIES = tuple(c for c in KEY if c.name in {"device_id", "metric", "channel"})
_RANK = Column(
    name="ordinal",
    type="long",
    says="Rank among readings of one device, metric, channel and instant, by discriminator: breaks ties.",
)

ADX_COUNTER_STEPS = Table(
    layer="gold",
    name="adx_counter_steps",
    says="Readings of counters with what was counted since the one before; swapped per date of recorded_at.",
    columns=(
        *_SERIES,
        Column(name="recorded_at", type="timestamp", says="When the device read its counter."),
        _RANK,
        _UNIT,
        Column(name="value", type="double", says="What the counter stood at, in `unit`."),
        Column(
            name="increase",
            type="double",
            says="Counted since the reading before, in `unit`; null where none is on the date or the date before.",
            null=True,
        ),
        Column(
            name="covered_s",
            type="double",
            says="Seconds since the reading before; null with `increase`.",
            unit="s",
            null=True,
        ),
        Column(name="resets", type="long", says="1 where the counter began anew since the reading before, else 0."),
    ),
    key=("device_id", "metric", "channel", "recorded_at", "ordinal"),
    retention_days=365,
)

ADX_STATE_SPANS = Table(
    layer="gold",
    name="adx_state_spans",
    says="Time in one state, cut at whole minutes, and events; swapped per date of started_at.",
    columns=(
        *_SERIES,
        Column(name="started_at", type="timestamp", says="Where the span begins: at a reading or a whole minute."),
        _RANK,
        Column(name="state", type="string", says="The state, or the code of the event."),
        Column(
            name="held_us",
            type="long",
            says="Length of the span; it lies within one minute. Null for events.",
            unit="us",
            null=True,
        ),
        Column(name="readings", type="long", says="1 where the span begins with a reading, else 0."),
        Column(
            name="transitions",
            type="long",
            says="1 where it begins with a reading of another state than the one before, else 0. Null for events.",
            null=True,
        ),
    ),
    key=("device_id", "metric", "channel", "started_at", "ordinal"),
    retention_days=90,
)

ADX_SOURCES: tuple[Table, ...] = (ADX_READINGS, ADX_COUNTER_STEPS, ADX_STATE_SPANS)
"""What is exported to Azure Data Explorer; the levels are computed from it there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LevelTable:
    """One level of one kind: the KQL `function` (since, until, window) that makes `table` from `source`."""

    table: Table
    function: str
    level: str
    source: Table

    @property
    def seconds(self) -> int:
        """Length of its windows."""
        return LEVELS[self.level]


LEVEL_TABLES: tuple[LevelTable, ...] = tuple(
    LevelTable(table=table, function=function, level=level, source=source)
    for tables, function, source in (
        (AGGREGATES, "ReadingsLevel", ADX_READINGS),
        (COUNTERS, "CountersLevel", ADX_COUNTER_STEPS),
        (STATES, "StatesLevel", ADX_STATE_SPANS),
    )
    for level, table in tables.items()
)
"""Every level that Azure Data Explorer computes, finest first within a kind."""
