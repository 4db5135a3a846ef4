"""Workers that share the partitions of a hub: they join, leave, die and believe wrong things, and Bronze is the hub."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest_workers.ownership.file_store import FileCheckpointStore

SEAT = ("local", "telemetry", "$Default")
PARTITIONS = [str(n) for n in range(4)]
QUICK = {"LAKE_BRONZE__RENEW_SECONDS": "0.5", "LAKE_BRONZE__EXPIRY_SECONDS": "3"}
PATIENCE = 60


@pytest.fixture
def partitions() -> int:
    return len(PARTITIONS)


class Fleet:
    """Worker processes over one endpoint, one lake and one folder of claims."""

    def __init__(self, endpoint, bronze, folder: Path) -> None:
        self.endpoint, self.bronze, self.folder = endpoint, bronze, folder
        self.claims = FileCheckpointStore(folder / "claims")
        self.sent = dict.fromkeys(PARTITIONS, 0)
        self.members: dict[str, subprocess.Popen] = {}

    def join(self, name: str, **environment: str) -> subprocess.Popen:
        log = (self.folder / f"{name}.log").open("wb")
        variables = {"LAKE_BRONZE__OWNERSHIP": str(self.folder / "claims"), "LAKE_BRONZE__WORKER": name}
        self.members[name] = self.bronze.start(stdout=log, stderr=log, **(QUICK | variables | environment))
        return self.members[name]

    def send(self, count: int) -> None:
        self.endpoint.fill(dict.fromkeys(self.sent, count), first=self.sent["0"])
        self.sent = {partition: sent + count for partition, sent in self.sent.items()}

    def owners(self) -> dict[str, str]:
        """Who owns what, as the claims say; the name without its number."""
        held = self.claims.list_ownership(*SEAT)
        return {claim["partition_id"]: re.sub(r"-\d+-\w+$", "", claim["owner_id"]) for claim in held}

    def until(self, met: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not met():
            assert time.monotonic() < deadline, f"{what}: {self.owners()} {self.logs()}"
            time.sleep(0.1)

    def until_shared(self, *names: str) -> None:
        fair = len(PARTITIONS) // len(names), -(-len(PARTITIONS) // len(names))
        self.until(
            lambda: (
                all(fair[0] <= list(self.owners().values()).count(name) <= fair[1] for name in names)
                and len(self.owners()) == len(PARTITIONS)
            ),
            f"{names} did not come to a fair share",
        )

    def until_bronze_is_the_hub(self) -> None:
        expected = [(name, n, f"{name}/{n}".encode()) for name, sent in self.sent.items() for n in range(sent)]
        self.until(lambda: len(self.bronze.held()) >= len(expected), "Bronze is not the hub")
        assert self.bronze.held() == expected

    def leave(self, name: str) -> None:
        member = self.members.pop(name)
        member.send_signal(signal.SIGTERM)
        assert member.wait(30) == 0, self.logs()

    def logs(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text()[-2000:]}" for path in sorted(self.folder.glob("*.log")))


@pytest.fixture
def fleet(endpoint, make_bronze, tmp_path) -> Iterator[Fleet]:
    fleet = Fleet(endpoint, make_bronze(flush_seconds=0.3), tmp_path)
    yield fleet
    for member in fleet.members.values():
        member.kill()
        member.wait(10)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_joining_leaving_and_kill_9_lose_and_double_nothing(fleet):
    fleet.join("a")
    fleet.send(300)
    fleet.until_shared("a")
    fleet.join("b")
    fleet.send(300)
    fleet.until_shared("a", "b")
    fleet.join("c")
    fleet.send(300)
    fleet.until_shared("a", "b", "c")
    fleet.leave("b")
    fleet.send(300)
    fleet.until_shared("a", "c")
    fleet.members.pop("a").kill()
    fleet.send(300)
    fleet.until_shared("c")
    fleet.until_bronze_is_the_hub()
    fleet.leave("c")
    assert set(fleet.owners().values()) == {""}


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_worker_killed_in_a_commit_is_replaced_once_its_claims_expire(fleet):
    """At default settings the same takes less than thirty seconds (`test_knobs`)."""
    fleet.send(100)
    killed = fleet.join("a", LAKE_KILL_AT="bronze.between_data_file_and_commit")
    assert killed.wait(PATIENCE) == -signal.SIGKILL
    assert set(fleet.owners().values()) == {"a"}
    fleet.join("b")
    fleet.until_shared("b")
    fleet.until_bronze_is_the_hub()


def test_until_the_head_several_workers_end_once_all_of_them_together_are_there(endpoint, make_bronze, tmp_path):
    bronze = make_bronze(flush_seconds=0.3, ownership=str(tmp_path / "claims"), renew_seconds=0.2, expiry_seconds=2)
    endpoint.fill(dict.fromkeys(PARTITIONS, 500))
    outcome: list = []
    threads = [threading.Thread(target=lambda: outcome.append(bronze.run(until_head=True))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert [summary.ended for summary in outcome] == ["at head"] * 3
    assert sum(summary.committed for summary in outcome) == 2000
    assert bronze.held() == [(name, n, f"{name}/{n}".encode()) for name in PARTITIONS for n in range(500)]


def test_a_worker_that_lost_a_partition_without_knowing_is_fenced(endpoint, make_bronze, tmp_path):
    """Two that each believe they own all, because their claims lie in different places, and no owner levels."""
    outcome: list = []
    endpoint.fill(dict.fromkeys(PARTITIONS, 500))
    for name in ("one", "two"):
        make = make_bronze(flush_seconds=0.1, flush_rows=100, ownership=str(tmp_path / name), renew_seconds=0.2)
        threading.Thread(target=lambda make=make: outcome.append(make.run(until_head=True)), name=name).start()
    deadline = time.monotonic() + PATIENCE
    while len(outcome) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sum(summary.committed for summary in outcome) == 2000
    assert make.held() == [(name, n, f"{name}/{n}".encode()) for name in PARTITIONS for n in range(500)]
