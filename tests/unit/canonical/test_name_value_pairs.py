"""Name and value pairs: their numbering, and messages of which only names without a metric are left."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from canonical.canonicaliser import EVENTS_SCHEMA, Canonicaliser
from canonical.content import parse, spec_of
from canonical.spec_model import MappingSpec

SPEC = MappingSpec.model_validate(
    {
        "id": "pairs", "version": 1, "description": "", "match": {"content_type": ["application/json"]},
        "decode": {"format": "json"}, "device": {"source": "x"}, "time": {"fallback": "envelope"},
        "readings": [{"path": "v", "metric_path": "n", "unit_path": "u", "units": {"C": "degC", "%": "percent", "V": "V"},
                      "metrics": {"t": "air_temperature", "h": "relative_humidity", "b": "battery_voltage"}}],
    }
)  # fmt: skip


def _converted(*said: dict[str, Any]) -> Any:
    rows = [
        {"hub": "h", "partition_id": "0", "epoch": 0, "sequence_number": n, "enqueued_at": datetime(2026, 3, 1, tzinfo=UTC),
         "device_id": "d", "content_type": "application/json", "properties": [], "body": json.dumps(one).encode()}
        for n, one in enumerate(said)
    ]  # fmt: skip
    return Canonicaliser.of([SPEC]).convert(pa.Table.from_pylist(rows, schema=EVENTS_SCHEMA))


def test_names_are_numbered_in_the_order_of_the_file_also_after_storing() -> None:
    stored = spec_of(parse(Canonicaliser.of([SPEC]).content)["mappings"][0])
    said = [{"n": "t", "v": 20, "u": "C"}, {"n": "h", "v": 40, "u": "%"}, {"n": "b", "v": 3, "u": "V"}]

    assert list(stored.metrics) == list(SPEC.metrics)
    assert [(row["index"], row["metric"]) for row in _converted(*said).readings.to_pylist()] == [
        (0, "air_temperature"),
        (1, "relative_humidity"),
        (2, "battery_voltage"),
    ]


def test_a_name_without_a_metric_is_rejected_also_where_it_is_the_only_reject() -> None:
    (reject,) = _converted({"n": "mood", "v": 1, "u": "C"}).rejects.to_pylist()

    assert (reject["reason"], reject["index"], reject["field"]) == ("unknown_metric", 3, "n")
    assert "mood" in reject["message"]
