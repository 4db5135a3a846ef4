"""The marts on a SQL Server: built twice, documented, asked the example questions, and equal to DuckDB's."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assets.warm.build import Build, build_warm
from assets.warm.engine import engine_of
from assets.warm.project import artifacts, dbt_arguments, environment, run_dbt
from assets.warm.publish import publish, warm_counts
from assets.warm.staging import dirty_warm_dates, load_staging
from assets.warm.state import MARTS
from lake.store import Lake
from settings.model import Settings

pytestmark = [pytest.mark.sqlserver, pytest.mark.slow, pytest.mark.timeout(900)]
QUERIES = sorted((Path(__file__).parents[4] / "docs" / "analysts" / "queries").glob("*.sql"))
TUESDAY = date(2026, 3, 31)


@dataclass(frozen=True)
class Twins:
    """One lake, with its warm tier on DuckDB and on the SQL Server."""

    duckdb: Settings
    sqlserver: Settings
    first: Build
    second: Build

    def both(self, sql: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """The answers of the two, in an order of their own."""
        here, there = (
            engine_of(settings).read(lambda session: session.execute(sql)) for settings in (self.duckdb, self.sqlserver)
        )
        return _comparable(here), _comparable(there)


def _warm_up(settings: Settings) -> Build:
    lake = Lake.of(settings)
    dirty = dirty_warm_dates(lake, settings)
    load_staging(lake, settings, dirty)
    build = build_warm(settings, dirty)
    publish(settings)
    return build


@pytest.fixture(scope="module")
def twins(server, built_home, tmp_path_factory) -> Twins:
    """Both built from the same Gold, then both from one that changed on a day."""
    home = tmp_path_factory.mktemp("twins") / "home"
    shutil.copytree(built_home, home)
    here = Settings(home=home, _env_file=None)
    there = here.model_copy(update={"warm": server})
    first = _warm_up(there)
    lake = Lake.of(here)
    lake.renew_identity("every date is dirty again, so that the second build has something to do")
    _warm_up(here)
    second = _warm_up(there)
    return Twins(here, there, first, second)


def test_the_first_build_is_from_scratch_and_the_second_incremental(twins):
    assert twins.first.full_refresh
    assert not twins.second.full_refresh
    assert twins.second.staged
    assert dirty_warm_dates(Lake.of(twins.sqlserver), twins.sqlserver) == {}


def test_every_mart_holds_the_same_rows_on_both_engines(twins):
    counts = warm_counts(twins.duckdb)
    assert warm_counts(twins.sqlserver) == counts
    for mart in counts:
        here, there = twins.both(f"select * from {MARTS}.{mart}")
        _assert_alike(here, there, mart)


def test_the_docs_are_generated_from_the_servers_own_catalog(twins, tmp_path):
    run_dbt(
        ("docs", "generate", *dbt_arguments(twins.sqlserver.warm)),
        target=tmp_path,
        env=environment(twins.sqlserver),
        timeout_seconds=300,
    )
    catalog = json.loads((tmp_path / "catalog.json").read_text())
    documented = {node["metadata"]["name"] for node in catalog["nodes"].values()}
    assert documented >= warm_counts(twins.sqlserver).keys()
    assert artifacts(twins.sqlserver) != tmp_path


@pytest.mark.parametrize("query", QUERIES, ids=lambda path: path.stem)
def test_an_example_question_has_one_answer(twins, query):
    here, there = twins.both(query.read_text().rstrip().rstrip(";"))
    _assert_alike(here, there, query.stem)


def _comparable(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Booleans as numbers, decimals as floats, midnights as dates; sorted by what is exact, then by the rest."""
    plain: dict[type, Callable[[Any], Any]] = {bool: int, Decimal: float}
    made = [tuple(plain.get(type(value), lambda same: same)(value) for value in row) for row in rows]
    made = [tuple(_day(value) for value in row) for row in made]
    return sorted(made, key=lambda row: (repr([v for v in row if not isinstance(v, float)]), repr(row)))


def _day(value: Any) -> Any:
    midnight = isinstance(value, datetime) and value.time() == datetime.min.time()
    return value.date() if midnight else value


def _assert_alike(here: list[tuple[Any, ...]], there: list[tuple[Any, ...]], what: str) -> None:
    assert len(here) == len(there), what
    for left, right in zip(here, there, strict=True):
        alike = [
            math.isclose(a, b, rel_tol=1e-9) if isinstance(a, float | int) and isinstance(b, float | int) else a == b
            for a, b in zip(left, right, strict=True)
        ]
        assert all(alike), (what, left, right)
