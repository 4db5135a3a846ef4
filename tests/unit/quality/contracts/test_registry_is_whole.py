"""A table that is declared and not registered would have no page, no contract and no upkeep."""

from __future__ import annotations

import pytest

from quality.contracts import bronze_tables, entity_tables, gold_tables, silver_tables
from quality.contracts.model import Table
from quality.contracts.tables import ADX_SOURCES, TABLES

MODULES = (bronze_tables, silver_tables, gold_tables, entity_tables)
DECLARED = [value for module in MODULES for value in vars(module).values() if isinstance(value, Table)]


@pytest.mark.parametrize("declared", DECLARED, ids=lambda table: table.path)
def test_every_declared_table_is_registered(declared: Table) -> None:
    assert declared in TABLES or declared in ADX_SOURCES
