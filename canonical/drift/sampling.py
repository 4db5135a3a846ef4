"""Which events are looked at.

Belongs here: one choice, a pure function of the event's name, so that cuts, crashes and rebuilds look at the same
events. The first events of every stream are all looked at (a new source is seen whole), later ones one in `EVERY`.
Does not: what is looked for.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quality.contracts.tables import POSITION_NAMES

Numbers: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint64]]"
EVERY = 32
FIRST = 2_000
"""Of each stream (one life of one hub partition), by sequence number."""


def sampled(events: pa.Table) -> pa.Table:
    """The events looked at."""
    numbers = events.column("sequence_number").to_numpy().astype(np.uint64)
    mixed = _mixed(numbers ^ _streams(events))
    return events.filter(pa.array((numbers < FIRST) | (mixed % np.uint64(EVERY) == 0)))


def in_order(events: pa.Table) -> pa.Table:
    """Events by their positions."""
    return events.take(pc.sort_indices(events, sort_keys=[(name, "ascending") for name in POSITION_NAMES[:-1]]))


def _streams(events: pa.Table) -> Numbers:
    """A number for each event's stream, the same wherever it is computed."""
    epochs = _mixed(events.column("epoch").to_numpy().astype(np.uint64))
    return epochs ^ _hashed(events.column("hub")) ^ _mixed(_hashed(events.column("partition_id")))


def _hashed(names: pa.ChunkedArray) -> Numbers:
    coded = names.combine_chunks().dictionary_encode()
    hashes = [
        int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") for name in coded.dictionary.to_pylist()
    ]
    return np.array(hashes, np.uint64)[coded.indices.to_numpy()] if hashes else np.zeros(0, np.uint64)


def _mixed(numbers: Numbers) -> Numbers:
    """SplitMix64's last steps: neighbouring numbers, which a gateway may deal out in turn, fall anywhere."""
    with np.errstate(over="ignore"):
        numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return numbers ^ (numbers >> np.uint64(31))
