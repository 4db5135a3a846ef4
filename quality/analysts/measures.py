"""Measures of the Power BI model, in DAX.

Belongs here: what analysts would otherwise each write for themselves, and get wrong where an average of averages must
be weighted or currencies and metrics may not be added up.
Does not: how they are written to a file (`tmdl`).
"""

from __future__ import annotations

from dataclasses import dataclass

from quality.analysts.units import NUMBER, SHARE, WHOLE


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure, on the fact it is counted from."""

    table: str
    name: str
    dax: str
    format: str
    says: str


def _readings(table: str, suffix: str, period: str) -> tuple[Measure, ...]:
    one, count = "HASONEVALUE(dim_metric[metric])", f"{table}[reading_count]"
    return (
        Measure(table, f"Readings{suffix}", f"SUM({table}[reading_count])", WHOLE, f"Accepted readings, by {period}."),
        Measure(
            table,
            f"Average value{suffix}",
            f"IF({one}, DIVIDE(SUMX({table}, {table}[avg_value] * {count}), SUM({count})))",
            NUMBER,
            "Mean of the readings, in the unit of the metric; blank unless one metric is chosen.",
        ),
        Measure(
            table,
            f"Lowest value{suffix}",
            f"IF({one}, MIN({table}[min_value]))",
            NUMBER,
            "Smallest reading, in the unit of the metric; blank unless one metric is chosen.",
        ),
        Measure(
            table,
            f"Highest value{suffix}",
            f"IF({one}, MAX({table}[max_value]))",
            NUMBER,
            "Largest reading, in the unit of the metric; blank unless one metric is chosen.",
        ),
        Measure(
            table,
            f"Completeness %{suffix}",
            f"DIVIDE(CALCULATE(SUM({table}[reading_count]), KEEPFILTERS(NOT ISBLANK({table}[expected_count]))), "
            f"SUM({table}[expected_count]))",
            SHARE,
            f"Readings of those expected, where an expectation is declared. A {period} without any reading has no row "
            "and does not count; Hours silent tells of those.",
        ),
    )


_HEALTH = "fct_device_health_daily"
_ALERTS = "fct_alerts_daily"
_QUALITY = "fct_data_quality_daily"
_COMFORT = "fct_site_comfort_daily"
_USE = "fct_site_use_daily"
_INTENSITY = "fct_site_intensity"
_MONEY = "fct_engagement"


def _sum_of_one_currency(column: str) -> str:
    return f"IF(HASONEVALUE({_MONEY}[currency]), SUM({_MONEY}[{column}]))"


def _where_known(total: str, *columns: str) -> str:
    known = ", ".join(f"KEEPFILTERS(NOT ISBLANK({_MONEY}[{column}]))" for column in columns)
    return f"CALCULATE({total}, {known})"


def _share(total: str, condition: str) -> str:
    """Of nothing it is blank, and 0 where nothing meets the condition."""
    return f"DIVIDE(COALESCE(CALCULATE({total}, KEEPFILTERS({condition})), 0), {total})"


def _share_of_rows(outcome: str) -> str:
    return _share(f"SUM({_QUALITY}[row_count])", f'{_QUALITY}[outcome] = "{outcome}"')


def _used(resource: str, unit: str) -> Measure:
    return Measure(
        _USE,
        f"{resource.capitalize()} ({unit})",
        f'CALCULATE(SUM({_USE}[amount]), KEEPFILTERS({_USE}[resource] = "{resource}"), '
        f'KEEPFILTERS({_USE}[unit] = "{unit}"))',
        NUMBER,
        f"What the meters of the sites counted, in {unit}.",
    )


def _per_area(side: str, says: str) -> Measure:
    """A mean over sites and years, weighted by floor area, of the rows that know both; of one resource."""
    known = f"KEEPFILTERS(NOT ISBLANK({_INTENSITY}[{side}_per_m2]))"
    return Measure(
        _INTENSITY,
        f"{side.capitalize()} per m²",
        f"IF(HASONEVALUE({_INTENSITY}[resource]), DIVIDE(CALCULATE(SUM({_INTENSITY}[{side}_amount]), {known}), "
        f"CALCULATE(SUM({_INTENSITY}[floor_area]), {known})))",
        NUMBER,
        f"{says}, in kWh or m³ per m² of floor area, as a mean over years; blank unless one resource is chosen.",
    )


def _metered_of_reported() -> str:
    """As one site's own figure: each measured day stands for those of its year that were not."""
    known = f"KEEPFILTERS(NOT ISBLANK({_INTENSITY}[measured_to_reported]))"
    year = f"{_INTENSITY}[measured_to_reported] * {_INTENSITY}[reported_amount]"
    return (
        f"IF(HASONEVALUE({_INTENSITY}[resource]), DIVIDE(SUMX({_INTENSITY}, {year}), "
        f"CALCULATE(SUM({_INTENSITY}[reported_amount]), {known})))"
    )


