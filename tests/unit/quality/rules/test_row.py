"""The row rules as a list: complete, in order, and each with words."""

from __future__ import annotations

import re

import duckdb
import pytest

from quality.contracts.reasons import CODES
from quality.rules.macros import explanation, fault, macros, of_stage
from quality.rules.row import COLUMNS, RULES, STAGES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_sees_only_columns_of_its_stage_and_gives_a_known_reason(rule):
    words = set(re.findall(r"\{(\w+)\}", rule.says))

    assert words <= set(COLUMNS[rule.stage])
    assert rule.code in CODES
    assert CODES[rule.code].scope == ("reading" if rule.stage == "reading" else "event")
    assert rule.says == rule.says.strip()


def test_names_are_unique():
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.fixture
def engine():
    with duckdb.connect() as connection:
        for statement in macros():
            connection.execute(statement)
        yield connection


READING = {
    "required": "true", "given": "true", "number": "20::DOUBLE", "unit_text": "NULL", "unit_known": "true",
    "unit_other": "false", "metric_known": "true", "worded": "false", "state": "NULL", "value": "20::DOUBLE", "low": "0::DOUBLE", "high": "100::DOUBLE",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, None),
        ({"low": "NULL::DOUBLE", "high": "NULL::DOUBLE"}, None),
        ({"value": "0::DOUBLE"}, None),
        ({"value": "100::DOUBLE"}, None),
        ({"value": "100.1"}, "range_high"),
        ({"value": "-0.1"}, "range_low"),
        ({"given": "false", "number": "NULL", "value": "NULL"}, "required"),
        ({"number": "NULL", "value": "NULL"}, "type"),
        ({"metric_known": "false"}, "metric"),
        ({"worded": "true", "number": "NULL", "value": "NULL"}, "state"),
        ({"worded": "true", "state": "'open'", "number": "NULL", "value": "NULL"}, None),
        ({"number": "'nan'::DOUBLE", "value": "'nan'::DOUBLE"}, "finite"),
        ({"value": "'inf'::DOUBLE"}, "finite_converted"),
        ({"unit_known": "false", "value": "NULL"}, "unit_given"),
        ({"unit_known": "false", "unit_text": "'hPa'", "unit_other": "true", "value": "NULL"}, "unit_dimension"),
        ({"unit_known": "false", "unit_text": "'x'", "value": "NULL"}, "unit_known"),
        ({"number": "NULL", "unit_known": "false", "value": "200"}, "type"),
    ],
)
def test_the_first_rule_that_fails_gives_the_reason(changes, name, engine):
    (number,) = engine.execute(f"SELECT {fault('reading', **READING | changes)}").fetchone()

    assert (None if number is None else of_stage("reading")[number].name) == name


def test_a_message_says_what_it_knows(engine):
    number = next(place for place, rule in enumerate(of_stage("reading")) if rule.name == "range_high")
    engine.execute(
        f"CREATE TABLE refused AS SELECT {number} AS fault, 'co2' AS metric, NULL AS device_id, 9.5::DOUBLE AS value"
    )

    says, field, value = engine.execute(explanation("reading", "refused", ["metric", "device_id", "value"])).fetchone()

    assert says == "co2 of ? is 9.5 ?; the most it can be is ?"
    assert (field, value) == (None, None)


@pytest.mark.parametrize("stage", STAGES)
def test_a_column_that_a_rule_asks_for_may_not_be_forgotten(stage):
    with pytest.raises(KeyError, match="missing or unknown"):
        fault(stage)
    with pytest.raises(KeyError, match="colour"):
        fault(stage, **dict.fromkeys(COLUMNS[stage], "NULL"), colour="'red'")
