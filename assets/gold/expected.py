"""How many readings there should have been: each reading carries what is expected since the one before it.

Belongs here: that number as SQL over a load of some dates, for mappings that count messages or declare sessions. Sums
of it over windows, days or devices are expected counts: what is missing is booked on the window of the next reading,
so that it adds up at every level. Others expect one reading an interval, window by window; KQL does that.
Does not: what mappings say (`canonical.schedules`), or the sums (KQL).

A date is a function of its own readings, so what is lost over midnight is expected on neither date.
"""

from __future__ import annotations

RESTART = 100
"""A count that falls by more began anew; one that falls by less came late, and takes back what was expected of it."""

# Restarts cannot be told from late messages where the count soon begins anew.
_LIMIT = f"coalesce(least({RESTART}, modulus // 4), {RESTART})"
_HALF = "(modulus // 2)"
_WRAPPED = f"CASE WHEN modulus IS NULL THEN step ELSE ((step + {_HALF}) % modulus + modulus) % modulus - {_HALF} END"
_SERIES = "PARTITION BY event_date, device_id, mapping_id, metric, channel"
_IN_STEP = "number BETWEEN first_round AND last_round"

EXPECTATIONS = f"""
CREATE TEMP TABLE expectations AS
WITH rules AS (
    FROM schedules WHERE counted OR session_gap_s IS NOT NULL
), timed AS (
    SELECT loaded.rowid AS row, event_date, device_id, mapping_id, metric, channel, recorded_at, discriminator,
        split_part(device_id, ':', 1) AS source, interval_s, session_gap_s, counted, modulus, shared,
        CASE WHEN counted THEN TRY_CAST(discriminator AS BIGINT) END AS number
    FROM loaded JOIN rules USING (digest, mapping_id, metric, channel)
    WHERE value IS NOT NULL
), stepped AS (
    SELECT *, number - lag(number IGNORE NULLS) OVER series AS step,
        lead(number IGNORE NULLS) OVER series - number AS next_step,
        epoch_us(recorded_at - lag(recorded_at) OVER series) / 1e6 AS pause_s
    FROM timed WINDOW series AS ({_SERIES} ORDER BY recorded_at, number, discriminator)
), wrapped AS (
    SELECT * REPLACE ({_WRAPPED} AS step) FROM stepped
), marked AS (
    SELECT *, coalesce(step < -{_LIMIT}, false) AS restarted,
        count(*) FILTER (step < -{_LIMIT}) OVER (
            {_SERIES} ORDER BY recorded_at, number, discriminator ROWS UNBOUNDED PRECEDING
        ) AS restarts
    FROM wrapped
), devices AS (
    SELECT event_date, mapping_id, source, device_id, arg_min(number, recorded_at) AS first_own, max(number) AS last_own
    FROM marked WHERE shared AND restarts = 0 AND number IS NOT NULL GROUP BY ALL
), usual AS (
    SELECT event_date, mapping_id, source, median(first_own) AS first_usual, median(last_own) AS last_usual
    FROM devices GROUP BY ALL
), rounds AS (
    -- A device that began anew the day before counts rounds of its own; it says nothing of the others'.
    SELECT event_date, mapping_id, source, min(first_own) FILTER (first_own >= first_usual - {RESTART}) AS first_round,
        max(last_own) FILTER (last_own <= last_usual + {RESTART}) AS last_round
    FROM devices JOIN usual USING (event_date, mapping_id, source) GROUP BY ALL
)
SELECT row, CASE
    WHEN counted AND (number IS NULL OR restarted) THEN 1
    WHEN counted THEN coalesce(step, CASE WHEN shared AND {_IN_STEP} THEN number - first_round + 1 ELSE 1 END)
    WHEN pause_s IS NULL OR pause_s > session_gap_s THEN 1
    ELSE pause_s / interval_s
END::DOUBLE
-- Rounds after a device's last message, or after its last before it began anew, are missing too.
+ CASE
    WHEN shared AND restarts = 0 AND coalesce(next_step < -{RESTART}, number IS NOT NULL) AND {_IN_STEP}
    THEN last_round - number ELSE 0
END AS expected
FROM marked LEFT JOIN rounds USING (event_date, mapping_id, source)
"""
