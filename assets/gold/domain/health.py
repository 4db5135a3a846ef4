"""`gold.device_health_1d`: whether each device did what it is there for.

Belongs here: its query. A device is watched while the register expects it to report, one that the register does not
know all day; in both cases up to the moment that has been heard of the day. Silence is counted within that time, from
its start to the first reading, between readings, and from the last reading to its end.
Does not: the limits and what the words mean (`quality.contracts.domain_limits`).
"""

from __future__ import annotations

from assets.gold.domain.subject import Subject
from quality.contracts.domain_limits import HEALTH_LIMITS as L
from quality.contracts.domain_tables import DEVICE_HEALTH_1D

_QUERY = f"""
WITH beats AS (
    SELECT CAST(recorded_at AS DATE) AS event_date, device_id, metric, recorded_at, value FROM heartbeats
), of_day AS (
    SELECT event_date, device_id, count(*) AS reading_count,
        arg_max(value, recorded_at) FILTER (metric = 'battery_level' AND value IS NOT NULL) AS battery_last,
        min(value) FILTER (metric = 'battery_level') AS battery_min,
        avg(value) FILTER (metric = 'signal_strength') AS signal_avg
    FROM beats GROUP BY ALL
), spans AS (
    SELECT days.*, device_id, site_id, is_expected, interval_s,
        greatest(valid_from, day_start) AS span_from, least(coalesce(valid_to, day_end), day_end) AS span_to
    FROM register JOIN days ON valid_from < day_end AND (valid_to IS NULL OR valid_to > day_start)
), known AS (
    SELECT event_date, device_id, arg_max(site_id, span_from) AS site_id, bool_or(is_expected) AS is_expected,
        min(span_from) FILTER (is_expected) AS expected_from, max(span_to) FILTER (is_expected) AS expected_to,
        arg_max(interval_s, span_from) FILTER (interval_s IS NOT NULL) AS interval_s
    FROM spans GROUP BY ALL
), devices AS (
    SELECT days.*, device_id, coalesce(site_id, '') AS site_id, known.device_id IS NOT NULL AS is_registered,
        coalesce(is_expected, false) AS is_expected, interval_s, coalesce(reading_count, 0) AS reading_count,
        battery_last, battery_min, signal_avg,
        CASE WHEN known.device_id IS NULL THEN day_start ELSE coalesce(expected_from, day_start) END AS watch_from,
        greatest(
            CASE WHEN known.device_id IS NULL THEN day_start ELSE coalesce(expected_from, day_start) END,
            least(heard_until, CASE WHEN known.device_id IS NULL THEN day_end ELSE coalesce(expected_to, day_start) END)
        ) AS watch_to
    FROM (FROM known WHERE is_expected OR (event_date, device_id) IN (SELECT (event_date, device_id) FROM of_day))
        AS known
        FULL JOIN of_day USING (event_date, device_id) JOIN days USING (event_date)
), moments AS (
    SELECT event_date, device_id, recorded_at AS moment FROM beats
        JOIN devices USING (event_date, device_id) WHERE recorded_at BETWEEN watch_from AND watch_to
    UNION ALL SELECT event_date, device_id, watch_from FROM devices
    UNION ALL SELECT event_date, device_id, watch_to FROM devices
), silences AS (
    SELECT event_date, device_id, max(silence) AS longest_silence_s FROM (
        SELECT event_date, device_id,
            epoch(moment - lag(moment) OVER (PARTITION BY event_date, device_id ORDER BY moment)) AS silence
        FROM moments
    ) GROUP BY ALL
), hours AS (
    SELECT event_date, device_id, count(DISTINCT date_trunc('hour', recorded_at)) AS hours_heard
    FROM beats JOIN devices USING (event_date, device_id)
    WHERE date_trunc('hour', recorded_at) >= watch_from
        AND date_trunc('hour', recorded_at) + INTERVAL 1 hour <= watch_to
    GROUP BY ALL
), quality AS (
    SELECT event_date, device_id, sum(reading_count) FILTER (expected_count IS NOT NULL) / sum(expected_count)
            AS completeness,
        coalesce(sum(suspect_count), 0) / sum(reading_count) AS suspect_share
    FROM all_1d LEFT JOIN doubts USING (event_date, device_id, metric, channel) GROUP BY ALL
), newest AS (
    SELECT devices.event_date, devices.device_id, max(recorded_at) AS last_heartbeat_at
    FROM devices JOIN last_heartbeats AS last ON last.device_id = devices.device_id
        AND last.event_date BETWEEN devices.event_date - {L.look_back_days} AND devices.event_date
    GROUP BY ALL
), judged AS (
    SELECT devices.* EXCLUDE (site_id), devices.site_id, last_heartbeat_at, epoch(watch_to - watch_from) AS watched_s,
        coalesce(longest_silence_s, 0) AS longest_silence_s,
        greatest(0, date_diff('hour', CASE WHEN watch_from = date_trunc('hour', watch_from) THEN watch_from
            ELSE date_trunc('hour', watch_from) + INTERVAL 1 hour END, date_trunc('hour', watch_to)))
            - coalesce(hours_heard, 0) AS hours_silent,
        completeness, coalesce(suspect_share, 0) AS suspect_share,
        coalesce(interval_s * {L.silence_intervals}, {L.silence_s}) AS silence_limit
    FROM devices LEFT JOIN silences USING (event_date, device_id) LEFT JOIN hours USING (event_date, device_id)
        LEFT JOIN quality USING (event_date, device_id) LEFT JOIN newest USING (event_date, device_id)
)
SELECT *, CASE
    WHEN is_registered AND reading_count = 0 AND watched_s < silence_limit THEN 'unheard'
    WHEN reading_count = 0 THEN 'silent'
    WHEN NOT is_registered THEN 'unregistered'
    WHEN NOT is_expected THEN 'unexpected'
    WHEN battery_min < {L.battery_low} THEN 'low_battery'
    WHEN suspect_share > {L.suspect_share} THEN 'suspect'
    WHEN longest_silence_s > silence_limit OR completeness < {L.completeness} * watched_s / 86400 THEN 'patchy'
    ELSE 'healthy' END AS status
FROM judged
"""

HEALTH_OF_DEVICES = Subject(
    table=DEVICE_HEALTH_1D,
    query=_QUERY,
    reads=("heartbeats", "all_1d", "doubts", "register", "heard"),
    back=L.look_back_days,
)
