"""Which local endpoints there are and how each is started.

Belongs here: the command lines, ports, and the environment a client needs to reach what runs.
Does not: supervision (`local_azure.supervisor`).
"""

from __future__ import annotations

import socket
import sys
from datetime import datetime
from typing import Any

from local_azure.event_hubs.listening import PortTakenError
from local_azure.supervisor import Endpoint, SupervisorError

HUB = "telemetry"
PARTITIONS = 4


def event_hubs(port: int = 0, clock_start: datetime | None = None, clock_speed: float = 1.0) -> Endpoint:
    """Event Hubs with one hub of four partitions; `clock_start` and `clock_speed` set its enqueued times."""
    clock = () if clock_start is None else ("--clock-start", clock_start.isoformat())
    return Endpoint(
        "event_hubs",
        (
            *(sys.executable, "-m", "local_azure.event_hubs"),
            *("--data", "{data}", "--port", "{port}", "--ready-file", "{ready}"),
            *("--hub", f"{HUB}:{PARTITIONS}", "--clock-speed", str(clock_speed)),
            *clock,
        ),
        port,
    )


def kusto(port: int = 0) -> Endpoint:
    """Kusto with the database `telemetry`."""
    return Endpoint(
        "kusto",
        (
            *(sys.executable, "-m", "local_azure.kusto"),
            *("--data", "{data}", "--port", "{port}", "--ready-file", "{ready}", "--database", "telemetry"),
        ),
        port,
    )


def refuse_taken(port: int, option: str) -> None:
    """Look before an endpoint is started: the sentence then names the option that whoever asked can change.

    Raises: SupervisorError naming the port, its holder and the option.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SupervisorError(str(PortTakenError(port, option))) from error


def environment(ready: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Settings of a client, by environment variable, from the ready files."""
    found: dict[str, str] = {}
    if "event_hubs" in ready:
        found["LAKE_EVENT_HUBS__CONNECTION_STRING"] = ready["event_hubs"]["connection_string"]
        found["LAKE_EVENT_HUBS__HUB"] = HUB
    if "kusto" in ready:
        found["LAKE_KUSTO__URI"] = ready["kusto"]["uri"]
        found["LAKE_KUSTO__DATABASE"] = ready["kusto"]["database"]
    return found
