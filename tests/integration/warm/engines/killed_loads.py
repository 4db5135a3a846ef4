"""Loads that are killed at the points named: `killed_loads.py DATE POINT…`; prints what staging held after each.

Every load and every look is a fork of a process that has imported the product and used none of it: a kill is a kill,
and a start costs nothing. Where the warm tier and the lake are is in the environment, as for the product.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import date

from assets.warm.engine import engine_of
from assets.warm.staging import load_staging
from lake.store import Lake
from settings.load import load

if os.environ.get("LAKE_WARM__ENGINE") == "sqlserver":
    import assets.warm.sqlserver.engine  # noqa: F401 - before the forks


def forked(work: Callable[[], None]) -> int:
    """The status of a child that does the work."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(day: date, points: list[str]) -> None:
    """Kill a load at each point, and look."""
    settings = load()
    for point in points:

        def killed(point: str = point) -> None:
            os.environ["LAKE_KILL_AT"] = f"warm.{point}"
            load_staging(Lake.of(settings), settings, [day])

        def look(point: str = point) -> None:
            found = engine_of(settings).write(
                lambda session: session.execute("select count(*) from staging.readings_1h where event_date = ?", [day])
            )
            print(point, found[0][0])

        if forked(killed) != -signal.SIGKILL:
            sys.exit(f"the load was not killed at {point}")
        if forked(look) != 0:
            sys.exit(f"staging could not be read after {point}")


if __name__ == "__main__":
    main(date.fromisoformat(sys.argv[1]), sys.argv[2:])
