"""Whether the dbt project keeps what the contracts promise: every column documented, no type changed on its way.

Belongs here: what is judged on a compiled project (`manifest.json` and its SQL), for either engine, and
`python -m quality.marts TARGET`, which says it.
Does not: how a statement must look to run (`quality.tsql`), or rows, which dbt's own tests judge.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from quality import tsql
from quality.contracts.dbt import metric_catalogue_csv
from quality.contracts.model import Table
from quality.contracts.warm import SOURCES

TYPES: dict[str, dict[str, str]] = {
    "duckdb": {
        "string": "varchar", "double": "double precision", "long": "bigint", "int": "integer", "boolean": "boolean",
        "timestamp": "timestamp", "date": "date",
    },
    "sqlserver": {
        "string": "nvarchar", "double": "double precision", "long": "bigint", "int": "integer", "boolean": "bit",
        "timestamp": "datetime2", "date": "date",
    },
}  # fmt: skip
"""What a mart calls a contract's type, without its length."""
DIALECTS = {"duckdb": "duckdb", "sqlserver": tsql.DIALECT}
Node = Mapping[str, Any]


@dataclass(frozen=True)
class Project:
    """A compiled dbt project."""

    adapter: str
    nodes: Mapping[str, Node]
    sources: Mapping[str, Node]
    sql: Mapping[str, str]
    """Compiled statement by node: models, tests and snapshots, as far as they compile to one."""

    @classmethod
    def at(cls, target: Path) -> Project:
        """The project that `dbt compile` left in `target`; FileNotFoundError where there is none."""
        manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
        nodes = manifest["nodes"]
        compiled = {name: target / "compiled" / node["package_name"] / _file(node) for name, node in nodes.items()}
        return cls(
            adapter=manifest["metadata"]["adapter_type"],
            nodes=nodes,
            sources=manifest["sources"],
            sql={name: path.read_text(encoding="utf-8") for name, path in compiled.items() if path.is_file()},
        )

    @property
    def models(self) -> list[Node]:
        """Its models, by name."""
        found = (node for node in self.nodes.values() if node["resource_type"] == "model")
        return sorted(found, key=lambda node: str(node["name"]))


def _file(node: Node) -> str:
    """Where dbt puts the compiled file: of a generic test below the page that names it."""
    return str(
        Path(node["original_file_path"], node["path"]) if "test_metadata" in node else node["original_file_path"]
    )


def problems(project: Project) -> Iterator[str]:
    """A line for each promise that is not kept, naming model and column."""
    for model in project.models:
        yield from _undocumented(project, model)
        yield from _drifted(project, model)
    for node in sorted(project.nodes.values(), key=lambda node: str(node["name"])):
        if node["resource_type"] in ("seed", "snapshot"):
            yield from _uncatalogued(node)


def _undocumented(project: Project, model: Node) -> Iterator[str]:
    if not model["description"].strip():
        yield f"{model['name']}: the model has no description"
    documented = model["columns"]
    selected = _selected(project.sql[model["unique_id"]], DIALECTS[project.adapter])
    for name in selected:
        if name not in documented:
            yield f"{model['name']}.{name}: the column is not in {Path(model['patch_path']).name}"
    for name in documented:
        if name not in selected:
            yield f"{model['name']}.{name}: documented, but the model has no such column"
    yield from _wordless(model)


def _wordless(node: Node) -> Iterator[str]:
    for name, column in node["columns"].items():
        if not column["description"].strip():
            yield f"{node['name']}.{name}: the column has no description"


def _uncatalogued(node: Node) -> Iterator[str]:
    """The seed is the metric catalogue, and the snapshot keeps its history."""
    for name in metric_catalogue_csv().partition("\n")[0].split(","):
        if name not in node["columns"]:
            yield f"{node['name']}.{name}: the column is not in {Path(node['patch_path']).name}"
    yield from _wordless(node)


def _selected(sql: str, dialect: str) -> list[str]:
    """Columns of a model in order, through `select * from` one of its own CTEs."""
    query = sqlglot.parse_one(sql, dialect=dialect)
    lists = {cte.alias: cte.this for cte in query.find_all(exp.CTE)}

    def columns(of: exp.Expr) -> list[str]:
        found: list[str] = []
        for column in of.selects if isinstance(of, exp.Query) else []:
            if column.is_star:
                tables = [table.name for table in of.find_all(exp.Table) if table.parent_select is of]
                starred = column.table if isinstance(column, exp.Column) else ""
                for name in [starred] if starred in lists else tables:
                    found += columns(lists[name]) if name in lists else ["*"]
            else:
                found.append(column.alias_or_name)
        return found

    return columns(query)


def _drifted(project: Project, model: Node) -> Iterator[str]:
    """A mart's column that is called as one of a table it is made of must be of its type."""
    if not model["config"]["contract"]["enforced"]:
        return
    staged = list(_staged_above(project, model["unique_id"]))
    for name, column in model["columns"].items():
        for table, origin in ((table, table.column(name)) for table in staged if name in table.names):
            where = f"{model['name']}.{name}"
            declared = str(column["data_type"] or "").split("(")[0]
            expected = TYPES[project.adapter][origin.type]
            if declared != expected:
                yield f"{where}: {declared or 'no type'}, but {table.path}.{name} is a {origin.type} ({expected})"


def _staged_above(project: Project, unique_id: str) -> Iterator[Table]:
    """Contracts of the staged tables that the model is made of, through its staging and intermediate models."""
    seen, todo = set[str](), [unique_id]
    by_name = {table.name: table for table in SOURCES}
    while todo:
        for parent in project.nodes[todo.pop()]["depends_on"].get("nodes", []):
            if parent in seen:
                continue
            seen.add(parent)
            if parent in project.sources:
                yield by_name[project.sources[parent]["name"]]
            elif parent in project.nodes:
                todo.append(parent)


def main(target: Path) -> int:
    """Print what is wrong with the compiled project in `target`; how much there is of it ends the process."""
    project = Project.at(target)
    found = list(problems(project))
    if project.adapter == "sqlserver":
        statements = {project.nodes[name]["name"]: sql for name, sql in project.sql.items()}
        found += [f"{name}: {each}" for name, sql in statements.items() for each in tsql.findings(sql)]
    sys.stderr.writelines(f"{line}\n" for line in found)
    sys.stdout.write(f"{len(project.sql)} statements of {len(project.models)} models: {len(found)} problems\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
