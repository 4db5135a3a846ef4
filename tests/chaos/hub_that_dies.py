"""The Event Hubs endpoint, killed as it takes events: DEATHS and its own options.

DEATHS is `<n>:before` or `<n>:after` with commas between, one for each life of the process: at the n-th batch it takes,
before the batch is written, or after that and before anybody is told. After the last death it lives on.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from local_azure.event_hubs.__main__ import main
from local_azure.event_hubs.log import Appendable, PartitionLog


def die(lives: Path) -> None:
    lives.write_text(f"{lives.read_text()}x" if lives.exists() else "x")
    os.kill(os.getpid(), signal.SIGKILL)


def arm(lives: Path, at: int, moment: str) -> None:
    """Have every partition's log count the batches that the process takes."""
    taken, append = 0, PartitionLog.append

    def deadly(log: PartitionLog, events: Sequence[Appendable]) -> int:
        nonlocal taken
        taken += 1
        if taken == at and moment == "before":
            die(lives)
        first = append(log, events)
        if taken == at:
            die(lives)
        return first

    PartitionLog.append = deadly  # type: ignore[method-assign]  # the one place where a batch becomes durable


if __name__ == "__main__":
    deaths, *options = sys.argv[1:]
    lives = Path(options[options.index("--data") + 1]).with_name("deaths")
    lived = len(lives.read_text()) if lives.exists() else 0
    for death in deaths.split(",")[lived : lived + 1]:
        number, _, moment = death.partition(":")
        arm(lives, int(number), moment)
    sys.exit(main(options))
