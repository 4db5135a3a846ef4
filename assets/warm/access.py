"""Who may read the marts on a SQL Server, and of which sites: roles, a mapping table, and a filter on the facts.

Belongs here: the script, rendered from dbt's manifest, and closing the marts while their facts are made anew.
dbt replaces a table by a new one, which no filter is on: so the filter is on facts only, whose tables stay, and while
a build from scratch replaces those too, the roles may read nothing. Dimensions hold names and are seen by every role.
Does not: who is a member of a role, or of which sites: that is administration (docs/warm.md). DuckDB has no logins.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assets.warm.engine import Session
from assets.warm.project import prepare_manifest
from assets.warm.sqlserver.transient import SqlServerError, is_transient
from assets.warm.state import MARTS, PUBLICATION
from quality.contracts.warm import SCHEMA

ALL_SITES = "warm_all_sites"
WRITERS = "warm_writers"
SITE_KEY = "site_key"
POLICY = "security.sites_of_facts"


@dataclass(frozen=True)
class Audience:
    """A role that reads: `schemas` whole, and rows of its own sites unless `all_sites`."""

    role: str
    schemas: tuple[str, ...] = (MARTS,)
    all_sites: bool = False


AUDIENCES = (
    Audience("warm_analysts"),
    Audience("warm_managers", all_sites=True),
    Audience("warm_data_scientists", schemas=(MARTS, SCHEMA, "history"), all_sites=True),
)


class AccessError(RuntimeError):
    """The filter cannot be put where it has to be, or not by whom, or the server has none."""


def filtered_facts(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Marts whose rows belong to a site. Raises: AccessError for one that dbt would replace under the filter."""
    facts = {
        str(node["name"]): str(node["config"]["materialized"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == MARTS and SITE_KEY in node["columns"]
        if not node["name"].startswith("dim_")
    }
    replaced = sorted(name for name, materialized in facts.items() if materialized != "incremental")
    if replaced:
        raise AccessError(
            f"{', '.join(replaced)}: rows belong to a site, but dbt replaces the table at every build and the filter "
            "with it. Make the model incremental."
        )
    return tuple(sorted(facts))


def facts() -> tuple[str, ...]:
    """Of the project as it is."""
    return filtered_facts(json.loads(prepare_manifest().read_text()))


def script(filtered: tuple[str, ...]) -> tuple[str, ...]:
    """Every statement, each a batch of its own; run again, it changes nothing. The marts must have been built."""
    return (*_roles(), *_mapping(), *_filter(filtered))


def grant(session: Session, filtered: tuple[str, ...]) -> None:
    """Put roles, mapping table and filter in place, in the caller's transaction.

    Raises: AccessError, with nothing granted, for who is no owner and for a server without row-level security.
    """
    _owned(session, "Roles and the filter by site are its owner's to give: run `lakehouse warm grant` as one.")
    for statement in script(filtered):
        try:
            session.execute(statement)
        except SqlServerError as error:
            if is_transient(error) or "security policy" not in statement:
                raise
            raise AccessError(
                f"the server takes no filter by site, so nothing was granted: {error}. Compatible servers, such as "
                "Babelfish, have no row-level security. Give readers there a database of their own with the sites they "
                "may see, or let those in who may see all: `create role` and `grant select on schema::marts` by hand."
            ) from error


def close(session: Session) -> None:
    """Let no role read while facts are made anew. Nothing happens where access was never granted.

    Raises: AccessError for who may not take the filter off and put it back.
    """
    if not _installed(session):
        return
    _owned(session, "The models are others than before: facts are made anew, and their filter by site with them.")
    session.execute(f"drop security policy if exists {POLICY}")
    for audience in AUDIENCES:
        session.execute(f"deny select on schema::{MARTS} to [{audience.role}]")


def reopen(session: Session, filtered: Callable[[], tuple[str, ...]]) -> None:
    """After a build: its sites are known to the filter; after one from scratch the roles may read again."""
    if not _installed(session):
        return
    if session.execute("select 1 from sys.security_policies where name = N'sites_of_facts'"):
        for statement in _sites():
            session.execute(statement)
    else:
        grant(session, filtered())


def _owned(session: Session, why: str) -> None:
    if session.execute("select is_rolemember(N'db_owner') as owner") != [(1,)]:
        raise AccessError(f"this login is no member of db_owner. {why} See docs/warm.md.")


def _installed(session: Session) -> bool:
    return bool(session.execute("select 1 from sys.tables where object_id = object_id(N'security.site_access')"))


def _roles() -> Iterator[str]:
    for role in (*(audience.role for audience in AUDIENCES), ALL_SITES, WRITERS):
        yield f"if database_principal_id(N'{role}') is null exec(N'create role [{role}]')"
    for audience in AUDIENCES:
        for schema in audience.schemas:
            # `revoke` first: it takes back the `deny` of a build from scratch.
            for change in (f"revoke select on schema::{schema} from", f"grant select on schema::{schema} to"):
                yield f"if schema_id(N'{schema}') is not null exec(N'{change} [{audience.role}]')"
        yield f"grant select on {SCHEMA}.{PUBLICATION.name} to [{audience.role}]"
        if audience.all_sites:
            yield f"alter role [{ALL_SITES}] add member [{audience.role}]"


def _mapping() -> Iterator[str]:
    yield "if schema_id(N'security') is null exec(N'create schema security')"
    yield (
        "if object_id(N'security.site_access') is null create table security.site_access ("
        "principal nvarchar(128) not null, site_id nvarchar(128) not null, primary key (principal, site_id))"
    )
    yield f"drop security policy if exists {POLICY}"
    yield "drop function if exists security.may_read_site"
    yield "drop table if exists security.sites"
    # Of the marts' own types: a key compared with another type is not found by an index.
    yield f"select {SITE_KEY}, site_id into security.sites from {MARTS}.dim_site where 1 = 0"
    yield f"create clustered index [cx_sites] on security.sites ([{SITE_KEY}])"
    yield from _sites()


def _sites() -> Iterator[str]:
    yield "delete from security.sites"
    yield f"insert into security.sites ({SITE_KEY}, site_id) select {SITE_KEY}, site_id from {MARTS}.dim_site"


def _filter(filtered: tuple[str, ...]) -> Iterator[str]:
    yield (
        f"create function security.may_read_site (@{SITE_KEY} varchar(32)) returns table with schemabinding as "
        "return select 1 as allowed where is_rolemember(N'db_owner') = 1 "
        f"or is_rolemember(N'{WRITERS}') = 1 or is_rolemember(N'{ALL_SITES}') = 1 "
        "or exists (select 1 from security.sites as sites inner join security.site_access as access "
        # Either may be of a collation of its own.
        "on access.site_id collate database_default = sites.site_id collate database_default "
        f"where sites.{SITE_KEY} = @{SITE_KEY} "
        "and (access.principal = user_name() or is_rolemember(access.principal) = 1))"
    )
    predicates = ", ".join(
        f"add filter predicate security.may_read_site({SITE_KEY}) on {MARTS}.[{fact}]" for fact in filtered
    )
    yield f"create security policy {POLICY} {predicates} with (state = on, schemabinding = on)"
