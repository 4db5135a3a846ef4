"""What is said of a retried commit never lands among a program's results."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from deltalake.exceptions import CommitFailedError
from lake.fence import on_fresh_table
from lake.store import Lake
from quality.contracts.tables import IDENTITY

turns = []

def attempt(table):
    turns.append(1)
    if len(turns) == 1:
        raise CommitFailedError("somebody was faster")
    return "result"

print(on_fresh_table(Lake(sys.argv[1]), IDENTITY, attempt))
"""


def test_a_conflict_is_told_on_stderr_and_the_result_alone_on_stdout(tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "lake")], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "result\n"
    assert "somebody was faster" in done.stderr
