"""Gold by subject: sites, devices, plant, engagements and twins, and features to learn from.

Belongs here: every table that puts readings and reference entities together.
Does not: aggregates of readings alone (`gold_tables`), limits that are judged by (`domain_limits`), or dbt's marts.
"""

from __future__ import annotations

from quality.contracts.columns import KEY
from quality.contracts.model import Column, Table, Type

_EVENT_DATE = Column(name="event_date", type="date", says="The date, UTC.")
_LOCAL_DATE = Column(name="local_date", type="date", says="Date of the site's own calendar.")
_SITE = Column(name="site_id", type="string", says="Site; empty for devices that the register places nowhere.")
_ZONE = Column(name="time_zone", type="string", says="IANA time zone of the site; `UTC` where none is known.")
_UNIT = Column(name="unit", type="string", says="Canonical unit of the metric.")
_DEVICE, _METRIC, _CHANNEL = (next(c for c in KEY if c.name == n) for n in ("device_id", "metric", "channel"))
_HOURS = Column(name="hours_in_day", type="double", says="Hours of the local day: 23 or 25 where clocks change.")


def _is(name: str, type_: Type, says: str, unit: str | None = None) -> Column:
    return Column(name=name, type=type_, says=says, unit=unit)


def _may(name: str, type_: Type, says: str, unit: str | None = None) -> Column:
    return Column(name=name, type=type_, says=says, unit=unit, null=True)


_ROLLED_UP = (
    _UNIT,
    _is("device_count", "long", "Devices with a reading."),
    _is("reading_count", "long", "Readings of all devices and channels."),
    _is("min_value", "double", "Smallest value, in `unit`."),
    _is("max_value", "double", "Largest value, in `unit`."),
    _is("avg_value", "double", "Mean over all readings, in `unit`."),
    _may("stdev_value", "double", "Sample standard deviation over all readings; null for fewer than 2."),
    _may("expected_count", "double", "Readings to expect, of windows where that is known; null where of none."),
    _may("completeness", "double", "Readings of those windows / expected_count, not capped; null where unknown."),
)


def _dated(name: str, says: str, columns: tuple[Column, ...], key: tuple[str, ...], *, local: bool = False) -> Table:
    day = _LOCAL_DATE if local else _EVENT_DATE
    return Table(
        layer="gold",
        name=name,
        says=says,
        columns=(day, *columns),
        key=(day.name, *key) if "window_start" not in key else key,
        partition_by=(day.name,),
        fresh_within=15,
    )


SITE_READINGS_1H = _dated(
    "site_readings_1h",
    "Readings per site, metric and hour: all devices that stood there then.",
    (_SITE, _METRIC, _is("window_start", "timestamp", "Start of the hour; end is exclusive."), *_ROLLED_UP),
    ("site_id", "metric", "window_start"),
)

SITE_READINGS_1D_LOCAL = _dated(
    "site_readings_1d_local",
    "Readings per site, metric and day of the site's own calendar.",
    (_SITE, _METRIC, _ZONE, _is("day_start", "timestamp", "When the local day begins."), _HOURS, *_ROLLED_UP),
    ("site_id", "metric"),
    local=True,
)

SERIES_QUALITY_1D = _dated(
    "series_quality_1d",
    "How many readings of a device's metric a day has, how many were to be expected, and how many are in doubt.",
    (
        _DEVICE,
        _METRIC,
        _CHANNEL,
        _is("reading_count", "long", "Readings with a number."),
        _may("expected_count", "double", "Readings to expect; null where nothing is declared."),
        _may("completeness", "double", "reading_count / expected_count, not capped; null where nothing is expected."),
        _is("suspect_count", "long", "Of those readings in doubt, by whichever rule, each once."),
        _is("suspect_share", "double", "suspect_count / reading_count."),
    ),
    ("device_id", "metric", "channel"),
)

DEVICE_HEALTH_1D = _dated(
    "device_health_1d",
    "How a device did on a day; devices that should have reported and did not are there too.",
    (
        _DEVICE,
        _SITE,
        _is("is_registered", "boolean", "Whether the register names it on that day."),
        _is("is_expected", "boolean", "Whether the register expects it to report at some time of the day."),
        _is("status", "string", "The first that applies, see `domain_limits.HEALTH`."),
        _may("last_heartbeat_at", "timestamp", "Newest reading up to the day's end, of 8 days; null where none."),
        _is("reading_count", "long", "Readings of the day, states and events too."),
        _is("watched_s", "double", "Time of the day that it was to report in and that has been heard.", "s"),
        _is("longest_silence_s", "double", "Longest stretch of that time without a reading.", "s"),
        _is("hours_silent", "double", "Whole hours of that time (UTC) without a reading.", "h"),
        _may("battery_last", "double", "Last battery level of the day; null where none.", "percent"),
        _may("battery_min", "double", "Lowest battery level of the day.", "percent"),
        _may("signal_avg", "double", "Mean power of its radio signal at the receiver.", "dBm"),
        _may("completeness", "double", "Readings / expected over its series; null where nothing is expected."),
        _is("suspect_share", "double", "Share of its readings in doubt; 0 where it has none."),
    ),
    ("device_id",),
)

