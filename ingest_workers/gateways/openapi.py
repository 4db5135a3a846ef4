"""What the HTTP gateway offers, as an OpenAPI 3.1 document.

Belongs here: the document, with the limits of this gateway's settings. The tests hold every answer they get against it.
Does not: the behaviour (`http_app`).
"""

from __future__ import annotations

from typing import Any

from ingest_workers.gateways.event import LONGEST_DEVICE, LONGEST_WORD
from ingest_workers.gateways.framing import JSON, JSON_BATCH, LINES, PROTOBUF, PROTOBUF_BATCH
from ingest_workers.gateways.probes import METRICS_MEDIA
from ingest_workers.gateways.problems import MEDIA, TITLES
from settings.gateway import Gateway

Json = dict[str, Any]

_WORD: Json = {"type": "string", "minLength": 1, "maxLength": LONGEST_WORD}
_DEVICE: Json = {"type": "string", "minLength": 1, "maxLength": LONGEST_DEVICE}
_RETRY: Json = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
_CHALLENGE: Json = {"WWW-Authenticate": {"description": "What to send.", "schema": {"type": "string"}}}
_SENT = (400, 401, 403, 408, 413, 415, 422, 429, 500, 503)
_HEADERS: dict[int, Json] = {401: _CHALLENGE, 429: _RETRY, 503: _RETRY}


def document(settings: Gateway) -> Json:
    """The document for a gateway with these settings."""
    security: list[Json] = [{"apiKey": []}]
    if settings.jwt.issuer:
        security.append({"bearer": []})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Telemetry gateway",
            "version": "1",
            "description": (
                "Telemetry into the lake. 202 means that the hub has accepted every event of the request. Without an "
                "answer, or with 429, 500 or 503, send the request again: what then comes twice is counted once."
            ),
        },
        "paths": {
            "/v1/telemetry": {"post": _telemetry(settings, security)},
            "/healthz": {"get": _state("Whether the process can go on.")},
            "/readyz": {"get": _state("Whether requests should come here now.")},
            "/metrics": {
                "get": {
                    "summary": "Numbers, for Prometheus.",
                    "responses": {
                        "200": {"description": "Text.", "content": {METRICS_MEDIA: {"schema": {"type": "string"}}}}
                    },
                }
            },
            "/openapi.json": {
                "get": {"summary": "This document.", "responses": {"200": _answer("OpenAPI.", {"type": "object"})}}
            },
        },
        "components": {
            "schemas": {
                "Accepted": _object({"accepted": {"type": "integer", "minimum": 1}}, ("accepted",)),
                "State": _object({"status": {"const": "ok"}}, ("status",)),
                "Problem": _problem(),
                "JsonEvent": _json_event(),
            },
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _telemetry(settings: Gateway, security: list[Json]) -> Json:
    http = settings.http
    return {
        "operationId": "sendTelemetry",
        "summary": "Send one event, or a batch that is taken whole or not at all.",
        "description": (
            f"Bodies have up to {http.body_bytes:,} bytes, batches up to {http.batch_events:,} events. An event's body "
            "goes to the lake byte for byte, legible or not. The credential says whose event it is: one that speaks "
            "for a single device needs no `device`; one that speaks for all devices with a prefix needs it, with the "
            f"request or with each event. Each caller may send {settings.events_per_second:g} events a second and "
            f"replica, unless agreed otherwise, and save up {settings.burst_seconds:g} s of them."
        ),
        "security": security,
        "parameters": [
            _parameter("device", _DEVICE, "Device of the events that do not say."),
            _parameter("schema", _WORD, "Schema that the events which do not say follow, such as `simulator.v1`."),
            _parameter("message_id", _WORD, "The sender's own name for a single event."),
        ],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": {}, "example": {"device": "sim-00001", "temperature": 21.5}},
                PROTOBUF: {"schema": {"type": "string", "format": "binary"}},
                LINES: {"schema": {"type": "string", "description": "One JSON event a line."}},
                JSON_BATCH: {"schema": {"type": "array", "minItems": 1, "items": _ref("JsonEvent")}},
                PROTOBUF_BATCH: {
                    "schema": {"type": "string", "format": "binary", "description": "telemetry.gateway.v1.Batch"}
                },
                "*/*": {"schema": {"type": "string", "format": "binary", "description": "One event."}},
            },
        },
        "responses": {
            "202": _answer("The hub has accepted every event.", _ref("Accepted")),
            **{str(status): _refusal(status) for status in _SENT},
        },
    }


def _json_event() -> Json:
    event = _object(
        {
            "device": _DEVICE,
            "schema": _WORD,
            "message_id": _WORD,
            "content_type": {**_WORD, "default": JSON},
            "content_encoding": _WORD,
            "body": {"description": "The event; kept as it is written."},
            "base64": {"type": "string", "contentEncoding": "base64", "description": "Or its bytes."},
        },
        (),
    )
    return {**event, "additionalProperties": False, "oneOf": [{"required": ["body"]}, {"required": ["base64"]}]}


def _problem() -> Json:
    item = _object(
        {"index": {"type": "integer", "minimum": 0}, "status": {"type": "integer"}, "detail": {"type": "string"}},
        ("index", "status", "detail"),
    )
    members: Json = {
        "type": {"const": "about:blank"},
        "title": {"enum": sorted(TITLES.values())},
        "status": {"enum": sorted(TITLES)},
        "detail": {"type": "string"},
        "items": {"type": "array", "items": item, "description": "The events at fault; none of the batch was sent."},
    }
    return _object(members, ("type", "title", "status", "detail"))


def _state(summary: str) -> Json:
    return {"summary": summary, "responses": {"200": _answer("Yes.", _ref("State")), "503": _refusal(503)}}


def _refusal(status: int) -> Json:
    content = {MEDIA: {"schema": _ref("Problem")}}
    found: Json = {"description": TITLES[status], "content": content}
    if status in _HEADERS:
        found["headers"] = _HEADERS[status]
    return found


def _answer(description: str, schema: Json) -> Json:
    return {"description": description, "content": {JSON: {"schema": schema}}}


def _parameter(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _object(properties: Json, required: tuple[str, ...]) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
