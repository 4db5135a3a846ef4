"""The dbt project as text: rendered files are current, words are there, SQL stays portable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from quality.contracts.dbt import rendered, write
from quality.contracts.metrics import METRICS
from quality.contracts.warm import SOURCES, WHOLE_DATE

PROJECT = Path(__file__).parents[3] / "dbt_warm"
MODELS = sorted((PROJECT / "models").rglob("*.sql"))
MODEL_YAML = sorted(path for path in (PROJECT / "models").rglob("*.yml") if not path.name.startswith("_"))


def documents():
    return [(path, yaml.safe_load(path.read_text())) for path in [*MODEL_YAML, *(PROJECT / "seeds").glob("*.yml")]]


@pytest.mark.parametrize("path", rendered(), ids=str)
def test_what_is_rendered_from_contracts_is_what_is_committed(path):
    assert (PROJECT / path).read_text() == rendered()[path], "run `python -m quality.contracts.dbt`"


def test_writing_makes_exactly_the_rendered_files(tmp_path):
    write(tmp_path)
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()} == set(rendered())


def test_sources_carry_every_column_of_every_contract():
    [source] = yaml.safe_load(rendered()[Path("models/staging/_staging__sources.yml")])["sources"]
    held = {table["name"]: [column["name"] for column in table["columns"]] for table in source["tables"]}
    assert held == {table.name: list(table.names) for table in SOURCES}


def test_the_seed_has_every_metric_once():
    lines = rendered()[Path("seeds/metric_catalogue.csv")].splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == [metric.name for metric in METRICS]


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_every_model_has_its_page_beside_it(model):
    [described] = yaml.safe_load(model.with_suffix(".yml").read_text())["models"]
    assert described["name"] == model.stem
    assert described["description"].strip()
    assert all(column.get("description", "").strip() for column in described["columns"])


@pytest.mark.parametrize("mart", sorted((PROJECT / "models" / "marts").rglob("*.yml")), ids=lambda path: path.stem)
def test_a_mart_types_every_column_and_tests_its_key(mart):
    [model] = yaml.safe_load(mart.read_text())["models"]
    assert all(column.get("data_type") for column in model["columns"])
    keyed = [column["name"] for column in model["columns"] if {"type": "primary_key"} in column.get("constraints", [])]
    tested = [test for test in model.get("data_tests", []) if "unique_combination" in test]
    assert len(keyed) + len(tested) == 1


def test_every_key_of_every_fact_leads_to_a_dimension():
    facts = {path.stem: yaml.safe_load(path.read_text()) for path in MODEL_YAML if path.stem.startswith("fct_")}
    assert len(facts) == 9
    for name, page in facts.items():
        [model] = page["models"]
        keys = {column["name"] for column in model["columns"] if column["name"].endswith("_key")}
        [led] = [test["leads_to"]["arguments"]["dimensions"] for test in model["data_tests"] if "leads_to" in test]
        assert led.keys() == keys, name


@pytest.mark.parametrize("fact", [path for path in MODELS if "replace_dates" in path.read_text()], ids=lambda p: p.stem)
def test_a_fact_selects_the_dates_that_its_strategy_deletes(fact):
    """Both are told of lane, date and versions, because unit tests know no config: they must be told the same."""
    text = fact.read_text()
    config = {
        name: re.search(rf"'?{name}'?[=:] ?'(\w+)'", text) for name in ("unique_key", "lane", "moment", "follows")
    }
    told = [found[1] for found in config.values() if found]
    [selected] = re.findall(r"only_dates_to_build\((.*)\)", text)
    assert re.findall(r"'(\w+)'", selected) == told


@pytest.mark.parametrize("fact", [path for path in MODELS if "replace_whole" in path.read_text()], ids=lambda p: p.stem)
def test_a_fact_that_is_replaced_whole_selects_when_its_strategy_deletes(fact):
    told = re.findall(r"(?:'lane': |only_if_whole_is_due\()'(\w+)'", fact.read_text())
    assert told == ["domain", "domain"]


def test_what_is_staged_whole_is_due_by_the_date_that_staging_lists_it_under():
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    assert project["vars"]["whole_date"] == WHOLE_DATE.isoformat()


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a :: cast", r"::"),
        ("limit", r"\blimit\b"),
        ("group or order by ordinal", r"\b(group|order) by \d"),
        ("group by all", r"\bgroup by all\b"),
        ("qualify", r"\bqualify\b"),
        ("a boolean", r"\b(true|false|boolean)\b(?!')"),
        (
            "an engine's own date function",
            r"\b(date_diff|date_trunc\(|strftime|make_date|extract|datepart)\b(?<!dbt\.date_trunc\()",
        ),
        ("an engine's own hash", r"\bmd5\("),
    ],
    ids=lambda value: value if " " in value or value.isalpha() else "",
)
def test_models_hold_no_sql_of_one_engine(what, pattern):
    found = [
        f"{model.name}: {line.strip()}"
        for model in MODELS
        for line in re.sub(r"\{%-? *(set|endset).*?%\}|--.*", "", model.read_text(), flags=re.DOTALL).splitlines()
        if re.search(pattern, re.sub(r"dbt\.\w+", "", line), flags=re.IGNORECASE)
    ]
    assert found == [], what


def test_lines_fit_the_page():
    long = [
        path.name
        for path in [*MODELS, *PROJECT.glob("macros/*.sql")]
        if max(map(len, path.read_text().splitlines())) > 120
    ]
    assert long == []
