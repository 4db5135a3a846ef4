"""Contract to what dbt_warm is given: its sources and the seed of the metric catalogue.

Belongs here: the two rendered files and `python -m quality.contracts.dbt`, which writes them; both are committed and
a drift test compares them with what is rendered.
Does not: marts, their tests and their documentation (`dbt_warm/models`, written by hand).
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import yaml

from quality.contracts.duckdb import duckdb_type
from quality.contracts.metrics import METRICS
from quality.contracts.model import Column, Table
from quality.contracts.warm import SCHEMA, SOURCES, STAGING_DATE_STATE

SOURCES_FILE = Path("models/staging/_staging__sources.yml")
CATALOGUE_FILE = Path("seeds/metric_catalogue.csv")
HEADER = "# Rendered from quality/contracts: change those, then run `python -m quality.contracts.dbt`.\n"


def _column(column: Column) -> dict[str, Any]:
    return {"name": column.name, "description": column.says, "data_type": duckdb_type(column)}


def _source_table(table: Table) -> dict[str, Any]:
    rendered: dict[str, Any] = {
        "name": table.name,
        "description": table.says,
        "config": {"meta": {"owner": table.owner, "key": list(table.key)}},
        "columns": [_column(column) for column in table.columns],
    }
    if table is STAGING_DATE_STATE and table.fresh_within is not None:
        # The only table that says when its rows came; twice the promise is late enough to be sure.
        rendered["config"] |= {
            "loaded_at_field": "loaded_at",
            "freshness": {
                "warn_after": {"count": table.fresh_within, "period": "minute"},
                "error_after": {"count": 2 * table.fresh_within, "period": "minute"},
            },
        }
    return rendered


def sources_yml() -> str:
    """The sources of dbt_warm as its YAML file."""
    source = {
        "name": SCHEMA,
        "schema": SCHEMA,
        "description": "Gold as the warm tier holds it: replaced per date, one transaction per load.",
        "tables": [_source_table(table) for table in SOURCES],
    }
    document = {"version": 2, "sources": [source]}
    return HEADER + yaml.safe_dump(document, sort_keys=False, width=118, allow_unicode=True)


def metric_catalogue_csv() -> str:
    """The metric catalogue as a dbt seed; an empty limit is none."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["metric", "description", "unit", "lowest_value", "highest_value", "kind"])
    for metric in METRICS:
        writer.writerow([metric.name, metric.says, metric.unit, metric.low, metric.high, metric.kind])
    return out.getvalue()


def rendered() -> dict[Path, str]:
    """Every rendered file of dbt_warm, by path below the project."""
    return {SOURCES_FILE: sources_yml(), CATALOGUE_FILE: metric_catalogue_csv()}


def write(project: Path) -> None:
    """Write the rendered files into the dbt project."""
    for path, content in rendered().items():
        target = project / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).parents[2] / "dbt_warm")
