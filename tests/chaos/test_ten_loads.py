"""The same dates, batches of Silver one after the other, each load killed at another point."""

from __future__ import annotations

import runpy
import signal
from datetime import date
from pathlib import Path

import pytest

from assets.silver.batches import dates_touched, hours_touched
from assets.silver.promote import Promoter
from assets.silver.snapshot import snapshot
from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_specs
from local_azure import endpoints
from settings.model import Silver

SCRIPT = str(Path(__file__).with_name("load_again.py"))
# The last two need a load that also builds and publishes, which costs seconds of dbt.
POINTS = (
    "gold.after_export",
    "gold.after_queue",
    "gold.after_ingest",
    "gold.after_swap",
    "gold.after_level@3",
    "gold.after_copy@2",
    "warm.after_delete@3",
    "warm.after_staging",
    "warm.after_dbt",
    "warm.before_publish",
)
# `tests/integration/gold/test_ten_loads.py` has appends between and kills no process.
PUBLISHING = POINTS[-2:]


def new_batch(laptop) -> list[date]:
    """Replace every hour by the same rows, which makes every date due again; the dates."""
    known = snapshot(laptop.lake)
    assert known is not None
    promoter = Promoter(laptop.lake, Canonicaliser.of(load_specs()), Silver())
    replaced = promoter.replace(sorted(hours_touched(laptop.lake, known.batch)))
    assert replaced is not None
    assert replaced.batch == known.batch + 1
    return sorted(dates_touched(laptop.lake, replaced.batch))


@pytest.mark.deep
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_loads_of_the_same_dates_each_killed_leave_the_rows_of_one(with_silver, undisturbed, same_tiers) -> None:
    laptop = with_silver
    load_again = runpy.run_path(SCRIPT)["load_again"]
    with laptop.up(endpoints.kusto()):
        for point in POINTS:
            days = new_batch(laptop)
            options = ("--publish",) if point in PUBLISHING else ()
            killed = laptop.script(SCRIPT, *options, *map(str, days), kill_at=point)
            assert killed == -signal.SIGKILL, f"{point} was not reached"
            load_again(laptop.settings, days, to_readers=point == POINTS[-1])
        same_tiers(laptop.tiers(), undisturbed.tiers)
