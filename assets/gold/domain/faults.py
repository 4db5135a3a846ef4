"""`gold.fault_indicators_1d`: in how many hours of a day each rule about a unit holds.

Belongs here: its query: a unit's points of an hour side by side, the rules asked of each hour, hours counted.
Does not: the rules (`fault_rules`). A unit is a device that has a supply air temperature and a valve or damper.
"""

from __future__ import annotations

from assets.gold.domain.fault_rules import FAULTS, NUMBERS, STATES
from assets.gold.domain.subject import Subject
from quality.contracts.domain_tables import FAULT_INDICATORS_1D

FEWEST_HOURS = 2
"""So many hours in fault are told as a fault; a single one is a start-up or a change of season."""
_POINTS = ", ".join(
    f"max(avg_value) FILTER (metric = '{metric}' AND channel = '{channel}') AS \"{point}\""
    for point, (metric, channel) in NUMBERS.items()
)
_SHARES = ", ".join(
    f"sum(share) FILTER (metric = '{metric}' AND channel = '{channel}' AND state = '{state}') AS {point}, "
    f"bool_or(metric = '{metric}' AND channel = '{channel}') AS has_{point}"
    for point, (metric, channel, state) in STATES.items()
)
_JUDGED = " UNION ALL ".join(
    f"SELECT event_date, device_id, '{rule.code}' AS code, count(*) AS hours_judged, "
    f"count(*) FILTER ({rule.fails}) AS hours_in_fault FROM hours WHERE {rule.judges} GROUP BY ALL"
    for rule in FAULTS
)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_WORDS = ", ".join(f"('{rule.code}', '{rule.severity}', {_quoted(rule.says)})" for rule in FAULTS)
_QUERY = f"""
WITH units AS (
    SELECT device_id FROM readings_1h GROUP BY device_id
    HAVING bool_or(metric = 'supply_air_temperature') AND bool_or(metric IN ('valve_command', 'damper_command'))
), numbers AS (
    SELECT event_date, device_id, window_start, {_POINTS},
        max(max_value - min_value) FILTER (metric = 'supply_air_temperature' AND channel = '') AS supply_range,
        max(reading_count) FILTER (metric = 'supply_air_temperature' AND channel = '') AS supply_count
    FROM readings_1h WHERE device_id IN (SELECT device_id FROM units) GROUP BY ALL
), shares AS (
    SELECT event_date, device_id, window_start, {_SHARES}
    FROM state_hours WHERE device_id IN (SELECT device_id FROM units) GROUP BY ALL
), hours AS (
    -- A fan that is told to stand still does not run, whatever its status says.
    SELECT *, CASE WHEN fan_speed < 1 THEN 0 WHEN has_fan_on THEN coalesce(fan_on, 0)
        WHEN has_fan_alone_on THEN coalesce(fan_alone_on, 0) END AS runs
    FROM numbers FULL JOIN shares USING (event_date, device_id, window_start)
), judged AS ({_JUDGED}), at_end AS (
    SELECT days.event_date, device_id, arg_max(site_id, valid_from) AS site_id
    FROM register JOIN days ON valid_from < day_end AND (valid_to IS NULL OR valid_to > day_start) GROUP BY ALL
)
SELECT event_date, device_id, coalesce(site_id, '') AS site_id, code, severity, message, hours_judged, hours_in_fault,
    hours_in_fault >= {FEWEST_HOURS} AS is_fault
FROM judged JOIN (VALUES {_WORDS}) AS words (code, severity, message) USING (code)
    LEFT JOIN at_end USING (event_date, device_id)
"""

FAULT_INDICATORS = Subject(table=FAULT_INDICATORS_1D, query=_QUERY, reads=("readings_1h", "state_hours", "register"))
