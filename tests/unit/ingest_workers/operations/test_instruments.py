from __future__ import annotations

import dataclasses

import pytest

from ingest_workers.instruments import INSTRUMENTS, Instrument, faults


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda each: each.name)
def test_every_instrument_follows_the_naming_rule(instrument):
    assert faults(instrument) == []


def test_no_two_instruments_share_a_name():
    names = [each.name for each in INSTRUMENTS]
    assert sorted(set(names)) == sorted(names)


GOOD = Instrument(name="lakehouse.bronze.events.lost", kind="counter", unit="{event}", says="Lost.")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": "bronze.events.lost"}, "not of the form"),
        ({"name": "lakehouse.silver.events.lost"}, "not of the form"),
        ({"name": "lakehouse.bronze.Events.lost"}, "not of the form"),
        ({"name": "lakehouse.bronze.events.lost.twice.over"}, "not of the form"),
        ({"name": "lakehouse.bronze.event.lost"}, "not in the plural"),
        ({"name": "lakehouse.bronze.lag.seconds", "kind": "gauge"}, "says its unit"),
        ({"name": "lakehouse.bronze.events.total"}, "says its unit or kind"),
        ({"name": "lakehouse.bronze.commit.duration", "kind": "gauge", "unit": "ms"}, "must be in s"),
        ({"unit": "1"}, "counts in '1'"),
        ({"attributes": ("device_id",)}, "'device_id' is unknown"),
        ({"kind": "histogram"}, "names its buckets"),
        ({"says": "events lost"}, "not described by a sentence"),
    ],
)
def test_the_rule_finds_what_breaks_it(change, fault):
    assert any(fault in found for found in faults(dataclasses.replace(GOOD, **change)))
