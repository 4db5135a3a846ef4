"""The instruments a worker has, and the rule by which they are named.

Belongs here: name, kind, unit, attributes and meaning of each; the page that lists them is rendered from here.
Does not: measuring (`telemetry`), or OpenTelemetry's own classes: this module needs no extra.

The rule: `lakehouse.<part>.<thing>[.<aspect>]`, lower case, words of letters only, parts from `PARTS`.
A counter counts things by name in the plural or ends in what happened to them; its unit is `{thing}` or `By`.
A `duration` or `age` is in seconds, a `size` or `limit` in bytes, and no name says its unit.
Attributes come from `ATTRIBUTES`, whose values are few: never a device, an offset, a message or an exception's text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "histogram", "gauge"]

PARTS = ("bronze", "worker")
ATTRIBUTES = {
    "partition": "Partition of the hub.",
    "what": "`hub`, `store` or `partition`: what did not answer.",
    "event": "Name of a log line, each a constant in the code; `library` for those of others.",
}
NAME = re.compile(rf"lakehouse\.({'|'.join(PARTS)})(\.[a-z]+){{1,2}}")
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
BYTES = (2.0**10, 2.0**14, 2.0**17, 2.0**20, 2.0**22, 2.0**24, 2.0**26, 2.0**28)
EVENTS = (1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6)


@dataclass(frozen=True, kw_only=True, slots=True)
class Instrument:
    """One instrument."""

    name: str
    kind: Kind
    unit: str
    says: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


RECEIVED = Instrument(
    name="lakehouse.bronze.events.received", kind="counter", unit="{event}", attributes=("partition",),
    says="Events taken into the buffer.",
)  # fmt: skip
COMMITTED = Instrument(
    name="lakehouse.bronze.events.committed", kind="counter", unit="{event}",
    says="Events written to Bronze; those that were there already are not among them.",
)  # fmt: skip
REPEATED = Instrument(
    name="lakehouse.bronze.events.repeated", kind="counter", unit="{event}",
    says="Events read again that Bronze held: after a crash, a lost connection, or beside another worker.",
)  # fmt: skip
LOST = Instrument(
    name="lakehouse.bronze.events.lost", kind="counter", unit="{event}", attributes=("partition",),
    says="Events the hub no longer held when they were to be read. More than 0 is an alert.",
)  # fmt: skip
COMMIT_DURATION = Instrument(
    name="lakehouse.bronze.commit.duration", kind="histogram", unit="s", buckets=SECONDS,
    says="From the beginning of a commit to the lake's yes, retries included; its count is the number of commits.",
)  # fmt: skip
COMMIT_AGE = Instrument(
    name="lakehouse.bronze.commit.age", kind="histogram", unit="s", buckets=SECONDS, attributes=("partition",),
    says="Age of the oldest event of a partition's part of a flush when it was committed: enqueued to committed.",
)  # fmt: skip
FLUSH_SIZE = Instrument(
    name="lakehouse.bronze.flush.size", kind="histogram", unit="By", buckets=BYTES,
    says="Bytes of a flush in memory; its sum is the bytes committed.",
)  # fmt: skip
FLUSH_EVENTS = Instrument(
    name="lakehouse.bronze.flush.events", kind="histogram", unit="{event}", buckets=EVENTS,
    says="Events of a flush.",
)  # fmt: skip
LAG_EVENTS = Instrument(
    name="lakehouse.bronze.lag.events", kind="gauge", unit="{event}", attributes=("partition",),
    says="Events the hub has and Bronze has not, as of the last look at the hub.",
)  # fmt: skip
LAG_AGE = Instrument(
    name="lakehouse.bronze.lag.age", kind="gauge", unit="s", attributes=("partition",),
    says="Age of the oldest event that is not in Bronze; 0 where none is missing.",
)  # fmt: skip
BUFFER_SIZE = Instrument(
    name="lakehouse.bronze.buffer.size", kind="gauge", unit="By", says="Bytes that wait or are being committed.",
)  # fmt: skip
BUFFER_LIMIT = Instrument(
    name="lakehouse.bronze.buffer.limit", kind="gauge", unit="By", says="Bytes at which reading stops.",
)  # fmt: skip
RETRIES = Instrument(
    name="lakehouse.worker.retries", kind="counter", unit="{retry}", attributes=("what",),
    says="Times something did not answer and was asked again.",
)  # fmt: skip
RESTARTS = Instrument(
    name="lakehouse.worker.restarts", kind="gauge", unit="{restart}",
    says="Times a worker of this name was started again; kept in the lake.",
)  # fmt: skip
READY = Instrument(
    name="lakehouse.worker.ready", kind="gauge", unit="1", says="1 while hub and lake answer, else 0.",
)  # fmt: skip
WARNINGS = Instrument(
    name="lakehouse.worker.warnings", kind="counter", unit="{warning}", attributes=("event",),
    says="Warnings and errors that were logged, by the name of the line.",
)  # fmt: skip

INSTRUMENTS = (
    RECEIVED, COMMITTED, REPEATED, LOST, COMMIT_DURATION, COMMIT_AGE, FLUSH_SIZE, FLUSH_EVENTS,
    LAG_EVENTS, LAG_AGE, BUFFER_SIZE, BUFFER_LIMIT, RETRIES, RESTARTS, READY, WARNINGS,
)  # fmt: skip


def faults(instrument: Instrument) -> list[str]:
    """What of the rule an instrument breaks; empty where it keeps it."""
    found = []
    *_, thing, aspect = instrument.name.split(".")
    if not NAME.fullmatch(instrument.name):
        found.append(f"{instrument.name} is not of the form lakehouse.<{'|'.join(PARTS)}>.<thing>[.<aspect>]")
    if {"seconds", "bytes", "total", "count", "ms"} & {aspect}:
        found.append(f"{instrument.name} says its unit or kind")
    wanted = {"duration": "s", "age": "s", "size": "By", "limit": "By"}.get(aspect)
    if wanted and instrument.unit != wanted:
        found.append(f"{instrument.name} must be in {wanted}")
    if instrument.kind == "counter":
        counted = thing if aspect.endswith(("ed", "ost")) else aspect
        if not counted.endswith("s"):
            found.append(f"{instrument.name} counts something that is not in the plural")
        if instrument.unit != "By" and not re.fullmatch(r"\{[a-z]+\}", instrument.unit):
            found.append(f"{instrument.name} counts in {instrument.unit!r}")
    if (instrument.kind == "histogram") != bool(instrument.buckets):
        found.append(f"{instrument.name}: a histogram names its buckets, nothing else does")
    unknown = set(instrument.attributes) - set(ATTRIBUTES)
    found += [f"{instrument.name}: attribute {name!r} is unknown" for name in sorted(unknown)]
    if not instrument.says.endswith("."):
        found.append(f"{instrument.name} is not described by a sentence")
    return found
