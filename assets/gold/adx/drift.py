"""Types of one column in several engines: contract, Kusto table, dbt model.

Belongs here: what dbt declares for columns that come from a table of a contract, and whether it is the same kind.
Does not: dbt's own contracts, which dbt enforces, or a cluster's columns (`plan`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from quality.contracts.kusto import KUSTO, kusto_name
from quality.contracts.model import Table
from quality.contracts.tables import LEVEL_TABLES
from quality.contracts.warm import STAGED

PROJECT = Path(__file__).parents[3] / "dbt_warm"

_KINDS = (
    ("text", r"n?varchar|string|text|char"),
    ("real", r"double|float|real"),
    ("whole", r"bigint|integer|int|long"),
    ("truth", r"boolean|bool|bit"),
    ("moment", r"timestamp|datetime2?"),
    ("date", r"date"),
)
"""What a type is, whatever the engine calls it. A date is a midnight in Kusto and a date elsewhere."""
_REF = re.compile(r"\b(ref|source)\(\s*'(\w+)'(?:\s*,\s*'(\w+)')?\s*\)")


@dataclass(frozen=True)
class Drift:
    """A column of another kind than its contract says."""

    where: str
    says: str


def between_contract_and_dbt(project: Path | None = None) -> list[Drift]:
    """Columns of dbt's sources and models that have the name of a column of their table, and not its kind."""
    folder = (project or PROJECT) / "models"
    declared = _declared(folder)
    reads = {path.stem: _reads(path) for path in sorted(folder.rglob("*.sql"))}
    tables = {staged.table.name: staged.table for staged in STAGED}
    found: list[Drift] = []
    for model, (path, columns) in sorted(declared.items()):
        origins = [tables[name] for name in sorted(_origins(model, reads)) if name in tables]
        for name, kind in columns.items():
            contracts = [table for table in origins if name in table.names]
            # A name that two tables mean different things by may be either.
            if contracts and kind and not any(kind == _of_contract(table, name) for table in contracts):
                found.append(Drift(path, _told(model, name, kind, contracts[0])))
    return found


def _told(model: str, name: str, kind: str, table: Table) -> str:
    column = table.column(name)
    adx = {made.table.name: kusto_name(made.table) for made in LEVEL_TABLES}.get(table.name)
    there = f", {KUSTO[column.type]} in Kusto's {adx}" if adx else ""
    return f"{model}.{name} is declared {kind}; it is {column.type} in the contract {table.path}{there}"


def _of_contract(table: Table, name: str) -> str:
    kind = table.column(name).type
    return "moment" if kind == "timestamp" else kind_of(kind)


def kind_of(declared: str) -> str:
    """What kind of thing a declared type is; empty where nobody can tell. Of a template, what remains of it counts."""
    bare = re.sub(r"\{\{.*?\}\}", lambda found: " ".join(re.findall(r"'([\w()]{2,})'", found[0])), str(declared))
    bare = bare.replace("sqlserver", " ")
    words = re.findall(r"[a-z_0-9]+", bare.lower())
    for word in words:
        for kind, pattern in _KINDS:
            if re.fullmatch(pattern, word):
                return kind
    return ""


def _declared(folder: Path) -> dict[str, tuple[str, dict[str, str]]]:
    """Model or source table to its file and the kinds of its columns."""
    found = {}
    for path in sorted(folder.rglob("*.yml")):
        document: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        listed = [*(document.get("models") or [])]
        listed += [table for source in document.get("sources") or [] for table in source.get("tables") or []]
        for one in listed:
            columns = {
                column["name"]: kind_of(column["data_type"])
                for column in one.get("columns") or []
                if column.get("data_type")
            }
            found[str(one["name"])] = (str(path.relative_to(folder.parent)), columns)
    return found


def _reads(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    return {second or first for _, first, second in _REF.findall(text)}


def _origins(model: str, reads: Mapping[str, set[str]]) -> Iterator[str]:
    """The source tables a model is made of, near and far; a source is its own."""
    seen: set[str] = set()
    waiting = [model]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in reads:
            yield name
        waiting += reads.get(name, ())
