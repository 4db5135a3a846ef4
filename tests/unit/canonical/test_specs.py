"""Mapping specs: the product's own, and errors a person can act on."""

from __future__ import annotations

from pathlib import Path

import pytest

from canonical.canonicaliser import Canonicaliser
from canonical.examples import run_examples
from canonical.specs import SpecError, load_spec, load_specs

GOOD = """\
id: vendor
version: 1
description: A vendor's message.
match: {content_type: [application/json], schema_ref: vendor}
decode: {format: json}
device: {path: id, source: vendor}
time: {path: at, format: iso}
readings:
  - metric: air_temperature
    path: t
    unit: degC
"""
CSV = GOOD.replace("{format: json}", "{format: csv, columns: [id, at, t, spare]}").replace(
    "[application/json]", "[text/csv]"
)
PROTOBUF = GOOD.replace("{format: json}", "{format: protobuf, schema: telemetry.v1}")


@pytest.mark.parametrize("spec", load_specs(), ids=lambda spec: spec.id)
def test_committed_examples_give_what_they_say(spec):
    results = run_examples(spec)

    assert results
    assert [str(result) for result in results if not result.passed] == []


WRONG = [
    (GOOD, "unit: degC", "unit: degF?", 11, "unit 'degF?' is not a unit. Did you mean 'degF'?"),
    (GOOD, "unit: degC", "unit: hPa", 11, "unit 'hPa' does not measure what air_temperature measures"),
    (GOOD, "metric: air_temperature", "metric: air_temprature", 9, "Did you mean 'air_temperature'?"),
    (GOOD, "    path: t\n", "", 9, "readings.0: give either path or const"),
    (GOOD, "path: t", 'path: "*"', 10, "String should match"),
    (GOOD, "unit: degC", "unit: degC\n    unti: degC", 12, "Did you mean 'unit'?"),
    (GOOD, "unit: degC", "unit_path: u", 9, "unit_path and units go together"),
    (GOOD, "unit: degC", "unit: degC\n    unit: K", 12, "key 'unit' is there twice"),
    (GOOD, "version: 1", "version: one", 2, "version: Input should be a valid integer"),
    (GOOD, "{format: json}", "{format: xml}", 5, "format"),
    (GOOD, "{path: at, format: iso}", "{format: iso}", 7, "give a path, or `fallback: envelope`"),
    (GOOD, "format: iso}", "format: iso, earliest: 1990-01-01T00:00:00Z}", 7, "a mapping can only be stricter"),
    (GOOD, "format: iso}", "format: iso, ahead_hours: 48}", 7, "a mapping can only be stricter"),
    (GOOD, "source: vendor}", "source: 'a:b'}", 6, "source 'a:b' may hold letters"),
    (
        GOOD,
        "source: vendor}",
        "source: {property: p, pattern: '(?=x)', template: y}}",
        6,
        "not a regular expression RE2 knows",
    ),
    (GOOD, "source: vendor}", "source: {property: p, pattern: '(x)', template: 'y{2}'}}", 6, "{2} is no group"),
    (GOOD, "id: vendor", "id: [", 3, "no valid YAML"),
    (CSV, "path: t", "path: tt", 10, "there is no column 'tt'. Did you mean 't'?"),
    (CSV, "path: t", "path: t", 8, "field 'spare' is neither mapped nor ignored"),
    (PROTOBUF, "telemetry.v1", "telemetri.v1", 5, "'telemetri.v1' is not registered. Did you mean 'telemetry.v1'?"),
    (PROTOBUF, "path: id", "path: devise", 6, "has no field 'devise'. Did you mean 'device'?"),
    (PROTOBUF, "path: t\n", "path: time_ms\n", 10, "has no presence, so 0 cannot be told from nothing"),
]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case[2][:30])
def test_an_error_names_file_line_and_cure(case, tmp_path):
    base, old, new, line, says = case
    file = tmp_path / "vendor.yaml"
    file.write_text(base.replace(old, new, 1))

    with pytest.raises(SpecError) as error:
        load_spec(file)

    places = (f"mapping 'vendor' (vendor.yaml) line {line}: ", f"vendor.yaml line {line}: ")
    assert any(text.startswith(places) for text in str(error.value).splitlines())
    assert says in str(error.value)


def test_all_errors_of_a_folder_are_told_at_once(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(GOOD.replace("unit: degC", f"unit: {name}unit"))
    (tmp_path / "three.yaml").write_text(GOOD)
    (tmp_path / "three_again.yaml").write_text(GOOD)

    with pytest.raises(SpecError) as error:
        load_specs(tmp_path)

    assert "one.yaml" in str(error.value)
    assert "two.yaml" in str(error.value)
    assert "another file has this id" in str(error.value)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(SpecError, match="no mapping specs"):
        load_specs(tmp_path)
    with pytest.raises(SpecError, match="no mapping specs"):
        Canonicaliser.of([])


def test_a_spec_made_in_code_is_checked_too(spec_of):
    with pytest.raises(SpecError, match="not in the metric catalogue"):
        Canonicaliser.of([spec_of(readings=[{"metric": "mood", "path": "t", "unit": "degC"}])])


def test_a_failed_example_says_what_differs(tmp_path):
    file = tmp_path / "vendor.yaml"
    file.write_text(
        GOOD
        + """\
examples:
  - name: wrong on purpose
    enqueued_at: 2026-11-21T03:00:00Z
    body: '{"id":"a","at":"2026-11-21T03:00:00Z","t":20,"extra":{"x":1}}'
    expect:
      readings: [{index: 0, value: 21.0, colour: red}, {index: 3}]
"""
    )

    (result,) = run_examples(load_spec(file))

    assert not result.passed
    assert any("reading 0: value is 20.0, expected 21.0" in text for text in result.differences)
    assert "field 'extra' is neither mapped nor ignored. Map it, or list it under `ignore`." in result.differences
    assert any(text.startswith("reading 3 is missing") for text in result.differences)
    assert any("there is no column 'colour'" in text for text in result.differences)


def test_the_products_specs_load_from_any_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    assert {"room_climate", "simulator_json", "simulator_protobuf"} <= {spec.id for spec in load_specs()}
    assert Path.cwd() == tmp_path
