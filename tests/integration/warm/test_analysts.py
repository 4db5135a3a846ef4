"""The example queries of docs/analysts: each answers its question on DuckDB and is T-SQL as it stands."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from quality.tsql import findings
from settings.model import Settings

QUERIES = sorted((Path(__file__).parents[3] / "docs" / "analysts" / "queries").glob("*.sql"))


@pytest.fixture(scope="module")
def marts(built_home):
    """The shared build as an analyst opens it."""
    with duckdb.connect(str(Settings(home=built_home, _env_file=None).warm_database), read_only=True) as db:
        yield db


def test_there_are_twenty_and_each_opens_with_its_question():
    assert [path.name[:3] for path in QUERIES] == [f"{number:02}-" for number in range(1, 21)]
    firsts = [path.read_text().splitlines()[0] for path in QUERIES]
    assert [first for first in firsts if not (first.startswith("-- ") and first.endswith("?"))] == []


@pytest.mark.parametrize("query", QUERIES, ids=lambda path: path.stem)
def test_an_example_query_answers_with_rows(marts, query):
    assert marts.execute(query.read_text()).fetchall()


@pytest.mark.parametrize("query", QUERIES, ids=lambda path: path.stem)
def test_an_example_query_is_t_sql_as_it_stands(query):
    assert [str(finding) for finding in findings(query.read_text())] == []


def test_every_mart_has_an_example(marts):
    names = marts.execute("select table_name from information_schema.tables where table_schema = 'marts'").fetchall()
    words = {word for path in QUERIES for word in path.read_text().split()}
    assert [name for (name,) in names if f"marts.{name}" not in words] == []
