"""Starting and ending the endpoint as a process of its own, from Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.02


class LaunchError(Exception):
    """The endpoint ended, or was not ready in time; the message holds what it said."""


@dataclass(frozen=True)
class Running:
    """An endpoint that answers requests."""

    process: subprocess.Popen[bytes]
    uri: str
    port: int
    database: str
    log: Path

    def stop(self, seconds: float = 20) -> int:
        """Ask it to end and wait; the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


def start(
    data: Path,
    *,
    port: int = 0,
    database: str = "telemetry",
    arguments: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
    seconds: float = 30,
) -> Running:
    """Start an endpoint on the folder `data` and wait until it is ready. Its output goes to `data/endpoint.log`."""
    data.mkdir(parents=True, exist_ok=True)
    ready, log = data / "ready.json", data / "endpoint.log"
    command = [sys.executable, "-m", "local_azure.kusto", "--data", str(data), "--port", str(port)]
    command += ["--database", database, "--ready-file", str(ready), *arguments]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
        )
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        # A process that was killed leaves its file behind: believe only the one just started.
        told = json.loads(ready.read_text()) if ready.exists() else {}
        if told.get("pid") == process.pid:
            return Running(process, told["uri"], told["port"], told["database"], log)
        time.sleep(_POLL_SECONDS)
    process.kill()
    process.wait()
    raise LaunchError(f"the local Kusto endpoint did not become ready: {log.read_text()[-2000:].strip()}")
