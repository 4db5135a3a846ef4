"""A short seed of `make fuzz`, and the proof that its ledger would find what it looks for."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from canonical.canonicaliser import EVENTS_SCHEMA, Canonicaliser, Converted
from canonical.specs import load_spec
from tests.chaos.fuzz.ledger import faults_of

RUN = Path(__file__).with_name("run.py")
CHECKOUT = RUN.parents[3]
DECODERS = CHECKOUT / "tests" / "property" / "specs"
SOME = "simulator_json,simulator_protobuf,zigbee2mqtt,room_climate,uci_air_quality"


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_short_seed_loses_and_doubles_nothing():
    mappings = ",".join([SOME, *(file.stem for file in DECODERS.glob("*.yaml"))])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAKE_")}
    options = ("--seed", "7", "--messages", "8000", "--batch", "1000", "--isolation-events", "0", "--only", mappings)

    done = subprocess.run(
        [sys.executable, str(RUN), *options],
        env=environment | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "8,000 messages" in done.stdout
    assert "lost 0 twice 0" in done.stdout


def test_the_ledger_finds_what_is_lost_what_is_twice_and_what_nobody_sent():
    event = {
        "hub": "h", "partition_id": "0", "epoch": 0, "enqueued_at": datetime(2026, 3, 1, 22, tzinfo=UTC),
        "content_type": "application/json", "schema_ref": "flat", "properties": [],
        "body": b'{"d":"a","t":1772366400,"v":20,"w":500,"n":"0"}',
    }  # fmt: skip
    events = pa.Table.from_pylist([event | {"sequence_number": n} for n in range(4)], schema=EVENTS_SCHEMA)
    whole = Canonicaliser.of([load_spec(DECODERS / "flat.yaml")]).convert(events)
    readings, rejects = whole.readings, whole.rejects

    assert faults_of(whole, 4) == []
    assert faults_of(Converted(readings.slice(1), rejects.slice(1)), 4) == ["event 0 is lost"]
    assert faults_of(Converted(pa.concat_tables([readings, readings.slice(2, 1)]), rejects), 4) == [
        "event 2 index 0 is there twice"
    ]
    assert faults_of(whole, 3) == ["there are events that nobody sent"]
