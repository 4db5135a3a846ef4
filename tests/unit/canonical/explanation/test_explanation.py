"""`explain`: what each line of a mapping did with one message, told from what the mapping really does."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from canonical.canonicaliser import EVENTS_SCHEMA, Canonicaliser
from canonical.explanation import Explanation, explain
from canonical.specs import load_spec
from canonical.yaml_lines import read_yaml

HEAD = """\
id: acme
version: 1
description: A vendor's message.
match: {content_type: [application/json], has: [dev]}
decode: {format: json}
device: {path: dev, source: acme}
time: {path: at, format: epoch_s}
"""
FLAT = (
    HEAD
    + """\
readings:
  - {metric: air_temperature, path: t, unit: degF, sentinels: [-999]}
  - {metric: relative_humidity, path: h, unit: percent}
  - {metric: contact_state, path: door, states: {yes: open, no: closed}, required: false}
  - {metric: battery_voltage, path: b, unit_path: bu, units: {mV: mV}, required: false}
ignore: [fw]
"""
)
LIST = (
    HEAD
    + """\
records:
  - each: probes[*]
    readings:
      - {metric: air_temperature, channel: {path: no}, path: t, unit: degC}
      - path: v
        metric_path: n
        metrics: {hum: relative_humidity, co2: {metric: co2, unit: ppm}}
        unit: percent
"""
)
OTHER = FLAT.replace("id: acme", "id: zenith").replace("has: [dev]", "schema_ref: zenith")
Explain = Callable[..., Explanation]


@pytest.fixture
def explained(tmp_path: Path) -> Explain:
    """Explain a document under specs given as text."""

    def make(document: Any, *specs: str, device: str | None = None) -> Explanation:
        loaded, lines = [], {}
        for number, text in enumerate(specs):
            file = tmp_path / f"{number}.yaml"
            file.write_text(text.replace("yes:", "'yes':").replace("no: closed", "'no': closed"))
            loaded.append(load_spec(file))
            lines[loaded[-1].id] = read_yaml(file)[1]
        row = {
            "hub": "h", "partition_id": "0", "epoch": 0, "sequence_number": 7,
            "enqueued_at": datetime(2026, 3, 1, 12, tzinfo=UTC), "device_id": device, "content_type": "application/json",
            "content_encoding": None, "schema_ref": None, "properties": [],
            "body": document if isinstance(document, bytes) else json.dumps(document).encode(),
        }  # fmt: skip
        return explain(pa.Table.from_pylist([row], schema=EVENTS_SCHEMA), Canonicaliser.of(loaded), lines)

    return make


GOOD = {"dev": "a1", "at": 1772359200, "t": 68, "h": 140, "door": "yes", "b": 3000, "bu": "mV", "fw": "1", "extra": 3}


def test_every_reading_says_its_line_its_steps_and_its_end(explained: Explain) -> None:
    found = explained(GOOD, FLAT)

    (entry,) = found.entries
    told = {step.says: (step.line, step.outcome, step.details) for step in entry.readings}
    assert told["air_temperature"] == (
        9, "accepted",
        ("t is 68", "degF to degC: (68 * 5 - 160) / 9 = 20", "range: -60 to 85", "accepted: 20 degC"),
    )  # fmt: skip
    line, outcome, details = told["relative_humidity"]
    assert (line, outcome) == (10, "rejected")
    assert details[-1].startswith("rejected as above_range: relative_humidity of acme:a1 is 140")
    assert told["contact_state"][2] == ('door is "yes"', "as a state: 'open'", "accepted: 'open'")
    assert told["battery_voltage"][2][1:3] == ("its unit, bu, is 'mV'", "mV to V: 3000 / 1000 = 3")
    assert [step.line for step in entry.steps] == [6, 7]
    assert "acme:a1" in entry.steps[0].says
    assert entry.steps[1].says.endswith("2026-03-01T10:00:00Z")
    assert found.unmapped == ("extra",)


def test_sentinels_and_absent_fields_are_told_apart(explained: Explain) -> None:
    (entry,) = explained({**GOOD, "t": -999, "h": None, "door": None}, FLAT).entries

    ends = {step.says: (step.outcome, step.details[-2:]) for step in entry.readings}
    assert ends["air_temperature"][0] == "nothing"
    assert "sentinel" in ends["air_temperature"][1][0]
    assert ends["relative_humidity"] == (
        "rejected",
        (
            "h is not there",
            "rejected as missing_field: 'h' of acme:a1 is absent or null; relative_humidity is required",
        ),
    )
    assert ends["contact_state"][1][0] == "door is not there, and need not be"


def test_other_mappings_say_what_of_their_match_is_not_so(explained: Explain) -> None:
    found = explained(GOOD, FLAT, OTHER)

    assert [(one["mapping"], one["chosen"], one["matched"]) for one in found.matching] == [
        ("acme", True, True),
        ("zenith", False, False),
    ]
    failed = [test for test in found.matching[1]["tests"] if not test["holds"]]
    assert [(test["says"], test["line"]) for test in failed] == [("schema is 'zenith'", 4)]


def test_a_message_nobody_takes_says_what_each_mapping_misses(explained: Explain) -> None:
    found = explained({"device": 1}, FLAT)

    assert found.mapping is None
    assert found.rejects[0]["reason"] == "no_mapping"
    assert [test["says"] for test in found.matching[0]["tests"] if not test["holds"]] == ["has dev"]


def test_a_message_that_is_rejected_as_a_whole_says_so_once(explained: Explain) -> None:
    broken, late = explained(b'{"dev": ', FLAT), explained({**GOOD, "at": 5}, FLAT)

    assert [row["reason"] for row in broken.rejects] == ["invalid_json"]
    (entry,) = late.entries
    assert entry.steps[-1].outcome == "rejected"
    assert entry.steps[-1].says.startswith("too_old: recorded at 1970-01-01")
    assert {step.outcome for step in entry.readings} == {"nothing"}


def test_entries_of_an_array_have_the_indexes_that_silver_gives_them(explained: Explain) -> None:
    probes = [
        {"no": 1, "t": 20.5, "n": "hum", "v": 40},
        {"no": 2, "t": 900, "n": "co2", "v": 600},
        {"no": 3, "t": 1, "n": "mood", "v": 3},
    ]
    found = explained({"dev": "a1", "at": 1772359200, "probes": probes}, LIST)

    steps = [step for entry in found.entries for step in entry.readings]
    accepted = {step.index for step in steps if step.outcome == "accepted"}
    assert accepted == {row["index"] for row in found.readings}
    assert len(accepted) == 4
    rejected = {step.index: step for step in steps if step.outcome == "rejected"}
    assert rejected.keys() == {row["index"] for row in found.rejects}
    assert sorted(step.says for step in rejected.values()) == ["air_temperature (2)", "other names"]
    assert [step.line for step in found.entries[0].readings] == [11, 14, 14, 12]


def test_it_is_plain_data_for_programs(explained: Explain) -> None:
    data = json.loads(json.dumps(explained(GOOD, FLAT, OTHER).data(), default=str))

    assert data["mapping"] == "acme"
    assert data["entries"][0]["readings"][0]["details"][-1] == "accepted: 20 degC"
