"""What the database holds when all is well: from the contracts, the `.kql` files and, for a site, its settings.

Belongs here: the list, and the fingerprint that names a version of it.
Does not: comparing it with a cluster (`plan`), or what the parts look like (`files`, `policies`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assets.gold.adx import files, policies
from assets.gold.adx.files import KqlFile
from assets.gold.adx.policies import Policy
from quality.contracts.kusto import (
    create_mapping,
    create_table,
    json_mapping,
    kusto_name,
    literal,
    parquet_mapping,
    quoted,
    stage_name,
)
from quality.contracts.live_tables import ENQUEUED_PATH, LIVE_TABLES
from quality.contracts.model import Table
from quality.contracts.tables import ADX_SOURCES, LEVEL_TABLES

if TYPE_CHECKING:
    from settings.model import Kusto as Site

SWAPPED: tuple[Table, ...] = (*ADX_SOURCES, *(made.table for made in LEVEL_TABLES))
"""Tables with a stage beside them."""
VERSION_FUNCTION = "DatabaseVersion"
"""Deployed last: where it says this version, all before it was done."""
FOLDER = "gold"


@dataclass(frozen=True)
class KustoTable:
    """One table of the database, made from a contract; a contract with a stage makes two."""

    name: str
    contract: Table

    @property
    def command(self) -> str:
        """Creates it."""
        return create_table(self.contract, self.name)


@dataclass(frozen=True)
class Mapping:
    """One named ingestion mapping: name, type and path of each column."""

    table: str
    kind: str
    name: str
    columns: tuple[tuple[str, str, str], ...]

    @property
    def command(self) -> str:
        """Creates or replaces it."""
        return create_mapping(self.table, self.kind, self.name, self.columns)


@dataclass(frozen=True)
class Principal:
    """Somebody in a role of the database: `aadgroup=<id>;<tenant>`, `aadapp=…`, `aaduser=…`."""

    database: str
    role: str
    fqn: str

    @property
    def command(self) -> str:
        """Gives the role; takes nobody else's."""
        return f".add database {quoted(self.database)} {self.role} ({literal(self.fqn)}) 'lakehouse'"


@dataclass(frozen=True)
class Wanted:
    """All the database is to hold."""

    tables: tuple[KustoTable, ...]
    mappings: tuple[Mapping, ...]
    files: tuple[KqlFile, ...]
    policies: tuple[Policy, ...]
    principals: tuple[Principal, ...] = ()

    @property
    def functions(self) -> tuple[KqlFile, ...]:
        """The files that make functions."""
        return tuple(file for file in self.files if file.kind == "function")

    @property
    def views(self) -> tuple[KqlFile, ...]:
        """The files that make materialized views."""
        return tuple(file for file in self.files if file.kind == "materialized-view")

    def commands(self) -> list[str]:
        """What makes all of it in an empty database, in an order that works; again, it changes nothing."""
        return [
            *(table.command for table in self.tables),
            *(mapping.command for mapping in self.mappings),
            *(policy.command for policy in self.policies if not policy.of_view),
            *(function.command for function in self.functions),
            *(view.command for view in self.views),
            *(policy.command for policy in self.policies if policy.of_view),
            *(principal.command for principal in self.principals),
        ]

    def computing(self) -> list[str]:
        """The part that decides what rows a load makes: its tables and functions."""
        swapped = [table.command for table in self.tables if not policies.is_live(table.contract)]
        return [*swapped, *(function.command for function in self.functions)]


def wanted(site: Site | None = None, folder: Path | None = None) -> Wanted:
    """The database of this version; with `site`, also what its settings say: roles and partitions.

    Raises: KqlFileError, ValueError.
    """
    kql = files.read(folder)
    found = [*_policies(), *(policy for file in kql if file.kind == "materialized-view" for policy in _of_view(file))]
    principals: tuple[Principal, ...] = ()
    if site:
        found += _partitions(site.partitions)
        roles = (("admins", site.admins), ("ingestors", site.ingestors), ("viewers", site.viewers))
        principals = tuple(Principal(site.database, role, fqn) for role, fqns in roles for fqn in fqns)
    return Wanted(tuple(_tables()), tuple(_mappings()), kql, tuple(found), principals)


def fingerprint(of: Wanted) -> str:
    """Names this version of everything but what a site's settings say: 12 hex digits."""
    return hashlib.sha256("\n".join(of.commands()).encode()).hexdigest()[:12]


def version_command(of: str) -> str:
    """Writes the fingerprint down in the database."""
    says = "Names the version of all that Lakehouse keeps here."
    about = f"with (folder = {literal(FOLDER)}, docstring = {literal(says)})"
    return f".create-or-alter function {about} {VERSION_FUNCTION}() {version_body(of)}"


def version_body(of: str) -> str:
    """The body of the function that answers with the fingerprint."""
    return f"{{ print fingerprint = {literal(of)} }}"


def _tables() -> Iterator[KustoTable]:
    for table in SWAPPED:
        yield KustoTable(kusto_name(table), table)
        yield KustoTable(stage_name(table), table)
    for table in LIVE_TABLES:
        yield KustoTable(kusto_name(table), table)


def _mappings() -> Iterator[Mapping]:
    for table in SWAPPED:
        name = stage_name(table)
        yield Mapping(name, "parquet", f"{name}_parquet", tuple(parquet_mapping(table)))
    for table in LIVE_TABLES:
        name = kusto_name(table)
        yield Mapping(name, "json", f"{name}_json", tuple(json_mapping(table, {"enqueued_at": ENQUEUED_PATH})))


def _policies() -> Iterator[Policy]:
    for table in SWAPPED:
        yield from policies.of_swapped(table, kusto_name(table), stage=False)
        yield from policies.of_swapped(table, stage_name(table), stage=True)
    for table in LIVE_TABLES:
        yield from policies.of_live(table, kusto_name(table))


def _of_view(file: KqlFile) -> list[Policy]:
    if file.name not in policies.VIEW_DAYS:
        raise ValueError(
            f"{file.where(0)}: nobody says how long {file.name} keeps rows; add it to VIEW_DAYS in "
            "assets/gold/adx/policies.py"
        )
    return policies.of_view(file.name)


def _partitions(count: int) -> list[Policy]:
    return [policies.partitioned(table, kusto_name(table), count) for table in ADX_SOURCES] if count else []
