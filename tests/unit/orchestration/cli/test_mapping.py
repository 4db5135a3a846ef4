"""`lakehouse mapping new | test | explain`: what a person and a program see."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from canonical.specs import FOLDER
from orchestration.cli.main import app

SAMPLE = {"dev": "NW-4410917", "ts": 1767225600, "temp_c": 21.5, "rh": 40, "mystery": 7.25}


@pytest.fixture
def lakehouse(tmp_path: Path, monkeypatch, capsys) -> Callable[..., tuple[str, str, int]]:
    """`lakehouse …` in this process: stdout, stderr, exit code."""
    in_force = tmp_path / "in_force"
    in_force.mkdir()
    for name in ("simulator_json", "room_climate"):
        (in_force / f"{name}.yaml").write_text((FOLDER / f"{name}.yaml").read_text())
    monkeypatch.setenv("LAKE_SPECS", str(in_force))
    monkeypatch.setenv("LAKE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAKE_ROOT", str(tmp_path / "lake"))

    def call(*arguments: str) -> tuple[str, str, int]:
        capsys.readouterr()
        # A command that ends by `typer.Exit` gives its code back.
        code = app(["mapping", *arguments], standalone_mode=False)
        said = capsys.readouterr()
        return said.out, said.err, code or 0

    return call


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    file = tmp_path / "North Wind.ndjson"
    file.write_text("\n".join(json.dumps({**SAMPLE, "ts": SAMPLE["ts"] + 60 * n}) for n in range(3)))
    return file


def test_a_newcomers_path_from_samples_to_an_explained_message(lakehouse, samples, tmp_path) -> None:
    _, told, code = lakehouse("new", str(samples), "--out", str(tmp_path / "specs"))
    spec = tmp_path / "specs" / "north_wind.yaml"
    assert code == 0
    assert "3 messages give:" in told
    assert f"lakehouse mapping test {spec}" in told
    assert "mystery  # unmapped? a number, 7.25" in spec.read_text()

    shown, _, code = lakehouse("test", str(spec))
    assert (code, shown.splitlines()) == (0, ["ok north_wind: sample 1", "ok north_wind: sample 2"])

    message = tmp_path / "one.json"
    message.write_text(json.dumps(SAMPLE))
    shown, _, code = lakehouse("explain", str(message), "--mapping", str(spec))
    assert code == 0
    assert "mapping: north_wind" in shown
    assert "temp_c is 21.5" in shown
    assert "result: 2 readings, 0 rejects" in shown


def test_new_leaves_a_file_that_is_there_alone(lakehouse, samples, tmp_path) -> None:
    there = tmp_path / "north_wind.yaml"
    there.write_text("mine")

    with pytest.raises(ValueError, match="is there already; give another --id"):
        lakehouse("new", str(samples), "--out", str(tmp_path))
    assert there.read_text() == "mine"


def test_new_writes_the_spec_to_stdout_and_all_else_to_stderr(lakehouse, samples) -> None:
    out, err, _ = lakehouse("new", str(samples), "--id", "acme")
    data = json.loads(lakehouse("new", str(samples), "--id", "acme", "--json")[0])

    assert out == data["spec"]
    assert "\nid: acme\n" in out
    assert "messages give" in err
    assert (data["messages"], data["rejects"]) == (3, {})
    assert data["unmapped"] == ["mystery: a number, 7.25"]


@pytest.mark.parametrize("content", [b"", b"hello world\n", b"[1, 2]", b'{"a": "b"}', b"\x00\x01" * 100])
def test_samples_that_hold_nothing_to_map_say_why(lakehouse, tmp_path, content) -> None:
    file = tmp_path / "x.bin"
    file.write_bytes(content)

    with pytest.raises(ValueError, match=r"sample|file|payload|lines|field") as error:
        lakehouse("new", str(file))
    assert "Traceback" not in str(error.value)


def test_identities_stay_out_of_examples_unless_they_are_asked_for(lakehouse, samples) -> None:
    masked, kept = lakehouse("new", str(samples))[0], lakehouse("new", str(samples), "--keep-identities")[0]

    assert "4410917" not in masked
    assert "4410917" in kept
    assert "1767225600" in masked


def test_a_difference_is_shown_expected_beside_found_with_its_line(lakehouse, samples, tmp_path) -> None:
    lakehouse("new", str(samples), "--out", str(tmp_path))
    spec = tmp_path / "north_wind.yaml"
    text = spec.read_text().replace("value: 40.0", "value: 41.5", 1).replace("  - mystery", "  - misery")
    spec.write_text(text)
    line = text.splitlines().index("  - name: sample 1") + 1

    shown, _, code = lakehouse("test", str(spec))
    assert code == 1
    assert "DIFFERS north_wind: sample 1" in shown
    assert f"north_wind.yaml line {line}" in shown
    assert next(row for row in shown.splitlines() if row.startswith("reading 1 value")).split() == [
        "reading", "1", "value", "41.5", "40.0",
    ]  # fmt: skip
    assert "field 'mystery' is neither mapped nor ignored" in shown
    out, _, code = lakehouse("test", str(spec), "--json")
    first = json.loads(out)["specs"][0]["examples"][0]
    assert (code, first["passed"], first["line"], first["unmapped_fields"]) == (1, False, line, ["mystery"])
    assert first["differences"] == [{"kind": "reading", "index": 1, "column": "value", "expected": 41.5, "found": 40.0}]


def test_a_spec_that_does_not_load_is_an_error_with_file_and_line_beside_good_ones(
    lakehouse, samples, tmp_path
) -> None:
    lakehouse("new", str(samples), "--id", "good", "--out", str(tmp_path))
    text = (tmp_path / "good.yaml").read_text()
    (tmp_path / "bad.yaml").write_text(text.replace("id: good", "id: bad").replace("unit: degC", "unit: degX", 1))

    shown, _, code = lakehouse("test", str(tmp_path))
    assert code == 1
    assert "ERROR" in shown
    assert "mapping 'bad' (bad.yaml) line" in shown
    assert "unit 'degX' is not a unit" in shown
    assert "ok good: sample 1" in shown


def test_one_mapping_in_force_is_tested_by_its_id(lakehouse) -> None:
    shown, _, code = lakehouse("test", "simulator_json")

    assert code == 0
    assert all(line.startswith("ok simulator_json: ") for line in shown.splitlines())
    with pytest.raises(ValueError, match="no mapping has the id 'nobody'"):
        lakehouse("test", "nobody")


def test_explain_reads_stdin_and_speaks_json(lakehouse, monkeypatch) -> None:
    body = json.dumps({"device": "s1", "time": "2026-01-01T00:00:00Z", "temperature": 300, "temperature_unit": "degC"})
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body.encode())))

    out, _, _ = lakehouse("explain", "-", "--mapping", "simulator_json", "--json")
    data: dict[str, Any] = json.loads(out)
    assert data["mapping"] == "simulator_json"
    temperature = data["entries"][0]["readings"][0]
    assert temperature["outcome"] == "rejected"
    assert temperature["line"] == 11
    assert "above_range" in temperature["details"][-1]


def test_explain_of_an_event_the_lake_does_not_hold_says_what_to_do(lakehouse) -> None:
    with pytest.raises(ValueError, match="holds no events yet"):
        lakehouse("explain", "telemetry/0/0/42")


def test_diff_wants_to_know_over_which_events(lakehouse, samples) -> None:
    with pytest.raises((ValueError, typer.Exit), match="over which events"):
        lakehouse("diff", "in-force", "in-force")
