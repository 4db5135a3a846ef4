from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ingest_workers.ownership.file_store import FileCheckpointStore

SEAT = {"fully_qualified_namespace": "ns.servicebus.windows.net", "eventhub_name": "hub", "consumer_group": "$Default"}


def claim(owner: str, etag: str | None = None, partition: str = "0") -> dict:
    return {**SEAT, "partition_id": partition, "owner_id": owner, "etag": etag}


@pytest.fixture
def store(tmp_path) -> FileCheckpointStore:
    return FileCheckpointStore(tmp_path)


def listed(store) -> list[dict]:
    return list(store.list_ownership(*SEAT.values()))


def test_a_claim_is_listed_with_its_etag(store):
    (made,) = store.claim_ownership([claim("a")])
    assert listed(store) == [made]
    assert made["etag"]
    assert made["last_modified_time"] > 0


def test_a_claim_needs_the_current_etag(store):
    (first,) = store.claim_ownership([claim("a")])
    assert store.claim_ownership([claim("b")]) == []
    assert store.claim_ownership([claim("b", "another")]) == []
    (second,) = store.claim_ownership([claim("b", first["etag"])])
    assert store.claim_ownership([claim("a", first["etag"])]) == []
    assert [held["owner_id"] for held in listed(store)] == ["b"]
    assert second["etag"] != first["etag"]


def test_of_many_claims_at_once_one_is_accepted(tmp_path):
    accepted: list[dict] = []
    ready = threading.Barrier(8)

    def take(owner: str) -> None:
        ready.wait(10)
        accepted.extend(FileCheckpointStore(tmp_path).claim_ownership([claim(owner)]))

    threads = [threading.Thread(target=take, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(accepted) == 1
    assert [held["owner_id"] for held in listed(FileCheckpointStore(tmp_path))] == [accepted[0]["owner_id"]]


def test_hubs_and_consumer_groups_are_apart(store):
    store.claim_ownership([claim("a"), claim("a", partition="1")])
    assert len(listed(store)) == 2
    assert list(store.list_ownership("ns.servicebus.windows.net", "hub", "other")) == []
    assert list(store.list_ownership("ns.servicebus.windows.net", "other", "$Default")) == []


def test_a_checkpoint_is_the_last_one_written(store):
    for number in (5, 9):
        store.update_checkpoint({**SEAT, "partition_id": "0", "sequence_number": number, "offset": str(number * 100)})
    (held,) = store.list_checkpoints(*SEAT.values())
    assert (held["sequence_number"], held["offset"]) == (9, "900")


def test_no_name_leaves_the_folder(tmp_path):
    store = FileCheckpointStore(tmp_path / "claims")
    odd = {**claim("a"), "consumer_group": "../../x", "eventhub_name": "..", "partition_id": "/etc/passwd"}
    (made,) = store.claim_ownership([odd])
    assert list(store.list_ownership(odd["fully_qualified_namespace"], "..", "../../x")) == [made]
    assert {path.name for path in Path(tmp_path).iterdir()} == {"claims"}