SITE_COMFORT_1D = _dated(
    "site_comfort_1d",
    "Hours of a local day that a site's air was within its comfort band; bands: `domain_limits.COMFORT`.",
    (
        _SITE,
        _METRIC,
        _ZONE,
        _HOURS,
        _may("low", "double", "Lower end of the band, in `unit`; null where it has none."),
        _may("high", "double", "Upper end of the band, in `unit`; null where it has none."),
        _UNIT,
        _is("hours_known", "double", "Hours with a reading of any device.", "h"),
        _is("hours_comfortable", "double", "Hours in which the mean over devices lies within.", "h"),
        _is("hours_below", "double", "Hours in which it lies below.", "h"),
        _is("hours_above", "double", "Hours in which it lies above.", "h"),
        _is("comfort_share", "double", "hours_comfortable / hours_known."),
        _is("device_hours_known", "double", "Hours known, summed over devices.", "h"),
        _is("device_hours_comfortable", "double", "Of these, hours in which the device's own mean lies within.", "h"),
    ),
    ("site_id", "metric"),
    local=True,
)

SITE_USE_1D = _dated(
    "site_use_1d",
    "Energy and water that the meters of a site counted on a day.",
    (
        _SITE,
        _is("resource", "string", "`electricity`, `heat` or `water`, see `domain_limits.RESOURCES`."),
        _UNIT,
        _is("amount", "double", "What was used, in `unit`: rises of counters and sums of interval meters."),
        _is("meter_count", "long", "Series (device, metric, channel) that make it up."),
    ),
    ("site_id", "resource"),
)

FAULT_INDICATORS_1D = _dated(
    "fault_indicators_1d",
    "Signs of faults in air-handling units, judged hour by hour; rules: `assets.gold.domain.fault_rules`.",
    (
        _DEVICE,
        _SITE,
        _is("code", "string", "Rule."),
        _is("severity", "string", "`info`, `warning` or `critical`."),
        _is("message", "string", "What it points to, for a person."),
        _is("hours_judged", "double", "Hours whose readings the rule could judge.", "h"),
        _is("hours_in_fault", "double", "Hours that it holds of.", "h"),
        _is("is_fault", "boolean", "Whether it holds of enough of the hours judged to be told."),
    ),
    ("device_id", "code"),
)

TWIN_STATES = _dated(
    "twin_states",
    "History of a twin's attributes: what held from when to when; spans end at midnight UTC.",
    (
        _is("twin_id", "string", "Digital twin."),
        _is("attribute", "string", "Metric, and `metric/channel` where a channel is named."),
        _DEVICE,
        _is("kind", "string", "`state`: until the next reading; `number`: last value of each hour with readings."),
        _may("value", "double", "Number that held, in the metric's unit; null for states."),
        _may("value_text", "string", "State that held; null for numbers."),
        _is("valid_from", "timestamp", "From when it held."),
        _is("valid_to", "timestamp", "Until when; the end of the day, or of what has been heard of it, at most."),
        _is("is_carried", "boolean", "Whether it held before midnight already."),
    ),
    ("twin_id", "attribute", "valid_from"),
)

_WINDOWS = {"3h": "3 hours", "24h": "24 hours", "7d": "7 days"}

FEATURES_1H = _dated(
    "features_1h",
    "Features of a series as of each hour: from windows that ended at or before `as_of`, and nothing later.",
    (
        _DEVICE,
        _METRIC,
        _CHANNEL,
        _is("as_of", "timestamp", "Full hour; event_date is the date of the hour that ended with it."),
        _is("avg_1h", "double", "Mean of the hour before."),
        _is("last_value", "double", "Last value of the hour before."),
        _is("count_1h", "long", "Readings of the hour before."),
        *(
            _may(f"avg_lag_{hours}h", "double", f"Mean of the hour that ended {hours} hours before; null if none.")
            for hours in (1, 2, 3, 24, 168)
        ),
        *(
            column
            for name, words in _WINDOWS.items()
            for column in (
                _is(f"count_{name}", "long", f"Readings of the {words} before."),
                _is(f"avg_{name}", "double", f"Mean over the readings of the {words} before."),
                _may(f"stdev_{name}", "double", "Sample standard deviation over them; null for fewer than 2."),
                _is(f"hours_{name}", "long", f"Hours with readings among the {words} before."),
            )
        ),
        _is("hour_of_day", "int", "Hour of as_of, UTC, 0 to 23."),
        _is("day_of_week", "int", "Day of as_of, UTC, 1 (Monday) to 7."),
        _is("is_weekend", "boolean", "Whether that is a Saturday or Sunday."),
        _is("month", "int", "Month of as_of, 1 to 12."),
    ),
    ("device_id", "metric", "channel", "as_of"),
)

