"""What one bad message in a hundred costs its batch, by decoder.

Belongs here: CPU seconds of a clean batch and of the same batch with one event in a hundred spoilt, as the least of
several turns each. Spoilt ones are of about the size of sound ones: what large ones cost goes by their bytes.
Does not: how events are spoilt (`mutations`).
"""

from __future__ import annotations

import time
from random import Random

import pyarrow as pa
from mutations import KINDS, Event

from canonical.canonicaliser import EVENTS_SCHEMA, Canonicaliser
from canonical.spec_model import MappingSpec

LIMIT = 2.0


def slowdown(spec: MappingSpec, seed: Event, dice: Random, *, events: int, turns: int) -> tuple[float, float]:
    """CPU seconds of the clean batch, and how many times as many the other takes."""
    canonicaliser = Canonicaliser.of([spec])
    clean = [seed | {"sequence_number": number} for number in range(events)]
    kinds = [kind for name, kind in KINDS.items() if name != "envelope"]  # none that another mapping might take
    bad = list(clean)
    for number in dice.sample(range(events), max(1, events // 100)):
        bad[number] = dice.choice(kinds)(dice, clean[number], [seed])
    tables = [pa.Table.from_pylist(rows, schema=EVENTS_SCHEMA) for rows in (clean, bad)]
    took: list[list[float]] = [[], []]
    for turn in range(turns + 1):
        for table, seconds in zip(tables, took, strict=True):
            begun = time.process_time()
            canonicaliser.convert(table)
            if turn:  # the first one warms up
                seconds.append(time.process_time() - begun)
    least = [min(seconds) for seconds in took]
    return least[0], least[1] / least[0]
