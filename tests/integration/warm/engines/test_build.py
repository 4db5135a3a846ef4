"""The marts on a SQL Server: built twice, documented, asked, read by roles, and equal to DuckDB's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from assets.warm import access
from assets.warm.build import Build, build_warm
from assets.warm.engine import Rows, Session, engine_of
from assets.warm.project import artifacts, environment, run_dbt
from assets.warm.publish import publish, warm_counts
from assets.warm.sqlserver.transient import SqlServerError
from assets.warm.staging import dirty_warm_dates, load_staging
from assets.warm.state import MARTS
from lake.store import Lake
from quality.contracts.warm import WHOLE_DATE
from settings.model import Settings
from tests.integration.warm.alike import comparable, differences
from tests.integration.warm.answers.every import ANSWERS
from tests.integration.warm.answers.silver import Silver
from tests.integration.warm.estate import DAYS, NORTH, SOUTH, later
from tests.integration.warm.estate_home import to_gold, warm_up

pytestmark = [pytest.mark.sqlserver, pytest.mark.slow, pytest.mark.timeout(900)]
QUERIES = sorted((Path(__file__).parents[4] / "docs" / "analysts" / "queries").glob("*.sql"))
ASKED = [pytest.param(query, answer, id=query.stem) for query, answer in zip(QUERIES, ANSWERS, strict=True)]


@dataclass(frozen=True)
class Twins:
    """One lake, with its warm tier on DuckDB and on the SQL Server."""

    duckdb: Settings
    sqlserver: Settings
    first: Build
    second: Build

    @property
    def lake(self) -> Lake:
        """Theirs."""
        return Lake.of(self.duckdb)

    def both(self, sql: str) -> tuple[Rows, Rows]:
        """The answers of the two, in an order of their own."""
        here, there = (
            engine_of(settings).read(lambda session: session.execute(sql)) for settings in (self.duckdb, self.sqlserver)
        )
        return comparable(here), comparable(there)


def _build(settings: Settings) -> Build:
    """What a run does, dbt's tests included."""
    lake = Lake.of(settings)
    dirty = dirty_warm_dates(lake, settings)
    load_staging(lake, settings, dirty)
    build = build_warm(settings, dirty)
    publish(settings)
    return build


@pytest.fixture(scope="module")
def twins(server, estate_home, tmp_path_factory) -> Twins:
    """Both built from the same Silver, then both again after late readings of a day."""
    home = tmp_path_factory.mktemp("twins") / "home"
    shutil.copytree(estate_home, home)
    here = Settings(home=home, _env_file=None)
    there = here.model_copy(update={"warm": server})
    first = _build(there)
    later(Lake.of(here))
    to_gold(Lake.of(here), DAYS[1:2])
    warm_up(here)
    return Twins(here, there, first, _build(there))


def test_the_first_build_is_from_scratch_and_the_second_incremental(twins):
    assert twins.first.full_refresh
    assert not twins.second.full_refresh
    # A date is taken on when any of its lanes is newer; only the late readings are of another batch.
    batches = {day: batch for lane, day, _, batch in twins.second.staged if lane == "readings"}
    assert {day for day, batch in batches.items() if batch == 2} == {DAYS[1]}
    # A meter was among them, so what is used per floor area is due too.
    assert ("domain", WHOLE_DATE) in {(lane, day) for lane, day, _, _ in twins.second.staged}
    assert dirty_warm_dates(twins.lake, twins.sqlserver) == {}


def test_late_readings_are_in_the_marts(twins):
    day = f"event_date = '{DAYS[1]}'"
    here, there = twins.both(f"select max(max_value) from {MARTS}.fct_readings_daily where {day} and max_value < 100")
    assert here == there
    assert here[0][0] > 31


def test_every_mart_holds_the_same_rows_on_both_engines(twins):
    counts = warm_counts(twins.duckdb)
    assert warm_counts(twins.sqlserver) == counts
    assert {mart: told for mart in counts if (told := differences(*twins.both(f"select * from {MARTS}.{mart}")))} == {}


