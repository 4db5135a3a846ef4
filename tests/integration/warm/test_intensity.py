"""Energy and water per floor area from Gold to its mart, which is replaced whole, and only when there is news of it."""

from __future__ import annotations

from datetime import date

import pytest

from assets.warm.database import writing
from assets.warm.staging import dirty_warm_dates, load_staging
from quality.contracts.domain_tables import SITE_INTENSITY
from quality.contracts.warm import WHOLE_DATE
from tests.integration.warm.conftest import NORTH, SOUTH, intensity, warm_up

TUESDAY = date(2026, 3, 31)
ROWS = """
    select site.site_id, fact.return_year, fact.measured_amount from marts.fct_site_intensity as fact
    join marts.dim_site as site using (site_key) order by all
"""


def lanes_behind(settings) -> list[tuple[str, date]]:
    """Lanes and dates that are staged and not built."""
    with writing(settings) as db:
        return db.execute("select lane, date from staging.date_state where built_batch is null order by all").fetchall()


def test_news_of_it_makes_neither_registers_nor_any_other_date_due(built):
    built.whole(SITE_INTENSITY, 2, [intensity(NORTH, 2025)])
    dirty = dirty_warm_dates(built.lake, built.settings)
    assert dirty.keys() == {WHOLE_DATE}
    load = load_staging(built.lake, built.settings, dirty, behind=True)
    assert {name: rows for name, rows in load.rows.items() if rows} == {"site_intensity": 1}
    assert lanes_behind(built.settings) == [("domain", WHOLE_DATE)]


@pytest.mark.slow
def test_it_is_replaced_whole_when_there_is_news_of_it_and_else_left_alone(built, published):
    every = [(NORTH, 2024, 42.0), (NORTH, 2025, 42.0), (SOUTH, 2025, 42.0)]
    assert published(built.settings, ROWS) == every
    with writing(built.settings) as db:  # a mark that only a replacement would wipe out
        db.execute("update marts.fct_site_intensity set measured_amount = 0.25")
    built.readings(TUESDAY, 2, [("bms:left", 1.0)])
    assert warm_up(built.settings).keys() == {TUESDAY}
    assert {amount for *_, amount in published(built.settings, ROWS)} == {0.25}

    # A return was taken back, and a site that no register knows has come.
    built.whole(SITE_INTENSITY, 2, [intensity(NORTH, 2025), intensity("RZZ/NEW", 2025)])
    assert warm_up(built.settings).keys() == {WHOLE_DATE}
    assert published(built.settings, ROWS) == [(NORTH, 2025, 42.0), ("RZZ/NEW", 2025, 42.0)]


@pytest.mark.slow
@pytest.mark.deep
def test_an_estate_without_returns_and_meters_has_an_empty_mart(fresh, published):
    fresh.readings(TUESDAY, 1, [("bms:left", 20.0)])
    assert warm_up(fresh.settings).keys() == {TUESDAY}
    assert published(fresh.settings, "select count(*) from marts.fct_site_intensity") == [(0,)]
    assert published(fresh.settings, "select count(*) from marts.fct_readings_daily") == [(1,)]
