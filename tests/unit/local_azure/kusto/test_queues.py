"""Queues: visibility, receipts, expiry, and what a restart finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_azure.kusto.storage.queues import MessageMissingError, Queues


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queues(tmp_path: Path, clock: Clock) -> Iterator[Queues]:
    opened = Queues(tmp_path / "q.sqlite", clock)
    yield opened
    opened.close()


def test_a_received_message_is_hidden_until_its_time_is_over(queues: Queues, clock: Clock) -> None:
    queues.put("q", "a")
    [first] = queues.receive("q", 32, hidden=30)
    assert queues.receive("q", 32, hidden=30) == []
    clock.now += 31
    [again] = queues.receive("q", 32, hidden=30)
    assert (again.message_id, again.dequeued) == (first.message_id, 2)
    with pytest.raises(MessageMissingError):
        queues.delete("q", first.message_id, first.receipt)
    queues.delete("q", again.message_id, again.receipt)
    assert queues.count("q") == 0


def test_peeking_changes_nothing(queues: Queues) -> None:
    queues.put("q", "a")
    assert [m.body for m in queues.peek("q", 1)] == [m.body for m in queues.peek("q", 1)] == ["a"]
    assert queues.receive("q", 1, hidden=1)[0].dequeued == 1


def test_messages_come_in_order_and_by_queue(queues: Queues) -> None:
    for body in "abc":
        queues.put("q", body)
    queues.put("other", "x")
    assert [m.body for m in queues.receive("q", 2, hidden=30)] == ["a", "b"]
    assert [m.body for m in queues.receive("q", 2, hidden=30)] == ["c"]


def test_a_message_may_start_hidden_and_expires(queues: Queues, clock: Clock) -> None:
    queues.put("q", "late", delay=10, lives=20)
    assert queues.peek("q", 1) == []
    clock.now += 10
    assert len(queues.peek("q", 1)) == 1
    clock.now += 11
    assert queues.peek("q", 1) == []


def test_updating_renews_the_receipt(queues: Queues) -> None:
    queues.put("q", "a")
    [held] = queues.receive("q", 1, hidden=30)
    changed = queues.update("q", held.message_id, held.receipt, hidden=0, body="b")
    assert [m.body for m in queues.peek("q", 1)] == ["b"]
    with pytest.raises(MessageMissingError):
        queues.update("q", held.message_id, held.receipt, hidden=0, body=None)
    queues.delete("q", changed.message_id, changed.receipt)


def test_finishing_twice_reports_once(queues: Queues) -> None:
    message = queues.put("q", "a")
    queues.finish("q", message.message_id, ("reports", "done"))
    queues.finish("q", message.message_id, ("reports", "done"))
    assert (queues.count("q"), queues.count("reports")) == (0, 1)


def test_messages_outlive_the_process(tmp_path: Path, clock: Clock) -> None:
    first = Queues(tmp_path / "q.sqlite", clock)
    first.put("q", "a")
    first.receive("q", 1, hidden=600)
    second = Queues(tmp_path / "q.sqlite", clock)
    assert second.receive("q", 1, hidden=1) == []
    second.reveal("q")
    assert [m.body for m in second.receive("q", 1, hidden=1)] == ["a"]
    first.close()
    second.close()
