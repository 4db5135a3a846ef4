"""Extents and their tags: what `.drop extents` and `.replace extents` touch, and what they never touch."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local_azure.kusto.errors import EntityNotFoundError, KustoError, SemanticError

DAY, LOAD = "drop-by:2026-01-01", "load:lake/2026-01-01/12/abcdef"


@pytest.fixture
def tables(command: Callable) -> None:
    for name in ("T", "Stage"):
        command(f".create table {name} (x: long, s: string)")


def put(command: Callable, table: str, value: int, *tags: str) -> None:
    listed = ", ".join(f'"{tag}"' for tag in tags)
    command(f".append {table} with (tags='[{listed}]') <| print x = {value}, s = 'v'")


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    ("phrase", "tag", "found"),
    [
        (DAY, DAY, True),
        (DAY, "drop-by:2026-01-011", False),
        (DAY, "drop-by:2026-01-02", False),
        (DAY, "xdrop-by:2026-01-01", False),
        (DAY, LOAD, False),
        (LOAD, LOAD, True),
        (LOAD, "load:lake/2026-01-01/12/abcdef0", False),
        (LOAD, "load:lake/2026-01-01/123/abcdef", False),
        ("2026-01-01", LOAD, True),
        ("DROP-BY:2026-01-01", DAY, True),
        ("lake", LOAD, True),
        ("lak", LOAD, False),
    ],
)
def test_has_matches_a_phrase_on_the_borders_of_terms(command: Callable, phrase: str, tag: str, found: bool) -> None:
    put(command, "T", 1, tag)
    assert command(f".show table T extents | where Tags has '{phrase}' | count") == [[int(found)]]
    assert len(command(f".show table T extents where tags has '{phrase}'")) == int(found)


@pytest.mark.usefixtures("tables")
def test_a_phrase_does_not_reach_from_one_tag_into_the_next(command: Callable) -> None:
    put(command, "T", 1, "drop-by:2026", "01-01")
    assert command(f".show table T extents | where Tags has '{DAY}'") == []


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    "form",
    [
        ".drop extents <| .show table T extents | where Tags has 'drop-by:2026-01-01'",
        ".drop extents from T <| .show table T extents | where Tags has 'drop-by:2026-01-01'",
        ".drop extents <| .show table T extents where tags has 'drop-by:2026-01-01'",
        ".drop extents <| .show database telemetry extents | where TableName == 'T' and Tags has 'drop-by:2026-01-01'",
        ".drop extents <| .show tables (T) extents | where Tags has 'drop-by:2026-01-01' | project ExtentId",
    ],
)
def test_dropping_by_tag_leaves_every_other_extent(command: Callable, query: Callable, form: str) -> None:
    put(command, "T", 1, DAY)
    put(command, "T", 2, "drop-by:2026-01-02")
    put(command, "T", 3)
    put(command, "Stage", 4, DAY)
    assert [row[1] for row in command(form)] == ["T"]
    assert query("T | project x | order by x asc") == [[2], [3]]
    assert query("Stage | project x") == [[4]]


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    "form",
    [
        ".drop extents <| .show table T extents | where Tagz has 'x'",
        ".drop extents <| .show table T extents | where tags has 'x'",
        ".drop extents <| .show table T extents | having Tags == 'x'",
        ".drop extents <| .show table T extents | evaluate narrow()",
        ".drop extents <| .show table T extents where tags hass 'x'",
        ".drop extents <| .show table T extents where tags has 'x' or tags has 'y'",
        ".drop extents <| .show table T extents where rows > 1",
        ".drop extents <| .show table T extents with (x=1)",
        ".drop extents <| .show table T extents | count",
        ".drop extents <| .show table Nope extents",
        ".drop extents from Stage <| .show table T extents",
        ".drop extents",
        ".drop extents from T older 10 days",
        ".drop extents <| .show table T details",
    ],
)
def test_a_filter_that_is_not_understood_drops_nothing(command: Callable, query: Callable, form: str) -> None:
    put(command, "T", 1, DAY)
    with pytest.raises(Exception, match=r".") as refused:
        command(form)
    assert not isinstance(refused.value, (TypeError, AttributeError))
    assert query("T | count") == [[1]]


@pytest.mark.usefixtures("tables")
def test_replace_swaps_the_old_extents_for_the_staged_ones(command: Callable, query: Callable) -> None:
    put(command, "T", 1, DAY, "load:a")
    put(command, "T", 2, "drop-by:2026-01-02")
    put(command, "Stage", 10, DAY, "load:b")
    put(command, "Stage", 20, "drop-by:2026-01-03")
    reply = command(
        f".replace extents in table T <| {{ .show table T extents | where Tags has '{DAY}' }},"
        f" {{ .show table Stage extents | where Tags has '{DAY}' }}"
    )
    assert query("T | project x | order by x asc") == [[2], [10]]
    assert query("Stage | project x") == [[20]]
    assert [bool(result) for _, result, _ in reply] == [True, False]
    assert command(".show table T extents | where Tags has 'load:b' | project RowCount") == [[1]]
    assert command(".show table T extents | where Tags has 'load:a'") == []


@pytest.mark.usefixtures("tables")
def test_replace_refuses_to_drop_what_is_not_in_the_table(command: Callable, query: Callable) -> None:
    put(command, "T", 1)
    put(command, "Stage", 2)
    with pytest.raises(SemanticError, match="must be in 'T'"):
        command(".replace extents in table T <| { .show table Stage extents }, { .show table Stage extents }")
    assert (query("T | count"), query("Stage | count")) == ([[1]], [[1]])


@pytest.mark.usefixtures("tables")
def test_a_replace_that_fails_halfway_changes_nothing(command: Callable, query: Callable) -> None:
    command(".create table Narrow (x: long, extra: real)")
    put(command, "T", 1, DAY)
    command(".append Narrow <| print x = 5, extra = 1.5")
    with pytest.raises(SemanticError, match="extra:real"):
        command(".replace extents in table T <| { .show table T extents }, { .show table Narrow extents }")
    assert query("T | project x") == [[1]]
    assert query("Narrow | count") == [[1]]


@pytest.mark.usefixtures("tables")
def test_replace_by_a_print_of_an_unknown_extent_is_refused(command: Callable, query: Callable) -> None:
    put(command, "T", 1)
    with pytest.raises(EntityNotFoundError):
        command(
            ".replace extents in table T <| { print ExtentId = '2cca5844-8f0d-454e-bdad-299e978be5df' },"
            " { .show table Stage extents }"
        )
    assert query("T | count") == [[1]]


@pytest.mark.usefixtures("tables")
def test_moving_extents_keeps_rows_and_tags(command: Callable, query: Callable) -> None:
    put(command, "Stage", 1, DAY)
    put(command, "Stage", 2)
    command(f".move extents to table T <| .show table Stage extents | where Tags has '{DAY}'")
    assert (query("T | project x"), query("Stage | project x")) == ([[1]], [[2]])
    command(".move extents all from table Stage to table T")
    assert (query("T | count"), query("Stage | count")) == ([[2]], [[0]])
    assert command(".show table T extents | project Tags | order by Tags desc") == [[DAY], [""]]


@pytest.mark.usefixtures("tables")
def test_extents_do_not_move_into_their_own_table(command: Callable, query: Callable) -> None:
    put(command, "T", 1)
    with pytest.raises(SemanticError, match="cannot move"):
        command(".move extents all from table T to table T")
    assert query("T | count") == [[1]]


@pytest.mark.usefixtures("tables")
def test_ingest_if_not_exists_appends_once_per_table(command: Callable, query: Callable) -> None:
    text = """.set-or-append {} with (tags='["ingest-by:a"]', ingestIfNotExists='["a"]') <| print x = 1, s = 's'"""
    counts = [len(command(text.format(name))) for name in ("T", "T", "Stage")]
    assert counts == [1, 0, 1]
    command(".drop extents <| .show table T extents")
    assert len(command(text.format("T"))) == 1
    assert query("T | count") == [[1]]


@pytest.mark.usefixtures("tables")
def test_appending_no_rows_makes_no_extent(command: Callable) -> None:
    assert command(".set-or-append T <| Stage") == []
    assert command(".show table T extents") == []


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    "query_text", ["print x = 1", "print s = 'a', x = 1", "print x = 1.5, s = 'a'", "print x = 1, s = 'a', y = 2"]
)
def test_append_matches_columns_by_position_and_type(command: Callable, query: Callable, query_text: str) -> None:
    with pytest.raises(SemanticError, match="does not match table schema"):
        command(f".append T <| {query_text}")
    assert query("T | count") == [[0]]


@pytest.mark.usefixtures("tables")
def test_append_does_not_match_columns_by_name(command: Callable, query: Callable) -> None:
    command(".append T <| print other = 7, name = 'a'")
    assert query("T") == [[7, "a"]]


@pytest.mark.usefixtures("tables")
def test_set_or_replace_leaves_only_the_new_rows(command: Callable, query: Callable) -> None:
    put(command, "T", 1)
    command(".set-or-replace T <| T | extend x = x + 1")
    assert query("T | project x") == [[2]]
    assert len(command(".show table T extents")) == 1


@pytest.mark.usefixtures("tables")
def test_a_bad_tags_property_is_refused(command: Callable) -> None:
    with pytest.raises(KustoError, match="JSON array of strings"):
        command(".append T with (tags='drop-by:x') <| print x = 1, s = ''")
    with pytest.raises(KustoError, match="extend_schema"):
        command(".append T with (extend_schema=true) <| print x = 1, s = ''")


@pytest.mark.usefixtures("tables")
def test_null_strings_become_empty_ones(command: Callable, query: Callable) -> None:
    command(".append T <| Stage | summarize x = count(), s = take_any(s)")
    assert query("T | where s == '' | count") == [[1]]
