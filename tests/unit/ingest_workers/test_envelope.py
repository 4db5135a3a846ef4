from __future__ import annotations

import json
import uuid
from decimal import Decimal

import pyarrow as pa
import pytest
from azure.eventhub._pyamqp.message import Header, Message, Properties

from ingest_workers import data_files
from ingest_workers.amqp_message import Undecoded
from ingest_workers.amqp_types import Timestamp
from ingest_workers.envelope import append
from ingest_workers.events import Draft
from ingest_workers.source import SourceError

TAKEN = 1_795_230_001_000_000
BROKER = {
    "x-opt-sequence-number": 7,
    "x-opt-offset": "2800",
    "x-opt-enqueued-time": Timestamp(1795230000123),
}


def row(*, annotations: dict | None = None, **sections) -> dict:
    """One message as the row Bronze gets, by way of Arrow."""
    draft = Draft("0")
    append(draft, Message(message_annotations=BROKER | (annotations or {}), **sections), TAKEN)
    assert draft.events().size >= len(draft.body[0])
    (found,) = data_files.rows("telemetry", 0, draft.events()).to_pylist()
    names = [name for name, _ in found["properties"]]
    assert len(set(names)) == len(names), "a map holds a name once"
    return found | {"properties": dict(found["properties"])}


def test_the_parts_of_a_message_are_columns():
    found = row(
        annotations={"x-opt-partition-key": "sim-00001"},
        properties=Properties(message_id="m-1", content_type="application/json", content_encoding="gzip"),
        application_properties={"schema": "simulator.v1", "site": "north"},
        data=[b"{}"],
    )
    assert found["sequence_number"] == 7
    assert found["offset"] == "2800"
    assert found["enqueued_at"].isoformat() == "2026-11-21T03:00:00.123000+00:00"
    assert found["ingested_at"].isoformat() == "2026-11-21T03:00:01+00:00"
    assert found["ingest_date"].isoformat() == "2026-11-21"
    assert found["device_id"] == "sim-00001"
    assert (found["content_type"], found["content_encoding"]) == ("application/json", "gzip")
    assert found["schema_ref"] == "simulator.v1"
    assert found["body"] == b"{}"
    assert found["properties"] == {
        "schema": "simulator.v1",
        "site": "north",
        "sys.message_id": "m-1",
        "sys.partition_key": "sim-00001",
    }


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("text", "text"),
        ("", ""),
        ("7", "7"),
        (7, "7"),
        (-(2**63), "-9223372036854775808"),
        (True, "true"),
        (None, "null"),
        (21.5, "21.5"),
        (float("nan"), '{"$number":"nan"}'),
        (float("-inf"), '{"$number":"-inf"}'),
        (b"\x00\xff", '{"$base64":"AP8="}'),
        (b"text", '{"$base64":"dGV4dA=="}'),
        (Timestamp(1795230000123), '"2026-11-21T03:00:00.123Z"'),
        (Timestamp(2**62), '{"$timestamp":4611686018427387904}'),
        (uuid.UUID(int=7), '"00000000-0000-0000-0000-000000000007"'),
        (Decimal("1.10"), '{"$decimal":"1.10"}'),
        (["a", 1, None], '["a",1,null]'),
        ({"a": {"b": b"\x00"}}, '{"a":{"b":{"$base64":"AA=="}}}'),
        ({1: "a", "1": "b"}, '{"$map":[[1,"a"],["1","b"]]}'),
    ],
    ids=repr,
)
def test_text_is_kept_and_everything_else_is_json(value, written):
    found = row(application_properties={"p": value}, data=[b""])
    assert found["properties"] == {"p": written}


@pytest.mark.parametrize(
    ("sections", "body", "mark"),
    [
        ({"data": [b"\x00\xff"]}, b"\x00\xff", None),
        ({"data": [b""]}, b"", None),
        ({"data": [b"ab", b"c"]}, b"abc", None),
        ({"value": {"t": 21.5}}, b'{"t":21.5}', "value"),
        ({"value": "text"}, b'"text"', "value"),
        ({"value": b"\x00"}, b'{"$base64":"AA=="}', "value"),
        ({}, b"null", "value"),
        ({"sequence": [[1, 2], [3]]}, b"[[1,2],[3]]", "sequence"),
        ({"value": Undecoded(b"\x00Sr", "IndexError")}, b"\x00Sr", "undecoded: IndexError"),
    ],
    ids=["data", "empty", "two sections", "map", "string", "binary", "nothing", "sequence", "unreadable"],
)
def test_a_body_is_its_bytes_or_marked_json(sections, body, mark):
    found = row(**sections)
    assert found["body"] == body
    assert found["properties"].get("sys.body") == mark


