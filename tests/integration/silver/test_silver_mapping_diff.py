"""`lakehouse mapping diff` over a real Bronze: what another version would change, row by row and in sum."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from assets.silver.intake import chunks
from assets.silver.mapping_diff import Difference, differences, in_range
from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_spec
from orchestration.cli.main import app

SPEC = """\
id: thermo
version: 1
description: Two readings.
match: {content_type: [application/json]}
decode: {format: json}
device: {path: d, source: x}
time: {path: t}
readings:
  - {metric: air_temperature, path: v, unit: degC}
"""
FAHRENHEIT = SPEC.replace("unit: degC", "unit: degF")
LOCAL = SPEC.replace("time: {path: t}", "time: {path: t, earliest: 2027-01-01T00:00:00Z}")
OTHER_CHANNEL = SPEC.replace("path: v", "path: v, channel: probe")
OTHER_SOURCE = SPEC.replace("source: x", "source: y")

Change = tuple[int, str, str, Any, Any]


@pytest.fixture
def spec(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        folder = tmp_path / f"specs{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        (folder / "thermo.yaml").write_text(text)
        return folder / "thermo.yaml"

    return write


@pytest.fixture
def compared(lake, hub, instant, spec) -> Callable[..., list[Difference]]:
    """Compare two texts of a spec over a Bronze of four events, in chunks."""
    hub.send("03:00", 20)
    hub.send("03:10", 70, measured="02:10")
    hub.send("03:20", 90, measured="02:20")  # no air is that warm, unless it is said in Fahrenheit
    hub.arrive(hub.event("03:30", body=b"{broken"))
    hub.send("09:00", 20, measured="08:00")

    def compare(old: str, new: str, rows: int = 100) -> list[Difference]:
        versions = [Canonicaliser.of([load_spec(spec(text))]) for text in (old, new)]
        events = chunks(lake, in_range(instant("03:00"), instant("04:00")), rows)
        return list(differences(events, *versions))

    return compare


def changes(found: list[Difference]) -> list[Change]:
    rows = [row for one in found for row in one.rows.to_pylist()]
    return [
        (
            row["sequence_number"],
            row["change"],
            row["what"],
            row["old_reason"] or row["old_value"],
            row["new_reason"] or row["new_value"],
        )
        for row in rows
    ]


@pytest.fixture
def instant() -> Callable[[str], Any]:
    from datetime import UTC, datetime

    return lambda text: datetime.fromisoformat(f"2026-03-01T{text}").replace(tzinfo=UTC)


def test_equal_versions_differ_in_nothing(compared) -> None:
    (found,) = compared(SPEC, SPEC)

    assert found.events == 4
    assert found.rows.num_rows == 0
    assert found.metrics.to_pylist()[0] | {} == {
        "mapping_id": "thermo", "metric": "air_temperature", "before": 2, "after": 2, "added": 0, "removed": 0,
        "changed": 0, "accepted": 0, "rejected": 0,
    }  # fmt: skip


def test_another_unit_changes_values_and_turns_rejects_into_readings(compared) -> None:
    found = compared(SPEC, FAHRENHEIT)

    assert changes(found) == [
        (0, "changed", "value", 20.0, pytest.approx(-6.6666667)),
        (1, "changed", "value", 70.0, pytest.approx(21.1111111)),
        (2, "accepted", "", "above_range", pytest.approx(32.2222222)),
    ]
    assert {row["reason"]: (row["before"], row["after"]) for row in found[0].reasons.to_pylist()} == {
        "above_range": (1, 0),
        "invalid_json": (1, 1),
    }


def test_back_again_is_the_mirror_image(compared) -> None:
    assert [(number, change) for number, change, *_ in changes(compared(FAHRENHEIT, SPEC))] == [
        (0, "changed"),
        (1, "changed"),
        (2, "rejected"),
    ]


def test_a_reject_of_the_whole_event_is_told_by_its_readings(compared) -> None:
    there, back = compared(SPEC, LOCAL), compared(LOCAL, SPEC)

    assert changes(there) == [
        (0, "rejected", "", 20.0, "too_old"),
        (1, "rejected", "", 70.0, "too_old"),
        (2, "reason", "", "above_range", "too_old"),
    ]
    assert [(number, change) for number, change, *_ in changes(back)] == [
        (0, "accepted"),
        (1, "accepted"),
        (2, "reason"),
    ]


def test_another_channel_is_a_reading_gone_and_one_come(compared) -> None:
    assert [(number, change) for number, change, *_ in changes(compared(SPEC, OTHER_CHANNEL))] == [
        (0, "removed"), (0, "added"), (1, "removed"), (1, "added"), (2, "reason"), (2, "reason"),
    ]  # fmt: skip


def test_another_device_is_a_change_of_the_reading(compared) -> None:
    assert [what for _, _, what, *_ in changes(compared(SPEC, OTHER_SOURCE))] == ["device", "device", "device"]


def test_the_cut_into_chunks_changes_nothing(compared) -> None:
    whole, cut = compared(SPEC, FAHRENHEIT), compared(SPEC, FAHRENHEIT, rows=1)

    assert len(cut) > len(whole)
    assert sorted(changes(cut)) == changes(whole)


def test_the_command_sums_shows_and_writes_nothing(lake, compared, spec, monkeypatch, capsys) -> None:
    compared(SPEC, SPEC)
    monkeypatch.setenv("LAKE_ROOT", lake.root)
    monkeypatch.setenv("LAKE_HOME", str(Path(lake.root).parent / "home"))
    old, new = spec(SPEC), spec(FAHRENHEIT)
    before = sorted(path for path in Path(lake.root).rglob("*"))

    def call(*more: str) -> str:
        arguments = ["mapping", "diff", str(old.parent), str(new.parent), "--from", "2026-03-01T03:00", *more]
        app(arguments, standalone_mode=False)
        return capsys.readouterr().out

    capsys.readouterr()
    data = json.loads(call("--to", "2026-03-01T04:00", "--json"))
    assert data["events"] == 4
    assert data["changed"] == len(data["rows"]) == 3
    assert data["metrics"] == [
        {"mapping": "thermo", "metric": "air_temperature", "before": 2, "after": 3, "added": 0, "removed": 0,
         "changed": 2, "accepted": 1, "rejected": 0}
    ]  # fmt: skip
    shown = call("--to", "2026-03-01T04:00", "--rows", "1")
    assert "Changed rows, 1 of 3" in shown
    assert "hub/0/0/0  changed value" in shown
    assert "20 degC" in shown
    assert sorted(path for path in Path(lake.root).rglob("*")) == before
    with pytest.raises(ValueError, match="is not after"):
        call("--to", "2026-03-01T03:00")
    with pytest.raises((ValueError, typer.Exit), match="neither a spec file"):
        app(["mapping", "diff", "nonsense", str(new), "--from", "2026-03-01"], standalone_mode=False)
