"""Two versions of a mapping spec and of a table, in words."""

from __future__ import annotations

from typing import Any

import pytest

from canonical.compatibility import mapping, table
from canonical.compatibility.change import breaking
from canonical.spec_model import MappingSpec
from quality.contracts.model import Column, Table

SPEC: dict[str, Any] = {
    "id": "meter",
    "version": 3,
    "description": "A meter.",
    "match": {"content_type": ["application/json"]},
    "decode": {"format": "json"},
    "device": {"source": "meter", "path": "id"},
    "time": {"path": "at", "format": "iso"},
    "readings": [
        {"metric": "air_temperature", "path": "t", "unit": "degC"},
        {"metric": "air_pressure", "path": "p", "unit": "hPa"},
    ],
    "ignore": ["rssi"],
}


def described(**words: Any) -> dict[str, Any]:
    return mapping.described(MappingSpec.model_validate({**SPEC, **words}))


TEMPERATURE, PRESSURE = SPEC["readings"]
CHANGES = {
    "unit": (
        {"readings": [{**TEMPERATURE, "unit": "degF"}, PRESSURE]},
        ["reading air_temperature: unit degC → degF"],
    ),
    "a reading more": (
        {"readings": [TEMPERATURE, PRESSURE, {"metric": "relative_humidity", "path": "h", "unit": "percent"}]},
        ["reading relative_humidity is new (path h, unit percent)"],
    ),
    "a reading less": ({"readings": [PRESSURE]}, ["reading air_temperature is gone"]),
    "time": ({"time": {"path": "at", "format": "epoch_s"}}, ["time.format is epoch_s now"]),
    "ignored": ({"ignore": ["rssi", "snr"]}, ["ignore: snr is new"]),
    "what explains": ({"description": "Another."}, []),
}


@pytest.mark.parametrize(("words", "says"), CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_spec_is_told_in_words(words: dict[str, Any], says: list[str]) -> None:
    found = mapping.changes(described(), described(version=4, **words))

    assert [change.sentence for change in found] == ["version 3 → 4", *says]


def test_a_spec_that_means_something_else_has_to_raise_its_version() -> None:
    same = mapping.changes(described(), described(ignore=["snr"]))
    lower = mapping.changes(described(), described(version=2))

    assert [change.says for change in breaking(same)] == ["version is still 3"]
    assert [change.says for change in breaking(lower)] == ["version 3 → 2"]


def test_a_word_the_language_learns_changes_no_published_spec() -> None:
    assert "sentinels" not in described()["readings"][0]


def test_two_versions_of_a_table_are_told_in_words() -> None:
    def made(*columns: Column, key: tuple[str, ...] = ("a",)) -> dict[str, Any]:
        return table.described(Table(layer="silver", name="made", says="Made.", columns=columns, key=key))

    a, b = Column(name="a", type="string", says="A."), Column(name="b", type="double", says="B.", unit="degC")
    before = made(a, b)
    after = made(
        a,
        Column(name="b", type="double", says="B.", unit="degF", null=True),
        Column(name="c", type="long", says="C."),
        key=("a", "c"),
    )

    assert [change.sentence for change in table.changes(before, after)] == [
        "`b`: unit degC → degF: the same number means something else",
        "`b`: may be null: readers do not expect null",
        "column `c` (long) is new",
        "key: a → a, c: rows are told apart otherwise",
    ]
    assert [change.says for change in breaking(table.changes(after, before))][-2:] == [
        "column `c` (long) is gone",
        "key: a, c → a",
    ]