def test_the_authenticated_device_comes_before_the_partition_key():
    found = row(
        annotations={"iothub-connection-device-id": "dev-1", "x-opt-partition-key": "key", "iothub-enqueuedtime": 5},
        data=[b""],
    )
    assert found["device_id"] == "dev-1"
    assert found["properties"] == {
        "sys.iothub-connection-device-id": "dev-1",
        "sys.partition_key": "key",
        "sys.iothub-enqueuedtime": "5",
    }


IOT_HUB = {
    "iothub-connection-device-id": "press-7",
    "iothub-connection-module-id": "camera",
    "iothub-connection-auth-method": '{"scope":"module","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
    "iothub-connection-auth-generation-id": "638412345678901234",
    "iothub-enqueuedtime": Timestamp(1795229999900),
    "iothub-message-source": "Telemetry",
}


def test_what_iot_hub_says_of_a_message_is_kept_apart_from_what_the_device_says():
    found = row(
        annotations=IOT_HUB,
        application_properties={"iothub-connection-device-id": "forged", "sys.iothub-message-source": "forged"},
        data=[b""],
    )
    assert found["device_id"] == "press-7"
    assert found["enqueued_at"].isoformat() == "2026-11-21T03:00:00.123000+00:00", "the hub's own, which orders events"
    assert found["properties"] == {
        "iothub-connection-device-id": "forged",
        "app.sys.iothub-message-source": "forged",
        "sys.iothub-connection-device-id": "press-7",
        "sys.iothub-connection-module-id": "camera",
        "sys.iothub-connection-auth-method": IOT_HUB["iothub-connection-auth-method"],
        "sys.iothub-connection-auth-generation-id": "638412345678901234",
        "sys.iothub-enqueuedtime": '"2026-11-21T02:59:59.900Z"',
        "sys.iothub-message-source": "Telemetry",
    }


def test_without_identity_the_device_is_null():
    assert row(data=[b""])["device_id"] is None


def test_a_sender_cannot_forge_what_the_broker_says():
    found = row(
        properties=Properties(message_id="real"),
        application_properties={
            "sys.message_id": "forged",
            "app.sys.message_id": "odd",
            "iothub-connection-device-id": "x",
        },
        data=[b""],
    )
    assert found["device_id"] is None
    assert found["properties"] == {
        "sys.message_id": "real",
        "app.sys.message_id": "forged",
        "app.app.sys.message_id": "odd",
        "iothub-connection-device-id": "x",
    }


def test_names_that_become_the_same_text_are_numbered():
    found = row(application_properties={"7": "a", 7: "b", "7#2": "c"}, data=[b""])
    assert sorted(found["properties"].values()) == ["a", "b", "c"]
    assert {"7", "7#2"} <= set(found["properties"])


def test_an_annotation_cannot_stand_in_for_a_system_property():
    found = row(properties=Properties(message_id="real"), annotations={"message_id": "other"}, data=[b""])
    assert found["properties"] == {"sys.message_id": "real", "sys.message_id#2": "other"}


def test_header_and_footer_are_kept():
    found = row(header=Header(durable=True, priority=4, ttl=1000), footer={"crc": 7}, data=[b""])
    assert found["properties"] == {"sys.priority": "4", "sys.ttl": "1000", "sys.footer": '{"crc":7}'}


@pytest.mark.parametrize("enqueued", [None, "yesterday", Timestamp(-5), Timestamp(2**62)])
def test_an_enqueued_time_that_is_none_is_marked(enqueued):
    found = row(annotations={"x-opt-enqueued-time": enqueued}, data=[b""])
    assert found["enqueued_at"] == found["ingested_at"]
    assert found["properties"]["sys.enqueued_at"].startswith("not a time: ")


def test_an_event_without_a_number_is_refused_by_name():
    with pytest.raises(SourceError, match="partition 0 has no sequence number"):
        append(Draft("0"), Message(message_annotations={"x-opt-offset": "1"}, data=[b""]), TAKEN)


def test_properties_are_json_that_others_read():
    found = row(application_properties={"p": {"nested": [1, "é", True]}}, data=[b""])
    assert json.loads(found["properties"]["p"]) == {"nested": [1, "é", True]}


def test_a_schema_that_is_not_text_is_text_in_its_column():
    assert row(application_properties={"schema": 3}, data=[b""])["schema_ref"] == "3"


def test_every_row_fits_the_contract():
    draft = Draft("0")
    append(draft, Message(message_annotations=BROKER, data=[b"x"]), TAKEN)
    table = data_files.rows("telemetry", 0, draft.events())
    table.validate(full=True)
    assert table.schema.field("properties").type == pa.map_(pa.string(), pa.string())
