"""A wrong unit in a spec, noticed late: fix it, replay the hours, and Silver is what it would have been."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assets.silver.audit import audit
from assets.silver.promote import Promoter
from canonical.canonicaliser import Canonicaliser
from canonical.specs import FOLDER, load_specs
from lake.store import Lake
from quality.contracts.tables import QUARANTINE, QUARANTINE_HISTORY, READINGS
from settings.model import Silver


def sent(hub, at: str, pressure: float, humidity: float = 40.0) -> dict[str, object]:
    body = {
        "device": "sim-1", "time": f"2026-03-01T{at}:00Z", "temperature": 20.5, "temperature_unit": "degC",
        "humidity": humidity, "pressure": pressure, "battery": 3.6,
    }  # fmt: skip
    return hub.event(at, body=json.dumps(body).encode()) | {"schema_ref": "simulator.v1"}


@pytest.fixture
def specs(tmp_path: Path) -> tuple[Canonicaliser, Canonicaliser]:
    """The product's own simulator mapping, with pressure in the wrong unit and in the right one."""
    text = (FOLDER / "simulator_json.yaml").read_text(encoding="utf-8")
    made = []
    for name, unit in (("wrong", "hPa"), ("right", "Pa")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "simulator_json.yaml").write_text(
            text.replace("path: pressure, unit: Pa", f"path: pressure, unit: {unit}"), encoding="utf-8"
        )
        made.append(Canonicaliser.of(load_specs(folder)))
    return made[0], made[1]


def test_replay_after_a_fix_gives_what_the_right_spec_would_have_given(
    tmp_path: Path, lake, hub, specs, everything
) -> None:
    wrong, right = specs
    # 100,000 "hPa" is rejected; 990 "hPa" is plausible and wrong, and only replay of the whole hour mends it.
    hub.arrive(sent(hub, "03:10", 100_000), sent(hub, "03:11", 99_000, humidity=140), sent(hub, "04:10", 100_100))
    Promoter(lake, wrong, Silver()).promote()
    assert sorted(lake.rows(QUARANTINE)["reason"].to_pylist()) == ["above_range"] * 4
    hours = sorted(set(lake.rows(QUARANTINE)["enqueued_hour"].to_pylist()))

    replayed = Promoter(lake, right, Silver()).replace(hours)

    would_be = Lake(str(tmp_path / "would-be"))
    hub.lake, hub.numbers = would_be, type(hub.numbers)(int)
    hub.arrive(sent(hub, "03:10", 100_000), sent(hub, "03:11", 99_000, humidity=140), sent(hub, "04:10", 100_100))
    Promoter(would_be, right, Silver()).promote()
    assert everything(lake) == everything(would_be)
    assert audit(lake).balanced
    history = lake.rows(QUARANTINE_HISTORY).to_pylist()
    assert [
        (row["reason"], row["index"], row["quarantined_in"], row["replayed_in"], row["digest"]) for row in history
    ] == [("above_range", 2, 1, replayed.batch, wrong.digest)] * 3
    assert lake.rows(QUARANTINE)["silver_batch"].to_pylist() == [replayed.batch]


def test_a_plausible_wrong_value_is_mended_by_the_same_replay(lake, hub, specs) -> None:
    wrong, right = specs
    hub.arrive(sent(hub, "03:10", 990))
    Promoter(lake, wrong, Silver()).promote()
    assert sorted(lake.rows(READINGS)["value"].to_pylist()) == [3.6, 20.5, 40.0, 990.0]

    batch = Promoter(lake, right, Silver()).replace(["2026-03-01-03"])

    assert sorted(lake.rows(READINGS)["value"].to_pylist()) == [3.6, 20.5, 40.0]
    assert lake.rows(QUARANTINE)["reason"].to_pylist() == ["below_range"]
    assert [f"{day}" for day in batch.event_dates] == ["2026-03-01"]


def test_what_is_still_wrong_after_a_replay_has_not_left_quarantine(lake, hub, specs) -> None:
    wrong, _ = specs
    hub.arrive(sent(hub, "03:10", 100_000))
    Promoter(lake, wrong, Silver()).promote()

    Promoter(lake, wrong, Silver()).replace(["2026-03-01-03"])

    assert lake.rows(QUARANTINE_HISTORY).num_rows == 0
    assert lake.rows(QUARANTINE)["silver_batch"].to_pylist() == [2]
