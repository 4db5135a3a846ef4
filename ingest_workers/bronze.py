"""`lakehouse ingest bronze`: the Bronze worker as the settings describe it.

Belongs here: settings to source, buffer and sink; signals to a stop.
Does not: how they work together (`worker`). Nothing here or below imports Dagster.
"""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ingest_workers import logs
from ingest_workers.amqp import AmqpSource
from ingest_workers.buffer import Buffer
from ingest_workers.report import Progress, Summary
from ingest_workers.sink import Sink
from ingest_workers.worker import Worker
from lake.store import Lake
from settings.model import Settings


def run_bronze(
    settings: Settings,
    *,
    until_head: bool = False,
    idle_exit: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
) -> Summary:
    """Write the hub's events to Bronze, each once, until `stop` is set.

    `until_head`: only what the hub holds now. `idle_exit`: until nothing came for so many seconds. `on_progress` is
    called from this thread, about five times a second.
    Raises: as `Worker.run`; the caller says it and exits non-zero.
    """
    logs.configure_once()
    hub, bronze = settings.event_hubs, settings.bronze
    source = AmqpSource(hub)
    worker = Worker(
        source,
        Buffer(
            rows=bronze.flush_rows, size=bronze.flush_bytes, seconds=bronze.flush_seconds, limit=bronze.buffer_bytes
        ),
        Sink(Lake.of(settings), hub.namespace, hub.hub, hub.epoch, source.transport),
        on_progress=on_progress,
        stop=stop,
    )
    with _garbage_left_alone():
        return worker.run(until_head=until_head, idle_exit=idle_exit)


@contextmanager
def _garbage_left_alone() -> Iterator[None]:
    """Look for reference cycles rarely: buffered rows are half a million containers and form none.

    At Python's defaults the search takes a quarter of the worker's processor time.
    """
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set, for `run_bronze`. Call it in the main thread, where signals arrive.

    A second signal does what it did before: who presses Ctrl-C twice does not want to wait for a commit.
    """
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ask(number: int, frame: object) -> None:
        stop.set()
        for name, handler in before.items():
            signal.signal(name, handler)

    for number in before:
        signal.signal(number, ask)
    return stop
