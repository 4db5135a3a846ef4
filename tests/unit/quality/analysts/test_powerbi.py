"""The files around the model: what Power BI Desktop reads before it reads TMDL."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import PurePosixPath

import pytest

from quality.analysts.measures import MEASURES
from quality.analysts.powerbi import connection, project

FABRIC = "https://developer.microsoft.com/json-schemas/fabric"
ITEM = f"{FABRIC}/item/report/definition"
REQUIRED = {
    f"{FABRIC}/pbip/pbipProperties/1.0.0/schema.json": {"version", "artifacts"},
    f"{FABRIC}/gitIntegration/platformProperties/2.0.0/schema.json": {"metadata", "config"},
    f"{FABRIC}/item/semanticModel/definitionProperties/1.0.0/schema.json": {"version"},
    f"{FABRIC}/item/report/definitionProperties/2.0.0/schema.json": {"version", "datasetReference"},
    f"{ITEM}/versionMetadata/1.0.0/schema.json": {"version"},
    f"{ITEM}/report/1.0.0/schema.json": {"layoutOptimization", "themeCollection"},
    f"{ITEM}/pagesMetadata/1.0.0/schema.json": set(),
    f"{ITEM}/page/1.0.0/schema.json": {"name", "displayName", "displayOption"},
    f"{ITEM}/visualContainer/1.0.0/schema.json": {"name", "position", "visual"},
}
"""What Microsoft publishes of each format, and what it requires."""


@pytest.fixture(scope="module")
def files(star) -> dict[str, str]:
    return project(star)


@pytest.fixture(scope="module")
def documents(files) -> dict[str, dict]:
    return {path: json.loads(text) for path, text in files.items() if not path.endswith((".tmdl", ".gitignore"))}


def test_every_document_is_of_a_published_format_and_has_what_it_requires(documents) -> None:
    assert {document["$schema"] for document in documents.values()} == set(REQUIRED)
    lacking = {path: REQUIRED[found["$schema"]] - found.keys() for path, found in documents.items()}
    assert {path: names for path, names in lacking.items() if names} == {}


def test_the_project_leads_to_its_report_and_the_report_to_its_model(files, documents) -> None:
    [artifact] = documents["Estate.pbip"]["artifacts"]
    report = PurePosixPath(artifact["report"]["path"])
    reference = documents[str(report / "definition.pbir")]["datasetReference"]["byPath"]["path"]
    assert reference == "../Estate.SemanticModel"
    assert "Estate.SemanticModel/definition/database.tmdl" in files
    assert documents["Estate.SemanticModel/definition.pbism"]["version"] == "4.2", "4.0 and more may be TMDL"


def test_a_page_per_report_of_dbt_and_fields_that_the_model_has(star, documents) -> None:
    pages = documents["Estate.Report/definition/pages/pages.json"]
    assert pages["pageOrder"] == [report.name for report in star.reports]
    measures = {(measure.table, measure.name) for measure in MEASURES}
    columns = {(mart.name, column.name) for mart in star.marts for column in mart.columns}
    visuals = {path: found for path, found in documents.items() if path.endswith("visual.json")}
    for path, visual in visuals.items():
        assert path.split("/")[-2] == visual["name"]
        page = path.split("/")[-4]
        read = next(report.marts for report in star.reports if report.name == page)
        for role in visual["visual"]["query"]["queryState"].values():
            for projection in role["projections"]:
                [(kind, value)] = projection["field"].items()
                found = (value["Expression"]["SourceRef"]["Entity"], value["Property"])
                assert found in (measures if kind == "Measure" else columns), path
                assert found[0] in read, f"{path} reads what dbt does not know that it reads"
                assert projection["queryRef"] == ".".join(found)
    assert {path.split("/")[-4] for path in visuals} == set(pages["pageOrder"])


def test_visuals_of_a_page_do_not_lie_on_each_other(documents) -> None:
    by_page: dict[str, list[tuple[float, float]]] = {}
    for path, visual in documents.items():
        if path.endswith("visual.json"):
            at = visual["position"]
            by_page.setdefault(path.split("/")[-4], []).append((at["y"], at["y"] + at["height"]))
            assert at["x"] + at["width"] <= 1280
    for spans in by_page.values():
        ordered = sorted(spans)
        assert all(above[1] <= below[0] for above, below in pairwise(ordered))
        assert ordered[-1][1] <= 720


def test_a_connection_names_a_place_to_fill_in_and_nobody(files) -> None:
    [found] = json.loads(connection())["connections"]
    assert found["details"]["protocol"] == "tds"
    assert found["details"]["address"] == {"server": "server.example.org", "database": "warm"}
    assert found["mode"] == "Import"
    said = "\n".join([connection(), *files.values()]).lower()
    assert re.findall(r"password|pwd|user ?id|uid=|secret|token", said) == []


def test_the_project_is_the_same_each_time(star, files) -> None:
    assert project(star) == files
