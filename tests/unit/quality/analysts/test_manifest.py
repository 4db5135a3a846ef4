"""dbt's manifest, read as a star."""

from __future__ import annotations

import pytest

from quality.analysts.manifest import question, star_of
from quality.analysts.tmdl import definition
from quality.analysts.units import shown


def test_links_are_what_dbt_tests_and_the_second_to_one_dimension_is_inactive(small) -> None:
    star = star_of(small(), [])
    assert [(link.column, link.dimension, link.key, link.active) for link in star.links] == [
        ("start_date_key", "dim_date", "date_key", True),
        ("end_date_key", "dim_date", "date_key", False),
    ]
    relationships = definition(star)["relationships.tmdl"].strip().split("\n\n")
    assert ["\tisActive: false" in text for text in relationships] == [False, True]


def test_rows_of_a_fact_come_from_staging_and_versions_are_looked_up(small) -> None:
    fact = star_of(small(), []).mart("fct_work")
    assert [table.path for table in fact.rows] == ["gold/readings_1d"]
    assert [table.path for table in fact.lookups] == ["silver/site"]


def test_every_link_of_the_committed_marts_is_a_key_of_a_fact(star) -> None:
    keys = {(mart.name, column.name) for mart in star.facts for column in mart.columns if column.name.endswith("_key")}
    assert {(link.fact, link.column) for link in star.links} == keys
    assert [link for link in star.links if star.mart(link.dimension).key != (link.key,)] == []


def test_a_mart_that_nothing_makes_unique_is_refused(small) -> None:
    manifest = small()
    del manifest["nodes"]["test.p.key"]
    with pytest.raises(ValueError, match="fct_work has neither a primary key nor a test of unique_combination"):
        star_of(manifest, [])


def test_a_query_that_does_not_ask_is_refused(tmp_path) -> None:
    path = tmp_path / "21-what.sql"
    path.write_text("select 1")
    with pytest.raises(ValueError, match=r"21-what\.sql does not begin with its question"):
        question(path)


def test_a_number_whose_name_says_no_unit_is_refused(star) -> None:
    number = star.mart("fct_readings_daily").column("avg_value")
    assert shown(number).unit == "of the metric"
    with pytest.raises(ValueError, match="stuff is a double precision whose name says no unit"):
        shown(type(number)(name="stuff", type="double precision", says="Stuff.", null=False))


def test_every_question_reads_marts_that_there_are(star) -> None:
    names = {mart.name for mart in star.marts}
    assert [(asked.number, set(asked.marts) - names) for asked in star.questions if set(asked.marts) - names] == []
    assert [asked.number for asked in star.questions] == list(range(1, 22))
