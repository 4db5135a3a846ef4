"""Every type on the wire, through DuckDB's JSON text."""

from __future__ import annotations

import json
import math
import random
import struct
from collections.abc import Callable

import duckdb
import pytest

from local_azure.kusto.cells import encode_rows, rows_sql
from local_azure.kusto.commands.context import Context


@pytest.mark.parametrize(
    ("expression", "want"),
    [
        ("long(9223372036854775807)", 9223372036854775807),
        ("long(null)", None),
        ("int(5)", 5),
        ("true", True),
        ("bool(null)", None),
        ("real(null)", None),
        ("real(nan)", "NaN"),
        ("real(+inf)", "Infinity"),
        ("real(-inf)", "-Infinity"),
        ("1e300", 1e300),
        ("0.1", 0.1),
        ("decimal(1.5)", "1.5"),
        ("datetime(2026-01-01)", "2026-01-01T00:00:00Z"),
        ("datetime(2026-01-01 00:00:00.000001)", "2026-01-01T00:00:00.0000010Z"),
        ("datetime(null)", None),
        ("1h", "01:00:00"),
        ("-1d - 500ms", "-1.00:00:00.5000000"),
        ("1.5s", "00:00:01.5000000"),
        ("timespan(null)", None),
        ("guid(2cca5844-8f0d-454e-bdad-299e978be5df)", "2cca5844-8f0d-454e-bdad-299e978be5df"),
        ("dynamic({'a': [1, null, 'x']})", {"a": [1, None, "x"]}),
        ("''", ""),
        (r"'quote \" backslash \\ newline \n tab \t'", 'quote " backslash \\ newline \n tab \t'),
        ("'Ünïcode 漢字 🎉'", "Ünïcode 漢字 🎉"),
    ],
)
def test_a_cell_is_what_the_sdk_expects(query: Callable, expression: str, want: object) -> None:
    [[got]] = query(f"print x = {expression}")
    assert (float(got) if expression.startswith("decimal") else got) == (
        float(str(want)) if expression.startswith("decimal") else want
    )


def test_an_unmatched_string_of_a_join_is_empty_not_null(query: Callable) -> None:
    assert query(
        "datatable(k:long)[1] | join kind=leftouter (datatable(k:long, s:string, n:long)[2, 'x', 3]) on k"
        " | project s, n"
    ) == [["", None]]


def test_doubles_survive_the_text_bit_for_bit(context: Context) -> None:
    source = random.Random(11)
    values = [struct.unpack("<d", source.randbytes(8))[0] for _ in range(20_000)]
    values = [v for v in values if math.isfinite(v)] + [0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2]
    with context.store.read() as cursor:
        cursor.execute("CREATE TEMP TABLE v(x DOUBLE)")
        cursor.execute("INSERT INTO v SELECT unnest(?::DOUBLE[])", [values])
        rows = cursor.execute(rows_sql("SELECT x FROM v", ["real"], ["DOUBLE"], None)).fetchall()
    got = [json.loads(row[0])[0] for row in rows]
    assert [struct.pack("<d", value) for value in got] == [struct.pack("<d", value) for value in values]


def test_rows_keep_their_order_under_a_limit() -> None:
    connection = duckdb.connect()
    sql = rows_sql("SELECT i FROM range(200000) t(i) ORDER BY i DESC", ["long"], ["BIGINT"], 1000)
    assert [json.loads(row[0])[0] for row in connection.execute(sql).fetchall()] == list(range(199_999, 198_999, -1))


def test_rows_of_commands_are_json_too() -> None:
    assert encode_rows([("a", 1, None, float("nan"), True)]) == ['["a", 1, null, "NaN", true]']
