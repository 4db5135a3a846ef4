"""The program's end: its exit code is the command's, whatever the libraries it has loaded do while they are unloaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
from orchestration.cli.main import main

class Aborts:
    def __del__(self, abort=os.abort):
        abort()

lasts = Aborts()  # until the interpreter is torn down, as a thread of Arrow's may
main()
"""


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("mapping", "list"), 0, "room_climate"),
        (("mapping", "test", "nowhere.yaml"), 1, "error: nowhere.yaml: No such file or directory"),
        (("mapping", "test", "{folder}"), 1, "error: no mapping specs"),
        (("mapping", "nonsense"), 2, "No such command"),
        (("identity", "--renew", " "), 1, "--renew wants to know why"),
        (("up", "--event-hubs-port", "7", "--kusto-port", "7"), 1, "port 7 cannot serve both"),
    ],
)
def test_what_was_said_is_out_and_the_exit_code_is_the_commands_own(tmp_path, arguments, code, says) -> None:
    arguments = [part.format(folder=tmp_path) for part in arguments]

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )

    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
