"""Gold and warm of some dates in a process of its own, so that it can be killed: [--publish] DATE..."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date

from assets.gold.domain.due import due
from assets.gold.domain.load import load_domain
from assets.gold.load import load_dates
from assets.gold.quality import load_quality
from assets.gold.state import dirty_quality_dates
from assets.silver.flags.raising import raise_flags
from assets.silver.flags.state import dirty_flag_dates
from assets.silver.snapshot import snapshot
from assets.warm.build import build_warm
from assets.warm.publish import publish
from assets.warm.staging import dirty_warm_dates, load_staging
from lake.store import Lake
from orchestration.resources.kusto import Kusto
from settings.load import load
from settings.model import Settings


def load_again(settings: Settings, days: Sequence[date], *, to_readers: bool) -> None:
    """What the lanes do, without Dagster: the dates at the last batch, up to warm staging or to the published file."""
    lake = Lake.of(settings)
    state = snapshot(lake)
    assert state is not None
    kusto = Kusto.of(settings)
    try:
        load_dates(lake, kusto, state, days)
    finally:
        kusto.close()
    load_quality(lake, state, sorted(dirty_quality_dates(lake)))
    raise_flags(lake, state, sorted(dirty_flag_dates(lake)))
    load_domain(lake, list(due(lake)))
    load_staging(lake, settings, dirty_warm_dates(lake, settings))
    if to_readers:
        build_warm(settings)
        publish(settings)


if __name__ == "__main__":
    given = [date.fromisoformat(word) for word in sys.argv[1:] if word != "--publish"]
    load_again(load(), given, to_readers="--publish" in sys.argv)
