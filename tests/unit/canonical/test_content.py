"""The digest and what it stands for."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys

import pytest

from canonical.canonicaliser import Canonicaliser
from canonical.content import DECODER
from canonical.specs import load_specs


def _rows(table) -> list[str]:
    return sorted(map(repr, table.to_pylist()))


def test_content_gives_back_its_digest(canonicaliser):
    again = Canonicaliser.from_content(canonicaliser.content)

    assert again.digest == canonicaliser.digest
    assert len(again.digest) == 16
    assert json.loads(again.content)["decoder"] == DECODER


def test_a_copy_converts_alike(canonicaliser, table, json_event, csv_event):
    events = table([json_event(), csv_event(), json_event(b"{"), json_event(fields={"temperature": 99})])

    copy = pickle.loads(pickle.dumps(canonicaliser))

    assert copy.digest == canonicaliser.digest
    assert _rows(copy.convert(events).readings) == _rows(canonicaliser.convert(events).readings)
    assert _rows(copy.convert(events).rejects) == _rows(canonicaliser.convert(events).rejects)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_digest_is_the_same_in_every_process(seed, canonicaliser):
    program = (
        "from canonical.canonicaliser import Canonicaliser; from canonical.specs import load_specs; "
        "print(Canonicaliser.of(load_specs()[::-1]).digest)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "Pacific/Auckland"}

    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )

    assert run.stdout.strip() == canonicaliser.digest


def test_two_instances_do_not_disturb_each_other(spec_of, table, json_event):
    celsius = Canonicaliser.of([spec_of()])
    kelvin = Canonicaliser.of([spec_of(readings=[{"metric": "air_temperature", "path": "t", "unit": "K"}])])
    events = table([json_event(b'{"id":"a","at":"2026-11-21T03:00:00Z","t":300}', schema_ref="vendor")])

    for _ in range(2):
        assert celsius.convert(events).rejects.column("reason").to_pylist() == ["above_range"]
        assert kelvin.convert(events).readings.column("value").to_pylist() == [26.85]
    assert celsius.digest != kelvin.digest


def test_words_do_not_change_the_digest_and_meaning_does(spec_of):
    plain = Canonicaliser.of([spec_of()]).digest

    assert Canonicaliser.of([spec_of(description="Other words.")]).digest == plain
    assert Canonicaliser.of([spec_of(version=2)]).digest != plain
    assert Canonicaliser.of([spec_of(max_body_bytes=10)]).digest != plain


def test_rules_and_limits_are_those_of_the_content(spec_of, table, json_event):
    data = json.loads(Canonicaliser.of([spec_of()]).content)
    data["metrics"]["air_temperature"]["high"] = 10
    strict = Canonicaliser.from_content(json.dumps(data))

    events = table([json_event(b'{"id":"a","at":"2026-11-21T03:00:00Z","t":20}', schema_ref="vendor")])

    assert strict.convert(events).rejects.column("reason").to_pylist() == ["above_range"]


def test_a_content_of_another_decoder_is_refused(canonicaliser):
    other = json.dumps({**json.loads(canonicaliser.content), "decoder": DECODER + 1})

    with pytest.raises(ValueError, match="needs decoder version"):
        Canonicaliser.from_content(other)


def test_only_declared_intervals_are_given(canonicaliser, spec_of):
    rows = {
        (row["mapping_id"], row["metric"], row["channel"]): row["interval_s"]
        for row in canonicaliser.schedules().to_pylist()
    }

    assert rows[("room_climate", "light_level", "light2")] == 4.0
    assert rows[("simulator_json", "air_pressure", "")] == 15.0
    assert {mapping for mapping, _, _ in rows} == {spec.id for spec in load_specs() if spec.interval}
    assert len(Canonicaliser.of([spec_of()]).schedules()) == 0
