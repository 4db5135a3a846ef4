"""The process: a free or given port, a ready file, a clean end.

Belongs here: sockets, signals, order of start and stop.
Does not: HTTP (`app`).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil
import uvicorn

from local_azure.kusto.app import Endpoint, application
from local_azure.kusto.failpoint import Failpoints
from local_azure.kusto.queries import Limits, Queries
from local_azure.kusto.queued_ingestion import Ingestion
from local_azure.kusto.storage.blobs import Blobs
from local_azure.kusto.storage.queues import Queues
from local_azure.kusto.storage.routes import Storage
from local_azure.kusto.store import Store, StoreBusyError

HOST = "127.0.0.1"
_GRACE_SECONDS = 10


class StartError(Exception):
    """A reason a person can act on, in one line."""


@dataclass(frozen=True)
class Settings:
    """What the command line says. `port` 0 means any free one."""

    data: Path
    port: int
    database: str
    ready_file: Path
    limits: Limits


class _Server(uvicorn.Server):
    """uvicorn, ending with exit code 0 when it is told to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        def stop(number: int, frame: FrameType | None) -> None:
            self.should_exit = True

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        yield


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback interface, or the reason why not."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"port {port} is taken{_holder(port)}. Stop that process, or start with another --port"
            ) from error
        raise StartError(f"port {port} cannot be used: {error.strerror}") from error
    return listener


def _holder(port: int) -> str:
    """Who listens on `port`, as far as this user may know."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            here = connection.laddr[1:2] == (port,)
            if here and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f" by pid {connection.pid} ('{psutil.Process(connection.pid).name()}')"
    return " by another process"


def _announce(settings: Settings, port: int) -> None:
    """Write the ready file in one step: whoever sees it sees all of it."""
    told = {
        "pid": os.getpid(),
        "port": port,
        "uri": f"http://{HOST}:{port}",
        "database": settings.database,
    }
    settings.ready_file.parent.mkdir(parents=True, exist_ok=True)
    draft = settings.ready_file.with_name(f"{settings.ready_file.name}.{os.getpid()}")
    draft.write_text(json.dumps(told))
    draft.replace(settings.ready_file)


def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    listener = listen(settings.port)
    port = listener.getsockname()[1]
    try:
        store = Store(settings.data, settings.database)
    except StoreBusyError as error:
        raise StartError(f"the data folder {settings.data} is in use by another endpoint: {error}") from error
    failpoints = Failpoints(settings.data)
    blobs, queues = Blobs(settings.data / "blobs"), Queues(settings.data / "queues.sqlite")
    ingestion = Ingestion(store, blobs, queues, failpoints, settings.data / "scratch")
    endpoint = Endpoint(store, Queries(store, settings.limits), failpoints, f"http://{HOST}:{port}")
    config = uvicorn.Config(
        application(endpoint, Storage(blobs, queues, ingestion.notify)),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    ingestion.start()
    try:
        _announce(settings, port)
        _Server(config).run(sockets=[listener])
    finally:
        ingestion.stop()
        settings.ready_file.unlink(missing_ok=True)
        queues.close()
        store.close()
