"""Windows put together: counts, extremes, mean and spread of many windows as of one.

Belongs here: the formulas, as SQL, for every table that sums windows up.
Does not: which windows (the modules of the tables).

Mean and spread by Chan, Golub and LeVeque (1979): with n, m and s of each window and N and M of all,
M = sum(n m) / N and S² = (sum((n - 1) s²) + sum(n (m - M)²)) / (N - 1). Deviations are taken from a first M and
corrected by what it was off, so that readings around 1e9 lose nothing.
"""

from __future__ import annotations


def merged(source: str, expected: str, by: str, kept: str) -> str:
    """A select over `source` (windows as `desk` has them) with one row for each of `by`, which `kept` depends on.

    `expected`: a select of `by` and how many readings were to be expected (windows without readings have no row, so
    they cannot say).
    """
    return f"""
    WITH windows AS ({source}), expectation AS ({expected}), first AS (
        SELECT {by}, sum(reading_count * avg_value) / sum(reading_count) AS near FROM windows GROUP BY {by}
    ), sums AS (
        SELECT {by}, {kept}, any_value(unit) AS unit, count(DISTINCT device_id) AS device_count,
            CAST(sum(reading_count) AS BIGINT) AS reading_count, min(min_value) AS min_value,
            max(max_value) AS max_value, any_value(near) AS near, sum(reading_count * (avg_value - near)) AS off,
            sum((reading_count - 1) * coalesce(stdev_value, 0) ** 2) AS inside,
            sum(reading_count * (avg_value - near) ** 2) AS between_them,
            sum(reading_count) FILTER (expected_count IS NOT NULL) AS of_expected
        FROM windows JOIN first USING ({by}) GROUP BY {by}, {kept}
    )
    SELECT sums.*, near + off / reading_count AS avg_value, expectation.expected_count,
        CASE WHEN reading_count > 1 THEN
            sqrt(greatest(inside + between_them - off ** 2 / reading_count, 0) / (reading_count - 1))
        END AS stdev_value,
        coalesce(of_expected, 0) / expectation.expected_count AS completeness
    FROM sums LEFT JOIN expectation USING ({by})
    """


def placed(windows: str) -> str:
    """A select that puts the site and zone of its device beside each row of `windows`, as of its window's start."""
    return f"""
    SELECT given.*, coalesce(site_id, '') AS site_id, coalesce(time_zone, 'UTC') AS time_zone
    FROM {windows} AS given LEFT JOIN register ON register.device_id = given.device_id
        AND register.valid_from <= given.window_start
        AND (register.valid_to IS NULL OR given.window_start < register.valid_to)
    """


def local(windows: str) -> str:
    """As `placed`, with the date that the site's clocks show, when that day begins and how many hours it has."""
    return f"""
    WITH at_site AS ({placed(windows)}), clock AS (
        SELECT time_zone, window_start, CAST(timezone(time_zone, window_start) AS DATE) AS local_date
        FROM (SELECT DISTINCT time_zone, window_start FROM at_site)
    ), calendar AS (
        SELECT time_zone, local_date, timezone(time_zone, CAST(local_date AS TIMESTAMP)) AS day_start,
            timezone(time_zone, CAST(local_date + 1 AS TIMESTAMP)) AS next_start
        FROM (SELECT DISTINCT time_zone, local_date FROM clock)
    )
    SELECT at_site.*, local_date, day_start, epoch(next_start - day_start) / 3600 AS hours_in_day
    FROM at_site JOIN clock USING (time_zone, window_start) JOIN calendar USING (time_zone, local_date)
    """


EXPECTED = """(
    SELECT event_date, device_id, metric, expected_count / 96 AS expected_count,
        CAST(event_date AS TIMESTAMPTZ) + to_minutes(15 * quarter) AS window_start
    FROM (
        SELECT event_date, device_id, metric, sum(expected_count) AS expected_count FROM readings_1d
        WHERE expected_count IS NOT NULL GROUP BY ALL
    ) CROSS JOIN range(96) AS quarters (quarter)
)"""
"""What each device was to send of a metric in each quarter of an hour, of days on which it sent some of it: the day's
expectation in equal parts. Zones are off UTC by quarters of an hour, never by less."""
