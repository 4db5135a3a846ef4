"""How an example in a spec is compared with what its event gives, as somebody writes one by hand."""

from __future__ import annotations

import pytest

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
        ("readins: []", "line 8: readins: is no word of the language here. Did you mean 'readings'?"),
        ("ignroe: [x]", "line 8: ignroe: is no word of the language here. Did you mean 'ignore'?"),
        ("qqqqqqqq: 1", "line 8: qqqqqqqq: is no word of the language here."),
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


def test_an_hour_of_twelve_needs_its_half_of_the_day(spec_of):
    with pytest.raises(ValueError, match="%I counts to 12, so it needs %p"):
        spec_of(time={"path": "at", "format": "%d/%m/%Y %I:%M"})
