"""A plan is made once, reads whatever table it is handed, and keeps none of it."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from canonical import engine
from canonical.engine import Engine


def numbers(*values: int | None) -> pa.Table:
    return pa.table({"a": pa.array(values, pa.int64())})


def test_a_plan_reads_the_table_of_its_call() -> None:
    made = Engine()
    for values in ((1, 2), (), (None, 5, 6)):
        assert made.run("SELECT a * 2 AS b FROM source", numbers(*values)).column("b").to_pylist() == [
            None if value is None else value * 2 for value in values
        ]


def test_rows_come_in_the_order_of_the_table_whatever_its_size() -> None:
    rows = numbers(*range(3 * engine.BATCH_ROWS + 1))
    assert Engine().run("SELECT a FROM source", rows).equals(rows)


def test_one_statement_over_two_schemas_is_two_plans() -> None:
    made = Engine()
    assert made.run("SELECT typeof(a) AS t FROM source", numbers(1)).column("t").to_pylist() == ["BIGINT"]
    texts = pa.table({"a": ["x"]})
    assert made.run("SELECT typeof(a) AS t FROM source", texts).column("t").to_pylist() == ["VARCHAR"]
    assert made.run("SELECT typeof(a) AS t FROM source", numbers(1)).column("t").to_pylist() == ["BIGINT"]


def test_macros_and_settings_hold_on_every_connection() -> None:
    made = Engine(["CREATE TEMP MACRO twice(x) AS x * 2"])
    for table in (numbers(4), pa.table({"a": [4.0]})):
        query = "SELECT twice(a) AS b, current_setting('TimeZone') AS z FROM source"
        assert made.run(query, table).to_pylist() == [{"b": 8, "z": "UTC"}]


def test_a_statement_that_fails_leaves_the_others_sound() -> None:
    made = Engine()
    with pytest.raises(duckdb.Error):
        made.run("SELECT nothing FROM source", numbers(1))
    with pytest.raises(duckdb.Error):
        made.run("SELECT error('no') FROM source", numbers(1))
    assert made.run("SELECT a FROM source", numbers(1)).equals(numbers(1))


def test_plans_and_schemas_are_bounded_and_a_dropped_one_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MOST_PLANS", 3)
    monkeypatch.setattr(engine, "MOST_SCHEMAS", 2)
    made = Engine()
    for _ in range(2):
        for number in range(5):
            found = made.run(f"SELECT a + {number} AS b FROM source", numbers(1)).column("b").to_pylist()
            assert found == [1 + number]
        for name in "bcd":
            assert made.run(f"SELECT {name} FROM source", pa.table({name: [1]})).num_rows == 1
    assert len(made._sessions) == 2
    assert all(len(session._plans) <= 3 for session in made._sessions.values())


def test_no_table_outlives_its_call() -> None:
    made = Engine()
    made.run("SELECT a FROM source", numbers(*range(100_000)))
    assert all(session._source.table.num_rows == 0 for session in made._sessions.values())
