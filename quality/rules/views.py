"""What the suspect rules see of the readings of one day, as DuckDB SQL.

Belongs here: the views (`register`, `sequence`, `day`, `room`) over the tables `readings`, `limits` and `register`, and
the statement that asks every rule of a view in one pass.
Does not: the rules (`quality.rules.suspect`), or filling the tables (`assets.silver.flags`).

`readings` holds the day and as many before it as rules look back; `day_start` and `day_end` are variables. `register`
has device_id and room (null where it names none), one row a device. All views keep only readings of the day.
"""

from __future__ import annotations

import re

import pyarrow as pa

from quality.contracts.metrics import METRICS
from quality.rules.suspect import LIMITS, NORMAL_SPREADS, SUSPECT_RULES, TWIN_WINDOW_S, SuspectRule, View

_OF_DAY = "recorded_at >= getvariable('day_start') AND recorded_at < getvariable('day_end')"
_SERIES = "PARTITION BY device_id, metric, channel ORDER BY recorded_at, discriminator"
_WINDOW = f"epoch_us(recorded_at) // {TWIN_WINDOW_S * 1_000_000}"

VIEWS: dict[View, str] = {
    # A source of which the register lists nothing cannot be judged: it has another register, or none.
    "register": f"""
        SELECT readings.*, split_part(device_id, ':', 1) AS source, register.device_id IS NOT NULL AS registered
        FROM readings LEFT JOIN register USING (device_id)
        WHERE {_OF_DAY} AND split_part(device_id, ':', 1) IN (
            SELECT DISTINCT split_part(device_id, ':', 1) FROM register
        )""",
    "sequence": f"""
        WITH stepped AS (
            SELECT *, lag(value) OVER series AS previous_value, lag(value, 2) OVER series AS value_before,
                lag(recorded_at) OVER series AS previous_at, lag(recorded_at, 2) OVER series AS at_before,
                row_number() OVER series AS place
            FROM readings JOIN limits USING (metric)
            WHERE value IS NOT NULL AND (rate_per_s IS NOT NULL OR stuck_after_s IS NOT NULL OR kind = 'counter')
            WINDOW series AS ({_SERIES})
        ), marked AS (
            SELECT *, CASE WHEN value IS DISTINCT FROM previous_value THEN recorded_at END AS changed_at,
                CASE WHEN value IS DISTINCT FROM previous_value THEN place END AS changed_place
            FROM stepped
        ), runs AS (
            SELECT *, last_value(changed_at IGNORE NULLS) OVER past AS unchanged_since,
                place - last_value(changed_place IGNORE NULLS) OVER past + 1 AS unchanged_count
            FROM marked WINDOW past AS ({_SERIES} ROWS UNBOUNDED PRECEDING)
        )
        SELECT * EXCLUDE (changed_at, changed_place, place),
            epoch_us(recorded_at - previous_at) / 1e6 AS gap_s,
            epoch_us(previous_at - at_before) / 1e6 AS previous_gap_s,
            epoch_us(recorded_at - unchanged_since) / 1e6 AS unchanged_s
        FROM runs WHERE {_OF_DAY}""",
    "day": f"""
        WITH judged AS (
            SELECT * FROM readings JOIN limits USING (metric)
            WHERE {_OF_DAY} AND value IS NOT NULL AND outlier_spreads IS NOT NULL
        ), medians AS (
            SELECT device_id, metric, channel, median(value) AS median_of_day, count(*) AS readings_of_day
            FROM judged GROUP BY ALL
        ), spreads AS (
            SELECT device_id, metric, channel, {NORMAL_SPREADS} * median(abs(value - median_of_day)) AS spread_of_day
            FROM judged JOIN medians USING (device_id, metric, channel) GROUP BY ALL
        )
        SELECT judged.*, median_of_day, readings_of_day, spread_of_day
        FROM judged JOIN medians USING (device_id, metric, channel) JOIN spreads USING (device_id, metric, channel)""",
    "room": f"""
        WITH judged AS (
            SELECT readings.*, limits.* EXCLUDE (metric), room, {_WINDOW} AS bin
            FROM readings JOIN limits USING (metric) JOIN register USING (device_id)
            WHERE {_OF_DAY} AND value IS NOT NULL AND twins_within IS NOT NULL AND room IS NOT NULL
        ), means AS (
            -- Rounded: the last digits of a mean depend on the order of the sum.
            SELECT room, metric, channel, bin, device_id, round(avg(value), 6) AS window_mean FROM judged GROUP BY ALL
        ), rooms AS (
            SELECT room, metric, channel, bin, median(window_mean) AS room_median, count(*) AS twins
            FROM means GROUP BY ALL HAVING count(*) > 1
        )
        SELECT judged.*, window_mean, room_median, twins, {TWIN_WINDOW_S} AS window_s,
            make_timestamp(bin * {TWIN_WINDOW_S * 1_000_000}) AS window_start,
            -- The median of two lies half way: what counts is how far they are from each other.
            abs(window_mean - room_median) * CASE WHEN twins = 2 THEN 2 ELSE 1 END AS apart
        FROM judged JOIN means USING (room, metric, channel, bin, device_id)
        JOIN rooms USING (room, metric, channel, bin)""",
}


def flags_of(view: View, kept: tuple[str, ...]) -> str:
    """A SELECT of the doubts of one view: the columns `kept` of the reading, then code, message and parameters."""
    rules = [rule for rule in SUSPECT_RULES if rule.view == view]
    asked = ", ".join(f"coalesce({rule.fails}, false) AS fails_{n}" for n, rule in enumerate(rules))
    any_of = " OR ".join(f"fails_{n}" for n in range(len(rules)))
    columns = ", ".join(kept)
    found = " UNION ALL ".join(
        f"SELECT {columns}, '{rule.code}' AS code, {_message(rule)} AS message, {_parameters(rule)} AS parameters "
        f"FROM doubted WHERE fails_{n}"
        for n, rule in enumerate(rules)
    )
    # One pass asks all rules; only what some rule doubts is kept, and that is little.
    return (
        f"WITH seen AS ({VIEWS[view]}), asked AS (SELECT *, {asked} FROM seen), "
        f"doubted AS MATERIALIZED (SELECT * FROM asked WHERE {any_of}) {found}"
    )


def limits() -> pa.Table:
    """The table `limits` that views join: each metric, with the fields in `LIMITS`."""
    types = {name: pa.string() if name == "kind" else pa.float64() for name in LIMITS}
    columns = {name: pa.array([getattr(metric, name) for metric in METRICS], types[name]) for name in LIMITS}
    return pa.table({"metric": [metric.name for metric in METRICS], **columns})


def _message(rule: SuspectRule) -> str:
    parts = []
    for place, part in enumerate(re.split(r"\{(\w+)\}", rule.says)):
        if place % 2:
            parts.append(f"coalesce({part}::VARCHAR, '?')")
        elif part:
            parts.append("'" + part.replace("'", "''") + "'")
    return "concat(" + ", ".join(parts) + ")"


def _parameters(rule: SuspectRule) -> str:
    if not rule.limits:
        return "MAP()::MAP(VARCHAR, VARCHAR)"
    entries = ", ".join(f"'{name}': {name}::VARCHAR" for name in rule.limits)
    return f"MAP {{{entries}}}"
