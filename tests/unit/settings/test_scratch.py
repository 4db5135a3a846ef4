"""What a batch spills goes with its process, and not with anybody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from settings.scratch import Scratch

HOLD = """
import sys, time
from pathlib import Path
from settings.scratch import Scratch
scratch = Scratch(Path(sys.argv[1]), "silver")
(scratch.path / "spilled").write_text("rows")
print(scratch.path, flush=True)
time.sleep(60)
"""


def folders(home: Path) -> list[Path]:
    return [entry for entry in home.iterdir() if entry.is_dir()]


def test_a_folder_goes_when_it_is_closed(tmp_path):
    scratch = Scratch(tmp_path, "gold")
    (scratch.path / "spilled").write_text("rows")
    scratch.close()
    scratch.close()
    assert folders(tmp_path) == []


def test_folders_in_use_are_left_alone(tmp_path):
    first, second = Scratch(tmp_path, "gold"), Scratch(tmp_path, "gold")
    assert sorted(folders(tmp_path)) == sorted([first.path, second.path])
    first.close()
    second.close()


def test_what_a_killed_process_left_is_removed_by_the_next_and_what_a_living_one_has_is_not(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        held = Path(process.stdout.readline().strip())
        Scratch(tmp_path, "silver").close()
        assert (held / "spilled").exists()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
    mine = Scratch(tmp_path, "silver")
    assert folders(tmp_path) == [mine.path]
    mine.close()
