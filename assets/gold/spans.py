"""How long a state held, as SQL over a load of some dates; and the events among them.

Belongs here: the span a reading of a state begins, cut at midnights and whole minutes: every window of a level then is
a sum of spans, in any engine.
Does not: the sums (KQL).

A state holds from its reading to the next of the series, for `LONGEST` at most: who is silent for longer may be dead.
It is entered when the reading before, not longer ago than that, said something else. It holds no longer than is known
(`neighbours`): a date that is not over has no time in any state beyond what has been heard of it.
"""

from __future__ import annotations

from datetime import timedelta

LONGEST = timedelta(hours=24)
"""Not more than a day: a date then depends on the date before it and on no earlier one."""

_LONGEST_US = LONGEST // timedelta(microseconds=1)
_MINUTE_US = 60_000_000

STATE_SPANS = f"""
CREATE TEMP TABLE spans AS
WITH placed AS (
    SELECT *, lead(at_us) OVER series AS next_us, lag(at_us) OVER series AS last_us,
        lag(value_text) OVER series AS last_text
    FROM said
    WHERE kind IN ('state', 'event') AND value_text IS NOT NULL
    WINDOW series AS (PARTITION BY device_id, metric, channel ORDER BY recorded_at, ordinal)
), held AS (
    -- NULL is not the least: a reading without a next one holds for the longest.
    SELECT *, CASE WHEN kind = 'event' THEN at_us ELSE least(next_us, at_us + {_LONGEST_US}) END AS until_us,
        coalesce(last_text <> value_text AND at_us - last_us <= {_LONGEST_US}, false)::BIGINT AS entered
    FROM placed
)
SELECT known.event_date, device_id, metric, channel, value_text AS state, kind, entered, ordinal,
    at_us >= begin_us AS is_read, greatest(at_us, begin_us) AS from_us, least(until_us, known_us) AS until_us
FROM held
JOIN known ON at_us < end_us AND (at_us >= begin_us OR least(until_us, known_us) > begin_us);

CREATE TEMP VIEW state_spans AS
WITH cut AS (
    -- A reading that holds for no time is still a reading.
    SELECT *, rowid AS row,
        unnest(generate_series(from_us // {_MINUTE_US}, greatest(from_us, until_us - 1) // {_MINUTE_US})) AS minute
    FROM spans
), pieces AS (
    SELECT *, greatest(from_us, minute * {_MINUTE_US}) AS start_us,
        is_read AND minute = from_us // {_MINUTE_US} AS begins
    FROM cut
)
SELECT event_date, row, device_id, metric, channel, make_timestamptz(start_us) AS started_at,
    CASE WHEN begins THEN ordinal ELSE 0 END AS ordinal, state,
    CASE WHEN kind = 'state'
        THEN greatest(0, least(until_us, (minute + 1) * {_MINUTE_US}) - start_us)
    END AS held_us,
    begins::BIGINT AS readings,
    CASE WHEN kind = 'state' THEN CASE WHEN begins THEN entered ELSE 0 END END AS transitions
FROM pieces
"""
