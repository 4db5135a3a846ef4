"""A hub that IoT Hub's routing writes to, read like any other: what IoT Hub vouches for becomes columns."""

from __future__ import annotations

from datetime import UTC, datetime

from azure.eventhub import EventData

AUTHENTICATED = '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}'
CAME = datetime(2026, 11, 21, 3, 0, 0, 250_000, tzinfo=UTC)


def routed(body: bytes, device: str, **more: object) -> EventData:
    """An event as routing writes it: the device's own parts, and annotations that a device cannot write."""
    event = EventData(body)
    event.content_type = "application/json"
    event.raw_amqp_message.properties.content_encoding = "utf-8"
    event.properties = {"iothub-creation-time-utc": "2026-11-21T03:00:00Z", "iothub-connection-device-id": "forged"}
    event.raw_amqp_message.annotations = {
        "iothub-connection-device-id": device,
        "iothub-connection-auth-method": AUTHENTICATED,
        "iothub-connection-auth-generation-id": "638412345678901234",
        "iothub-enqueuedtime": CAME,
        "iothub-message-source": "Telemetry",
    } | more
    return event


def test_who_sent_it_and_when_it_came_are_in_bronze(endpoint, bronze):
    endpoint.send([routed(b'{"celsius":21.5}', "press-7")], key="press-7")
    endpoint.send([routed(b"{}", "press-8", **{"iothub-connection-module-id": "camera"})], partition="0")
    endpoint.send([EventData(b"not routed")], partition="1")

    bronze.run(until_head=True)

    rows = {row["body"]: row for row in bronze.rows()}
    assert [rows[body]["device_id"] for body in (b'{"celsius":21.5}', b"{}", b"not routed")] == [
        "press-7",
        "press-8",
        None,
    ]
    first = rows[b'{"celsius":21.5}']
    assert (first["content_type"], first["content_encoding"]) == ("application/json", "utf-8")
    assert dict(first["properties"]) == {
        "iothub-creation-time-utc": "2026-11-21T03:00:00Z",
        "iothub-connection-device-id": "forged",
        "sys.partition_key": "press-7",
        "sys.iothub-connection-device-id": "press-7",
        "sys.iothub-connection-auth-method": AUTHENTICATED,
        "sys.iothub-connection-auth-generation-id": "638412345678901234",
        "sys.iothub-enqueuedtime": '"2026-11-21T03:00:00.250Z"',
        "sys.iothub-message-source": "Telemetry",
    }
    assert dict(rows[b"{}"]["properties"])["sys.iothub-connection-module-id"] == "camera"