def test_the_docs_are_generated_from_the_servers_own_catalog(twins, tmp_path):
    run_dbt(
        ("docs", "generate", *twins.second.options),
        target=tmp_path,
        env=environment(twins.sqlserver),
        timeout_seconds=300,
    )
    catalog = json.loads((tmp_path / "catalog.json").read_text())
    documented = {node["metadata"]["name"] for node in catalog["nodes"].values()}
    assert documented >= warm_counts(twins.sqlserver).keys()
    assert artifacts(twins.sqlserver) != tmp_path


@pytest.mark.parametrize(("query", "answer"), ASKED)
def test_an_example_question_has_one_answer(twins, query, answer):
    here, there = twins.both(query.read_text())
    assert differences(here, comparable(answer(Silver(twins.lake)))) == []
    assert differences(there, here) == []


READERS = {"lake_reader": "warm_analysts", "lake_manager": "warm_managers", "lake_nobody": "warm_analysts"}
"""Users of the database without a login, and the role of each; the first is given one site, the last none."""
SITES = f"""
    select site.site_id, count(*) as facts from {MARTS}.fct_readings_daily as fact
    inner join {MARTS}.dim_site as site on fact.site_key = site.site_key
    group by site.site_id order by site.site_id
"""
FORBIDDEN = (
    f"delete from {MARTS}.fct_readings_daily",
    f"update {MARTS}.dim_site set name = N'mine'",
    f"insert into security.site_access values (N'lake_reader', N'{NORTH}')",
    "select count(*) from security.site_access",
    "select count(*) from intermediate.int_devices_seen",
    "create table staging.mine (id int)",
)


def _grant(twins: Twins) -> None:
    engine_of(twins.sqlserver).write(lambda session: access.grant(session, access.facts()))


def _filters(twins: Twins) -> bool:
    """Babelfish does not."""
    return not engine_of(twins.sqlserver).variables()


def test_granting_again_changes_nothing_and_where_it_cannot_be_nothing_is_granted(twins):
    def asked(sql: str) -> Rows:
        return engine_of(twins.sqlserver).write(lambda session: session.execute(sql))

    names = [*(audience.role for audience in access.AUDIENCES), access.ALL_SITES, access.WRITERS]
    roles = f"select count(*) from sys.database_principals where name in {tuple(names)}"
    if not _filters(twins):
        with pytest.raises(
            access.AccessError, match="no row-level security. Give readers there a database of their own"
        ):
            _grant(twins)
        assert asked(roles) == [(0,)]
        return
    _grant(twins)
    once = asked(roles)
    _grant(twins)
    assert asked(roles) == once == [(len(names),)]
    assert asked("select name from sys.security_policies") == [("sites_of_facts",)]


@pytest.fixture
def owner(twins) -> Iterator[Session]:
    """The owner's session, beside readers who may or may not see a site."""
    from assets.warm.sqlserver.connection import connected

    if not _filters(twins):
        pytest.skip("this server has no row-level security; `lakehouse warm grant` refuses it")
    with connected(twins.sqlserver.warm) as session:
        if "test endpoint" in session.execute("select @@version")[0][0]:
            pytest.skip("the TDS endpoint of the tests keeps roles and policies and applies none: SQL Server does")
        _grant(twins)
        for user, role in READERS.items():
            session.execute(f"create user [{user}] without login")
            session.execute(f"alter role [{role}] add member [{user}]")
        session.execute(f"insert into security.site_access values (N'lake_reader', N'{SOUTH}')")
        yield session
    with connected(twins.sqlserver.warm) as session:
        for user in READERS:
            session.execute(f"drop user [{user}]")


def test_a_reader_sees_the_facts_of_own_sites_and_changes_nothing(owner):
    every = owner.execute(SITES)
    assert len(every) > 2
    seen = {}
    for user in READERS:
        owner.execute(f"execute as user = N'{user}'")
        seen[user] = owner.execute(SITES)
        for statement in FORBIDDEN:
            with pytest.raises(SqlServerError, match="permission"):
                owner.execute(statement)
        owner.execute("revert")
    own = [row for row in every if row[0] == SOUTH]
    assert seen == {"lake_reader": own, "lake_manager": every, "lake_nobody": []}
    assert owner.execute(SITES) == every