MEASURES: tuple[Measure, ...] = (
    *_readings("fct_readings_daily", "", "day"),
    *_readings("fct_readings_hourly", " (hourly)", "hour"),
    Measure(
        "fct_readings_daily",
        "Devices reporting",
        "COUNTROWS(SUMMARIZE(fct_readings_daily, dim_device[device_id]))",
        WHOLE,
        "Devices with a reading; one that has several versions counts once.",
    ),
    Measure(
        _HEALTH,
        "Devices watched",
        f"COUNTROWS(SUMMARIZE({_HEALTH}, dim_device[device_id]))",
        WHOLE,
        "Devices that reported or should have.",
    ),
    Measure(
        _HEALTH,
        "Healthy %",
        _share(f"COUNTROWS({_HEALTH})", f'{_HEALTH}[status] = "healthy"'),
        SHARE,
        "Share of the days of devices that were healthy.",
    ),
    Measure(_HEALTH, "Hours silent", f"SUM({_HEALTH}[hours_silent])", NUMBER, "Hours that devices missed, in all."),
    Measure(
        _HEALTH,
        "Lowest battery (%)",
        f"MIN({_HEALTH}[battery_min])",
        NUMBER,
        "Lowest level of any battery, percent.",
    ),
    Measure(
        _HEALTH,
        "Suspect %",
        f"DIVIDE(SUMX({_HEALTH}, {_HEALTH}[suspect_share] * {_HEALTH}[reading_count]), SUM({_HEALTH}[reading_count]))",
        SHARE,
        "Share of readings in doubt, weighted by their count.",
    ),
    Measure(_ALERTS, "Alerts", f"COUNTROWS({_ALERTS})", WHOLE, "Days of devices with an alert, per code."),
    Measure(
        _ALERTS,
        "Critical alerts",
        f'CALCULATE(COUNTROWS({_ALERTS}), KEEPFILTERS({_ALERTS}[severity] = "critical"))',
        WHOLE,
        "Of the alerts, those that are critical.",
    ),
    Measure(
        _ALERTS, "Hours affected", f"SUM({_ALERTS}[hours_affected])", NUMBER, "Hours in fault or silent, in all."
    ),
    Measure(_QUALITY, "Rows arrived", f"SUM({_QUALITY}[row_count])", WHOLE, "Rows of every outcome."),
    Measure(_QUALITY, "Refused %", _share_of_rows("quarantined"), SHARE, "Share of the rows that were quarantined."),
    Measure(_QUALITY, "Duplicate %", _share_of_rows("duplicate"), SHARE, "Share of the rows that had come before."),
    Measure(
        _COMFORT,
        "Comfort %",
        f"DIVIDE(SUM({_COMFORT}[hours_comfortable]), SUM({_COMFORT}[hours_known]))",
        SHARE,
        "Share of the known hours that were within the comfort band.",
    ),
    Measure(
        _COMFORT,
        "Hours outside the band",
        f"SUM({_COMFORT}[hours_below]) + SUM({_COMFORT}[hours_above])",
        NUMBER,
        "Hours below or above the comfort band, over sites and metrics.",
    ),
    _used("electricity", "kWh"),
    _used("heat", "kWh"),
    _used("water", "m**3"),
    _per_area("reported", "What sites reported"),
    _per_area("measured", "What meters counted on the days measured, not scaled up"),
    Measure(
        _INTENSITY,
        "Metered %",
        _metered_of_reported(),
        SHARE,
        "Metered a day of what was reported a day, where both are known; about 100 % where meters cover the whole of "
        "the sites; blank unless one resource is chosen.",
    ),
    Measure(_MONEY, "Engagements", f"COUNTROWS({_MONEY})", WHOLE, "Engagements, each once."),
    Measure(
        _MONEY,
        "Total budget",
        _sum_of_one_currency("budget"),
        NUMBER,
        "What they may cost; blank for several currencies.",
    ),
    Measure(
        _MONEY,
        "Total cost",
        _sum_of_one_currency("actual_cost"),
        NUMBER,
        "What they have cost; blank for several currencies.",
    ),
    Measure(
        _MONEY,
        "Total revenue",
        _sum_of_one_currency("revenue"),
        NUMBER,
        "What they have brought; blank for several currencies.",
    ),
    Measure(
        _MONEY,
        "Budget variance",
        _sum_of_one_currency("budget_variance"),
        NUMBER,
        "Cost less budget where both are known, above 0 is overspent; blank for several currencies.",
    ),
    Measure(
        _MONEY,
        "Budget variance %",
        f"IF(HASONEVALUE({_MONEY}[currency]), DIVIDE(SUM({_MONEY}[budget_variance]), "
        f"{_where_known(f'SUM({_MONEY}[budget])', 'budget_variance')}))",
        SHARE,
        "Budget variance of the budget, where both are known; blank for several currencies.",
    ),
    Measure(
        _MONEY,
        "Margin",
        f"IF(HASONEVALUE({_MONEY}[currency]), "
        f"{_where_known(f'SUM({_MONEY}[revenue]) - SUM({_MONEY}[actual_cost])', 'revenue', 'actual_cost')})",
        NUMBER,
        "Revenue less cost, where both are known; blank for several currencies.",
    ),
    Measure(
        _MONEY,
        "Margin %",
        f"DIVIDE([Margin], {_where_known(f'SUM({_MONEY}[revenue])', 'revenue', 'actual_cost')})",
        SHARE,
        "Margin of the revenue, where revenue and cost are known; blank for several currencies.",
    ),
    Measure(
        _MONEY,
        "Anomalies",
        f"CALCULATE(COUNTROWS({_MONEY}), KEEPFILTERS({_MONEY}[is_anomaly] = TRUE()))",
        WHOLE,
        "Engagements whose variance or margin stands out.",
    ),
)  # fmt: skip
