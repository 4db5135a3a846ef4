"""`python -m benchmarks`: Bronze ingest measured, beside what people write by hand and beside the raw limit.

Belongs here: which contenders run on which streams, in what order, within what time. Does not: how they work (a module
each), or how the results look (`report`).

Rates count in events per second of processor time: that is what a core costs, and a busy machine changes it least.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import fill, latency, measured, memory, report
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY

PARTITIONS = 4
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    amqp: int
    kafka: int
    limit: int
    workers: tuple[int, ...]
    seconds: float
    """Longest a contender may take."""
    memory: int
    """Events of the long catch-up."""
    rate: int
    latency_seconds: float
    knobs: tuple[str, ...] = ("default", "low latency")


QUICK = Size(
    amqp=40_000,
    kafka=200_000,
    limit=400_000,
    workers=(1, 2),
    seconds=20,
    memory=1_000_000,
    rate=1000,
    latency_seconds=4,
    knobs=("low latency",),
)
FULL = Size(
    amqp=200_000,
    kafka=1_000_000,
    limit=2_000_000,
    workers=(1, 2, 4),
    seconds=90,
    memory=5_000_000,
    rate=2000,
    latency_seconds=15,
)
KNOBS = {"default": {}, "low latency": {"flush_seconds": 0.5}}


@dataclass
class Run:
    """One benchmark: brokers, a scratch folder, rows of results."""

    size: Size
    folder: Path
    console: Console
    rows: list[report.Row] = field(default_factory=list)
    latencies: list[report.Latency] = field(default_factory=list)
    marks: list[memory.Mark] = field(default_factory=list)

    def contend(self, who: str, stream: str, module: str, job: dict[str, Any], *, body: int, workers: int = 1) -> None:
        """Run one contender and keep its row; one that fails is said and left out."""
        lake = Path(tempfile.mkdtemp(dir=self.folder))
        jobs = [job | {"lake": str(lake), "workers": workers, "turn": turn} for turn in range(workers)]
        pace = measured.reference()
        try:
            used = measured.run(module, jobs, self.size.seconds)
        except RuntimeError as problem:
            self.console.print(f"[red]{who}, {body} B, {workers} workers: {problem}")
            return
        finally:
            files, stored = _stored(lake)
            shutil.rmtree(lake, ignore_errors=True)
        row = report.Row(who, stream, body, workers, used, files, stored, pace, report.load())
        self.rows.append(row)
        self.console.print(row.line())

    def wait(self, who: str, knobs: str, job: dict[str, Any]) -> None:
        """Measure latency at one setting of the knobs."""
        lake = Path(tempfile.mkdtemp(dir=self.folder))
        asked = job | {"lake": str(lake), "bronze": KNOBS[knobs]}
        try:
            found = latency.measure(
                asked, rate=self.size.rate, seconds=self.size.latency_seconds, partitions=PARTITIONS
            )
        finally:
            shutil.rmtree(lake, ignore_errors=True)
        self.latencies.append(report.Latency(who, knobs, self.size.rate, found))
        self.console.print(self.latencies[-1].line())

    def remember(self, job: dict[str, Any]) -> None:
        """Watch memory over a long catch-up."""
        lake = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            self.marks = memory.measure(job | {"lake": str(lake)}, 600)
        finally:
            shutil.rmtree(lake, ignore_errors=True)
        for mark in self.marks:
            self.console.print(f"{mark.events:,} events: {mark.rss_mb:,.0f} MB, {mark.most_mb:,.0f} MB at most")


def _stored(lake: Path) -> tuple[int, int]:
    """Data files and their bytes."""
    for folder in (Path(Lake(str(lake)).uri(BRONZE_TELEMETRY)), lake / "events"):
        found = [file.stat().st_size for file in folder.rglob("*.parquet") if "_delta_log" not in file.parts]
        if found:
            return len(found), sum(found)
    return 0, 0


def amqp(run: Run, only: Callable[[str], bool]) -> None:
    """What reads by AMQP, on one stream for each size of body."""
    hubs = ["b300", "b1000", *(f"live-{number}" for number in range(len(KNOBS)))]
    with fill.amqp_endpoint(run.folder, hubs, PARTITIONS) as connection_string, fill.blob_storage(run.folder) as blobs:
        for body, count in ((300, run.size.amqp), (1000, run.size.amqp // 2)):
            run.console.print(f"filling the AMQP endpoint: {count:,} events of {body} bytes")
            fill.fill_amqp(connection_string, f"b{body}", PARTITIONS, count, body)
            hub = {"connection_string": connection_string, "hub": f"b{body}"}
            job = {"hub": hub, "count": count, "seconds": run.size.seconds - 10}
            if only("hand"):
                run.contend("hand-written loop", "AMQP", "benchmarks.handwritten", job | {"blobs": blobs}, body=body)
            if only("bare"):
                run.contend("SDK, receive only", "AMQP", "benchmarks.bare", job, body=body)
            for workers in (run.size.workers if body == 300 else (1,)) if only("amqp") else ():
                run.contend("bronze worker", "AMQP", "benchmarks.ours", job, body=body, workers=workers)
        for number, knobs in enumerate(run.size.knobs if only("latency") else ()):
            run.wait("AMQP", knobs, {"hub": {"connection_string": connection_string, "hub": f"live-{number}"}})


def kafka(run: Run, only: Callable[[str], bool]) -> None:
    """What reads by Kafka."""
    with fill.kafka_broker(run.folder) as broker:
        hub = {"transport": "kafka", "kafka_servers": broker.servers, "kafka_plaintext": True}
        for body, count in ((300, run.size.kafka), (1000, run.size.kafka // 2)):
            if not only("kafka"):
                break
            run.console.print(f"filling the Kafka broker: {count:,} events of {body} bytes")
            fill.fill_kafka(broker, f"b{body}", PARTITIONS, count, body)
            named = hub | {"hub": f"b{body}"}
            for workers in run.size.workers if body == 300 else (1,):
                run.contend("bronze worker", "Kafka", "benchmarks.ours", {"hub": named}, body=body, workers=workers)
        for number, knobs in enumerate(run.size.knobs if only("latency") else ()):
            broker.create(f"live-{number}", PARTITIONS)
            run.wait("Kafka", knobs, {"hub": hub | {"hub": f"live-{number}"}})
        if only("memory"):
            run.console.print(f"filling the Kafka broker: {run.size.memory:,} events of 300 bytes")
            fill.fill_kafka(broker, "long", PARTITIONS, run.size.memory, 300)
            run.remember({"hub": hub | {"hub": "long"}})


def main() -> int:
    """Run, show, and write the results down."""
    asked = argparse.ArgumentParser(prog="benchmarks", description=__doc__.splitlines()[0])
    asked.add_argument("--quick", action="store_true", help="less than two minutes, on smaller streams")
    asked.add_argument(
        "--only", nargs="*", choices=("hand", "bare", "amqp", "kafka", "limit", "latency", "memory"), default=[]
    )
    asked.add_argument("--write", action="store_true", help="put the results into benchmarks/RESULTS.md")
    options = asked.parse_args()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        run = Run(QUICK if options.quick else FULL, Path(scratch), console)

        def only(name: str) -> bool:
            return not options.only or name in options.only

        for body in (300, 1000):
            if only("limit"):
                job = {"count": run.size.limit * 300 // body, "size": body}
                run.contend("Arrow in memory to Delta", "none", "benchmarks.limit", job, body=body)
        if any(map(only, ("kafka", "latency", "memory"))):
            kafka(run, only)
        if any(map(only, ("hand", "bare", "amqp", "latency"))):
            amqp(run, only)
    about = report.About.of(run.size is QUICK, time.monotonic() - begun)
    report.show(run.rows, run.latencies, run.marks, about)
    if options.write:
        report.write(HERE, run.rows, run.latencies, run.marks, about)
        console.print(f"written to {HERE / 'RESULTS.md'}")
    return 0 if run.rows or run.latencies or run.marks else 1


if __name__ == "__main__":
    sys.exit(main())
