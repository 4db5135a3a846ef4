from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from ingest_workers.gateways.mqtt_message import REFUSED, Reading
from settings.gateway import Mqtt


def said(content_type: str | None = None, **properties: str) -> SimpleNamespace:
    found = SimpleNamespace(UserProperty=list(properties.items()))
    if content_type is not None:
        found.ContentType = content_type
    return found


@pytest.mark.parametrize(
    ("topic", "subscription"),
    [
        ("telemetry/{device}", "$share/lakehouse/telemetry/+"),
        ("{device}/{schema}/up", "$share/lakehouse/+/+/up"),
        ("tele/{device}/+", "$share/lakehouse/tele/+/+"),
        ("zigbee2mqtt/{device}/#", "$share/lakehouse/zigbee2mqtt/+/#"),
    ],
)
def test_the_subscription_follows_the_topic(topic, subscription):
    assert Reading(Mqtt(topic=topic)).subscription == subscription


def test_without_a_share_the_filter_is_subscribed_to():
    assert Reading(Mqtt(share="")).subscription == "telemetry/+"


def test_topic_and_properties_become_the_envelope():
    reading = Reading(Mqtt(topic="t/{device}/{schema}"))
    event = reading.event("t/sim-1/s.v1", b"\x00", said("text/csv", content_encoding="gzip", message_id="m", site="X"))
    assert (event.device, event.body, event.content_type) == ("sim-1", b"\x00", "text/csv")
    assert (event.content_encoding, event.message_id) == ("gzip", "m")
    assert event.properties == (
        ("schema", "s.v1"), ("gateway", "mqtt"), ("topic", "t/sim-1/s.v1"), ("site", "X"),
    )  # fmt: skip


def test_what_a_message_does_not_say_comes_from_the_settings():
    event = Reading(Mqtt(content_type="text/plain", schema_ref="s.v2")).event("telemetry/sim-1", b"")
    assert (event.content_type, event.properties) == ("text/plain", (
        ("schema", "s.v2"), ("gateway", "mqtt"), ("topic", "telemetry/sim-1"),
    ))  # fmt: skip


def test_the_topic_is_the_device_whatever_a_property_says():
    event = Reading(Mqtt()).event("telemetry/sim-1", b"", said(device="sim-2", caller="root", gateway="none"))
    assert event.device == "sim-1"
    assert event.properties == (("gateway", "mqtt"), ("topic", "telemetry/sim-1"), ("device", "sim-2"))


@pytest.mark.parametrize(
    ("topic", "properties", "device"),
    [
        ("telemetry/", said(), None),
        ("telemetry/" + "x" * 129, said(), None),
        ("telemetry/a\u0007", said(), None),
        ("telemetry/ a", said(), None),
        ("elsewhere/sim-1", said(), None),
        ("telemetry/sim-1", said("töxt"), "sim-1"),
        ("telemetry/sim-1", said(message_id="x" * 257), "sim-1"),
        ("telemetry/sim-1", said(content_encoding=""), "sim-1"),
    ],
)
def test_a_message_that_cannot_be_an_event_becomes_one_that_says_so(topic, properties, device):
    event = Reading(Mqtt()).event(topic, b"body", properties)
    assert (event.device, event.content_type) == (device, REFUSED)
    told = json.loads(event.body)
    assert (told["topic"], told["bytes"]) == (topic, 4)
    assert "cannot be" in told["refused"]


@pytest.mark.parametrize(
    ("pattern", "topic", "device"),
    [
        ("tele/{device}/+", "tele/attic/SENSOR", "attic"),
        ("zigbee2mqtt/{device}/#", "zigbee2mqtt/pump", "pump"),
        ("zigbee2mqtt/{device}/#", "zigbee2mqtt/hall/lamp/availability", "hall"),
    ],
)
def test_the_whole_topic_travels_with_the_event(pattern, topic, device):
    event = Reading(Mqtt(topic=pattern)).event(topic, b"{}")
    assert (event.device, event.content_type) == (device, "application/json")
    assert dict(event.properties)["topic"] == topic


def test_a_topic_too_long_to_be_carried_is_refused_not_cut():
    event = Reading(Mqtt(topic="a/{device}/#")).event("a/b/" + "x" * 600, b"{}")
    assert event.content_type == REFUSED
    assert len(json.loads(event.body)["topic"]) == 512


def test_properties_without_end_are_cut():
    event = Reading(Mqtt()).event("telemetry/a", b"", said(**{f"p{n}": "" for n in range(100)}))
    assert len(event.properties) == 34
