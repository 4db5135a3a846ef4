"""How an example in a spec is compared with what its event gives, as somebody writes one by hand."""

from __future__ import annotations

import pytest

from canonical.canonicaliser import Canonicaliser
from canonical.content import content_of
from canonical.examples import run_examples
from canonical.specs import SpecError, load_spec

AT = "2026-11-21T03:00:00Z"
PROBES = {
    "readings": [{"metric": "relative_humidity", "path": "h", "unit": "percent"}],
    "records": [
        {
            "each": "s[*]",
            "readings": [
                {"metric": "air_temperature", "path": "k", "unit": "kelvin", "channel": {"path": "n"}},
                {"metric": "battery_voltage", "path": "b", "unit": "V", "channel": {"path": "n"}, "required": False},
            ],
        }
    ],
}
BODY = '{"id":"d","at":"' + AT + '","h":41,"s":[{"n":"x","k":272.04,"b":3.1},{"n":"y","k":"?"},{"n":"z","k":300}]}'


@pytest.fixture
def said(spec_of):
    """What is different from these expectations."""

    def differences(readings, rejects=()):
        expect = {"readings": list(readings), "rejects": list(rejects)}
        example = {"name": "by hand", "enqueued_at": AT, "body": BODY, "expect": expect}
        (result,) = run_examples(spec_of(**PROBES, examples=[example]))
        return result.differences

    return differences


RIGHT = [
    {"metric": "air_temperature", "channel": "z", "value": 26.85},
    {"metric": "battery_voltage", "value": 3.1},
    {"metric": "air_temperature", "channel": "x", "value": -1.11},
    {"metric": "relative_humidity", "value": 41},
]


def test_rows_without_an_index_are_found_by_what_they_say(said):
    assert said(RIGHT, [{"reason": "not_a_number"}]) == ()
    assert said(RIGHT[::-1], [{"reason": "not_a_number"}]) == ()


def test_nought_is_nought_in_spite_of_rounding_and_little_is_not(spec_of):
    parts = {"readings": [{"metric": "air_temperature", "path": "k", "unit": "kelvin"}]}

    def passed(kelvin, celsius):
        body = f'{{"id":"d","at":"{AT}","k":{kelvin}}}'
        expect = {"readings": [{"value": celsius}]}
        example = {"name": "by hand", "enqueued_at": AT, "body": body, "expect": expect}
        return run_examples(spec_of(**parts, examples=[example]))[0].passed

    assert passed(273.15, 0)
    assert passed(300.3, 27.15)
    assert not passed(273.15, 1e-9)
    assert not passed(300.3, 27.1500001)


def test_a_wrong_value_is_told_of_the_row_that_is_meant(said):
    wrong = [RIGHT[0] | {"value": 26.851}, *RIGHT[1:]]

    (told,) = said(wrong, [{"reason": "not_a_number"}])

    assert "value is 26.85" in told
    assert "expected 26.851" in told


def test_each_row_answers_for_one_expectation(said):
    told = said([*RIGHT, RIGHT[0]], [{"reason": "not_a_number"}])

    assert len(told) == 1
    assert "is missing" in told[0]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("readins: []", "line 8: readins: is no word of the language. Did you mean 'readings'?"),
        ("ignroe: [x]", "line 8: ignroe: is no word of the language. Did you mean 'ignore'?"),
        ("qqqqqqqq: 1", "line 8: qqqqqqqq: is no word of the language."),
        (
            "zone: UTC",
            "line 8: zone: is a word of the language, but not here: look where it stands, and how far it is indented.",
        ),
    ],
)
def test_a_mistyped_word_is_told_with_the_word_it_may_be(tmp_path, line, told):
    file = tmp_path / "typo.yaml"
    file.write_text(
        "id: vendor\nversion: 1\ndescription: x\nmatch: {content_type: [application/json], schema_ref: v}\n"
        "decode: {format: json}\ndevice: {path: id, source: vendor}\n"
        "time: {path: at}\n" + line + "\nreadings: [{metric: co2, path: c, unit: ppm}]\n"
    )

    with pytest.raises(SpecError) as error:
        load_spec(file)

    assert str(error.value) == f"mapping 'vendor' (typo.yaml) {told}"


def test_an_hour_of_twelve_needs_its_half_of_the_day(tmp_path):
    file = tmp_path / "clock.yaml"
    file.write_text(
        "id: vendor\nversion: 1\ndescription: x\nmatch: {content_type: [application/json], schema_ref: v}\n"
        "decode: {format: json}\ndevice: {path: id, source: vendor}\n"
        "time: {path: at, format: '%d/%m/%Y %I:%M', zone: UTC}\n"
        "readings: [{metric: co2, path: c, unit: ppm}]\n"
    )

    with pytest.raises(SpecError, match="line 7: '%d/%m/%Y %I:%M': %I counts to 12, so it needs %p"):
        load_spec(file)


def test_what_a_lake_keeps_of_mappings_is_not_judged_by_later_rules(spec_of):
    """A crashed batch, an undo or a shadow has to be able to compile what was in force then."""
    today = content_of([spec_of(time={"path": "at", "format": "%d/%m/%Y %H:%M", "zone": "UTC"})])
    kept = today.replace("%H:%M", "%I:%M")
    assert kept != today

    assert Canonicaliser.from_content(kept).content == kept
