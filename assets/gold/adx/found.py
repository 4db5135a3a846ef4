"""What a cluster's database holds, as its `.show` commands tell.

Belongs here: asking, and turning answers into what can be compared; an answer that is none is an error with words.
Does not: judging what is found (`plan`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assets.gold.adx.policies import KINDS
from quality.contracts.kusto import identifier, quoted

if TYPE_CHECKING:
    from orchestration.resources.kusto import Kusto


class AnswerError(RuntimeError):
    """A cluster answered something that is no answer to what it was asked."""


@dataclass(frozen=True)
class FoundTable:
    """A table: columns with their KQL types, in order."""

    columns: tuple[tuple[str, str], ...]
    folder: str
    docstring: str


@dataclass(frozen=True)
class FoundFunction:
    """A stored function."""

    parameters: str
    body: str
    folder: str
    docstring: str


@dataclass(frozen=True)
class FoundView:
    """A materialized view."""

    source: str
    query: str
    folder: str
    docstring: str
    enabled: bool


@dataclass(frozen=True)
class Found:
    """What is there. Policies by entity and kind, as documents; mappings by table, kind and name."""

    tables: Mapping[str, FoundTable]
    functions: Mapping[str, FoundFunction]
    views: Mapping[str, FoundView] = field(default_factory=dict)
    policies: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    mappings: Mapping[tuple[str, str, str], Any] = field(default_factory=dict)
    principals: Sequence[tuple[str, str, str]] = ()
    """Role as the service names it, principal, display name."""


def glance(kusto: Kusto) -> Found:
    """Tables and functions, by one command."""
    command = f".show database {quoted(kusto.database)} schema as json"
    (row,) = _rows(kusto, command, "DatabaseSchema", exactly=1)
    try:
        (database,) = json.loads(row["DatabaseSchema"])["Databases"].values()
        tables = {
            name: FoundTable(
                tuple((column["Name"], column["CslType"]) for column in told["OrderedColumns"]),
                told.get("Folder") or "",
                told.get("DocString") or "",
            )
            for name, told in database["Tables"].items()
        }
        functions = {
            name: FoundFunction(_parameters(told), told["Body"], told.get("Folder") or "", told.get("DocString") or "")
            for name, told in (database.get("Functions") or {}).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_answer(kusto, command, f"its schema is not read: {error!r}") from error
    return Found(tables, functions)


def _parameters(told: Mapping[str, Any]) -> str:
    """`(a:long, b:string)`, which the schema may give as text or as a list."""
    if isinstance(told.get("Parameters"), str):
        return str(told["Parameters"])
    inputs = told.get("InputParameters") or []
    return "(" + ", ".join(f"{one['Name']}: {one['CslType']}" for one in inputs) + ")"


def look(kusto: Kusto) -> Found:
    """Everything that can be compared, in a dozen commands."""
    first = glance(kusto)
    views = {
        row["Name"]: FoundView(
            row["SourceTable"], row["Query"], row["Folder"], row["DocString"], enabled=bool(row["IsEnabled"])
        )
        for row in _rows(
            kusto, ".show materialized-views", "Name", "SourceTable", "Query", "Folder", "DocString", "IsEnabled"
        )
    }
    return Found(
        tables={name: table for name, table in first.tables.items() if name not in views},
        functions={
            row["Name"]: FoundFunction(row["Parameters"], row["Body"], row["Folder"], row["DocString"])
            for row in _rows(kusto, ".show functions", "Name", "Parameters", "Body", "Folder", "DocString")
        },
        views=views,
        policies=_policies(kusto, views),
        mappings={
            (row["Table"], kind, row["Name"]): _document(kusto, command, row["Mapping"])
            for kind in ("parquet", "json")
            for command in (f".show database {quoted(kusto.database)} ingestion {kind} mappings",)
            for row in _rows(kusto, command, "Name", "Mapping", "Table")
        },
        principals=[
            (row["Role"], row["PrincipalFQN"], row["PrincipalDisplayName"])
            for row in _rows(
                kusto,
                f".show database {quoted(kusto.database)} principals",
                "Role",
                "PrincipalFQN",
                "PrincipalDisplayName",
            )
        ],
    )


def commands_to_look(database: str, views: Sequence[str]) -> list[str]:
    """The text of every command above."""
    named = quoted(database)
    return [
        f".show database {named} schema as json",
        ".show materialized-views",
        ".show functions",
        *(f".show table * policy {kind}" for kind in KINDS if kind != "streamingingestion"),
        _STREAMING,
        *(f".show materialized-view {identifier(view)} policy {kind}" for view in views for kind in _OF_VIEWS),
        *(f".show database {named} ingestion {kind} mappings" for kind in ("parquet", "json")),
        f".show database {named} principals",
    ]


_OF_VIEWS = ("retention", "caching")
# This one kind knows no `*`.
_STREAMING = ".show tables details | project EntityName = TableName, Policy = StreamingIngestionPolicy"


def _policies(kusto: Kusto, views: Mapping[str, FoundView]) -> dict[tuple[str, str], Any]:
    found = {}
    asked = [(kind, "", f".show table * policy {kind}") for kind in KINDS]
    asked[KINDS.index("streamingingestion")] = ("streamingingestion", "", _STREAMING)
    asked += [
        (kind, view, f".show materialized-view {identifier(view)} policy {kind}")
        for view in views
        for kind in _OF_VIEWS
    ]
    for kind, view, command in asked:
        for row in _rows(kusto, command, "EntityName", "Policy"):
            # The service names a table by its database, too: `[telemetry].[Readings]`.
            named = re.findall(r"\[([^\]]*)\]", row["EntityName"]) or [row["EntityName"]]
            found[view or named[-1], kind] = _document(kusto, command, row["Policy"])
    return found


def _document(kusto: Kusto, command: str, text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError as error:
        raise _no_answer(kusto, command, f"{text!r} is not JSON") from error


def _rows(kusto: Kusto, command: str, *columns: str, exactly: int | None = None) -> list[dict[str, Any]]:
    rows = kusto.command(command, repeatable=True)
    for row in rows:
        if missing := [name for name in columns if name not in row]:
            raise _no_answer(kusto, command, f"it has no {', '.join(missing)}, but {', '.join(row)}")
    if exactly is not None and len(rows) != exactly:
        raise _no_answer(kusto, command, f"{len(rows)} rows instead of {exactly}")
    return rows


def _no_answer(kusto: Kusto, command: str, why: str) -> AnswerError:
    return AnswerError(
        f"Kusto at {kusto.uri} (database {kusto.database!r}) answered `{command}` with something else: {why}. "
        "Is that an Azure Data Explorer cluster, and may you see all of the database?"
    )
