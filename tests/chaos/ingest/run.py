"""`make chaos`: three workers, eight partitions, and everything that goes wrong, in an order a seed decides.

Prints the faults it did and, at the end, what Bronze lacks of the hub and what it holds twice: `lost 0 duplicated 0`,
or exit code 1. The seed decides kinds, victims and moments; what the operating system makes of them differs a little
from run to run, so a failure is reproduced by a few runs of its seed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from faults import KINDS, World
from fleet import Fleet
from hub import NAME, Hub, Sender
from troubled_worker import WITHOUT_FENCE
from verdict import Verdict, reached

from lake.store import Lake
from local_azure.event_hubs.remote import RemoteError


def main() -> int:
    """Run, tell, and return the exit code."""
    parser = argparse.ArgumentParser(description="Chaos for the ingest plane.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=220, help="how many to do")
    parser.add_argument("--pause", type=float, default=1.2, help="seconds between two of them, on average")
    parser.add_argument("--rate", type=float, default=1000, help="events a second, at most")
    parser.add_argument("--at-most", type=float, default=560, help="seconds after which no more faults are done")
    parser.add_argument("--settle", type=float, default=120, help="seconds Bronze may need to be the hub in the end")
    parser.add_argument("--kinds", help="only these, separated by commas")
    parser.add_argument("--without-fence", action="store_true", help="prove that the run finds what the fence prevents")
    parser.add_argument("--keep", type=Path, help="folder for hub, lake and logs; else a temporary one")
    options = parser.parse_args()
    unknown = set(options.kinds.split(",")) - KINDS.keys() if options.kinds else set()
    if unknown:
        parser.error(f"no such kinds: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
        return run(options.keep.absolute(), options)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        return run(Path(folder), options)


def run(folder: Path, options: argparse.Namespace) -> int:
    """One run in a folder of its own."""
    begun = time.monotonic()
    dice = Random(options.seed)
    doors = folder / "doors"
    doors.mkdir()
    hub = Hub(folder)
    hub.start()
    lake = Lake(str(folder / "lake"))
    fleet = Fleet(folder, _environment(folder, hub, doors, options), dice)
    sender = Sender(hub, options.rate)
    world = World(hub, fleet, lake, doors, dice)
    done: Counter[str] = Counter()
    try:
        fleet.replace_the_dead()
        sender.start()
        _harm(world, options, done, begun)
        harmed = time.monotonic() - begun
        _heal(world)
        sender.stop()
        settled = _settle(world, hub, options.settle)
        fleet.leave(60)
        found = Verdict.of(hub.accepted(), lake)
    finally:
        fleet.close()
        hub.kill()
    for kind, count in sorted(done.items(), key=lambda pair: (-pair[1], pair[0])):
        print(f"{count:>5} {kind}")
    print(
        f"seed {options.seed}: {done.total()} faults of {len(done)} kinds in {harmed:.0f} s, settled in {settled:.0f} s; "
        f"{found.accepted:,} events in {found.commits:,} commits, {fleet.started} worker starts, "
        f"{sender.failures} sends that failed, {world.refused_chores} chores that lost a race"
    )
    for line in found.examples:
        print(line)
    print(found.line)
    return 0 if found.good and done.total() >= options.faults else 1


def _environment(folder: Path, hub: Hub, doors: Path, options: argparse.Namespace) -> dict[str, str]:
    env = {
        "CHAOS_DOORS": str(doors),
        "LAKE_ROOT": str(folder / "lake"),
        "LAKE_HOME": str(folder),
        "LAKE_EVENT_HUBS__CONNECTION_STRING": hub.connection_string,
        "LAKE_EVENT_HUBS__HUB": NAME,
        "LAKE_EVENT_HUBS__CONSUMER_GROUP": "fleet",
        "LAKE_BRONZE__OWNERSHIP": str(folder / "claims"),
        "LAKE_BRONZE__RENEW_SECONDS": "0.5",
        "LAKE_BRONZE__EXPIRY_SECONDS": "2.5",
        "LAKE_BRONZE__FLUSH_SECONDS": "0.3",
    }
    return env | ({WITHOUT_FENCE: "1"} if options.without_fence else {})


def _harm(world: World, options: argparse.Namespace, done: Counter[str], begun: float) -> None:
    """Fault after fault, each kind about as often as the others."""
    wanted = options.kinds.split(",") if options.kinds else list(KINDS)
    deck: list[str] = []
    while done.total() < options.faults and time.monotonic() - begun < options.at_most:
        until = time.monotonic() + world.dice.uniform(0.2, 1.8) * options.pause
        while time.monotonic() < until:
            world.undo_what_is_due()
            for point in world.fleet.replace_the_dead():
                print(f"{time.monotonic() - begun:7.1f}  died at {point}", flush=True)
            time.sleep(0.05)
        if not deck:
            deck = world.dice.sample(wanted, len(wanted))
        kind = deck.pop()
        try:
            detail = KINDS[kind](world)
        except (RemoteError, OSError) as problem:
            print(f"{time.monotonic() - begun:7.1f}  {kind}: not done, {problem}", flush=True)
            deck.insert(0, kind)
            continue
        done[kind] += 1
        print(f"{time.monotonic() - begun:7.1f}  {kind} {detail}".rstrip(), flush=True)


def _heal(world: World) -> None:
    world.undo_what_is_due(at_once=True)
    for door in world.doors.iterdir():
        door.unlink(missing_ok=True)
    world.hub.door.clear()
    world.fleet.kill("rogue")
    for chore in world.chores:
        chore.join(60)


def _settle(world: World, hub: Hub, patience: float) -> float:
    """Wait until Bronze has everything, or for as long as is reasonable; how long that took."""
    begun = time.monotonic()
    wanted = {partition: place["next"] for partition, place in hub.door.status()["hubs"][NAME].items()}
    while time.monotonic() - begun < patience and not reached(world.lake, wanted):
        world.fleet.replace_the_dead()
        time.sleep(0.3)
    return time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
