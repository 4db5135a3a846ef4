"""A column's name says what its values are counted in, and so how they are shown and whether they may be added.

Belongs here: the names that columns of marts have, with unit, Power BI's format and default summary. A number whose
name follows none of them stops the rendering.
Does not: types (the marts' contracts), or units of metrics (`quality.contracts.metrics`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from quality.analysts.star import Column

Summary = Literal["none", "sum"]
SUMMED: Summary = "sum"


@dataclass(frozen=True, slots=True)
class Shown:
    """How a column's values are read."""

    unit: str
    """For people; empty where a value has none."""
    format: str
    """Power BI's format string; empty for text."""
    summary: Summary = "none"


TRUE_OR_FALSE = '"""TRUE"";""TRUE"";""FALSE"""'
WHOLE, NUMBER, SHARE, PLAIN = "#,0", "#,0.00", "0.0%", "0"

_NUMBERS: tuple[tuple[str, Shown], ...] = (
    (r"(reading|row|expected)_count", Shown("", WHOLE, SUMMED)),
    (r"active_days|.*_count", Shown("", WHOLE)),
    (r"duration_days|measured_days|days_in_year", Shown("d", WHOLE)),
    (r"(min|max|avg|stdev|first|last|p\d\d|lowest|highest)_value|(low|high)_limit", Shown("of the metric", NUMBER)),
    (r"(.*_)?amount", Shown("in `unit`", NUMBER)),
    (r".*_per_m2", Shown("in `unit` per m²", NUMBER)),
    (r"floor_area", Shown("m²", WHOLE)),
    (r"budget|actual_cost|revenue|budget_variance", Shown("in `currency`", NUMBER)),
    (r"completeness|.*_share|.*_margin|measured_to_reported", Shown("share, 1 = 100 %", SHARE)),
    (r".*_score", Shown("", NUMBER)),
    (r"hours_in_day", Shown("h", NUMBER)),
    (r"hours_.*|device_hours_.*", Shown("h", NUMBER, SUMMED)),
    (r".*_s", Shown("s", WHOLE)),
    (r"battery_.*", Shown("%", NUMBER)),
    (r"signal_avg", Shown("dBm", NUMBER)),
    (r"latitude|longitude", Shown("°", "0.000000")),
    (r"return_year|floor_area_year|(.*_)?date_key", Shown("", PLAIN)),
    (r"hour_of_day|weekday|(iso|fiscal|calendar)_(year|week|month|quarter)", Shown("", PLAIN)),
    (r"(quarter|month|day)_of_(year|month)", Shown("", PLAIN)),
)
_TYPES = {
    "varchar": Shown("", ""),
    "boolean": Shown("", TRUE_OR_FALSE),
    "date": Shown("", "yyyy-mm-dd"),
    "timestamp": Shown("UTC", "General Date"),
}


def shown(column: Column) -> Shown:
    """How its values are read.

    Raises: ValueError for a number whose name does not say what it counts.
    """
    if column.type in _TYPES:
        return _TYPES[column.type]
    for pattern, found in _NUMBERS:
        if re.fullmatch(pattern, column.name):
            return found
    raise ValueError(f"{column.name} is a {column.type} whose name says no unit; name it as others are, or add it here")
