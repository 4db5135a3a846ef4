"""A type that dbt declares otherwise than the contract is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.gold.adx.drift import between_contract_and_dbt, kind_of

MODEL = """version: 2
models:
  - name: fct
    columns:
      - {{name: reading_count, data_type: {count}}}
      - {{name: window_start, data_type: "{{{{ 'datetime2(6)' if target.type == 'sqlserver' else 'timestamp' }}}}"}}
      - {{name: of_our_own, data_type: date}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "stg.sql").write_text("select * from {{ source('staging', 'readings_1h') }}")
    (tmp_path / "models" / "fct.sql").write_text("select * from {{ ref('stg') }}")
    return tmp_path


@pytest.mark.parametrize(
    ("declared", "wrong"), [("bigint", False), ("integer", False), ("double", True), ("varchar", True)]
)
def test_a_column_of_another_kind_is_named_with_contract_and_kusto_table(
    project: Path, declared: str, wrong: bool
) -> None:
    (project / "models" / "fct.yml").write_text(MODEL.format(count=declared))
    found = between_contract_and_dbt(project)
    assert bool(found) is wrong
    for drift in found:
        assert drift.where == "models/fct.yml"
        assert "fct.reading_count" in drift.says
        assert "long in the contract gold/readings_1h, long in Kusto's Readings1h" in drift.says


def test_the_product_has_none() -> None:
    assert between_contract_and_dbt() == []


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        ("varchar(32)", "text"),
        ("{{ 'n' if target.type == 'sqlserver' }}varchar(64)", "text"),
        ("{{ 'bit' if target.type == 'sqlserver' else 'boolean' }}", "truth"),
        ("double precision", "real"),
        ("datetime2(6)", "moment"),
        ("date", "date"),
        ("{{ some_macro() }}", ""),
    ],
)
def test_kinds_are_the_same_whatever_the_engine_calls_them(declared: str, kind: str) -> None:
    assert kind_of(declared) == kind
