"""`python -m local_azure.event_hubs`: the endpoint as a process that others start, watch and stop.

Belongs here: options, the ready file, signals, exit codes. Does not: anything that a test would rather call
directly (`server`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from local_azure.event_hubs.clock import Clock
from local_azure.event_hubs.hub import HubSetupError
from local_azure.event_hubs.listening import PORT_TAKEN_EXIT_CODE, PortTakenError
from local_azure.event_hubs.records import DamagedLogError
from local_azure.event_hubs.retention import Retention
from local_azure.event_hubs.server import EventHubsServer

_SETUP_EXIT_CODE = 1
# What AMQP itself asks every peer to accept.
_SMALLEST_FRAME = 512
_Number = TypeVar("_Number", int, float)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_serve(options))
    except PortTakenError as problem:
        _say(str(problem))
        return PORT_TAKEN_EXIT_CODE
    except (HubSetupError, DamagedLogError, ValueError, OSError) as problem:
        _say(str(problem))
        return _SETUP_EXIT_CODE
    return 0


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = EventHubsServer(
        options.data,
        dict(options.hub),
        clock=Clock(options.clock_start, options.clock_speed),
        consumer_groups=options.consumer_group,
        retention=Retention(options.retention_hours, options.retention_bytes),
        events_per_second=options.events_per_second,
        max_frame_size=options.max_frame_size,
        idle_timeout=options.idle_timeout,
        longest_claim=options.longest_claim,
    )
    ready = None
    try:
        await server.start(options.port)
        _say(f"event hubs listens on 127.0.0.1:{server.port}, data in {options.data}")
        for hub in server.namespace.hubs.values():
            for partition in hub.partitions.values():
                if partition.log.dropped_bytes:
                    _say(
                        f"{hub.name}/{partition.partition_id}: dropped {partition.log.dropped_bytes} bytes of a "
                        "send that was cut off before it was acknowledged"
                    )
        ready = _write_ready_file(options.ready_file, server)
        await stop.wait()
        _say("event hubs stops")
    finally:
        await server.close()
        if ready is not None and options.ready_file.exists() and options.ready_file.read_text() == ready:
            # A file that stays would point at nobody; one of a successor is not ours to remove.
            options.ready_file.unlink()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _write_ready_file(path: Path | None, server: EventHubsServer) -> str | None:
    if path is None:
        return None
    ready = {"pid": os.getpid(), "port": server.port, "connection_string": server.connection_string}
    text = json.dumps(ready)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)
    return text


def _hub(text: str) -> tuple[str, int]:
    name, _, partitions = text.partition(":")
    if not name or not partitions.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME:PARTITIONS, as in telemetry:4")
    return name, int(partitions)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not an ISO 8601 time") from None
    if instant.tzinfo is None:
        raise argparse.ArgumentTypeError(f"'{text}' has no UTC offset; write it with Z or +hh:mm")
    return instant


def _hours(text: str) -> timedelta:
    return timedelta(hours=_above_zero(float)(text))


def _frame_size(text: str) -> int:
    size = _above_zero(int)(text)
    if size < _SMALLEST_FRAME:
        raise argparse.ArgumentTypeError(f"{size} is below {_SMALLEST_FRAME}, which every AMQP client may send")
    return size


def _above_zero(kind: type[_Number]) -> Callable[[str], _Number]:
    def read(text: str) -> _Number:
        try:
            number = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None
        if not number > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return number

    return read


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_azure.event_hubs", description="Event Hubs for a laptop, on loopback."
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="folder of the logs; kept across restarts")
    add("--port", type=int, default=5672, help="0 takes a free one (default: %(default)s)")
    add("--hub", type=_hub, action="append", required=True, metavar="NAME:PARTITIONS", help="repeatable")
    add(
        "--consumer-group",
        action="append",
        metavar="NAME",
        help="repeatable; without it any consumer group is accepted",
    )
    add("--clock-start", type=_instant, metavar="ISO", help="enqueued times start here (default: now)")
    add("--clock-speed", type=float, default=1.0, metavar="X", help="and pass X times as fast (default: 1)")
    add("--retention-hours", type=_hours, metavar="H", help="events older than this go (default: none does)")
    add("--retention-bytes", type=_above_zero(int), metavar="N", help="the most a partition keeps (default: no limit)")
    add("--events-per-second", type=_above_zero(float), metavar="N", help="more are throttled (default: no limit)")
    add("--max-frame-size", type=_frame_size, default=1 << 20, metavar="N", help="bytes (default: %(default)s)")
    add("--idle-timeout", type=_above_zero(float), default=240.0, metavar="S", help="seconds (default: %(default)s)")
    add(
        "--longest-claim",
        type=_above_zero(float),
        default=math.inf,
        metavar="S",
        help="seconds after which a token has to be put again, however long it is good for",
    )
    add("--ready-file", type=Path, metavar="PATH", help="written, as JSON, once clients can connect")
    return parser


if __name__ == "__main__":
    sys.exit(main())
