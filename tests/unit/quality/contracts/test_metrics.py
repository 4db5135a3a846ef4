"""The metric catalogue: complete, free of contradictions, and in units the canonicaliser converts to."""

from __future__ import annotations

import re

import pytest

from canonical import units
from quality.contracts.metric_model import AGGREGATIONS, WORDS, Metric
from quality.contracts.metric_page import metrics_page
from quality.contracts.metrics import BY_NAME, GROUPS, METRICS
from quality.contracts.units_of_measure import UNITS


def test_every_name_is_there_once() -> None:
    assert len(BY_NAME) == len(METRICS) == sum(map(len, GROUPS.values()))


@pytest.mark.parametrize("unit", sorted({metric.unit for metric in METRICS}))
def test_a_canonical_unit_can_be_converted_to_and_has_a_published_name(unit) -> None:
    assert units.KNOWN[unit] == unit
    assert units.factors(unit, unit) == (1, 0, 1)
    assert UNITS[unit].qudt


def test_no_unit_is_named_that_no_metric_has() -> None:
    assert {metric.unit for metric in METRICS} == UNITS.keys()


@pytest.mark.parametrize("text", units.KNOWN)
def test_a_text_that_devices_write_for_a_unit_stands_for_one(text) -> None:
    assert units.dimension(units.KNOWN[text]) is not None


def test_every_number_has_limits_and_every_state_a_text() -> None:
    for metric in METRICS:
        numeric = metric.kind in {"gauge", "counter"}
        assert (metric.low is not None and metric.high is not None) == numeric, metric.name
        assert metric.unit == "dimensionless" or numeric, metric.name


@pytest.mark.parametrize(
    ("name", "impossible"),
    [("air_temperature", 5760), ("relative_humidity", 14080), ("co2", 49665), ("battery_level", 127), ("pm2_5", 6400)],
)
def test_what_a_broken_decoder_makes_of_a_sensor_is_out_of_range(name, impossible) -> None:
    high = BY_NAME[name].high
    assert high is not None
    assert impossible > high


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "AirTemp"}, "snake case"),
        ({"name": "a", "low": 1, "high": 0}, "not below"),
        ({"name": "a", "kind": "state", "high": 1}, "no numeric limits"),
        ({"name": "a", "states": ("on",)}, "has no states"),
        ({"name": "a", "rolls_over_at": 65536}, "only a counter rolls over"),
        ({"name": "a", "kind": "counter", "rolls_over_at": 0}, "at more than 0"),
        ({"name": "a", "kind": "state", "states": ("on", "on")}, "named twice"),
    ],
)
def test_a_metric_that_contradicts_itself_is_refused(fields, says) -> None:
    with pytest.raises(ValueError, match=says):
        Metric(says="A metric.", **fields)


@pytest.mark.parametrize(
    ("name", "windows"),
    [
        ("air_temperature", "mean"),
        ("energy", "increase"),
        ("contact_state", "duration"),
        ("alarm", "count"),
        ("wind_direction", "circular_mean"),
        ("valve_command", "last"),
        ("rainfall_interval", "sum"),
    ],
)
def test_windows_are_formed_as_the_kind_implies_unless_the_metric_says_otherwise(name, windows) -> None:
    assert BY_NAME[name].windows == windows


def test_the_page_shows_every_metric_and_explains_its_words() -> None:
    page = metrics_page()
    assert [name for name in BY_NAME if f"| `{name}` |" not in page] == []
    assert all(f"**{kind}**" in page for kind in WORDS)
    anchors = set(re.findall(r"\(#([a-z-]+)\)", page))
    headings = {
        re.sub(r"[^a-z -]", "", line[3:].lower()).replace(" ", "-") for line in page.splitlines() if line[:3] == "## "
    }
    assert anchors <= headings
    assert {metric.windows for metric in METRICS} <= AGGREGATIONS.keys()
