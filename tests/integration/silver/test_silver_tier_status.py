from __future__ import annotations

from orchestration.tier_status import tiers
from settings.model import Settings


def lines(lake, tmp_path) -> dict[str, str]:
    return {tier.tier: tier.behind for tier in tiers(lake, Settings(home=tmp_path / "home", _env_file=None))}


def test_each_tier_says_what_it_is_behind_the_one_below(lake, hub, promoter, tmp_path):
    assert lines(lake, tmp_path) == {}
    hub.send("03:00")
    assert lines(lake, tmp_path) == {"bronze": ""}
    promoter().promote()
    assert lines(lake, tmp_path) == {"bronze": "", "silver": ""}
    hub.send("03:01", measured="02:01")
    hub.send("03:02", measured="02:02", partition="1")
    assert lines(lake, tmp_path) == {"bronze": "", "silver": "2 events"}
    promoter().promote()
    assert lines(lake, tmp_path) == {"bronze": "", "silver": ""}
