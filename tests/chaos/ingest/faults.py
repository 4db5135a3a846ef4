"""What a chaos run does to the fleet, its hub and its lake: one function a kind.

Belongs here: how each kind of fault is done and undone. Does not: when, and to whom next (`run`).
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from deltalake.exceptions import DeltaError
from fleet import NAMES, Fleet
from hub import PARTITIONS, Hub
from troubled_worker import ANSWER_LOST, CLAIMS_DOWN, STALE, STORE_DOWN

from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY

POINTS = (
    "bronze.before_commit",
    "bronze.between_data_file_and_commit",
    "bronze.after_commit",
    "bronze.before_commit@3",
    "bronze.between_data_file_and_commit@2",
    "bronze.after_commit@2",
    "ownership.after_claim",
)
LONGER_THAN_EXPIRY = 3.0


@dataclass
class World:
    """Everything a fault can reach."""

    hub: Hub
    fleet: Fleet
    lake: Lake
    doors: Path
    dice: Random
    later: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    chores: list[threading.Thread] = field(default_factory=list)
    refused_chores: int = 0

    def undo_in(self, seconds: float, undo: Callable[[], object]) -> None:
        """Do something once so many seconds have passed."""
        self.later.append((time.monotonic() + seconds, undo))

    def undo_what_is_due(self, *, at_once: bool = False) -> None:
        """Whatever has its time, or everything."""
        due = [one for one in self.later if at_once or one[0] <= time.monotonic()]
        self.later = [one for one in self.later if one not in due]
        for _, undo in due:
            undo()

    def anyone(self) -> str:
        return self.dice.choice(NAMES)

    def partition(self) -> str:
        return str(self.dice.randrange(PARTITIONS))


def killed(world: World) -> str:
    """`kill -9`, anywhere."""
    name = world.anyone()
    world.fleet.kill(name)
    return name


def killed_at_a_point(world: World) -> str:
    """`kill -9` at a named point of the code, the next time it is reached."""
    name, point = world.anyone(), world.dice.choice(POINTS)
    world.fleet.arm(name, point)
    return f"{name} at {point}"


def leaves(world: World) -> str:
    """SIGTERM: flush, give up what it owns, go; another comes."""
    name = world.anyone()
    world.fleet.signal(name, signal.SIGTERM)
    return name


def dies_leaving(world: World) -> str:
    """Killed after its last commit, before it gives up what it owns."""
    name = world.anyone()
    world.fleet.arm(name, "ownership.before_release")
    world.undo_in(2.0, lambda: world.fleet.signal(name, signal.SIGTERM))
    return name


def zombie(world: World) -> str:
    """Stopped until others own what it reads, then woken in the middle of what it did."""
    name = world.anyone()
    world.fleet.signal(name, signal.SIGSTOP)
    world.undo_in(LONGER_THAN_EXPIRY, lambda: world.fleet.signal(name, signal.SIGCONT))
    return name


def two_owners(world: World) -> str:
    """A fourth worker that knows of no other: it owns all partitions too, in a consumer group of its own."""
    world.fleet.signal("rogue", signal.SIGKILL)
    claims = str(world.fleet.folder / "rogue-claims")
    world.fleet.start("rogue", LAKE_BRONZE__OWNERSHIP=claims, LAKE_EVENT_HUBS__CONSUMER_GROUP="rogue")
    how = world.dice.choice((signal.SIGTERM, signal.SIGKILL))
    world.undo_in(4.0, lambda: world.fleet.signal("rogue", how))
    return f"until {how.name}"


def endpoint_restarted(world: World) -> str:
    """The hub is killed and comes back."""
    world.hub.kill()
    world.hub.start()
    return ""


def throttled(world: World) -> str:
    """Server-busy to whoever connects, and everybody has to."""
    world.hub.door.throttle(1.0, role="receiver")
    world.hub.door.detach(role="receiver")
    return "1 s"


def cut_off(world: World) -> str:
    """Connections end without a word."""
    world.hub.door.drop(world.dice.choice((0, 0.5)))
    return ""


def detached(world: World) -> str:
    """The links of one partition end."""
    partition = world.partition()
    world.hub.door.detach(partition=partition)
    return f"partition {partition}"


def token_expired(world: World) -> str:
    """Everybody's."""
    world.hub.door.expire_tokens()
    return ""


def stalled(world: World) -> str:
    """A partition delivers nothing for a while."""
    partition = world.partition()
    world.hub.door.stall(1.5, partition=partition, role="receiver")
    return f"partition {partition}"


def delivered_twice(world: World) -> str:
    """As after a failover of the broker."""
    events = world.dice.randrange(20, 200)
    world.hub.door.duplicate(events)
    return f"{events} events"


def acknowledgement_lost(world: World) -> str:
    """The sender sends again; the hub holds both, and so must Bronze."""
    world.hub.door.lose_acknowledgement()
    return ""


def _while_open(door: str, seconds: float) -> Callable[[World], str]:
    def fault(world: World) -> str:
        path = world.doors / door
        path.touch()
        world.undo_in(seconds, lambda: path.unlink(missing_ok=True))
        return f"{seconds} s"

    return fault


def commit_answer_lost(world: World) -> str:
    """The commit is there, its worker is told it is not."""
    (world.doors / ANSWER_LOST).touch()
    return ""


def clock_wrong(world: World) -> str:
    """A worker that lives in another year."""
    name = world.anyone()
    world.fleet.kill(name)
    world.fleet.start(name, LAKE_CLOCK_START=world.dice.choice(("2001-01-01T00:00:00Z", "2060-01-01T00:00:00Z")))
    return name


def _chore(world: World, work: Callable[[], object]) -> None:
    def do() -> None:
        try:
            work()
        except (DeltaError, OSError):
            world.refused_chores += 1  # it lost a race: maintenance comes again tomorrow

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    world.chores.append(thread)


def compacted(world: World) -> str:
    """Small files become large ones while others are written."""

    def work() -> None:
        world.lake.open(BRONZE_TELEMETRY).optimize.compact()

    _chore(world, work)
    return ""


def vacuumed(world: World) -> str:
    """What compaction replaced is deleted, without any grace."""

    def work() -> None:
        table = world.lake.open(BRONZE_TELEMETRY)
        table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)

    _chore(world, work)
    return ""


def checkpointed(world: World) -> str:
    """The log is summed up while others write it."""

    def work() -> None:
        world.lake.open(BRONZE_TELEMETRY).create_checkpoint()

    _chore(world, work)
    return ""


KINDS: Mapping[str, Callable[[World], str]] = {
    "worker killed": killed,
    "worker killed at a point": killed_at_a_point,
    "worker leaves": leaves,
    "worker killed as it leaves": dies_leaving,
    "zombie wakes": zombie,
    "two owners at once": two_owners,
    "endpoint restarted": endpoint_restarted,
    "throttled": throttled,
    "connections cut": cut_off,
    "links detached": detached,
    "tokens expired": token_expired,
    "partition stalled": stalled,
    "events delivered twice": delivered_twice,
    "acknowledgement lost": acknowledgement_lost,
    "store down": _while_open(STORE_DOWN, 1.5),
    "answer of a commit lost": commit_answer_lost,
    "snapshots stale": _while_open(STALE, 2.0),
    "ownership store down": _while_open(CLAIMS_DOWN, 3.0),
    "clock wrong": clock_wrong,
    "compaction": compacted,
    "vacuum": vacuumed,
    "checkpoint": checkpointed,
}
