"""The files of a Power BI project (PBIP) and of a connection (`.pbids`).

Belongs here: what Power BI Desktop opens: the project, its semantic model, and a report with a page per exposure of
dbt. Versions of the formats are those Microsoft publishes (microsoft/json-schemas); newer Desktops read older ones.
Does not: the model's own text (`tmdl`). No file holds a credential: Desktop asks for it and keeps it to itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quality.analysts.star import Report, Star
from quality.analysts.tmdl import PARAMETERS, definition, identity

NAME = "Estate"
SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"
IGNORED = (
    "# What Power BI Desktop keeps of one person: data and settings.\n**/.pbi/localSettings.json\n**/.pbi/cache.abf\n"
)


@dataclass(frozen=True, slots=True)
class Trend:
    """What a page of the report shows: measures by day, and again by an attribute."""

    date: tuple[str, str]
    by: tuple[str, str]
    measures: tuple[tuple[str, str], ...]
    only: tuple[str, str] | None = None
    """An attribute to choose one of first."""


TRENDS: Mapping[str, Trend] = {
    "estate_climate": Trend(
        ("dim_date", "calendar_date"),
        ("dim_site", "name"),
        (("fct_readings_daily", "Average value"), ("fct_readings_daily", "Completeness %")),
        ("dim_metric", "metric"),
    ),
    "device_operations": Trend(
        ("dim_date", "calendar_date"),
        ("dim_site", "name"),
        (("fct_device_health_daily", "Healthy %"), ("fct_device_health_daily", "Hours silent")),
    ),
    "energy_and_water": Trend(
        ("dim_date", "fiscal_year_name"),
        ("dim_site", "name"),
        (
            ("fct_site_intensity", "Reported per m²"),
            ("fct_site_intensity", "Measured per m²"),
            ("fct_site_intensity", "Metered %"),
        ),
        ("fct_site_intensity", "resource"),
    ),
    "engagement_performance": Trend(
        ("dim_date", "fiscal_year_name"),
        ("dim_client", "name"),
        (("fct_engagement", "Total revenue"), ("fct_engagement", "Margin %")),
        ("fct_engagement", "currency"),
    ),
}


def connection() -> str:
    """The `.pbids` file: Get data against the marts, server and database to be filled in."""
    values = {name: value.strip('"') for name, value, *_ in PARAMETERS}
    address = {"server": values["Server"], "database": values["Database"]}
    details = {"protocol": "tds", "address": address}
    return _json({"version": "0.1", "connections": [{"details": details, "options": {}, "mode": "Import"}]})


def project(star: Star) -> dict[str, str]:
    """Path and text of every file of the project."""
    model, report = f"{NAME}.SemanticModel", f"{NAME}.Report"
    return {
        ".gitignore": IGNORED,
        f"{NAME}.pbip": _json(
            {
                "$schema": f"{SCHEMAS}/pbip/pbipProperties/1.0.0/schema.json",
                "version": "1.0",
                "artifacts": [{"report": {"path": report}}],
                "settings": {"enableAutoRecovery": True},
            }
        ),
        f"{model}/.platform": _platform("SemanticModel"),
        f"{model}/definition.pbism": _json(
            {
                "$schema": f"{SCHEMAS}/item/semanticModel/definitionProperties/1.0.0/schema.json",
                "version": "4.2",
                "settings": {},
            }
        ),
        **{f"{model}/definition/{path}": text for path, text in definition(star).items()},
        f"{report}/.platform": _platform("Report"),
        f"{report}/definition.pbir": _json(
            {
                "$schema": f"{SCHEMAS}/item/report/definitionProperties/2.0.0/schema.json",
                "version": "4.0",
                "datasetReference": {"byPath": {"path": f"../{model}"}},
            }
        ),
        **{f"{report}/definition/{path}": _json(value) for path, value in _report(star).items()},
    }


def _platform(kind: str) -> str:
    return _json(
        {
            "$schema": f"{SCHEMAS}/gitIntegration/platformProperties/2.0.0/schema.json",
            "metadata": {"type": kind, "displayName": NAME},
            "config": {"version": "2.0", "logicalId": identity("item", kind)},
        }
    )


def _report(star: Star) -> dict[str, dict[str, Any]]:
    schemas = f"{SCHEMAS}/item/report/definition"
    pages = [report for report in star.reports if report.name in TRENDS]
    files: dict[str, dict[str, Any]] = {
        "version.json": {"$schema": f"{schemas}/versionMetadata/1.0.0/schema.json", "version": "1.0.0"},
        "report.json": {
            "$schema": f"{schemas}/report/1.0.0/schema.json",
            "themeCollection": {},
            "layoutOptimization": "None",
        },
        "pages/pages.json": {
            "$schema": f"{schemas}/pagesMetadata/1.0.0/schema.json",
            "pageOrder": [page.name for page in pages],
            "activePageName": pages[0].name,
        },
    }
    for page in pages:
        files[f"pages/{page.name}/page.json"] = {
            "$schema": f"{schemas}/page/1.0.0/schema.json",
            "name": page.name,
            "displayName": page.label,
            "displayOption": "FitToPage",
            "height": 720,
            "width": 1280,
        }
        for visual in _visuals(page, TRENDS[page.name]):
            shown = {"$schema": f"{schemas}/visualContainer/1.0.0/schema.json", **visual}
            files[f"pages/{page.name}/visuals/{visual['name']}/visual.json"] = shown
    return files


def _visuals(page: Report, trend: Trend) -> list[dict[str, Any]]:
    """A line over time, the same measures by an attribute, and a choice where one must be made."""
    measures = [_field("Measure", *measure) for measure in trend.measures]
    date, by = _field("Column", *trend.date), _field("Column", *trend.by)
    visuals = [
        _visual(page, "lineChart", (40, 120, 1200, 280), {"Category": [date], "Y": measures[:1]}),
        _visual(page, "tableEx", (40, 420, 1200, 280), {"Values": [by, *measures]}),
    ]
    if trend.only is not None:
        visuals.append(_visual(page, "slicer", (40, 20, 400, 80), {"Values": [_field("Column", *trend.only)]}))
    return visuals


def _field(kind: str, table: str, name: str) -> dict[str, Any]:
    return {
        "field": {kind: {"Expression": {"SourceRef": {"Entity": table}}, "Property": name}},
        "queryRef": f"{table}.{name}",
        "nativeQueryRef": name,
    }


def _visual(
    page: Report, kind: str, at: tuple[int, int, int, int], roles: Mapping[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    x, y, width, height = at
    state = {role: {"projections": fields} for role, fields in roles.items()}
    return {
        "name": identity("visual", page.name, kind).replace("-", "")[:20],
        "position": {"x": x, "y": y, "z": y, "width": width, "height": height, "tabOrder": y},
        "visual": {"visualType": kind, "query": {"queryState": state}, "drillFilterOtherVisuals": True},
    }


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
