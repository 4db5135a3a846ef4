"""What many files say of an entity, settled: the same history in any order, and a reason for every row that is not."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import duckdb
import pytest

from canonical.entities.history import Histories
from canonical.entities.model import EntitySpec
from canonical.entities.reading import read_file
from quality.contracts.entities import ENTITIES, ENTITY_BY_NAME

DATE = {"path": r"(20\d\d-\d\d-\d\d)"}


def _spec(id_: str, entity: str, columns: dict[str, str], **more: Any) -> EntitySpec:
    made = [{"name": name, "from": text} for name, text in columns.items()]
    return EntitySpec.model_validate(
        {
            "id": id_, "version": 1, "entity": entity, "description": "Test.", "effective": [DATE],
            "match": {"feed": id_, "columns": list(columns.values())}, "columns": made, **more,
        }
    )  # fmt: skip


CLIENTS = _spec("crm", "client", {"client_id": "id", "name": "name"}, snapshot="full")
OTHERS = _spec("web", "client", {"client_id": "no", "name": "called"}, priority=-1)
WORK = _spec("work", "engagement", {"engagement_id": "e", "client_id": "c", "name": "n", "started_on": "s"})
LOG = _spec("log", "event_log", {"event_id": "id", "occurred_at": "at", "source": "by", "event_type": "what"},
            effective=[{"column": "occurred_at"}])  # fmt: skip
SPECS = (CLIENTS, OTHERS, WORK, LOG)

File = tuple[str, str, str]
"""Feed, path, and rows; the header is the feed's."""
HEADS = {"crm": "id,name", "web": "no,called", "work": "e,c,n,s", "log": "id,at,by,what"}


def _settled(files: Iterable[File]) -> Histories:
    desk = Histories(duckdb.connect())
    for entity in ENTITIES:
        desk.begin(entity)
    for feed, path, rows in files:
        body = f"{HEADS[feed]}\n{rows}".encode()
        name = {"feed": feed, "path": f"{path}.csv", "content_hash": sha256(body).hexdigest()}
        for read in read_file(feed, f"{path}.csv", body, SPECS):
            if read.rows is not None and read.spec is not None:
                desk.add([name], read.spec, read.rows)
    for entity in ENTITIES:
        desk.settle(entity)
    return desk


def _spans(files: Iterable[File], entity: str = "client") -> list[tuple[str, str, str, str | None]]:
    key = ENTITY_BY_NAME[entity].key[0]
    found = _settled(files).table(
        f"select {key}, name, strftime(valid_from, '%m-%d') as f, strftime(valid_to, '%m-%d') as t "
        f"from history_{entity} order by all"
    )
    return [tuple(row.values()) for row in found.to_pylist()]


def _outcomes(files: Iterable[File], entity: str = "client") -> list[tuple[str, int, str]]:
    found = _settled(files).table(f"select path, row_number, reason from outcome_{entity} order by all")
    return [(row["path"].removesuffix(".csv"), row["row_number"], row["reason"]) for row in found.to_pylist()]


THREE: list[File] = [
    ("crm", "2026-03-01", "a,Ann\nb,Bea\n"),
    ("crm", "2026-03-02", "a,Ann\nb,Bee\nc,Cat\n"),
    ("crm", "2026-03-04", "b,Bee\nc,Cat\n"),
]
HISTORY = [
    ("a", "Ann", "03-01", "03-04"), ("b", "Bea", "03-01", "03-02"), ("b", "Bee", "03-02", None),
    ("c", "Cat", "03-02", None),
]  # fmt: skip


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_the_order_of_landing_changes_nothing(order) -> None:
    assert _spans(THREE[place] for place in order) == HISTORY


def test_a_late_file_is_put_into_the_history_where_it_belongs() -> None:
    late: File = ("crm", "2026-03-03", "a,Anna\nc,Cat\n")
    assert _spans([*THREE, late]) == [
        ("a", "Ann", "03-01", "03-03"), ("a", "Anna", "03-03", "03-04"), ("b", "Bea", "03-01", "03-02"),
        ("b", "Bee", "03-02", "03-03"), ("b", "Bee", "03-04", None), ("c", "Cat", "03-02", None),
    ]  # fmt: skip


def test_what_comes_back_begins_anew() -> None:
    assert _spans([*THREE, ("crm", "2026-03-05", "a,Ann\nb,Bee\nc,Cat\n")])[:2] == [
        ("a", "Ann", "03-01", "03-04"), ("a", "Ann", "03-05", None)
    ]  # fmt: skip


def test_a_partial_feed_closes_nothing() -> None:
    files: list[File] = [("web", "2026-03-01", "a,Ann\nb,Bea\n"), ("web", "2026-03-02", "a,Ann\n")]
    assert _spans(files) == [("a", "Ann", "03-01", None), ("b", "Bea", "03-01", None)]


