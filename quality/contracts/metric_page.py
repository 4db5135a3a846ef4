"""The metric catalogue as a page people read.

Belongs here: `docs/reference/metrics.md`: every metric with definition, unit, range and limits, group by group.
Does not: the metrics (`catalogue`), or other pages (`pages`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from quality.contracts.grid import MADE, grid
from quality.contracts.metric_model import AGGREGATIONS, WORDS, Metric
from quality.contracts.metrics import GROUPS, METRICS
from quality.contracts.units_of_measure import QUDT, UNITS

_BRICK = "https://brickschema.org/schema/Brick#"
_HEAD = """# Metrics

What can be measured: {count} metrics in {groups} groups. A reading names one of them, in its unit. A value outside the
range is rejected; what breaks a limit in the column *doubted when* is accepted and flagged ([rules](rules.md)).

Names are [Brick](https://brickschema.org) point classes in snake case where Brick has one; units are QUDT's, and
SenML's where SenML has one (ADR 16). A metric that is missing is one entry in `quality/contracts/catalogue/`.
"""


def metrics_page() -> str:
    """The whole page."""
    lines = [MADE, "", _HEAD.format(count=len(METRICS), groups=len(GROUPS)).rstrip(), ""]
    lines += grid(("kind", "what it is"), [(f"**{kind}**", says) for kind, says in WORDS.items()])
    lines += ["", *(f"- [{name}](#{_anchor(name)}): {_names(group)}" for name, group in GROUPS.items())]
    for name, group in GROUPS.items():
        lines += ["", f"## {name}", "", *_group(group)]
    lines += ["", "## Units", "", *_units()]
    return "\n".join(lines) + "\n"


def _group(metrics: Iterable[Metric]) -> list[str]:
    head = ("metric", "definition", "kind", "unit", "range", "over a window", "doubted when", "Brick class")
    rows = [
        (
            f"`{metric.name}`",
            metric.says + _states(metric),
            metric.kind,
            UNITS[metric.unit].symbol,
            _range(metric),
            AGGREGATIONS[metric.windows],
            "; ".join(_doubts(metric)),
            f"[{metric.brick}]({_BRICK}{metric.brick})" if metric.brick else "",
        )
        for metric in metrics
    ]
    return grid(head, rows)


def _names(metrics: Iterable[Metric]) -> str:
    return ", ".join(f"`{metric.name}`" for metric in metrics)


def _states(metric: Metric) -> str:
    return f" One of {', '.join(f'`{state}`' for state in metric.states)}." if metric.states else ""


def _range(metric: Metric) -> str:
    if metric.low is None and metric.high is None:
        return ""
    return f"{_number(metric.low)} … {_number(metric.high)}"


def _doubts(metric: Metric) -> Iterator[str]:
    symbol = UNITS[metric.unit].symbol
    if metric.rate_per_s is not None:
        yield f"it changes by more than {_number(metric.rate_per_s)} {symbol}/s".rstrip()
    if metric.stuck_after_s is not None:
        yield f"unchanged for {_number(metric.stuck_after_s / 3600)} h"
    if metric.outlier_spreads is not None:
        yield f"{_number(metric.outlier_spreads)} spreads off the day's median"
    if metric.twins_within is not None:
        yield f"{_number(metric.twins_within)} {symbol} off its twins".replace("  ", " ")
    if metric.kind == "counter":
        yield "it falls"


def _units() -> list[str]:
    used = {metric.unit for metric in METRICS}
    rows = [
        (
            unit.symbol or "(none)",
            f"`{name}`",
            f"[{unit.qudt}]({QUDT}{unit.qudt})" if unit.qudt else "",
            f"`{unit.senml}`" if unit.senml else "",
        )
        for name, unit in UNITS.items()
        if name in used
    ]
    return grid(("unit", "in specs and tables", "QUDT", "SenML"), rows)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def _anchor(name: str) -> str:
    return name.lower().replace(",", "").replace(" ", "-")
