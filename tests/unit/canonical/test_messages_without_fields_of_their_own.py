"""Messages whose device comes from the hub and whose readings are all in entries: nothing is read at their top."""

from __future__ import annotations

import pytest

PARTS = {
    "device": {
        "source": "vendor",
        "named_by": {"property": "topic", "pattern": "(.+)", "template": "{1}"},
        "gateway": True,
    },
    "time": {"fallback": "envelope"},
    "readings": [],
    "records": [
        {
            "each": "s[*]",
            "readings": [
                {"metric": "air_temperature", "path": "t", "unit": "degC", "channel": {"path": "n"}},
            ],
        }
    ],
}
BODIES = ['{"s":[{"n":"a","t":20}]}', '{"s":[{"n":"a"', '{"s":[]}', "[1]", '{"u":1}']
ENVELOPE = {"device_id": "hub-device", "properties": [("topic", "hall")]}


def test_a_bad_one_is_rejected_and_stops_nothing(read):
    readings, rejects = read(PARTS, *BODIES, envelope=ENVELOPE)

    assert [(event, metric, channel, value) for event, _, _, metric, channel, value in readings] == [
        (0, "air_temperature", "a", 20.0)
    ]
    assert rejects == [
        (1, -1, "invalid_json"),
        (2, -1, "no_readings"),
        (3, -1, "invalid_json"),
        (4, -1, "no_readings"),
    ]


@pytest.mark.parametrize(
    ("decode", "join"), [({"format": "ndjson"}, "\n"), ({"format": "json_array"}, ",")], ids=["ndjson", "json_array"]
)
def test_so_it_is_in_lists(read, decode, join):
    body = join.join(['{"s":[{"n":"a","t":20}]}', '{"s":[]}'])
    whole = f"[{body}]" if decode["format"] == "json_array" else body

    readings, rejects = read(PARTS | {"decode": decode}, whole, "{", envelope=ENVELOPE)

    assert [(event, value) for event, *_, value in readings] == [(0, 20.0)]
    assert {(event, reason) for event, _, reason in rejects} == {(1, "invalid_json")}


def test_a_message_that_only_says_that_it_came_is_a_reading(read):
    parts = {key: PARTS[key] for key in ("device", "time")}
    parts["readings"] = [{"metric": "button_event", "const": "short", "text": True}]

    readings, rejects = read(parts, "{}", "{", envelope=ENVELOPE)

    assert [(event, metric, value) for event, _, _, metric, _, value in readings] == [(0, "button_event", "short")]
    assert rejects == [(1, -1, "invalid_json")]
