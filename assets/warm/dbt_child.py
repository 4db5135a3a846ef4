"""dbt as a child that ends with the run that started it.

Belongs here: the entry point `lakehouse-dbt`. A run that is killed would otherwise leave its dbt writing, alone, and
the next run would meet it at the database's lock. DuckDB survives the kill; what was not built is built again.
Does not: anything of dbt's own.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PARENT_VARIABLE = "LAKE_WARM_PARENT"
"""Names the process to die with."""
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run dbt with the arguments given. Where the system is not Linux, an orphan lives on and is waited for."""
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is not None and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):  # it died before we asked
            sys.exit(1)
    from dbt.cli.main import cli  # noqa: PLC0415 - takes a second, in which the parent may die

    cli()


if __name__ == "__main__":
    main()
