"""`kill -9` of the Kusto endpoint in every command that changes it, while Gold is being loaded."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from assets.gold.state import dirty_dates
from local_azure import endpoints
from local_azure.kusto.failpoint import POINTS
from local_azure.supervisor import Endpoint

LOAD = str(Path(__file__).with_name("load_again.py"))
# In the order in which a load reaches them.
ORDER = ("before_ingest", "after_ingest", "before_replace", "after_replace", "before_append", "after_append")


def kusto_that_dies() -> Endpoint:
    whole = endpoints.kusto()
    at = whole.argv.index("local_azure.kusto") + 1
    script = str(Path(__file__).with_name("kusto_that_dies.py"))
    return Endpoint(whole.name, (sys.executable, script, ",".join(ORDER), *whole.argv[at:]))


@pytest.mark.deep
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_kusto_that_dies_in_its_commands_ends_with_what_an_undisturbed_one_holds(
    with_silver, undisturbed, same_tiers
) -> None:
    laptop = with_silver
    assert sorted(ORDER) == sorted(POINTS)
    days = sorted(map(str, dirty_dates(laptop.lake)))

    with laptop.up(kusto_that_dies()):
        while len(before := deaths(laptop)) < len(ORDER) - 1:
            # A load that loses Kusto in a command says so, or it gets over it: then it meets the next death.
            assert laptop.script(LOAD, *days) in {0, 1}
            assert len(before) < len(deaths(laptop))
        # The last one hits a run of Dagster, if no load has met it yet, which gets over it by itself.
        assert laptop.run("materialize") == 0
        same_tiers(laptop.tiers(), undisturbed.tiers)
    assert deaths(laptop) == sorted(ORDER)


def deaths(laptop) -> list[str]:
    data = laptop.home / "endpoints" / "kusto" / "data"
    return sorted(marker.name.removeprefix("killed-at-") for marker in data.glob("killed-at-*"))
