"""What the engine refuses although the language service takes it."""

from __future__ import annotations

import pytest

from quality.kql.masked import masked, split
from quality.kql.rules import AGGREGATES, of_command, of_view

GOOD = """Live
| where isnotnull(value) // ago( is only a remark
| extend hour = bin(at, 1h)
| summarize n = count(), (at, last) = arg_max(at, value), p = percentile(value, 95) by device, unit, hour"""


def complaints(query: str, source: str = "Live") -> list[str]:
    return [broken.says for broken in of_view(query, source, {"Readings"}, {"Clean"})]


def test_a_legal_view_is_let_through() -> None:
    assert complaints(GOOD) == []


@pytest.mark.parametrize("aggregate", sorted(AGGREGATES))
def test_every_aggregate_of_the_engine_is_let_through(aggregate: str) -> None:
    assert complaints(f"Live | summarize x = {aggregate}(value) by device") == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("Live | where at > ago(1h) | summarize count() by device", "ago()"),
        ("Live | extend late = now() - at | summarize max(late) by device", "now()"),
        ("Live | extend i = ingestion_time() | summarize max(i) by device", "ingestion_time()"),
        ("Live | summarize count() by device | summarize count() by device", "exactly one summarize, and this has 2"),
        ("Live | where value > 1", "exactly one summarize, and this has 0"),
        ("Live | summarize n = count() by device | where n > 1", "must be the last operator"),
        ("Live | summarize stdev(value) by device", "stdev() is not among the aggregates"),
        ("Live | summarize s = variance(value), count() by device", "variance() is not among the aggregates"),
        ("Live | summarize mean = sum(value) / count() by device", "computes with an aggregate"),
        ("Live | summarize mean = round(avg(value), 2) by device", "round() is not among the aggregates"),
        ("Live | summarize count()", "needs a `by`"),
        ("Live | join Other on device | summarize count() by device", "`join` has no place"),
        ("Live | lookup Other on device | summarize count() by device", "`lookup` has no place"),
        ("Live | sort by at | summarize count() by device", "`sort` has no place"),
        ("Live | top 3 by at | summarize count() by device", "`top` has no place"),
        ("union Live, Other | summarize count() by device", "must begin with Live"),
        ("Clean() | summarize count() by device", "may call no stored function; Clean is one"),
        ("Live | where x in (database('d').T) | summarize count() by device", "database(…)"),
        ("Live | summarize arg_max(at, *) by device", "name the columns"),
    ],
)
def test_an_illegal_view_is_refused_with_the_reason(query: str, says: str) -> None:
    assert any(says in complaint for complaint in complaints(query)), complaints(query)


def test_no_view_is_over_a_table_that_is_swapped() -> None:
    assert any("swapped by extents" in says for says in complaints("Readings | summarize count() by d", "Readings"))


def test_a_complaint_points_at_the_character() -> None:
    query = 'Live\n| where name != "ago(" and at > ago(1h)\n| summarize count() by device'
    (broken,) = of_view(query, "Live", (), ())
    assert query[broken.start :].startswith("ago(1h)")


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        (".show table T extents where tags has 'drop-by:x'", True),
        (".show table T extents | where Tags has 'drop-by:x'", False),
        (".set T <| print text = 'extents where tags has'", False),
    ],
)
def test_tags_are_asked_for_behind_a_pipe(command: str, wrong: bool) -> None:
    assert bool(list(of_command(command))) is wrong


def test_blanking_out_moves_nothing() -> None:
    text = """a | where b == 'x|y' // z | c\n| d "q\\"|" | e @'it''s|' """
    assert len(masked(text)) == len(text)
    assert [part.text.split()[0] for part in split(masked(text), "|")] == ["a", "where", "d", "e"]
    assert all(text[part.start :].startswith(part.text[:1]) for part in split(masked(text), "|"))
