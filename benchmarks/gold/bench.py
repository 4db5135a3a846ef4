"""One run of the benchmark: a scratch folder, a console, and contenders that are run in it.

Belongs here: running one and turning what it told into rows. Does not: which are run (`__main__`, `benchmarks.warm`).
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import measured
from benchmarks.gold.results import Row, Section
from benchmarks.gold.stages import Stage, told


@dataclass
class Bench:
    """Where it runs, and how long one contender may take."""

    folder: Path
    console: Console
    seconds: float
    kept: dict[str, Path] = field(default_factory=dict)
    """Folders that one section leaves for another."""

    def scratch(self) -> Path:
        """A new folder."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def peer(self, section: Section, what: str, module: str, job: dict[str, Any], *, keep: Path) -> bool:
        """Run a contender of one stage into `keep`; whether it came to its end."""
        pace = measured.reference()
        try:
            used = measured.run(module, [job | {"out": str(keep)}], self.seconds)
        except RuntimeError as problem:
            self._failed(section, what, problem)
            return False
        row = Row(what, used["events"], used["seconds"], used["cpu"], used["rss_mb"], pace, peer=True)
        self.add(section, row)
        return True

    def stages(self, section: Section, what: str, module: str, job: dict[str, Any], *, keep: Path) -> list[Stage]:
        """Run a contender that tells its stages; where it failed, those it came through."""
        try:
            measured.run(module, [job | {"out": str(keep)}], self.seconds)
        except RuntimeError as problem:
            self._failed(section, what, problem)
        return told(keep)

    def add(self, section: Section, row: Row) -> None:
        """Keep a row and show that it is there."""
        section.rows.append(row)
        self.console.print(f"{row.what}: {row.rows:,.0f} rows, {row.seconds:.2f} s, {row.cpu:.2f} CPU s {row.more}")

    def _failed(self, section: Section, what: str, problem: RuntimeError) -> None:
        section.wrong.append(f"{what} did not come to its end.")
        self.console.print(f"[red]{what}: {problem}", markup=True)


def row_of(stage: Stage, what: str, pace: float, *, more: str = "", ours: bool = False, peer: bool = False) -> Row:
    """A stage as a row."""
    return Row(what, stage.rows, stage.seconds, stage.cpu, stage.rss_mb, pace, more, ours, peer)


def remove(*folders: Path) -> None:
    """What is needed no more: a full run does not fit on a disk all at once."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
