"""A lake made by an older release goes on under today's contracts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from lake.evolution import LakeSchemaError
from lake.fence import append, once
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Column, Table

OLD = Table(
    layer="silver",
    name="things",
    says="Things.",
    columns=(Column(name="day", type="date", says="Day."), Column(name="count", type="long", says="How many.")),
    key=("day",),
    partition_by=("day",),
)
DAY = datetime(2026, 3, 1, tzinfo=UTC).date()


def grown(*columns: Column, stated: tuple[str, ...] = ()) -> Table:
    return replace(OLD, columns=(*OLD.columns, *columns), stated=stated)


def rows(table: Table, **values: Any) -> pa.Table:
    return pa.Table.from_pylist([{"day": DAY, "count": 1, **values}], schema=arrow_schema(table))


def test_a_new_column_that_may_be_null_is_null_before_and_kept_after(lake) -> None:
    append(lake, OLD, rows(OLD))
    new = grown(Column(name="note", type="string", says="Note.", null=True))
    assert lake.rows(new).to_pylist() == [{"day": DAY, "count": 1, "note": None}]

    assert once(lake, new, "app", 1, lambda: rows(new, note="seen"))
    assert sorted(lake.rows(new)["note"].to_pylist(), key=str) == [None, "seen"]
    assert lake.open(new).version() == 3, "made, written, grown, written"

    assert not once(lake, new, "app", 1, lambda: rows(new, note="again"))
    assert lake.open(new).version() == 3


def test_a_new_column_that_may_not_be_null_is_refused_in_words(lake) -> None:
    append(lake, OLD, rows(OLD))
    new = grown(Column(name="unit", type="string", says="Unit."))
    with pytest.raises(LakeSchemaError, match=r"silver/things was made without unit, which may not be null"):
        append(lake, new, rows(new, unit="degC"))
    assert lake.open(OLD).version() == 1


def test_what_files_state_follows_the_contract(lake) -> None:
    append(lake, OLD, rows(OLD))
    new = grown(stated=("count",))
    append(lake, new, rows(new))
    assert lake.open(new).metadata().configuration["delta.dataSkippingStatsColumns"] == "count"
