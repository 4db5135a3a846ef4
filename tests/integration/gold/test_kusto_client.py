"""The client against a real endpoint: types, parameters, errors."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from orchestration.resources.kusto import Kusto, KustoRefusedError

MOMENT = datetime(2026, 3, 1, 12, 34, 56, 789012, UTC)


def test_columns_arrive_typed_with_nulls_and_without_finite_loss(kusto: Kusto) -> None:
    answer = kusto.query(
        "print text='a', whole=long(9007199254740993), number=real(0.1), odd=real(nan), yes=true, "
        f"moment=datetime({MOMENT:%Y-%m-%dT%H:%M:%S.%f}), none=real(null), never=datetime(null)"
    )
    row = answer.to_pylist()[0]
    assert math.isnan(row.pop("odd"))
    assert row == {
        "text": "a", "whole": 9007199254740993, "number": 0.1, "yes": True, "moment": MOMENT, "none": None,
        "never": None,
    }  # fmt: skip
    assert answer.schema.field("never").type == pa.timestamp("us", tz="UTC")


def test_an_empty_answer_keeps_its_types(kusto: Kusto) -> None:
    answer = kusto.query("print number=real(1), moment=datetime(2026-03-01) | where number > 1")
    assert answer.num_rows == 0
    assert answer.schema.types == [pa.float64(), pa.timestamp("us", tz="UTC")]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", 'it\'s "quoted" | take 0'),
        ("datetime", MOMENT),
        ("long", 7),
        ("real", 0.5),
    ],
)
def test_a_parameter_arrives_as_the_value_it_is(kusto: Kusto, kind: str, value: Any) -> None:
    answer = kusto.query(f"declare query_parameters(given: {kind}); print given", {"given": value})
    assert list(answer.to_pydict().values()) == [[value]]


def test_a_date_parameter_is_its_midnight(kusto: Kusto) -> None:
    answer = kusto.query("declare query_parameters(day: datetime); print moment=day", {"day": date(2026, 3, 1)})
    assert answer["moment"].to_pylist() == [datetime(2026, 3, 1, tzinfo=UTC)]


@pytest.mark.parametrize("text", ["Nowhere | count", "print (", ".drop extents from Nowhere"])
def test_a_refusal_names_endpoint_text_and_reason(kusto: Kusto, text: str) -> None:
    with pytest.raises(KustoRefusedError) as refused:
        kusto.command(text) if text.startswith(".") else kusto.query(text)
    assert kusto.uri in str(refused.value)
    assert text in str(refused.value)


def test_no_endpoint_set_says_how_to_get_one() -> None:
    with pytest.raises(ValueError, match="LAKE_KUSTO__URI"):
        Kusto("", "telemetry")
