"""dbt's manifest to a star.

The manifest and not the models' YAML, because only dbt knows what a description that names a `doc` block says, which
type a column has on an engine, and what a model is made of. `lakehouse contracts render` has it parsed when a file of
the project is newer, else reads it in a few hundredths of a second.

Belongs here: which nodes of the manifest are marts, links, guards, questions and reports.
Does not: parsing the project (`assets.warm.project.prepare_manifest`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from quality.analysts.star import Column, Guard, Link, Mart, Question, Report, Star
from quality.contracts.model import Table
from quality.contracts.warm import SOURCES, STAGING_DATE_STATE

MARTS = "marts"
LEADS = "leads_to"
UNIQUE = "unique_combination"
Node = Mapping[str, Any]
_MART = re.compile(rf"\b{MARTS}\.(\w+)")


def star_of(manifest: Mapping[str, Any], queries: Iterable[Path]) -> Star:
    """The star that the manifest tells of, with the example queries of those files."""
    nodes = manifest["nodes"]
    models = sorted(
        (node for node in nodes.values() if node["resource_type"] == "model" and node["schema"] == MARTS),
        key=lambda node: str(node["name"]),
    )
    reports = tuple(_reports(manifest))
    marts = tuple(_mart(node, manifest, reports) for node in models)
    by_name = {mart.name: mart for mart in marts}
    return Star(
        marts=marts,
        links=tuple(link for mart in marts for link in _links(mart, by_name)),
        questions=tuple(question(path) for path in sorted(queries)),
        reports=reports,
    )


def question(path: Path) -> Question:
    """An example query: its first line asks in words, the rest is SQL."""
    first, _, sql = path.read_text(encoding="utf-8").partition("\n")
    if not first.startswith("-- "):
        raise ValueError(f"{path.name} does not begin with its question: a line that starts with '-- '")
    named = tuple(dict.fromkeys(_MART.findall(sql)))
    return Question(file=path.name, asks=first.removeprefix("-- ").strip(), sql=sql.strip(), marts=named)


def _mart(node: Node, manifest: Mapping[str, Any], reports: Iterable[Report]) -> Mart:
    guards = tuple(_guards(node, manifest))
    rows, lookups, seeds = _made_of(node, manifest)
    return Mart(
        name=node["name"],
        says=" ".join(node["description"].split()),
        columns=tuple(_column(column) for column in node["columns"].values()),
        key=_key(node, guards),
        date_column=node["config"].get("unique_key"),
        guards=guards,
        rows=_contracts(rows),
        lookups=_contracts(lookups),
        seeded=seeds,
        reports=tuple(report.name for report in reports if node["name"] in report.marts),
    )


def _column(column: Node) -> Column:
    return Column(
        name=column["name"],
        type=re.sub(r"\(.*\)", "", column["data_type"]),
        says=" ".join(column["description"].split()),
        null=not any(constraint["type"] in ("not_null", "primary_key") for constraint in column["constraints"]),
    )


def _key(node: Node, guards: Iterable[Guard]) -> tuple[str, ...]:
    for guard in guards:
        if guard.name == UNIQUE:
            return tuple(str(name) for name in _strings(guard.arguments["columns"]))
    primary = [
        name
        for name, column in node["columns"].items()
        if any(constraint["type"] == "primary_key" for constraint in column["constraints"])
    ]
    if not primary:
        raise ValueError(f"{node['name']} has neither a primary key nor a test of {UNIQUE}")
    return tuple(primary)


def _strings(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _guards(node: Node, manifest: Mapping[str, Any]) -> Iterator[Guard]:
    tests = [
        test
        for test in manifest["nodes"].values()
        if test["resource_type"] == "test" and test.get("attached_node") == node["unique_id"]
    ]
    for test in sorted(tests, key=lambda test: str(test["name"])):
        asked = {name: value for name, value in test["test_metadata"]["kwargs"].items() if name != "model"}
        column = asked.pop("column_name", None)
        yield Guard(name=test["test_metadata"]["name"], column=column, arguments=asked)
    for test in sorted(manifest["unit_tests"].values(), key=lambda test: str(test["name"])):
        if test["model"] == node["name"]:
            yield Guard(name=test["name"], column=None, arguments={}, says=" ".join(test["description"].split()))


def _links(mart: Mart, marts: Mapping[str, Mart]) -> Iterator[Link]:
    """What the fact's test says that its keys lead to; of two that lead to one dimension, the first is active."""
    led: dict[str, str] = {}
    for guard in mart.guards:
        named = guard.arguments.get("dimensions")
        if guard.name == LEADS and isinstance(named, dict):
            led |= named
    reached: set[str] = set()
    for column in mart.columns:
        if (dimension := led.get(column.name)) is not None:
            [key] = marts[dimension].key
            yield Link(
                fact=mart.name, column=column.name, dimension=dimension, key=key, active=dimension not in reached
            )
            reached.add(dimension)


def _made_of(node: Node, manifest: Mapping[str, Any]) -> tuple[set[str], set[str], bool]:
    """Staged tables that a mart's rows come from; of a fact, those only looked up; whether it has the seed.

    A fact takes its rows from staging models and looks up versions in intermediate ones.
    """
    parents = node["depends_on"]["nodes"]
    looked_up = [
        name for name in parents if name.startswith("model.") and "intermediate" in manifest["nodes"][name]["fqn"]
    ]
    if "fact" not in node["config"]["tags"]:
        looked_up = []
    rows = _below([name for name in parents if name not in looked_up], manifest)
    sources = {manifest["sources"][name]["name"] for name in rows if name in manifest["sources"]}
    others = {manifest["sources"][name]["name"] for name in _below(looked_up, manifest) if name in manifest["sources"]}
    state = {STAGING_DATE_STATE.name}
    return sources - state, others - sources - state, any(name.startswith("seed.") for name in rows)


def _below(names: Iterable[str], manifest: Mapping[str, Any]) -> set[str]:
    """These nodes and all that they are made of."""
    seen, todo = set[str](), list(names)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += manifest["parent_map"][name]
    return seen


def _contracts(names: Iterable[str]) -> tuple[Table, ...]:
    return tuple(sorted((table for table in SOURCES if table.name in set(names)), key=lambda table: table.path))


def _reports(manifest: Mapping[str, Any]) -> Iterator[Report]:
    for exposure in sorted(manifest["exposures"].values(), key=lambda found: str(found["name"])):
        named = (manifest["nodes"].get(parent) for parent in exposure["depends_on"]["nodes"])
        yield Report(
            name=exposure["name"],
            label=exposure["label"],
            says=" ".join(exposure["description"].split()),
            marts=tuple(sorted(node["name"] for node in named if node is not None and node["schema"] == MARTS)),
        )
