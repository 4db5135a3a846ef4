from __future__ import annotations

import shutil
import threading

import pytest

from ingest_workers.epoch import EpochRaisedError
from ingest_workers.new_life import GoesOnError, begin_new_life
from ingest_workers.source import SourceError
from quality.contracts.tables import BRONZE_TELEMETRY


def lives(bronze) -> list[tuple[int, str, int]]:
    columns = ["epoch", "partition_id", "sequence_number"]
    return sorted(tuple(row[name] for name in columns) for row in bronze.lake.rows(BRONZE_TELEMETRY).to_pylist())


def created_anew(endpoint) -> None:
    endpoint.kill()
    shutil.rmtree(endpoint.folder / "data")
    endpoint.start()


def test_a_hub_created_anew_is_refused_then_read_in_its_new_life(endpoint, bronze):
    endpoint.fill({"0": 20, "1": 5})
    bronze.run(until_head=True)
    with pytest.raises(GoesOnError, match="nothing shows that it was created anew"):
        begin_new_life(bronze.settings)
    created_anew(endpoint)
    endpoint.fill({"0": 7, "1": 9})
    with pytest.raises(SourceError, match="raise-epoch"):
        bronze.run(until_head=True)
    life = begin_new_life(bronze.settings)
    assert (life.before, life.now, life.held, life.reaches) == (0, 1, {"0": 19, "1": 4}, {"0": 6, "1": 8})
    assert bronze.run(until_head=True).committed == 16
    first = [(0, "0", n) for n in range(20)] + [(0, "1", n) for n in range(5)]
    assert lives(bronze) == first + [(1, "0", n) for n in range(7)] + [(1, "1", n) for n in range(9)]
    assert bronze.run(until_head=True).committed == 0


def test_a_worker_of_the_old_life_ends_when_the_epoch_is_raised(endpoint, bronze):
    endpoint.fill({"0": 20})
    raised: list[BaseException] = []
    committed = threading.Event()

    def work() -> None:
        try:
            bronze.run(on_progress=lambda progress: progress.committed and committed.set())
        except EpochRaisedError as problem:
            raised.append(problem)

    thread = threading.Thread(target=work)
    thread.start()
    assert committed.wait(60)
    begin_new_life(bronze.settings, forced=True)
    endpoint.fill({"0": 5}, first=20)
    thread.join(60)
    assert "start it again" in str(raised[0])
    assert bronze.run(until_head=True).committed == 25
    assert lives(bronze) == [(0, "0", n) for n in range(20)] + [(1, "0", n) for n in range(25)]
