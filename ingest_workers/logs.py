"""How the workers speak: one structured line per happening, on stderr.

Belongs here: the set-up of structlog and of the libraries that use `logging`, and handing lines to telemetry too.
Does not: what is said; each module says it where it happens. stdout belongs to results.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import structlog

Tap: TypeAlias = Callable[[str, Mapping[str, Any]], None]
"""Called with the level and the line's fields; `event` is its text, `logger` is there where a library wrote it."""

_taps: list[Tap] = []
_OF_TELEMETRY = ("opentelemetry", "azure.monitor")


def tap(into: Tap) -> None:
    """Hand every line also to `into`, until `untap`."""
    _taps.append(into)


def untap(into: Tap) -> None:
    """Hand it no more lines."""
    if into in _taps:
        _taps.remove(into)


def _tapped(logger: Any, name: str, event: Any) -> Any:
    record = event.get("_record")
    if record is not None and record.name.startswith(_OF_TELEMETRY):
        return event  # a collector that is down must not be told so for ever
    for into in tuple(_taps):
        fields = {field: value for field, value in event.items() if not field.startswith("_")}
        if record is not None:
            fields["logger"] = record.name
        with suppress(Exception):  # who listens in never keeps a line from being written
            into(str(event.get("level", name)), fields)
    return event


def configure(*, level: int = logging.INFO, as_json: bool | None = None) -> None:
    """Log to stderr, ours and the libraries': JSON lines for programs, readable lines in a terminal."""
    shared, render = _structlog(level, as_json=as_json)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_strip, *render]))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    # Every failed connection is retried and logged by us, once; the SDK says the same five times a second.
    logging.getLogger("azure.eventhub").setLevel(logging.ERROR)


def configure_once() -> None:
    """Our own lines to stderr unless the program has its own way: structlog alone would print to stdout."""
    if not structlog.is_configured():
        _structlog(logging.INFO, as_json=None)


def _structlog(level: int, *, as_json: bool | None) -> tuple[list[Any], list[Any]]:
    if as_json is None:
        as_json = not sys.stderr.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _tapped,
    ]
    render: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
        if as_json
        else [structlog.dev.ConsoleRenderer()]
    )
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # stderr as it is when a line is written: a test or a progress bar may have put another in its place.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    return shared, render


def _strip(logger: Any, name: str, event: Any) -> Any:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(logger, name, event)
