"""Partitions shared through blobs, by the SDK's own checkpoint store against Azurite."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubProducerClient

from ingest_workers.bronze import run_bronze
from ingest_workers.ownership.balancer import Balancer
from ingest_workers.ownership.stores import checkpoint_store, make_container
from local_azure import endpoints
from local_azure.azurite import starter
from settings.model import BronzeWorker, Settings

SEAT = ("local", endpoints.HUB, "$Default")


@pytest.fixture
def shared(ready: dict[str, dict[str, Any]], over_azurite: Settings) -> Settings:
    """Settings of a worker that shares partitions through a container that is not there yet."""
    where = f"{ready['azurite']['url']}/{starter.ACCOUNT}/claims"
    worker = BronzeWorker(flush_seconds=0.2, ownership=where, renew_seconds=0.3, expiry_seconds=2)
    return over_azurite.model_copy(update={"storage_key": Settings().storage_key, "bronze": worker})


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_claims_in_blobs_are_shared_given_up_and_taken_over(shared):
    """Two share; one gives up and leaves; one dies and is taken over by a third."""
    owned: dict[str, frozenset[str]] = {}
    make_container(shared)
    make_container(shared)  # whoever comes second finds it there

    def join(name: str) -> Balancer:
        store = checkpoint_store(shared)
        assert store is not None
        member = Balancer(store, SEAT, name, renew=0.3, expiry=2.0)
        member.start(["0", "1", "2", "3"], lambda mine: owned.__setitem__(name, mine))
        return member

    def until(**loads: int) -> None:
        deadline = time.monotonic() + 60
        while {name: len(owned.get(name, ())) for name in loads} != loads:
            assert time.monotonic() < deadline, owned
            time.sleep(0.05)

    first, second = join("first"), join("second")
    until(first=2, second=2)
    assert not owned["first"] & owned["second"]
    first.stop()
    until(second=4)
    second._claimed = lambda claims: (_ for _ in ()).throw(ConnectionError("it is dead"))  # type: ignore[method-assign]
    third = join("third")
    until(third=4)
    for member in (second, third):
        member.stop()
    store = checkpoint_store(shared)
    assert store is not None
    assert {claim["owner_id"] or "" for claim in store.list_ownership(*SEAT)} == {""}


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_two_workers_share_a_hub_through_blobs_and_bronze_is_the_hub(shared, ready):
    connection = ready["event_hubs"]["connection_string"]
    with EventHubProducerClient.from_connection_string(connection, eventhub_name=endpoints.HUB) as producer:
        for partition in producer.get_partition_ids():
            producer.send_batch([EventData(f"{n}".encode()) for n in range(50)], partition_id=partition)
        count = 50 * len(producer.get_partition_ids())
    outcome: list = []
    threads = [threading.Thread(target=lambda: outcome.append(run_bronze(shared, until_head=True))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sum(summary.committed for summary in outcome) == count
    assert run_bronze(shared, until_head=True).committed == 0
