"""Staging holds what Gold holds: loaded ten times, in any order, by whomever, killed wherever; on both engines."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from datetime import date, timedelta
from pathlib import Path

import pytest

from assets.warm import engine as engines
from assets.warm.build import begin_build, finish_build
from assets.warm.engine import StagedCountError, WarmBusyError, engine_of
from assets.warm.migration import StagingDriftError
from assets.warm.publish import publish
from assets.warm.staging import dirty_warm_dates, load_staging
from quality.contracts.warm import STAGED, WHOLE_DATE

ROOT = Path(__file__).parents[4]
DAYS = [date(2026, 3, 30) + timedelta(days=n) for n in range(4)]
MONDAY = DAYS[0]
HOURS = "readings_1h"


def load(tier, *days):
    return load_staging(tier.lake, tier.settings, days)


def test_ten_loads_in_any_order_are_one(tier):
    for number, day in enumerate(DAYS):
        tier.gold(day, 1, rows=3 + number)
    order = random.Random(5)
    for _ in range(10):
        load(tier, *order.sample(DAYS, k=order.randint(1, 3)), WHOLE_DATE)
    load(tier, *DAYS)
    assert tier.held() == tier.wanted()
    assert all(tier.held().values())


def test_a_date_that_shrank_and_one_that_went_leave_their_neighbours_alone(tier):
    for day in DAYS:
        tier.gold(day, 1, rows=5)
    load(tier, *DAYS, WHOLE_DATE)
    tier.gold(DAYS[1], 2, rows=2)
    tier.gold(DAYS[2], 2, rows=0)
    loaded = load(tier, DAYS[2], DAYS[1])
    assert loaded.rows[HOURS] == 2
    assert load(tier, WHOLE_DATE).rows["site"] == 0
    assert tier.held() == tier.wanted()


def test_a_table_staged_whole_is_dirty_when_it_changed_and_replaced_with_its_date(tier):
    tier.gold(MONDAY, 1, rows=4)
    assert set(dirty_warm_dates(tier.lake, tier.settings)) == {WHOLE_DATE, MONDAY}
    load(tier, WHOLE_DATE, MONDAY)
    finish_build(tier.settings, begin_build(tier.settings))
    publish(tier.settings)
    assert dirty_warm_dates(tier.lake, tier.settings) == {}
    tier.gold(MONDAY, 2, rows=1, tables=("site",))
    assert WHOLE_DATE in dirty_warm_dates(tier.lake, tier.settings)
    assert "site" not in load(tier, MONDAY).rows
    assert load(tier, WHOLE_DATE).rows["site"] == 1
    assert tier.held() == tier.wanted()


def test_rows_that_do_not_arrive_change_nothing(tier, monkeypatch):
    tier.gold(MONDAY, 1, rows=3)
    load(tier, MONDAY, WHOLE_DATE)
    before, state = tier.held(), tier.ask("select * from staging.date_state order by lane, date")
    tier.gold(MONDAY, 2, rows=6)
    kept = engines.Counted.batches

    def losing(self):
        for batch in kept(self):
            yield batch.slice(1)

    monkeypatch.setattr(engines.Counted, "batches", losing)
    with pytest.raises(StagedCountError, match="6 rows were read from Gold and 5 arrived"):
        load(tier, MONDAY)
    assert tier.held() == before
    assert tier.ask("select * from staging.date_state order by lane, date") == state


def test_a_nullable_column_the_contract_gained_is_added_and_its_rows_kept(tier):
    tier.gold(MONDAY, 1, rows=3)
    load(tier, MONDAY, WHOLE_DATE)
    tier.ask("alter table staging.readings_1h drop column stdev_value")
    load(tier, DAYS[1])
    assert tier.ask("select count(*), count(stdev_value) from staging.readings_1h") == [(3, 0)]
    load(tier, MONDAY)
    assert tier.held() == tier.wanted()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("drop column unit", "column unit is missing, and may not be null"),
        ("add extra integer", "column extra is in no contract"),
    ],
)
def test_any_other_difference_is_refused_and_nothing_is_loaded(tier, change, words):
    tier.gold(MONDAY, 1, rows=3)
    load(tier, MONDAY)
    tier.ask(f"alter table staging.readings_1h {change}")
    with pytest.raises(StagingDriftError, match=rf"staging\.readings_1h was made from another contract: {words}"):
        load(tier, MONDAY)


def test_a_staged_table_that_is_new_is_filled_for_every_date(tier):
    for day in DAYS[:2]:
        tier.gold(day, 1, rows=2)
    load(tier, *DAYS[:2], WHOLE_DATE)
    finish_build(tier.settings, begin_build(tier.settings))
    publish(tier.settings)
    tier.ask(f"drop table staging.{HOURS}")
    load(tier, MONDAY)
    finish_build(tier.settings, begin_build(tier.settings))
    publish(tier.settings)
    due = dirty_warm_dates(tier.lake, tier.settings)
    assert DAYS[1] in due
    load(tier, *due)
    assert tier.held() == tier.wanted()


def test_the_publication_says_while_a_build_is_at_work(tier):
    tier.gold(MONDAY, 1, rows=2)
    load(tier, MONDAY)
    build = begin_build(tier.settings)
    (began, complete) = tier.ask("select building_since, complete_since from staging.publication")[0]
    assert began is not None
    assert complete is None
    finish_build(tier.settings, build)
    (began, complete) = tier.ask("select building_since, complete_since from staging.publication")[0]
    assert began is None
    assert complete is not None


def test_a_date_loaded_again_while_dbt_ran_is_not_taken_as_built(tier):
    for day in DAYS[:2]:
        tier.gold(day, 1, rows=2)
    load(tier, *DAYS[:2], WHOLE_DATE)
    build = begin_build(tier.settings)
    tier.gold(MONDAY, 2, rows=3)
    load(tier, MONDAY)
    finish_build(tier.settings, build)
    left = tier.ask("select distinct date, silver_batch from staging.date_state where built_batch is null")
    assert left == [(MONDAY, 2)]


def test_a_load_killed_anywhere_leaves_the_old_rows_or_the_new(tier):
    """One process imports the product; each load and each look is a fork of it, so that kills are real and cheap."""
    points = {
        "duckdb": ["after_delete", "before_commit", "after_staging"],
        "sqlserver": ["after_copy", "after_delete", "before_commit", "after_commit", "after_staging"],
    }[tier.settings.warm.engine]
    for day in DAYS[:2]:
        tier.gold(day, 1, rows=3)
    load(tier, *DAYS[:2], WHOLE_DATE)
    tier.gold(MONDAY, 2, rows=2)
    warm = tier.settings.warm
    told = {
        f"LAKE_WARM__{name.upper()}": value.get_secret_value() if name == "password" else str(value)
        for name in warm.model_fields_set
        if (value := getattr(warm, name)) is not None
    }
    ran = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed_loads.py")), MONDAY.isoformat(), *points],
        cwd=ROOT,
        env={**os.environ, **told, "LAKE_HOME": str(tier.settings.home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    seen = dict(line.split() for line in ran.stdout.splitlines())
    before = [point for point in points if point in {"after_copy", "after_delete", "before_commit"}]
    assert seen == {point: "3" if point in before else "2" for point in points}
    load(tier, MONDAY)
    load(tier, WHOLE_DATE)
    assert tier.held() == tier.wanted()


@pytest.mark.parametrize("tier", [pytest.param("sqlserver", marks=pytest.mark.sqlserver)], indirect=True)
def test_two_loaders_take_turns_and_an_impatient_one_is_told(tier):
    for day in DAYS:
        tier.gold(day, 1, rows=200)
    loaders = [threading.Thread(target=load, args=(tier, *days, WHOLE_DATE)) for days in (DAYS[:3], DAYS[1:])]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join(60)
    assert tier.held() == tier.wanted()

    impatient = tier.settings.model_copy(update={"warm": tier.settings.warm.model_copy(update={"lock_seconds": 0.0})})

    def meanwhile(session):
        with pytest.raises(WarmBusyError, match="being written by another process"):
            load_staging(tier.lake, impatient, [MONDAY])
        return True

    assert engine_of(tier.settings).write(meanwhile)


def test_every_staged_table_is_compared():
    assert {staged.table.name for staged in STAGED} > {HOURS, "site"}
