from __future__ import annotations

import threading

import pytest

from ingest_workers import epoch
from ingest_workers.sink import Sink
from quality.contracts.tables import BRONZE_TELEMETRY


def in_life(lake, number: int) -> Sink:
    return Sink(lake, "local", "telemetry", number, "amqp")


def test_a_hub_begins_in_the_life_the_settings_say(lake):
    assert epoch.current(lake, "local", "telemetry", floor=0) == 0
    assert epoch.current(lake, "local", "telemetry", floor=3) == 3


def test_a_raised_epoch_counts_from_what_is_higher(lake):
    assert epoch.raise_epoch(lake, "local", "telemetry", floor=0) == 1
    assert epoch.raise_epoch(lake, "local", "telemetry", floor=4) == 5
    assert epoch.current(lake, "local", "telemetry", floor=0) == 5
    assert epoch.current(lake, "local", "other", floor=0) == 0


def test_the_new_life_begins_at_its_own_beginning_beside_the_old_one(lake, make_rows):
    in_life(lake, 0).commit({"0": make_rows("0", range(10))})
    life = epoch.raise_epoch(lake, "local", "telemetry", floor=0)
    assert in_life(lake, life).positions(["0"]) == {"0": None}
    assert in_life(lake, life).commit({"0": make_rows("0", range(4))}).rows == 4
    rows = lake.rows(BRONZE_TELEMETRY, columns=["epoch", "sequence_number"]).to_pylist()
    held = sorted((row["epoch"], row["sequence_number"]) for row in rows)
    assert held == [(0, n) for n in range(10)] + [(1, n) for n in range(4)]


def test_a_worker_of_the_old_life_commits_nothing_more(lake, make_rows):
    old = in_life(lake, 0)
    old.commit({"0": make_rows("0", range(10))})
    epoch.raise_epoch(lake, "local", "telemetry", floor=0)
    with pytest.raises(epoch.EpochRaisedError, match="life 1 and this worker reads life 0: start it again"):
        old.commit({"0": make_rows("0", range(10, 20))})
    with pytest.raises(epoch.EpochRaisedError):
        old.positions(["0"])
    assert lake.rows(BRONZE_TELEMETRY, columns=["epoch"]).num_rows == 10


def test_the_epoch_survives_compaction_and_checkpoints(lake, make_rows):
    epoch.raise_epoch(lake, "local", "telemetry", floor=0)
    for first in (0, 5):
        in_life(lake, 1).commit({"0": make_rows("0", range(first, first + 5))})
    table = lake.open(BRONZE_TELEMETRY)
    table.optimize.compact()
    table.create_checkpoint()
    assert epoch.current(lake, "local", "telemetry", floor=0) == 1


def test_two_who_raise_at_once_raise_once_each(lake):
    lake.open(BRONZE_TELEMETRY)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(epoch.raise_epoch(lake, "local", "telemetry", floor=0)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == [1, 2]
