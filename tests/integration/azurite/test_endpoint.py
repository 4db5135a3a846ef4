"""Azurite as a guest on somebody's laptop: reached from nowhere else, and gone when its host is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local_azure import supervisor
from local_azure.azurite import starter


@pytest.mark.timeout(290)  # whoever comes first installs Azurite
def test_it_listens_on_loopback_alone_and_ends_with_the_process_it_accompanies(
    azurite_packages: Path, tmp_path: Path
) -> None:
    host = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        ready = supervisor.start([starter.azurite(azurite_packages)], tmp_path, accompany=host.pid)
        process = psutil.Process(ready["azurite"]["pid"])
        family = [process, *process.parents()[:1]]
        listening = [line.laddr for line in process.net_connections() if line.status == psutil.CONN_LISTEN]
        assert [tuple(address) for address in listening] == [("127.0.0.1", ready["azurite"]["port"])]
    finally:
        host.kill()
        host.wait()
    assert psutil.wait_procs(family, timeout=15)[1] == []
    assert supervisor.running(tmp_path) is None
