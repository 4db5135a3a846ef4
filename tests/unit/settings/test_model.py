"""The environment reaches a knob by its whole name, and by nothing less."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings.load import load
from settings.model import Settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` of the checkout takes part."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NAMESPACE", "kube-system"),
        ("EPOCH", "7"),
        ("HUB", "other"),
        ("OWNERSHIP", "/x"),
        ("DATABASE", "x"),
        ("URI", "x"),
    ],
)
def test_what_others_call_by_a_short_name_is_not_ours(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    before = Settings()
    monkeypatch.setenv(name, value)
    assert Settings() == before


def test_a_knob_is_set_by_its_whole_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_EVENT_HUBS__EPOCH", "3")
    monkeypatch.setenv("LAKE_BRONZE__FLUSH_SECONDS", "2")
    assert (load().event_hubs.epoch, load().bronze.flush_seconds) == (3, 2.0)


def test_low_latency_gives_way_to_a_knob_that_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_BRONZE__LATENCY", "low")
    assert load().bronze.flush_seconds == 1.0
    monkeypatch.setenv("LAKE_BRONZE__FLUSH_SECONDS", "4")
    assert load().bronze.flush_seconds == 4.0


@pytest.mark.parametrize(
    ("root", "landing", "found"),
    [
        ("abfss://lake@x.dfs.core.windows.net/a/lake/", "", "abfss://lake@x.dfs.core.windows.net/a/landing"),
        ("abfss://lake@x.dfs.core.windows.net", "", "abfss://lake@x.dfs.core.windows.net/landing"),
        ("/data/lake", "", "/data/landing"),
        ("/data/lake", "abfss://in@x.dfs.core.windows.net/", "abfss://in@x.dfs.core.windows.net"),
    ],
)
def test_files_land_beside_the_lake_unless_said_otherwise(root: str, landing: str, found: str) -> None:
    assert Settings(root=root, landing=landing).landing_root == found
    assert Settings(home=Path("/home/x")).landing_root == "/home/x/landing"
