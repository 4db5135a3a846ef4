"""`gold.twin_states`: what each attribute of a digital twin was, from when to when.

Belongs here: its query. A state holds from its reading until the next one that says otherwise; at midnight it is
carried over from the day before, once, and in the open day it ends at what has been heard. A number is the last value
of each hour with readings, and equal neighbours are one span.
Does not: the twin's state now (the hot tier), or which twins there are (`assets.silver.entities`).
"""

from __future__ import annotations

from assets.gold.domain.subject import Subject
from quality.contracts.domain_tables import TWIN_STATES

_QUERY = """
WITH pieces AS (
    -- What held at midnight: the last change of the day before.
    SELECT days.event_date, device_id, metric, channel, 'state' AS kind, CAST(NULL AS DOUBLE) AS value,
        arg_max(value_text, recorded_at) AS value_text, day_start AS held_from, true AS is_carried
    FROM states JOIN days ON recorded_at >= day_start - INTERVAL 1 day AND recorded_at < day_start
    GROUP BY ALL
    UNION ALL
    SELECT event_date, device_id, metric, channel, 'state', NULL, value_text, recorded_at, false
    FROM states JOIN days ON recorded_at >= day_start AND recorded_at < day_end
    UNION ALL
    SELECT event_date, device_id, metric, channel, 'number', last_value, NULL, window_start, false
    FROM readings_1h JOIN days USING (event_date)
), changes AS (
    SELECT *, lag(value) OVER series AS value_before, lag(value_text) OVER series AS text_before,
        lag(held_from) OVER series AS from_before
    FROM pieces
    WINDOW series AS (PARTITION BY event_date, device_id, metric, channel, kind ORDER BY held_from, NOT is_carried)
), starts AS (
    SELECT *, from_before IS NULL OR value IS DISTINCT FROM value_before OR value_text IS DISTINCT FROM text_before
        OR (kind = 'number' AND held_from - from_before > INTERVAL 1 hour) AS is_start
    FROM changes
), numbered AS (
    SELECT *, count(*) FILTER (is_start) OVER (
        PARTITION BY event_date, device_id, metric, channel, kind ORDER BY held_from, NOT is_carried
    ) AS span
    FROM starts
), spans AS (
    SELECT event_date, device_id, metric, channel, kind, any_value(value) AS value,
        any_value(value_text) AS value_text, min(held_from) AS held_from, bool_or(is_carried) AS is_carried,
        max(held_from) + INTERVAL 1 hour AS number_to
    FROM numbered GROUP BY event_date, device_id, metric, channel, kind, span
), closed AS (
    SELECT spans.*, CASE kind WHEN 'number' THEN least(number_to, day_end) ELSE coalesce(
        lead(held_from) OVER (PARTITION BY spans.event_date, device_id, metric, channel, kind ORDER BY held_from),
        greatest(heard_until, held_from)
    ) END AS held_to
    FROM spans JOIN days USING (event_date)
)
SELECT event_date, twin_id, metric || CASE WHEN channel = '' THEN '' ELSE '/' || channel END AS attribute,
    closed.device_id, kind, value, value_text, greatest(held_from, twins.valid_from) AS valid_from,
    least(held_to, coalesce(twins.valid_to, held_to)) AS valid_to,
    is_carried AND twins.valid_from <= held_from AS is_carried
FROM closed JOIN twins ON twins.device_id = closed.device_id
    AND twins.valid_from < held_to AND (twins.valid_to IS NULL OR twins.valid_to > held_from)
"""

STATES_OF_TWINS = Subject(table=TWIN_STATES, query=_QUERY, reads=("states", "readings_1h", "twins", "heard"), back=1)