def test_a_key_that_is_named_is_not_gone_though_its_row_is_refused() -> None:
    files = [THREE[0], ("crm", "2026-03-02", "a,\nb,Bea\n")]
    assert _spans(files) == [("a", "Ann", "03-01", None), ("b", "Bea", "03-01", None)]
    assert ("2026-03-02", 2, "missing_field") in _outcomes(files)


@pytest.mark.parametrize("rows", ["", ",\n", ",Ann\n"], ids=["no rows", "a blank row", "no keys"])
def test_a_snapshot_that_says_nothing_closes_nothing(rows) -> None:
    assert _spans([THREE[0], ("crm", "2026-03-02", rows)]) == [("a", "Ann", "03-01", None), ("b", "Bea", "03-01", None)]


def test_the_same_key_twice_in_a_file() -> None:
    files: list[File] = [("crm", "2026-03-01", "a,Ann\na,Ann\na,Bob\n")]
    assert _outcomes(files) == [
        ("2026-03-01", 2, ""),
        ("2026-03-01", 3, "repeated"),
        ("2026-03-01", 4, "duplicate_key"),
    ]
    assert _spans(files) == [("a", "Ann", "03-01", None)]


@pytest.mark.parametrize("swap", [False, True])
def test_a_feed_of_higher_priority_counts_and_equals_that_contradict_are_shown(swap) -> None:
    files: list[File] = [
        ("web", "2026-03-01", "a,Web\n"), ("crm", "x/2026-03-01", "a,Ann\n"), ("crm", "y/2026-03-01", "a,Bob\n"),
        ("crm", "z/2026-03-01", "a,Ann\n"),
    ]  # fmt: skip
    found = {path: reason for path, _, reason in _outcomes(reversed(files) if swap else files)}
    # By content hash, so that the order of landing says nothing; x and z have one content, and x comes first.
    ann_first = sha256(b"id,name\na,Ann\n").hexdigest() < sha256(b"id,name\na,Bob\n").hexdigest()
    wanted = {"x/2026-03-01": "", "y/2026-03-01": "conflict", "z/2026-03-01": "repeated", "2026-03-01": "superseded"}
    if not ann_first:
        wanted |= {"y/2026-03-01": "", "x/2026-03-01": "conflict", "z/2026-03-01": "conflict"}
    assert found == wanted


def test_a_child_waits_for_its_parent_and_heals_when_it_comes() -> None:
    child: File = ("work", "2026-03-01", "w1,a,Roof,2026-03-01\nw2,z,Wall,2026-03-01\n")
    assert [reason for _, _, reason in _outcomes([child], "engagement")] == ["unknown_parent", "unknown_parent"]
    assert [reason for _, _, reason in _outcomes([child, *THREE], "engagement")] == ["", "unknown_parent"]
    assert [reason for _, _, reason in _outcomes([*THREE, child], "engagement")] == ["", "unknown_parent"]


def test_a_parent_that_is_refused_is_not_there() -> None:
    files: list[File] = [("crm", "2026-03-01", "a,\n"), ("work", "2026-03-01", "w1,a,Roof,2026-03-01\n")]
    assert [reason for _, _, reason in _outcomes(files, "engagement")] == ["unknown_parent"]


def test_a_log_line_is_written_once() -> None:
    files: list[File] = [
        ("log", "1", "l1,2026-03-01T08:00:00Z,hub,start\nl2,2026-03-01T09:00:00Z,hub,stop\n"),
        ("log", "2", "l1,2026-03-01T08:00:00Z,hub,start\nl2,2026-03-01T09:30:00Z,hub,stop\n"),
    ]
    wanted = [("1", 2, ""), ("1", 3, ""), ("2", 2, "repeated"), ("2", 3, "conflict")]
    first = min(files, key=lambda file: sha256(f"{HEADS['log']}\n{file[2]}".encode()).hexdigest())[1]
    if first == "2":  # the same line is the first of equals by content hash; the earlier of two by its time
        wanted = [("1", 2, "repeated"), ("1", 3, ""), ("2", 2, ""), ("2", 3, "conflict")]
    for order in (files, files[::-1]):
        assert _outcomes(order, "event_log") == wanted


def test_other_words_for_the_same_are_no_new_version() -> None:
    spec = _spec("crm", "trust", {"organisation_code": "id", "name": "name", "organisation_type_reported": "kind"})
    desk = Histories(duckdb.connect())
    trust = ENTITY_BY_NAME["trust"]
    desk.begin(trust)
    for day, kind in (("2026-03-01", "ACUTE"), ("2026-03-02", "Acute trust")):
        for read in read_file("crm", f"{day}.csv", f"id,name,kind\na,Ann,{kind}\n".encode(), [spec]):
            assert read.rows is not None
            desk.add([{"feed": "crm", "path": f"{day}.csv", "content_hash": day}], spec, read.rows)
    desk.settle(trust)
    found = desk.table("select organisation_type_reported as kind, is_current from history_trust")
    assert found.to_pylist() == [{"kind": "ACUTE", "is_current": True}]
