"""The registry and everything that is rendered from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from deltalake import DeltaTable

from lake.store import Lake
from orchestration.rendered import files
from quality.checks import schema_result
from quality.contracts.arrow import arrow_schema
from quality.contracts.metrics import METRICS
from quality.contracts.model import Column, Table
from quality.contracts.reasons import CODES, REASONS
from quality.contracts.tables import ADX_READINGS, TABLES, table


@pytest.mark.parametrize(("path", "text"), files(), ids=lambda value: value.name if isinstance(value, Path) else "")
def test_a_rendered_file_is_what_the_contracts_render(path: Path, text: str) -> None:
    assert path.read_text() == text, f"{path} is out of date; write it with: lakehouse contracts render"


@pytest.mark.parametrize("contract", [*TABLES, ADX_READINGS], ids=lambda contract: contract.path)
def test_every_table_and_column_is_described_and_owned(contract: Table) -> None:
    assert contract.says.endswith(".")
    assert contract.owner.startswith("team:")
    assert contract.key
    undescribed = [column.name for column in contract.columns if not column.says.strip().endswith((".", "`"))]
    assert undescribed == []


@pytest.mark.parametrize("contract", TABLES, ids=lambda contract: contract.path)
def test_a_delta_table_is_created_as_its_contract_says(contract: Table, tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    target = lake.open(contract)
    assert isinstance(target, DeltaTable)
    assert schema_result(lake, contract).passed
    assert [field.nullable for field in target.schema().fields] == [column.null for column in contract.columns]
    assert target.metadata().partition_columns == list(contract.partition_by)


def test_timestamps_are_utc_microseconds_and_nothing_else() -> None:
    times = {
        str(arrow_schema(contract).field(column.name).type)
        for contract in TABLES
        for column in contract.columns
        if column.type == "timestamp"
    }
    assert times == {"timestamp[us, tz=UTC]"}


def test_a_path_that_is_no_table_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"silver/readings"):
        table("silver/reading")


@pytest.mark.parametrize(
    ("key", "null", "says"),
    [(("b",), False, "are no columns"), (("a",), True, "may not be null")],
    ids=["unknown key column", "nullable key column"],
)
def test_a_contract_that_contradicts_itself_is_refused(key: tuple[str, ...], null: bool, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Table(
            layer="gold",
            name="t",
            says="A table.",
            columns=(Column(name="a", type="long", says="A column.", null=null),),
            key=key,
        )


def test_a_column_without_words_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="column 'a' is not described"):
        Column(name="a", type="long", says=" ")


def test_every_reason_says_what_it_means_and_what_to_do() -> None:
    assert len(CODES) == len(REASONS)
    assert all(reason.says and reason.do for reason in REASONS)


def test_every_metric_has_limits_that_can_hold() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.low is None or metric.high is None or metric.low < metric.high for metric in METRICS)
