from __future__ import annotations

from collections import Counter

import pytest

from simulator.patterns import PATTERNS, Patterns


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("daily", {"daily": 1}),
        ("drift,gaps", {"drift": 1, "gaps": 1}),
        (" daily = 8 , stuck=0.5", {"daily": 8, "stuck": 0.5}),
    ],
)
def test_patterns_are_written_as_names_with_weights(text, weights):
    assert Patterns.parse(text) == Patterns(**weights)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nightly", "no pattern 'nightly'; there are daily, drift"),
        ("", "no pattern ''"),
        ("daily=much", "'daily=much' is no number"),
        ("daily=-1", "daily=-1"),
        ("daily=nan", "daily=nan"),
        ("daily=0", "no pattern has a weight"),
        ("gaps,gaps=2", "'gaps' is there twice"),
    ],
)
def test_what_is_no_pattern_is_refused_in_words(text, says):
    with pytest.raises(ValueError, match=says):
        Patterns.parse(text)


def test_each_pattern_is_drawn_as_often_as_its_weight():
    weights = Patterns.parse("daily=7,spikes=2,gaps=1")

    assert Counter(weights.draw((n + 0.5) / 1000) for n in range(1000)) == {"daily": 700, "spikes": 200, "gaps": 100}
    assert {Patterns.parse(name).draw(0.999999) for name in PATTERNS} == set(PATTERNS)
