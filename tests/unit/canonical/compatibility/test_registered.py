"""What is registered is what is sent, and `lakehouse schema` speaks of it in words."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from canonical.compatibility import published
from canonical.compatibility.registered import Registered, compared, registered
from canonical.examples import body_of
from canonical.schemas.registry import FOLDER
from canonical.specs import load_spec
from orchestration.cli import schema
from simulator.devices import Fleet
from simulator.formats import body
from simulator.patterns import Patterns

SIMULATOR = jsonschema.Draft202012Validator(json.loads((FOLDER / "simulator_v1.schema.json").read_text()))


SPECS = FOLDER.parent / "specs"


@pytest.fixture(autouse=True)
def two_specs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading all specs takes a second; what is promised here holds with two."""
    specs = [load_spec(SPECS / f"{name}.yaml") for name in ("room_climate", "simulator_json")]
    monkeypatch.setattr("canonical.compatibility.registered.load_specs", lambda: specs)


def asked(*arguments: str) -> tuple[int, str]:
    answered = CliRunner().invoke(schema.app, list(arguments))
    return answered.exit_code, answered.stdout


def test_the_simulator_sends_what_its_schema_says() -> None:
    fleet = Fleet(
        devices=20, protobuf_share=0.0, interval_ms=15_000, seed=1, moving_share=0.5, weights=Patterns.parse("daily")
    )
    messages = [json.loads(body(fleet, n, fleet.sample(n, 0, 1_770_000_000_000))) for n in range(20)]

    assert [error.message for each in messages for error in SIMULATOR.iter_errors(each)] == []
    assert {"latitude" in each for each in messages} == {True, False}


def test_the_first_example_of_the_mapping_holds_under_the_schema() -> None:
    spec = load_spec(SPECS / "simulator_json.yaml")

    assert SIMULATOR.is_valid(json.loads(body_of(spec.examples[0])))


def test_versions_of_the_message_are_told_apart_in_words_and_none_breaks_the_one_before() -> None:
    code, said = asked("diff", "telemetry.v1", "telemetry.v2")

    assert (code, "BREAKS" in said) == (0, False)
    assert "field 5 `pressure` (double; Air pressure, hPa) is new" in said


def test_going_back_a_version_breaks() -> None:
    _, said = asked("diff", "telemetry.v2", "telemetry.v1", "--json")

    assert json.loads(said)[0]["breaks"].startswith("reserve its number")


def test_two_files_of_a_mapping_are_told_apart(tmp_path: Path) -> None:
    text = (SPECS / "room_climate.yaml").read_text()
    changed = tmp_path / "changed.yaml"
    changed.write_text(text.replace("path: temperature, unit: degC", "path: temperature, unit: degF"))

    code, said = asked("diff", "room_climate", str(changed))

    assert (code, "reading air_temperature: unit degC → degF" in said) == (0, True)
    assert "BREAKS  version is still" in said


def test_things_of_different_kinds_are_not_compared() -> None:
    now = registered()

    with pytest.raises(ValueError, match="they have nothing to compare"):
        compared(now["telemetry.v1"], now["silver/readings"])


@pytest.mark.parametrize("reference", ["telemetry.v9", "telemetry.v1@--output=x", "telemetry.v9@published"])
def test_a_name_that_is_none_is_an_error_that_says_so(reference: str) -> None:
    answered = CliRunner().invoke(schema.app, ["diff", reference, "telemetry.v1"])

    assert isinstance(answered.exception, ValueError)
    assert not Path(FOLDER, "x:.").exists()


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record of its own, empty at first."""
    file = tmp_path / "published.json"
    file.write_text('{"published": []}')
    monkeypatch.setattr(published, "RECORD", file)
    monkeypatch.setattr(published.published, "__defaults__", (file,))
    return file


def test_what_is_published_is_listed_so_and_checked(record: Path) -> None:
    before = json.loads(asked("list", "--json")[1])
    published_, _ = asked("publish")
    after = json.loads(asked("list", "--json")[1])
    checked, _ = asked("check")

    assert ({row["state"] for row in before}, {row["state"] for row in after}) == ({"new"}, {"published"})
    assert (published_, checked, len(published.read(record.read_text()))) == (0, 0, len(after))


def test_a_published_version_that_changed_is_refused_and_not_recorded(record: Path) -> None:
    now = registered()
    older = json.loads(json.dumps(now["telemetry.v1"].data))
    older["fields"]["4"]["type"] = "float"
    record.write_text(published.written({**now, "telemetry.v1": Registered("protobuf", "telemetry.v1", older)}))
    before = record.read_text()

    code, said = asked("check")
    refused = CliRunner().invoke(schema.app, ["publish"])

    assert (code, "telemetry.v1 was published and is frozen, but changed" in said) == (1, True)
    assert "Register it as telemetry.v2 instead" in str(refused.exception)
    assert record.read_text() == before
