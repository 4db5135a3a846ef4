"""A port to listen on, or a sentence that says who has it.

Belongs here: naming the process that holds a port. Does not: the server that wants it (`server`).
"""

from __future__ import annotations

import psutil

# What a program started for this purpose returns when its port is taken: EADDRINUSE on Linux.
PORT_TAKEN_EXIT_CODE = 98


class PortTakenError(Exception):
    """Another process listens on the port."""

    def __init__(self, port: int, option: str) -> None:
        super().__init__(
            f"port {port} is taken by another process{_holder(port)}. Stop it, or start with another {option}."
        )
        self.port = port


def _holder(port: int) -> str:
    """` (pid 4121, 'qpidd')`, or nothing when the system does not tell."""
    try:
        for connection in psutil.net_connections("tcp"):
            listening = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listening and connection.pid is not None:
                return f" (pid {connection.pid}, '{psutil.Process(connection.pid).name()}')"
    except (psutil.Error, OSError):
        pass
    return ""
