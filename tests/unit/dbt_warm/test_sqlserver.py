"""Every model, test and snapshot compiled for SQL Server without a server, and judged."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from assets.warm.project import run_dbt
from quality.marts import Project, main, problems
from quality.tsql import findings

COMPILE = ("compile", "--target", "sqlserver", "--no-introspect", "--no-populate-cache")


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """A dbt target folder; the one process start of this module."""
    folder = tmp_path_factory.mktemp("sqlserver")
    run_dbt(COMPILE, target=folder, env={}, timeout_seconds=180)
    return folder


@pytest.fixture(scope="module")
def project(target):
    return Project.at(target)


def test_every_model_and_test_compiles_to_t_sql_that_sql_server_takes(project):
    kinds = {node["resource_type"] for name, node in project.nodes.items() if name in project.sql}
    assert kinds == {"model", "test"}
    assert {name for name, node in project.nodes.items() if node["resource_type"] in kinds} == set(project.sql)
    broken = {name: [str(finding) for finding in findings(sql)] for name, sql in project.sql.items()}
    assert {name: found for name, found in broken.items() if found} == {}


def test_incremental_models_are_compiled_as_an_incremental_run_has_them(project):
    facts = [model for model in project.models if model["config"]["materialized"] == "incremental"]
    assert len(facts) == 8
    assert all("built_batch is null" in project.sql[fact["unique_id"]] for fact in facts)


def test_facts_are_columnstores_and_dimensions_are_clustered_by_their_key(project):
    for model in project.models:
        columnstore = model["config"].get("as_columnstore")
        assert columnstore is model["name"].startswith("fct_"), model["name"]
        keys = [
            name
            for name, column in model["columns"].items()
            for c in column["constraints"]
            if c["type"] == "primary_key"
        ]
        assert len(keys) == model["name"].startswith("dim_"), model["name"]


def test_texts_are_bounded_and_flags_are_bits(project):
    types = {
        f"{m['name']}.{n}": c["data_type"] for m in project.models for n, c in m["columns"].items() if c["data_type"]
    }
    unbounded = [name for name, declared in types.items() if "char" in declared and not declared.endswith(")")]
    assert unbounded == []
    flags = {name: declared for name, declared in types.items() if name.split(".")[1].startswith("is_")}
    assert set(flags.values()) == {"bit"}


def test_the_command_finds_nothing_wrong_and_says_how_much_it_has_seen(target, capsys):
    assert main(target) == 0
    assert "models: 0 problems" in capsys.readouterr().out


def changed(project, model, column, **fields):
    nodes = copy.deepcopy(dict(project.nodes))
    nodes[f"model.dbt_warm.{model}"]["columns"][column].update(fields)
    return replace(project, nodes=nodes)


def test_a_type_that_drifts_from_the_contract_is_named_with_both_sides(project):
    drifted = changed(project, "fct_readings_hourly", "reading_count", data_type="integer")
    assert "fct_readings_hourly.reading_count: integer, but gold/readings_1h.reading_count is a long (bigint)" in set(
        problems(drifted)
    )


def test_a_column_without_words_and_one_that_is_not_in_its_page_are_named(project):
    silent = changed(project, "dim_site", "region", description=" ")
    assert list(problems(silent)) == ["dim_site.region: the column has no description"]

    nodes = copy.deepcopy(dict(project.nodes))
    held = nodes["model.dbt_warm.dim_site"]["columns"]
    held["county"] = held.pop("region")
    assert list(problems(replace(project, nodes=nodes))) == [
        "dim_site.region: the column is not in dim_site.yml",
        "dim_site.county: documented, but the model has no such column",
    ]


def test_a_column_of_the_seed_or_its_history_that_is_not_described_is_named(project):
    nodes = copy.deepcopy(dict(project.nodes))
    nodes["seed.dbt_warm.metric_catalogue"]["columns"]["unit"]["description"] = ""
    del nodes["snapshot.dbt_warm.metric_catalogue_history"]["columns"]["kind"]
    assert list(problems(replace(project, nodes=nodes))) == [
        "metric_catalogue.unit: the column has no description",
        "metric_catalogue_history.kind: the column is not in metric_catalogue_history.yml",
    ]
