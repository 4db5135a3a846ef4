"""Roles and the filter by site: rendered from the manifest, whole, repeatable, closed while facts are made anew."""

from __future__ import annotations

import re

import pytest
import sqlglot
from sqlglot import exp

from assets.warm import access
from assets.warm.sqlserver.transient import SqlServerError
from assets.warm.state import MARTS

FACTS = ("fct_readings_daily", "fct_readings_hourly")
INSTALLED = "object_id(N'security.site_access')"
OWNER = "select is_rolemember(N'db_owner')"


def manifest(**facts):
    nodes = {
        name: {
            "resource_type": "model",
            "name": name,
            "schema": MARTS,
            "config": {"materialized": kind},
            "columns": {"site_key": {}},
        }
        for name, kind in facts.items()
    }
    nodes["dim_date"] = {**next(iter(nodes.values())), "name": "dim_date", "columns": {"date_key": {}}}
    return {"nodes": nodes}


def test_every_fact_of_a_site_is_filtered_and_no_dimension():
    filtered = access.facts()
    assert {"fct_readings_hourly", "fct_readings_daily"} <= set(filtered)
    assert not [name for name in filtered if name.startswith("dim_")]
    policy = access.script(filtered)[-1]
    assert re.findall(r"may_read_site\(site_key\) on marts\.\[(\w+)\]", policy) == list(filtered)


def test_a_fact_that_dbt_replaces_under_the_filter_is_refused():
    assert access.filtered_facts(manifest(fct_a="incremental", dim_site="table")) == ("fct_a",)
    with pytest.raises(access.AccessError, match="fct_b: rows belong to a site"):
        access.filtered_facts(manifest(fct_a="incremental", fct_b="table"))


def test_the_script_is_t_sql_but_for_what_the_parser_has_no_words_for():
    opaque = set()
    for statement in access.script(FACTS):
        for tree in sqlglot.parse(statement, dialect="tsql"):
            if isinstance(tree, exp.Command):
                opaque.add(" ".join(statement.split()[:3]))
    assert opaque == {"alter role [warm_all_sites]", "drop security policy", "create security policy"}


def test_readers_see_own_sites_and_those_who_write_or_manage_see_all():
    function = next(statement for statement in access.script(FACTS) if "create function" in statement)
    assert "with schemabinding" in function
    for role in ("db_owner", access.WRITERS, access.ALL_SITES):
        assert f"is_rolemember(N'{role}') = 1" in function
    assert "access.principal = user_name()" in function


def test_nothing_is_closed_where_access_was_never_granted(script):
    access.close(script)
    access.reopen(script, lambda: FACTS)
    assert [sql for sql, _ in script.sent if not sql.startswith("select 1 from sys.tables")] == []


def test_a_build_from_scratch_closes_the_marts_before_their_filter_is_lost(script):
    script.answers[INSTALLED] = [(1,)]
    script.answers[OWNER] = [(1,)]
    access.close(script)
    sent = [sql for sql, _ in script.sent][2:]
    assert sent[0] == f"drop security policy if exists {access.POLICY}"
    assert sent[1:] == [f"deny select on schema::marts to [{audience.role}]" for audience in access.AUDIENCES]


@pytest.mark.parametrize("filtered", [True, False])
def test_a_publication_refreshes_the_sites_and_puts_back_a_filter_that_is_gone(script, filtered):
    script.answers[INSTALLED] = script.answers[OWNER] = [(1,)]
    if filtered:
        script.answers["sys.security_policies"] = [(1,)]
    access.reopen(script, lambda: FACTS)
    assert script.count("insert into security.sites") == 1
    assert script.count("create security policy") == (0 if filtered else 1)
    assert script.count("grant select on schema::marts") == (0 if filtered else len(access.AUDIENCES))


@pytest.mark.parametrize("change", [lambda script: access.grant(script, FACTS), access.close], ids=["grant", "close"])
def test_who_is_no_owner_is_told_before_anything_is_changed(script, change):
    script.answers[INSTALLED] = [(1,)]
    with pytest.raises(access.AccessError, match="no member of db_owner"):
        change(script)
    assert not [sql for sql, _ in script.sent if not sql.startswith("select ")]


def test_a_server_without_row_level_security_is_refused_with_what_to_do(script):
    script.answers[OWNER] = [(1,)]
    script.fails["create security policy"] = [SqlServerError("syntax error near 'SECURITY'", number=33557097)]
    with pytest.raises(access.AccessError, match="no row-level security. Give readers there a database of their own"):
        access.grant(script, FACTS)


def test_a_deadlock_is_no_lack_of_the_server(script):
    script.answers[OWNER] = [(1,)]
    script.fails["create security policy"] = [SqlServerError("was deadlocked on", number=1205)]
    with pytest.raises(SqlServerError):
        access.grant(script, FACTS)
