from __future__ import annotations

import json
import multiprocessing
import time
from datetime import timedelta

import pytest

from ingest_workers import fleet
from ingest_workers.fleet import Card, cards, seat, silent_for
from lake.files import list_small, read_small, write_small
from settings.clock import now


def test_workers_of_one_home_have_names_of_their_own(tmp_path):
    with seat(tmp_path) as first, seat(tmp_path) as second:
        assert first != second
    with seat(tmp_path) as again:
        assert again == first


def _sit_and_wait(home, ready) -> None:
    with seat(home) as name:
        ready.put(name)
        time.sleep(60)


def test_a_killed_workers_name_is_taken_up_again(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Queue()
    process = context.Process(target=_sit_and_wait, args=(tmp_path, ready), daemon=True)
    process.start()
    name = ready.get(timeout=60)
    with seat(tmp_path) as beside:
        assert beside != name
    process.kill()
    process.join(10)
    with seat(tmp_path) as heir:
        assert heir == name


@pytest.mark.parametrize(
    ("given", "told"), [("bronze-a", "bronze-a-0"), ("rack 4/left", "rack-4-left-0"), ("..", "..-0")]
)
def test_a_name_that_is_given_is_kept_as_far_as_a_file_can_bear_it(tmp_path, given, told):
    with seat(tmp_path, given) as name:
        assert name == told


def card(lake, name="w", **facts) -> Card:
    return Card(lake, name, lambda: facts, every=60)


def test_a_card_tells_who_where_and_since_when(lake):
    mine = card(lake, committed=7)
    mine.start()
    mine.stop()
    (found,) = cards(lake)
    assert (found["worker"], found["starts"], found["committed"], found["last_end"]) == ("w", 1, 7, None)
    assert now() - found["written_at"] < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("ended", "told"), [(None, "killed, or its host went down"), ("OSError: disk full", "OSError: disk full")]
)
def test_a_restart_is_counted_and_says_how_the_last_run_ended(lake, ended, told):
    before = card(lake, ended=ended)
    before.start()
    before.stop()
    after = card(lake)
    after.start()
    after.stop()
    (found,) = cards(lake)
    assert (after.restarts, found["starts"], found["last_end"]) == (1, 2, told)


def test_a_lake_without_workers_has_no_cards(lake):
    assert cards(lake) == []


def test_a_torn_card_is_passed_over(lake):
    write_small(lake, "_fleet/torn.json", b'{"worker": "x", "written_')
    mine = card(lake)
    mine.start()
    mine.stop()
    assert [found["worker"] for found in cards(lake)] == ["w"]


def test_cards_of_workers_long_gone_are_removed(lake):
    old = {"worker": "gone", "written_at": (now() - fleet.FORGOTTEN_AFTER - timedelta(hours=1)).isoformat()}
    write_small(lake, "_fleet/gone.json", json.dumps(old).encode())
    mine = card(lake)
    mine.start()
    mine.stop()
    assert list_small(lake, "_fleet") == ["_fleet/w.json"]


def test_a_store_that_takes_no_card_does_not_stop_the_worker(lake, monkeypatch):
    def refuse(*_):
        raise OSError("disk full")

    monkeypatch.setattr(fleet, "write_small", refuse)
    mine = card(lake)
    mine.start()
    mine.stop()
    assert read_small(lake, "_fleet/w.json") is None


@pytest.mark.parametrize(
    ("seconds", "ended", "silent"), [(30, None, False), (61, None, True), (61, "as planned", False)]
)
def test_a_worker_is_silent_when_it_missed_four_words_and_did_not_end(seconds, ended, silent):
    at = now()
    found = silent_for({"written_at": at - timedelta(seconds=seconds), "every_seconds": 15, "ended": ended}, at)
    assert (found is not None) is silent
