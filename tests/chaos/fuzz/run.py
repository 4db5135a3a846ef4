"""`make fuzz`: a million spoilt messages through every decoder and every committed mapping, in one process.

Each message is an example of a mapping, spoilt in one or several ways; a batch also holds the examples unspoilt, which
must give what they give alone. After each batch the ledger must balance; a batch that takes too long, or memory that
grows beyond its bound, ends the run. Then, by decoder, one bad message in a hundred may cost a batch at most twice its
CPU time. Prints what it did; exit code 1 where anything is wrong. The seed decides everything but the clock.
"""

from __future__ import annotations

import argparse
import faulthandler
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.compute as pc
from isolation import LIMIT, slowdown
from ledger import faults_of
from mutations import KINDS, LARGE, Event

from canonical.canonicaliser import EVENTS_SCHEMA, Canonicaliser, Converted
from canonical.examples import event_of
from canonical.spec_model import MappingSpec
from canonical.specs import load_specs

DECODERS = Path(__file__).parents[2] / "property" / "specs"
"""A mapping for every decoder; those of the product read what there are devices for."""
LARGE_SHARE = 0.004
FAMILIES = 4
MEGABYTE = 1 << 20


def main() -> int:
    """Run, tell, and return the exit code."""
    parser = argparse.ArgumentParser(description="Spoilt messages through every decoder.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--messages", type=int, default=1_000_000, help="how many to spoil")
    parser.add_argument("--batch", type=int, default=10_000, help="messages in one conversion")
    parser.add_argument("--at-most", type=float, default=360, help="seconds after which no batch is begun")
    parser.add_argument("--batch-seconds", type=float, default=60, help="a batch that takes longer hangs")
    parser.add_argument("--memory", type=int, default=1500, help="megabytes that may be resident")
    parser.add_argument("--isolation-events", type=int, default=20_000, help="in a batch of the comparison; 0: none")
    parser.add_argument("--turns", type=int, default=5, help="of each batch of the comparison")
    parser.add_argument("--only", help="these mappings, separated by commas")
    options = parser.parse_args()
    only = options.only.split(",") if options.only else None
    sets = [[spec for spec in load_specs(folder) if not only or spec.id in only] for folder in (None, DECODERS)]
    good = _fuzz(sets, options)
    if options.isolation_events:
        good &= _isolation([spec for specs in sets for spec in specs if spec.examples], options)
    print("good" if good else "BAD")
    return 0 if good else 1


@dataclass(frozen=True)
class World:
    """Mappings together, their examples, and what these give alone, without the numbers of their events."""

    canonicaliser: Canonicaliser
    seeds: dict[str, list[Event]]
    alone: dict[str, list[tuple[Any, ...]]]

    @classmethod
    def of(cls, specs: Sequence[MappingSpec]) -> World:
        """All examples in one conversion."""
        canonicaliser = Canonicaliser.of(specs)
        seeds = {spec.id: seeds_of([spec]) for spec in specs if spec.examples}
        converted = canonicaliser.convert(_table([seed for several in seeds.values() for seed in several]))
        alone, first = {}, 0
        for mapping, several in seeds.items():
            alone[mapping] = _rows(converted, first, first + len(several))
            first += len(several)
        return cls(canonicaliser, seeds, alone)


def seeds_of(specs: Sequence[MappingSpec]) -> list[Event]:
    """The examples of mappings, as events."""
    return [event_of(spec, example).to_pylist()[0] for spec in specs for example in spec.examples]


