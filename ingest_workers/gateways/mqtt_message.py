"""A published message as an event.

Belongs here: which level of the topic is the device, which property of the message is what, and what becomes of a
message that cannot be an event: another event that says so, because a broker cannot be told no.
Does not: the connection (`mqtt_bridge`).

The device is the topic's, and never a property's: the broker has checked who may publish to a topic, and nobody checks
what a device writes into a property.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ingest_workers.gateways.event import Event, is_device, is_word
from settings.gateway import Mqtt

REFUSED = "application/vnd.telemetry.refused+json"
"""Content type of what stands in the place of a message that could not be sent: no mapping reads it, so it ends in
quarantine, where people look."""
_OWN = frozenset({"schema", "content_encoding", "message_id", "gateway", "caller", "topic"})
_MOST_PROPERTIES = 32
_LONGEST_TOPIC = 512


class Reading:
    """How the messages of one subscription are read."""

    def __init__(self, settings: Mqtt) -> None:
        self._settings = settings
        levels = settings.topic.split("/")
        self.filter = "/".join("+" if level in {"{device}", "{schema}"} else level for level in levels)
        """Of the topics to subscribe to."""
        named = {"{device}": "(?P<device>[^/]*)", "{schema}": "(?P<schema>[^/]*)", "+": "[^/]*"}
        exact = [named.get(level) or re.escape(level) for level in levels if level != "#"]
        # `#` stands for the level above it too.
        below = "(?:/.*)?" if levels[-1] == "#" else ""
        self._pattern = re.compile("/".join(exact) + below, re.DOTALL)

    @property
    def subscription(self) -> str:
        """The filter, shared with the other replicas."""
        return f"$share/{self._settings.share}/{self.filter}" if self._settings.share else self.filter

    def event(self, topic: str, payload: bytes, properties: Any = None) -> Event:
        """The event of a message; `properties` are those of MQTT 5."""
        found = self._pattern.fullmatch(topic)
        levels: Mapping[str, str] = found.groupdict() if found else {}
        said = dict(getattr(properties, "UserProperty", ()))
        content_type = getattr(properties, "ContentType", None) or self._settings.content_type
        content_encoding, message_id = said.get("content_encoding"), said.get("message_id")
        schema = levels.get("schema") or said.get("schema") or self._settings.schema_ref
        wrong = _wrong(topic, levels.get("device", ""), (content_type, content_encoding, message_id, schema or None))
        event = Event(
            device=levels.get("device"),
            body=payload,
            content_type=content_type,
            content_encoding=content_encoding,
            message_id=message_id,
            properties=(
                *((("schema", schema),) if schema else ()),
                ("gateway", "mqtt"),
                ("topic", topic),
                *[(name, value) for name, value in said.items() if name not in _OWN][:_MOST_PROPERTIES],
            ),
        )
        return event if wrong is None else refused(event, topic, wrong)


def refused(event: Event, topic: str, why: str) -> Event:
    """The event that stands in its place: what it was, and why it could not be sent."""
    body = {
        "refused": why,
        "topic": topic[:_LONGEST_TOPIC],
        "bytes": len(event.body),
        "sha256": hashlib.sha256(event.body).hexdigest(),
    }
    device = event.device if event.device is not None and is_device(event.device) else None
    return Event(device, json.dumps(body).encode(), REFUSED, properties=(("gateway", "mqtt"),))


def _wrong(topic: str, device: str, words: Iterable[str | None]) -> str | None:
    if len(topic) > _LONGEST_TOPIC:
        # Cut short it would name another device to a mapping that reads it.
        return "so long a topic cannot be carried"
    if not is_device(device):
        return "the topic's device cannot be a partition key"
    if not all(word is None or is_word(word) for word in words):
        return "content type, encoding, message id or schema cannot be carried"
    return None
