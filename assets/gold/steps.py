"""What a counter counted between one reading and the next, as SQL over a load of some dates.

Belongs here: the step that each reading of a counter ends: increase, the time it covers, whether it began anew.
Does not: sums of steps over windows (KQL), or what a falling counter says of the device (`quality.rules`).

A step belongs to its later reading. The earlier one is looked for on the same date and the one before, so that meters
read once a day lose nothing, and no date depends on more than its neighbour. Differences of neighbouring doubles are
exact, so nothing is lost where a counter stands high.
"""

from __future__ import annotations

# A fall by more than half of what the counter can hold is a roll-over: the other way round it counted less.
_FELL = "value < previous"
_ROLLED = f"({_FELL} AND previous - value > rolls_over_at / 2)"

COUNTER_STEPS = f"""
CREATE TEMP TABLE counter_steps AS
WITH placed AS (
    SELECT *, lag(value) OVER series AS last_value, lag(at_us) OVER series AS last_us,
        lag(event_date) OVER series AS last_date
    FROM said
    WHERE kind = 'counter' AND value IS NOT NULL
    WINDOW series AS (PARTITION BY device_id, metric, channel, unit ORDER BY recorded_at, ordinal)
), stepped AS (
    SELECT *, CASE WHEN event_date - last_date <= 1 THEN last_value END AS previous FROM placed WHERE wanted
)
SELECT event_date, row_number() OVER () AS row, device_id, metric, channel, recorded_at, ordinal, unit, value,
    CASE
        WHEN {_ROLLED} THEN rolls_over_at - previous + value
        WHEN {_FELL} THEN value
        ELSE value - previous
    END AS increase,
    CASE WHEN previous IS NOT NULL THEN (at_us - last_us) / 1e6 END AS covered_s,
    CASE WHEN {_FELL} AND {_ROLLED} IS NOT TRUE THEN 1 ELSE 0 END::BIGINT AS resets
FROM stepped
"""