def _fuzz(sets: Sequence[Sequence[MappingSpec]], options: argparse.Namespace) -> bool:
    dice = Random(options.seed)
    worlds = [World.of(specs) for specs in sets if any(spec.examples for spec in specs)]
    done: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    accepted = rejected = number = 0
    slowest = highest = 0.0
    said = begun = time.monotonic()
    while done.total() < options.messages and time.monotonic() - begun < options.at_most:
        world = worlds[number % len(worlds)]
        number += 1
        # A few mappings at a time: each costs a batch its constant, whether it takes one message of it or all.
        chosen = dice.sample(list(world.seeds), min(FAMILIES, len(world.seeds)))
        seeds = [seed for mapping in chosen for seed in world.seeds[mapping]]
        expected = sorted((row for mapping in chosen for row in world.alone[mapping]), key=repr)
        spoilt = min(options.batch, options.messages - done.total())
        events = [_spoilt(dice, dice.choice(seeds), seeds, done) for _ in range(spoilt)] + seeds
        table = _table(events)
        faulthandler.dump_traceback_later(options.batch_seconds, exit=True)
        started = time.monotonic()
        converted = world.canonicaliser.convert(table)
        slowest = max(slowest, time.monotonic() - started)
        faulthandler.cancel_dump_traceback_later()
        faults = faults_of(converted, len(events))
        if _rows(converted, spoilt, len(events)) != expected:
            faults.append("sound messages came out otherwise than alone")
        resident = psutil.Process().memory_info().rss / MEGABYTE
        highest = max(highest, resident)
        if resident > options.memory:
            faults.append(f"{resident:,.0f} MB are resident, at most {options.memory:,} may be")
        accepted, rejected = accepted + len(converted.readings), rejected + len(converted.rejects)
        reasons.update(
            {
                entry["values"]: entry["counts"]
                for entry in pc.value_counts(converted.rejects.column("reason")).to_pylist()
            }
        )
        if faults:
            print(f"seed {options.seed}, batch {number}: {'; '.join(faults)}")
            return False
        if time.monotonic() - said > 10:
            said = time.monotonic()
            print(
                f"{said - begun:7.1f}  {done.total():,} messages, slowest batch {slowest:.1f} s, {resident:,.0f} MB",
                flush=True,
            )
    for name, counts in (("spoilt", done), ("rejected", reasons)):
        print(f"{name}: {', '.join(f'{kind} {count:,}' for kind, count in counts.most_common())}")
    print(
        f"seed {options.seed}: {done.total():,} messages of {sum(len(seeds) for world in worlds for seeds in world.seeds.values())} examples, "
        f"{len(KINDS) + len(LARGE)} kinds, {number} batches in {time.monotonic() - begun:.0f} s; {accepted:,} readings, "
        f"{rejected:,} rejects; lost 0 twice 0; slowest batch {slowest:.1f} s, at most {highest:,.0f} MB resident"
    )
    return done.total() >= options.messages


def _spoilt(dice: Random, event: Event, seeds: Sequence[Event], done: Counter[str]) -> Event:
    """One event spoilt in one way, sometimes in several; counted by the first."""
    kinds = LARGE if dice.random() < LARGE_SHARE else KINDS
    kind = dice.choice(list(kinds))
    done[kind] += 1
    event = kinds[kind](dice, event, seeds)
    while event["body"] and dice.random() < 0.2:
        event = KINDS[dice.choice(list(KINDS))](dice, event, seeds)
    return event


def _table(events: Sequence[Event]) -> pa.Table:
    rows = [event | {"sequence_number": number} for number, event in enumerate(events)]
    return pa.Table.from_pylist(rows, schema=EVENTS_SCHEMA)


def _rows(converted: Converted, first: int, end: int) -> list[tuple[Any, ...]]:
    """All rows of the events from `first` up to `end`, without their numbers."""
    found: list[tuple[Any, ...]] = []
    for part in (converted.readings, converted.rejects):
        number = part.column("sequence_number")
        mine = part.filter(pc.and_(pc.greater_equal(number, first), pc.less(number, end)))
        found += [tuple(row.values()) for row in mine.drop_columns(["sequence_number"]).to_pylist()]
    return sorted(found, key=repr)


def _isolation(specs: Sequence[MappingSpec], options: argparse.Namespace) -> bool:
    good = True
    for spec in specs:
        dice = Random(options.seed)
        seconds, times = slowdown(spec, seeds_of([spec])[0], dice, events=options.isolation_events, turns=options.turns)
        good &= times <= LIMIT
        mark = "" if times <= LIMIT else f"  more than {LIMIT} times"
        print(
            f"1 % bad: {spec.id:<26}{spec.decode.format:<12}{seconds:6.2f} s clean, {times:.2f} times{mark}", flush=True
        )
    return good


if __name__ == "__main__":
    sys.exit(main())
