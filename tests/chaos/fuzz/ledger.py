"""What must hold of every conversion, whatever went in.

Belongs here: the ledger of one batch: no event lost, no reading twice, and tables that keep their contract.
Does not: how the events were spoilt (`mutations`).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from canonical.canonicaliser import Converted
from quality.contracts.reasons import REASONS

_CODES = pa.array([reason.code for reason in REASONS])


def faults_of(converted: Converted, events: int) -> list[str]:
    """What is wrong with a conversion of events numbered from 0, a sentence each; [] where the ledger balances."""
    found: list[str] = []
    parts = (converted.readings, converted.rejects)
    for part in parts:
        part.validate(full=True)  # also that every text is one
        found += [f"{f.name} is null" for f in part.schema if not f.nullable and part.column(f.name).null_count]
    numbers = np.concatenate([part.column("sequence_number").to_numpy() for part in parts]).astype(np.int64)
    places = np.concatenate([part.column("index").to_numpy() for part in parts]).astype(np.int64)
    lost = np.setdiff1d(np.arange(events), numbers)
    found += [f"event {number} is lost" for number in lost[:3]]
    if numbers.size and (numbers.min() < 0 or numbers.max() >= events):
        found.append("there are events that nobody sent")
    keys, counts = np.unique(numbers << 32 | (places + 1), return_counts=True)
    found += [f"event {key >> 32} index {(key & 0xFFFFFFFF) - 1} is there twice" for key in keys[counts > 1][:3]]
    if places.size and places.min() < -1:
        found.append("an index is below -1")
    whole = np.unique(numbers[places == -1])
    both = np.intersect1d(whole, numbers[places >= 0])
    found += [f"event {number} is rejected as a whole and in part" for number in both[:3]]
    unknown = pc.unique(
        converted.rejects.column("reason").filter(pc.invert(pc.is_in(converted.rejects.column("reason"), _CODES)))
    )
    found += [f"reason {code} is no code" for code in unknown.to_pylist()]
    values = converted.readings.column("value").drop_null()
    if not pc.all(pc.is_finite(values)).as_py() and len(values):
        found.append("an accepted value is not finite")
    return found
