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

import pyarrow as pa

from ingest_workers import epoch, logs
from ingest_workers.buffer import Buffer
from ingest_workers.operations import watched
from ingest_workers.ownership.balancer import Balancer, worker_name
from ingest_workers.ownership.stores import checkpoint_store, make_container
from ingest_workers.report import Progress, Summary
from ingest_workers.sink import Sink
from ingest_workers.transport import source_of
from ingest_workers.worker import LOOK_SECONDS, Patience, Worker
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
    hub, bronze, lake = settings.event_hubs, settings.bronze, Lake.of(settings)
    ownership = _ownership(settings)
    if ownership is not None and hub.owner_level is None:
        hub = hub.model_copy(update={"owner_level": 0})
    source = source_of(hub)
    with _memory_at_ease(), watched(settings, lake) as observer:
        worker = Worker(
            source,
            Buffer(
                rows=bronze.flush_rows, size=bronze.flush_bytes, seconds=bronze.flush_seconds, limit=bronze.buffer_bytes
            ),
            Sink(
                lake,
                hub.namespace,
                hub.hub,
                epoch.current(lake, hub.namespace, hub.hub, floor=hub.epoch),
                source.transport,
            ),
            patience=Patience(
                store=bronze.store_patience_seconds,
                silence=bronze.silence_seconds,
                look=min(LOOK_SECONDS, bronze.silence_seconds / 3),
            ),
            on_progress=on_progress,
            observer=observer,
            ownership=ownership,
            stop=stop,
        )
        return worker.run(until_head=until_head, idle_exit=idle_exit)


def _ownership(settings: Settings) -> Balancer | None:
    """How this worker shares the hub with others; None where it reads all of it."""
    store = checkpoint_store(settings)
    if store is None:
        return None
    make_container(settings)
    hub, bronze = settings.event_hubs, settings.bronze
    seat = (hub.fully_qualified_namespace or hub.namespace, hub.hub, hub.consumer_group)
    return Balancer(store, seat, worker_name(bronze.worker), renew=bronze.renew_seconds, expiry=bronze.expiry_seconds)


@contextmanager
def _memory_at_ease() -> Iterator[None]:
    """Look for reference cycles rarely, and let Arrow take its memory from where everybody does.

    Events are taken down as hundreds of thousands of small containers a second, which form no cycles; at Python's
    defaults the search for some takes a quarter of the worker's processor time. Arrow's own allocator gives every
    column's pages back and has them cleared anew: a seventh of the processor time, and 100 MB more in use.
    """
    thresholds, pool = gc.get_threshold(), pa.default_memory_pool()
    gc.set_threshold(100_000, 50, 100)
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        pa.set_memory_pool(pool)


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
