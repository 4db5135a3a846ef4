"""Contracts as DuckDB tables."""

from __future__ import annotations

import duckdb
import pytest

from quality.contracts.duckdb import create_table, duckdb_type
from quality.contracts.model import Column
from quality.contracts.warm import SOURCES


@pytest.mark.parametrize("table", SOURCES, ids=lambda table: table.name)
def test_duckdb_takes_the_ddl_and_holds_the_contracts_columns(table):
    with duckdb.connect() as db:
        db.execute("create schema staging")
        db.execute(create_table(table, "staging"))
        db.execute(create_table(table, "staging"))
        found = db.execute("select column_name, is_nullable from information_schema.columns order by ordinal_position")
        assert found.fetchall() == [(column.name, "YES" if column.null else "NO") for column in table.columns]


def test_a_type_without_a_place_in_a_star_schema_is_refused():
    with pytest.raises(ValueError, match="'properties' is a map"):
        duckdb_type(Column(name="properties", type="map", says="Anything."))
