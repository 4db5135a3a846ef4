"""One field of a file as a value or a reason, through a spec of one row: every type, locale and way to be blank."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from canonical.entities.checks import problems_of
from canonical.entities.model import EntitySpec
from canonical.entities.reading import read_file

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def _spec(column: dict[str, Any], **more: Any) -> EntitySpec:
    made = [
        {"name": "device_id", "from": "id"}, {"name": "source", "const": "x"}, {"name": "native_id", "from": "id"},
        {"name": "expected_to_report", "const": True},
    ]  # fmt: skip
    made = [one for one in made if one["name"] != column["name"]]
    spec = EntitySpec.model_validate(
        {
            "id": "x", "version": 1, "entity": "iot_device", "description": "One.",
            "match": {"feed": "x", "columns": ["id"]}, "effective": [{"fixed": "2026-03-01"}],
            "columns": [*made, {"from": "v", **column}], **more,
        }
    )  # fmt: skip
    assert list(problems_of(spec)) == []
    return spec


def _value(text: str, column: dict[str, Any], **more: Any) -> Any:
    """The value of the field, or the reason why the row is refused."""
    body = f'id,v\n1,"{text}"\n'.encode()
    (read,) = read_file("x", "file.csv", body, [_spec(column, **more)])
    assert read.rows is not None, read.message
    (row,) = read.rows.to_pylist()
    return row["reason"] or row[column["name"]]


ENGLISH = {"thousands": [","], "strip": ["£", "%"]}
GERMAN = {"decimal": ",", "thousands": [".", "\u00a0"]}


@pytest.mark.parametrize(
    ("text", "number", "value"),
    [
        ("12.5", {}, 12.5),
        (" 12 ", {}, 12.0),
        ("-.5e1", {}, -5.0),
        ("", {}, None),
        ("\u00a0", {}, None),
        ("1,234", {}, "not_a_number"),
        ("12,5", {}, "not_a_number"),
        ("0x10", {}, "not_a_number"),
        ("1_000", {}, "not_a_number"),
        ("#VALUE!", {}, "not_a_number"),
        ("NaN", {}, "not_finite"),
        ("-inf", {}, "not_finite"),
        ("1e999", {}, "not_finite"),
        ("£1,234,567.5", ENGLISH, 1234567.5),
        ("45 %", ENGLISH, 45.0),
        ("1,23", ENGLISH, "not_a_number"),
        ("12,345,6", ENGLISH, "not_a_number"),
        ("1.234,5", GERMAN, 1234.5),
        ("1\u00a0234\u202f567,5", GERMAN, 1234567.5),
        ("1.234.5", GERMAN, "not_a_number"),
        ("1234.5", GERMAN, "not_a_number"),
    ],
)
def test_a_number_is_read_as_it_is_written_and_nothing_else_is_one(text, number, value) -> None:
    assert _value(text, {"name": "interval_s"}, number=number) == value


@pytest.mark.parametrize(("text", "value"), [("89.5", 89.5), ("91", "above_range"), ("-90.1", "below_range")])
def test_limits_hold(text, value) -> None:
    assert _value(text, {"name": "latitude", "low": -90, "high": 90}) == value


@pytest.mark.parametrize("text", ["Not Applicable", "not  applicable", "NOT\u00a0APPLICABLE", "n/a"])
def test_a_sentinel_is_no_value_however_it_is_spelt(text) -> None:
    assert _value(text, {"name": "interval_s", "sentinels": ["N/A"]}, sentinels=["Not Applicable"]) is None


@pytest.mark.parametrize(
    ("text", "column", "value"),
    [
        ("2026-02-28", {}, date(2026, 2, 28)),
        ("2026-02-30", {}, "bad_time"),
        ("2026-02-28T23:30:00Z", {}, date(2026, 2, 28)),
        ("2026-02-28T23:30:00Z", {"zone": "Europe/Rome"}, date(2026, 3, 1)),
        ("28/02/2026", {"formats": ["iso", "%d/%m/%Y"]}, date(2026, 2, 28)),
        ("28/02/2026", {}, "bad_time"),
        ("1772236800", {"formats": ["epoch_s"]}, date(2026, 2, 28)),
        ("epoch", {}, "bad_time"),
        ("infinity", {}, "bad_time"),
        ("0000-01-01", {}, "bad_time"),
        ("9999-12-31", {}, date(9999, 12, 31)),
        ("99999999999", {"formats": ["epoch_s"]}, date(5138, 11, 16)),
        ("999999999999999", {"formats": ["epoch_s"]}, "bad_time"),
        ("99999999999999", {"formats": ["epoch_ms"]}, date(5138, 11, 16)),
        ("31/12/0000", {"formats": ["%d/%m/%Y"]}, "bad_time"),
    ],
)
def test_a_date_is_a_day_of_the_calendar(text, column, value) -> None:
    assert _value(text, {"name": "installed_on", **column}) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("Yes", True), ("n", False), ("TRUE", True), ("0", False), ("maybe", "not_a_boolean"), ("", "missing_field")],
)
def test_yes_and_no(text, value) -> None:
    assert _value(text, {"name": "expected_to_report"}) == value


TERMS = {"terms": {"In Use": "installed", "Scrapped": "removed"}}


@pytest.mark.parametrize(
    ("text", "column", "value"),
    [
        ("in\u00a0use", {}, "installed"),
        ("asleep", {}, "unknown_term"),
        ("asleep", {"otherwise": "null"}, None),
        ("asleep", {"otherwise": "keep"}, "asleep"),
        ("asleep", {"other": "lost"}, "lost"),
        ("", {"other": "lost"}, None),
    ],
)
def test_words_are_translated(text, column, value) -> None:
    assert _value(text, {"name": "status", **TERMS, **column}) == value


def test_a_whole_number_has_no_fraction_and_keeps_its_digits() -> None:
    spec = EntitySpec.model_validate(
        {
            "id": "x", "version": 1, "entity": "trust_return", "description": "One.",
            "match": {"feed": "x", "columns": ["code"]}, "effective": [{"fixed": "2026-03-01"}],
            "columns": [{"name": "organisation_code", "from": "code"}, {"name": "return_year", "from": "y"}],
        }
    )  # fmt: skip
    body = b"code,y\na,9007199254740993\nb,5.0\nc,5.5\nd,1e30\n"
    (read,) = read_file("x", "file.csv", body, [spec])
    assert read.rows is not None
    rows = read.rows.to_pylist()
    assert [row["reason"] or row["return_year"] for row in rows] == [9007199254740993, 5, "not_whole", "not_whole"]


def test_text_keeps_its_case_and_loses_blanks_of_any_kind() -> None:
    assert _value("\u00a0HAYWOOD \u00a0 Hospital\u202f", {"name": "model"}) == "HAYWOOD Hospital"
    assert _value("A81758fffe", {"name": "model", "case": "upper"}) == "A81758FFFE"
    assert _value("'; drop table x; --", {"name": "model"}) == "'; drop table x; --"