SITE_INTENSITY = Table(
    layer="gold",
    name="site_intensity",
    says="Energy and water per floor area, site and return year: what meters counted beside what the site reported.",
    columns=(
        _SITE,
        _is("return_year", "long", "Year in which the year of the return (April to March) began."),
        _is("resource", "string", "`electricity`, `heat`, `water`, or `energy` for all kinds of energy."),
        _UNIT,
        _may("floor_area", "double", "Gross internal floor area; null where never reported.", "m**2"),
        _may("floor_area_year", "long", "Return that the floor area is from: of this year or the newest before."),
        _may("measured_amount", "double", "What meters counted, in `unit`; null where there are none."),
        _is("measured_days", "long", "Days of the year with a metered amount."),
        _is("days_in_year", "long", "Days of the year, 365 or 366."),
        _may("measured_per_m2", "double", "measured_amount / floor_area, for the days measured; not scaled up."),
        _may("reported_amount", "double", "What the site reported for the year, in `unit`; null where it did not."),
        _may("reported_per_m2", "double", "reported_amount / floor_area."),
        _may(
            "measured_to_reported",
            "double",
            "Measured a day / reported a day; about 1 where meters cover all of the site.",
        ),
    ),
    key=("site_id", "return_year", "resource"),
    fresh_within=15,
)

ENGAGEMENT_KPIS = Table(
    layer="gold",
    name="engagement_kpis",
    says="Figures of each engagement as it is known now: variance, margin, duration, and whether they stand out.",
    columns=(
        _is("engagement_id", "string", "Number in the CRM."),
        _is("client_id", "string", "Who it is for."),
        _may("service_offering_id", "string", "What was sold."),
        _may("status", "string", "`planned`, `active`, `completed` or `cancelled`."),
        _may("currency", "string", "ISO 4217 code of the amounts."),
        _is("started_on", "date", "First day."),
        _may("ended_on", "date", "Last day; null while it goes on."),
        _is("as_of_date", "date", "Newest day that the CRM has told anything of: durations that go on end there."),
        _is("duration_days", "long", "Days from the first to the last, both counted; 0 where it has not begun."),
        _may("budget", "double", "What it may cost, in `currency`."),
        _may("actual_cost", "double", "What it has cost, in `currency`."),
        _may("revenue", "double", "What it has brought, in `currency`."),
        _may("budget_variance", "double", "actual_cost - budget, in `currency`: above 0 is overspent."),
        _may("budget_variance_share", "double", "budget_variance / budget; null without a budget above 0."),
        _may("revenue_margin", "double", "(revenue - actual_cost) / revenue; null without revenue above 0."),
        _may("variance_score", "double", "Modified z-score of budget_variance_share; null where too few are known."),
        _may("margin_score", "double", "Modified z-score of revenue_margin; null where too few are known."),
        _is("is_anomaly", "boolean", "Whether a score is beyond `domain_limits.ANOMALY.score` either way."),
    ),
    key=("engagement_id",),
)

DOMAIN_LOADS = Table(
    layer="gold",
    name="domain_loads",
    says="Plan and log of the subject tables: which dates each load makes anew, and from what.",
    columns=(
        _is("load", "long", "Number of the load, from 1, gapless."),
        _is("date", "date", "Date that it makes anew."),
        _is("lake_id", "string", "Lake whose batches it read; a restored lake counts them anew."),
        _is("inputs", "map", "Table to a hash of what its rows of the date are made from: another one, other rows."),
        _is("planned_at", "timestamp", "When it was planned; `gold.date_state` says when it was done."),
    ),
    key=("load", "date"),
)

BY_DATE: tuple[Table, ...] = (
    SITE_READINGS_1H, SITE_READINGS_1D_LOCAL, SERIES_QUALITY_1D, DEVICE_HEALTH_1D, SITE_COMFORT_1D, SITE_USE_1D,
    FAULT_INDICATORS_1D, TWIN_STATES, FEATURES_1H,
)  # fmt: skip
"""Tables that are replaced by whole dates."""
WHOLE: tuple[Table, ...] = (SITE_INTENSITY, ENGAGEMENT_KPIS)
"""Tables that are replaced whole."""
DOMAIN_TABLES: tuple[Table, ...] = (*BY_DATE, *WHOLE, DOMAIN_LOADS)
