"""Queries that share a shape come out as if each had been translated by itself."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from itertools import pairwise

import pytest
from duckdb_kql import ir

from assets.gold import extents
from local_azure.kusto.commands.context import Context
from local_azure.kusto.names_check import Schema, check_names
from local_azure.kusto.shapes import shape_of
from local_azure.kusto.translation import Translated, Translator

G = [str(uuid.UUID(int=number)) for number in range(1, 9)]
DAYS = [date(2026, 2, day) for day in range(1, 28)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the library was asked to translate."""
    texts: list[str] = []

    def noted(query: ir.Query, schema: Schema) -> None:
        texts.append(str(query))
        check_names(query, schema)

    monkeypatch.setattr("local_azure.kusto.translation.check_names", noted)
    return texts


@pytest.fixture
def translate(context: Context, command: Callable[[str], object]) -> Callable[[Translator, str], Translated]:
    command(".create table T (at:datetime, x:string, n:long)")

    def run(translator: Translator, text: str) -> Translated:
        with context.store.read() as cursor:
            return translator.translate(text, context.store.catalogue, cursor)

    return run


def swapped(names: Sequence[str], day: date, answer: Sequence[str]) -> str:
    """What a loader asks of a table's extents, over a table that stands for their listing."""
    asked = extents._if_unchanged("T", [day], names, answer)  # the longest text there is
    return "T | extend Tags = x, ExtentId = x |" + asked.split("|", 1)[1]


SAME = [
    pytest.param([f"T | where at >= datetime({day}T00:00:00.000000Z) and x == 'a'" for day in DAYS[:5]], id="instant"),
    pytest.param([f"T | where at >= datetime({day}) or x contains 'drop-by:{day}'" for day in DAYS[:5]], id="date"),
    pytest.param([f"T | where n == {n}" for n in (0, 1, 7, 12, 999_999_999)], id="count"),
    pytest.param([f'T | where x in ("{a}", "{b}")' for a, b in pairwise(G)], id="two extents"),
    pytest.param([f'T | where x == "{name}"' for name in G], id="one extent"),
    pytest.param(
        [swapped(G[:many], DAYS[many], G[many:]) for many in (2, 3, 4, 5, 6)], id="extents swapped, more and more"
    ),
]


@pytest.mark.parametrize("texts", SAME)
def test_texts_of_one_shape_are_translated_twice_and_come_out_as_by_themselves(
    texts: list[str], translate: Callable[[Translator, str], Translated], asked: list[str]
) -> None:
    one = Translator()

    found = [translate(one, text) for text in texts]

    assert len(asked) == 2, "the first, and the one with stand-ins"
    assert found == [translate(Translator(), text) for text in texts]


@pytest.mark.parametrize(
    "texts",
    [
        # A name of a column that holds a date is not in the SQL's values.
        pytest.param([f"T | summarize ['{day}'] = count()" for day in DAYS[:4]], id="column name"),
        # 2026-02-01 without quotes is a subtraction.
        pytest.param([f"T | extend y = {day}" for day in DAYS[:4]], id="subtraction"),
        pytest.param([f"let d = datetime({day}); T | where n > 1" for day in DAYS[:4]], id="not used"),
        pytest.param([f"T | take {n}" for n in (1, 2, 3)], id="a number that is not compared"),
        pytest.param(["T | where n == 3", "T | where n == 3.5", "T | where n == 3h"], id="other literals"),
        pytest.param(["T | where x == 'a'", "T | where x == 'b'", "T | where x == 'datetime'"], id="other strings"),
    ],
)
def test_texts_that_differ_in_more_are_translated_each_by_itself(
    texts: list[str], translate: Callable[[Translator, str], Translated]
) -> None:
    one = Translator()

    found = [_told(partial(translate, one, text)) for text in texts]

    assert found == [_told(partial(translate, Translator(), text)) for text in texts]


def _told(run: Callable[[], Translated]) -> object:
    try:
        return run()
    except Exception as error:  # noqa: BLE001 - whatever it is must be the same
        return type(error), str(error)


def test_equal_and_different_values_are_different_shapes() -> None:
    same, other = (shape_of(f'T | where x in ("{G[0]}") or x in ("{name}")')[0] for name in (G[0], G[1]))

    assert same != other


def test_a_changed_catalogue_forgets_shapes(
    translate: Callable[[Translator, str], Translated], command: Callable[[str], object]
) -> None:
    one, texts = Translator(), [f"T | where at >= datetime({day})" for day in DAYS[:4]]
    for text in texts[:3]:
        translate(one, text)

    command(".alter-merge table T (z:real)")

    assert [column.name for column in translate(one, texts[3]).columns] == ["at", "x", "n", "z"]
