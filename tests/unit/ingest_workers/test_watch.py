from __future__ import annotations

from ingest_workers.source import Head
from ingest_workers.watch import Watchdog

BEHIND = {"0": Head(0, 100, empty=False), "1": Head(0, 5, empty=False)}


def test_a_partition_that_is_behind_and_receives_nothing_is_silent():
    dog = Watchdog(60)
    assert dog.silent(BEHIND, {"0": 50, "1": 5}, 0) == []
    assert dog.silent(BEHIND, {"0": 50, "1": 5}, 59) == []
    assert dog.silent(BEHIND, {"0": 50, "1": 5}, 60) == ["0"]


def test_a_partition_that_receives_is_not_silent():
    dog = Watchdog(60)
    assert [dog.silent(BEHIND, {"0": 50 + at, "1": 5}, at * 50) for at in range(4)] == [[], [], [], []]


def test_a_partition_that_never_delivered_is_silent_too():
    dog = Watchdog(60)
    dog.silent(BEHIND, {"0": None, "1": 5}, 0)
    assert dog.silent(BEHIND, {"0": None, "1": 5}, 61) == ["0"]


def test_an_empty_partition_is_never_silent():
    dog = Watchdog(1)
    heads = {"0": Head(first=101, last=100, empty=True)}
    assert [dog.silent(heads, {"0": 50}, at) for at in (0, 100)] == [[], []]


def test_forgiving_begins_the_count_anew():
    dog = Watchdog(60)
    dog.silent(BEHIND, {"0": 50}, 0)
    dog.forgive()
    assert dog.silent(BEHIND, {"0": 50}, 100) == []
