from __future__ import annotations

import time

from ingest_workers.ownership.balancer import worker_name
from ingest_workers.ownership.file_store import FileCheckpointStore


class Troubled(FileCheckpointStore):
    """A store that can be down, and one that answers a failed claim as the blob store does: with the claim itself."""

    down = False
    forgets = False

    def list_ownership(self, *seat, **options):
        if self.down:
            raise ConnectionError("no route to the store")
        return super().list_ownership(*seat, **options)

    def claim_ownership(self, ownership_list, **options):
        if self.down:
            raise ConnectionError("no route to the store")
        return list(ownership_list) if self.forgets else super().claim_ownership(ownership_list, **options)


def test_a_worker_alone_owns_all(fleet):
    fleet.join("a")
    fleet.assert_soon(lambda: fleet.covered("a"))


def test_who_joins_gets_a_fair_share(fleet):
    fleet.join("a")
    fleet.assert_soon(lambda: fleet.covered("a"))
    for name in ("b", "c"):
        fleet.join(name)
    fleet.assert_soon(lambda: fleet.covered("a", "b", "c") and fleet.loads("a", "b", "c") == [2, 3, 3])


def test_who_leaves_gives_up_at_once_and_the_others_share_what_it_had(fleet):
    for name in ("a", "b"):
        fleet.join(name, expiry=60)
    fleet.assert_soon(lambda: fleet.covered("a", "b") and fleet.loads("a", "b") == [4, 4])
    fleet.members["a"].stop()
    fleet.assert_soon(lambda: fleet.covered("b"))


def test_the_partitions_of_a_dead_worker_are_taken_over_after_the_expiry(fleet):
    """It claims through a store of its own and vanishes without giving anything up."""
    dead = FileCheckpointStore(fleet.folder)
    made = dead.claim_ownership(
        {
            "fully_qualified_namespace": "local",
            "eventhub_name": "telemetry",
            "consumer_group": "$Default",
            "partition_id": partition,
            "owner_id": "dead",
        }
        for partition in fleet.partitions
    )
    assert len(made) == len(fleet.partitions)
    begun = time.monotonic()
    fleet.join("b", expiry=1.0)
    fleet.assert_soon(lambda: fleet.covered("b"))
    assert time.monotonic() - begun >= 0.9


def test_a_store_that_is_down_costs_no_partition(fleet):
    store = Troubled(fleet.folder)
    fleet.join("a", store, expiry=0.2)
    fleet.assert_soon(lambda: fleet.covered("a"))
    store.down = True
    time.sleep(0.5)
    assert fleet.covered("a")
    store.down = False
    fleet.join("b")
    fleet.assert_soon(lambda: fleet.covered("a", "b") and fleet.loads("a", "b") == [4, 4])


def test_a_claim_the_store_could_not_take_is_not_ours(fleet):
    store = Troubled(fleet.folder)
    store.forgets = True
    fleet.join("a", store)
    time.sleep(0.3)
    assert fleet.loads("a") == [0]
    store.forgets = False
    fleet.assert_soon(lambda: fleet.covered("a"))


def test_stopping_while_the_store_is_down_returns(fleet):
    store = Troubled(fleet.folder)
    member = fleet.join("a", store)
    fleet.assert_soon(lambda: fleet.covered("a"))
    store.down = True
    begun = time.monotonic()
    member.stop()
    assert time.monotonic() - begun < 10


def test_two_workers_of_one_host_have_two_names():
    names = {worker_name("host") for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("host-") for name in names)
