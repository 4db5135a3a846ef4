"""The star of the committed marts, read once, and a small manifest to say odd things in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from assets.warm.project import prepare_manifest
from quality.analysts.manifest import star_of
from quality.analysts.star import Star

ANALYSTS = Path(__file__).parents[4] / "docs" / "analysts"


@pytest.fixture(scope="session")
def analysts() -> Path:
    return ANALYSTS


@pytest.fixture(scope="session")
def manifest() -> Mapping[str, Any]:
    return json.loads(prepare_manifest().read_text())


@pytest.fixture(scope="session")
def star(manifest: Mapping[str, Any]) -> Star:
    return star_of(manifest, (ANALYSTS / "queries").glob("*.sql"))


def column(name: str, type_: str = "varchar(32)", *constraints: str) -> dict[str, Any]:
    return {
        "name": name,
        "data_type": type_,
        "description": f"What {name} is.",
        "constraints": [{"type": constraint} for constraint in constraints],
    }


def model(name: str, columns: list[dict[str, Any]], parents: tuple[str, ...] = (), folder: str = "marts") -> Any:
    tags = ["fact"] if name.startswith("fct_") else []
    return {
        "resource_type": "model",
        "unique_id": f"model.p.{name}",
        "name": name,
        "schema": folder,
        "fqn": ["p", folder, name],
        "description": f"Rows of {name}.",
        "config": {"tags": tags},
        "columns": {each["name"]: each for each in columns},
        "depends_on": {"nodes": list(parents)},
    }


def test_node(on: str, name: str, **asked: Any) -> dict[str, Any]:
    return {
        "resource_type": "test",
        "name": f"{name}_{on}",
        "schema": "tests",
        "attached_node": f"model.p.{on}",
        "test_metadata": {"name": name, "kwargs": {"model": "…", **asked}},
    }


test_node.__test__ = False  # type: ignore[attr-defined] # pytest takes it for a test of this folder


@pytest.fixture
def small() -> Callable[..., dict[str, Any]]:
    """A calendar, and a fact that leads to it by two keys; `others` are more nodes."""

    def made(**others: Any) -> dict[str, Any]:
        fact = model(
            "fct_work",
            [column("work_key", "varchar(32)", "not_null"), column("start_date_key", "integer"),
             column("end_date_key", "integer"), column("hours_worked", "double precision")],
            parents=("model.p.stg_work", "model.p.int_versions"),
        )  # fmt: skip
        nodes = {
            "model.p.dim_date": model("dim_date", [column("date_key", "integer", "primary_key")]),
            "model.p.fct_work": fact,
            "model.p.stg_work": model("stg_work", [], ("source.p.staging.readings_1d",), "staging"),
            "model.p.int_versions": model("int_versions", [], ("source.p.staging.site",), "intermediate"),
            "test.p.key": test_node("fct_work", "unique_combination", columns=["work_key"]),
            "test.p.leads": test_node(
                "fct_work", "leads_to", dimensions={"end_date_key": "dim_date", "start_date_key": "dim_date"}
            ),
            **others,
        }
        sources = {f"source.p.staging.{name}": {"name": name, "schema": "staging"} for name in ("readings_1d", "site")}
        parents = {name: node.get("depends_on", {}).get("nodes", []) for name, node in nodes.items()}
        return {
            "nodes": nodes,
            "sources": sources,
            "parent_map": parents | {name: [] for name in sources},
            "unit_tests": {},
            "exposures": {},
        }

    return made
