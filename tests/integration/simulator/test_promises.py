"""The manifest against the product's own canonicaliser: what the simulator promises is what the mappings make of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_specs
from simulator.faults import FaultRates
from simulator.formats import CONTENT_TYPE, SCHEMAS
from simulator.patterns import Patterns
from simulator.plan import SimulationOptions, slices

EVENTS = pa.schema(
    {
        "hub": pa.string(),
        "partition_id": pa.string(),
        "epoch": pa.int64(),
        "sequence_number": pa.int64(),
        "enqueued_at": pa.timestamp("us", "UTC"),
        "device_id": pa.string(),
        "content_type": pa.string(),
        "content_encoding": pa.string(),
        "schema_ref": pa.string(),
        "properties": pa.map_(pa.string(), pa.string()),
        "body": pa.binary(),
    }
)


@pytest.mark.parametrize("named", [True, False], ids=["schema named", "protobuf version detected"])
def test_the_mappings_keep_every_promise(named):
    rates = FaultRates(
        corrupt=0.04, duplicate=0.04, conflict=0.04, out_of_range=0.04, late=0.04, wrong_unit=0.04, missing_field=0.04
    )
    start = datetime(2026, 3, 1, tzinfo=UTC)
    options = SimulationOptions(
        devices=20,
        events=6000,
        start=start,
        faults=rates,
        protobuf_share=0.6,
        protobuf_versions=(1, 2, 3),
        moving_share=0.3,
        patterns=Patterns.parse("daily,drift,spikes,stuck,gaps"),
    )
    rows, promises = [], []
    for piece in slices(options):
        for n, message_id, body, promise in zip(*piece, strict=True):
            device = options.fleet.device(n)
            row = {"hub": "telemetry", "partition_id": "0", "epoch": 0, "sequence_number": len(promises)}
            row |= {"enqueued_at": start + options.span, "device_id": device.native_id, "content_encoding": None}
            schema = SCHEMAS[device.version] if named or device.format == "json" else None
            row |= {"content_type": CONTENT_TYPE[device.format], "schema_ref": schema}
            row |= {"properties": [("sys.message_id", message_id)], "body": body}
            rows.append(row)
            promises.append(promise)

    converted = Canonicaliser.of(load_specs()).convert(pa.Table.from_pylist(rows, schema=EVENTS))

    # Silver's definition: of all readings of a key the first is accepted, equal ones repeat it, others contradict it.
    first: dict[tuple, tuple] = {}
    became: dict[int, Counter[str]] = defaultdict(Counter)
    for reading in sorted(converted.readings.to_pylist(), key=lambda r: (r["sequence_number"], r["index"])):
        key = tuple(reading[name] for name in ("device_id", "metric", "channel", "recorded_at", "discriminator"))
        value = (reading["value"], reading["value_text"], reading["unit"])
        outcome = "accepted" if key not in first else "duplicate" if first[key] == value else "conflict"
        first.setdefault(key, value)
        became[reading["sequence_number"]][outcome] += 1
    for reject in converted.rejects.to_pylist():
        became[reject["sequence_number"]][reject["reason"]] += 1
    assert {device for device, *_ in first} == {f"simulator:sim-{n:05d}" for n in range(1, 21)}
    for number, promise in enumerate(promises):
        promised = Counter(accepted=promise.accepted, duplicate=promise.duplicate)
        if promise.reason:
            promised[promise.reason] = promise.quarantined
        assert became[number] == +promised, (number, promise)
