"""The HTTP gateway as a process before a real hub; every answer is held against its OpenAPI document."""

from __future__ import annotations

import base64
import json
import socket
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ingest_workers.gateways.batch_v1_pb2 import Batch, Event

BATCH, LINES = "application/vnd.telemetry.batch+json", "application/x-ndjson"
PROTOBUF_BATCH = "application/vnd.telemetry.batch+protobuf"


@pytest.fixture(scope="module")
def gateway(module_hub, issuer, tmp_path_factory, gateway_for):
    running = gateway_for(
        module_hub,
        tmp_path_factory.mktemp("gateway"),
        HTTP__BODY_BYTES="100000",
        HTTP__BODY_SECONDS="1.5",
        HTTP__HEAD_SECONDS="1.5",
        HTTP__BATCH_EVENTS="1000",
        BURST_SECONDS="1",
        EVENTS_PER_SECOND="100000",
        JWT__ISSUER="https://issuer.example/v2.0",
        JWT__AUDIENCE="api://telemetry",
        JWT__JWKS_URI=issuer.uri,
        JWT__PREFIX_CLAIM="tenant",
        JWT__ASK_AGAIN_SECONDS="0.5",
    )
    try:
        running.start()
        yield running
    finally:
        running.kill()


def items(*events: dict) -> bytes:
    return json.dumps(list(events)).encode()


def test_bronze_holds_what_was_accepted_byte_for_byte_under_the_device_of_the_credential(gateway, module_hub, tmp_path):
    def accepted(count: int, body: bytes, content_type: str = "application/json", **more) -> None:
        assert gateway.post(body, content_type, "forms", **more).json == {"accepted": count}

    broken = b'{"device":"sim-00001","temperature":21.'
    accepted(1, b'{"t": 21.50}', device="forms:1", schema="simulator.v1", message_id="m-1")
    accepted(1, broken, device="forms:1")
    accepted(1, b"", device="forms:1")
    accepted(1, b"\x1f\x8b\x00", device="forms:1", headers={"Content-Encoding": "gzip"})
    accepted(1, b"\x0a\x09sim", "application/x-protobuf", device="forms:1", schema="telemetry.v1")
    accepted(2, b'{"n":1}\r\n\n{"n":', LINES, device="forms:1")
    mixed = '[{"device":"forms:a","schema":"s.v1","body":{"t":1.50,"t":2}}, {"device":"forms:é","base64":"/wA="}]'
    accepted(2, mixed.encode(), BATCH)
    several = Batch(events=[Event(device="forms:b", schema="telemetry.v1", message_id="m-2", body=b"\x00\xff")])
    accepted(1, several.SerializeToString(), PROTOBUF_BATCH)

    rows = {row["body"]: row for row in module_hub.bronze(tmp_path / "lake", "forms")}
    told = {
        body: (row["device_id"], row["content_type"], row["content_encoding"], row["schema_ref"])
        for body, row in rows.items()
    }
    assert told == {
        b'{"t": 21.50}': ("forms:1", "application/json", None, "simulator.v1"),
        broken: ("forms:1", "application/json", None, None),
        b"": ("forms:1", "application/json", None, None),
        b"\x1f\x8b\x00": ("forms:1", "application/json", "gzip", None),
        b"\x0a\x09sim": ("forms:1", "application/x-protobuf", None, "telemetry.v1"),
        b'{"n":1}': ("forms:1", "application/json", None, None),
        b'{"n":': ("forms:1", "application/json", None, None),
        b'{"t":1.50,"t":2}': ("forms:a", "application/json", None, "s.v1"),
        b"\xff\x00": ("forms:é", "application/json", None, None),
        b"\x00\xff": ("forms:b", "application/x-protobuf", None, "telemetry.v1"),
    }
    assert dict(rows[b'{"t": 21.50}']["properties"]) == {
        "schema": "simulator.v1",
        "gateway": "http",
        "caller": "forms",
        "sys.message_id": "m-1",
        "sys.partition_key": "forms:1",
    }


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        ({"key": None}, 401, "send X-Api-Key"),
        ({"key": "wrong"}, 401, "not known"),
        ({"key": None, "headers": {"X-Api-Key": ""}}, 401, "not known"),
        ({"key": None, "headers": {"X-Api-Key": "ö" * 9000}}, 401, "not known"),
        ({"key": None, "headers": {"Authorization": "Basic c2VjcmV0OnNlY3JldA=="}}, 401, "send X-Api-Key"),
        ({"key": None, "headers": {"Authorization": "Bearer nonsense"}}, 401, "not a JWT"),
        ({"device": "sim-00002"}, 403, "does not speak for device 'sim-00002'"),
        ({"key": "prefix", "device": "plant-8:a"}, 403, "does not speak"),
        ({"key": "prefix", "device": "plant-7:"}, 403, "does not speak"),
        ({"key": "prefix", "device": "plant-7:" + "a" * 121}, 403, "128 printable"),
        ({"key": "prefix", "device": "plant-7:%00"}, 403, "128 printable"),
        ({"key": "prefix"}, 422, "say which device"),
        ({"headers": {"Device": "sim-00002", "X-Device-Id": "sim-00002"}}, 202, ""),
        ({"schema": "a" * 257}, 422, "schema must have"),
        ({"schema": "%C3%A9"}, 422, "schema must have"),
        ({"content_type": None}, 415, "Content-Type"),
        ({"content_type": " ; charset=utf-8"}, 415, "Content-Type"),
        ({"content_type": BATCH, "headers": {"Content-Encoding": "gzip"}}, 415, "cannot be compressed"),
        ({"body": b"", "content_type": BATCH}, 400, "empty"),
        ({"body": b" \n\r\n", "content_type": LINES}, 400, "empty"),
        ({"body": b"[]", "content_type": BATCH}, 400, "empty"),
        ({"body": b'[{"body":1}', "content_type": BATCH}, 400, "',' is expected at character 11"),
        ({"body": b'[{"body":1}] []', "content_type": BATCH}, 400, "something follows"),
        ({"body": b'[{"body":' + b"[" * 90_000, "content_type": BATCH}, 400, "too deeply"),
        ({"body": b'[{"body":' + b"7" * 90_000 + b"}]", "content_type": BATCH}, 202, ""),
        ({"body": b"\xff\xfe", "content_type": BATCH}, 400, "not UTF-8"),
        ({"body": b"\xff\xff\xff", "content_type": PROTOBUF_BATCH}, 400, "no telemetry.gateway.v1.Batch"),
        ({"body": b"1\n" * 1001, "content_type": LINES}, 413, "1,000 events"),
        ({"body": b"[" + b'{"body":1},' * 1001 + b"]", "content_type": BATCH}, 413, "1,000 events"),
        ({"body": b"\n\x00" * 1001, "content_type": PROTOBUF_BATCH}, 413, "1,000 events"),
        ({"body": b"x" * 100_001}, 413, "100,000 bytes"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_a_header_names_no_device(gateway, sent, status, says):
    answer = gateway.post(**sent)
    assert answer.status == status, answer.body
    if status != 202:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["status"] == status
        assert says in answer.json["detail"]
        assert "secret" not in answer.body.decode()


def test_of_a_batch_with_bad_items_nothing_is_taken_and_each_bad_item_is_named(gateway, module_hub, tmp_path):
    good = {"device": "items:a", "body": 1}
    batch = items(
        good,
        {"device": "elsewhere", "body": 1},
        {"device": "items:a"},
        {"device": "items:a", "body": 1, "base64": "AA=="},
        {"device": "items:a", "base64": "*"},
        {"device": "items:a", "body": 1, "unit": "K"},
        {"device": 7, "body": 1},
        {"device": "items:a", "content_type": "", "body": 1, "schema": "\n"},
        good,
    )
    answer = gateway.post(batch, BATCH, "items")
    assert answer.status == 422
    assert [(item["index"], item["status"]) for item in answer.json["items"]] == [
        (1, 403),
        (2, 422),
        (3, 422),
        (4, 422),
        (5, 422),
        (6, 422),
        (7, 422),
    ]
    assert gateway.post(items(good, good), BATCH, "items").json == {"accepted": 2}
    assert [row["body"] for row in module_hub.bronze(tmp_path / "lake", "items")] == [b"1", b"1"]


def bearer(gateway, token: str, **more):
    return gateway.post(key=None, headers={"Authorization": f"Bearer {token}"}, **more)


def test_a_token_speaks_for_the_device_in_its_claims(gateway, issuer):
    assert bearer(gateway, issuer.token()).status == 202
    assert bearer(gateway, issuer.token(), device="device-of-token").status == 202
    assert bearer(gateway, issuer.token(), device="another").status == 403
    assert bearer(gateway, issuer.token(tenant="acme:"), device="acme:1").status == 202
    assert bearer(gateway, issuer.token(tenant="acme:"), device="device-of-token").status == 403
    assert bearer(gateway, issuer.token(tenant="acme", oid=None), device="acme-1").status == 403


OTHER = rsa.generate_private_key(65_537, 2048)
NOW = int(time.time())


@pytest.mark.parametrize(
    ("claims", "status", "says"),
    [
        ({"exp": NOW - 3600}, 401, "expired"),
        ({"exp": None}, 401, "exp"),
        ({"nbf": NOW + 3600}, 401, "not yet valid"),
        ({"iss": "https://another.example/v2.0"}, 401, "issuer"),
        ({"aud": "api://another"}, 401, "udience"),
        ({"aud": None}, 401, "aud"),
        ({"sub": None}, 401, "sub"),
        ({"roles": []}, 403, "Telemetry.Send"),
        ({"roles": "Telemetry.Send"}, 403, "Telemetry.Send"),
        ({"oid": None}, 403, "names no device"),
        ({"oid": "x" * 129}, 403, "names no device"),
        ({"key": OTHER}, 401, "ignature"),
        ({"kid": None}, 401, "does not publish"),
        ({"kid": "unknown"}, 401, "does not publish"),
        ({"algorithm": "RS512"}, 401, "RS256"),
    ],
)
def test_a_token_that_is_not_all_right_is_refused(gateway, issuer, claims, status, says):
    answer = bearer(gateway, issuer.token(**claims))
    assert (answer.status, says in answer.json["detail"]) == (status, True), answer.body


def unsigned(header: dict, claims: dict, signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_a_token_cannot_choose_how_it_is_checked(gateway, issuer):
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    public = issuer.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    import hashlib
    import hmac

    for algorithm in ("none", "None", "NONE", "", "HS256"):
        header = {"alg": algorithm, "typ": "JWT", "kid": "first", "jwk": {"kty": "oct", "k": "AA"}}
        body = unsigned(header, claims).rpartition(".")[0]
        signature = hmac.new(public, body.encode(), hashlib.sha256).digest() if algorithm == "HS256" else b""
        answer = bearer(gateway, unsigned(header, claims, signature))
        assert answer.status == 401, algorithm


def test_a_new_key_of_the_issuer_is_found_and_unknown_ones_do_not_make_us_ask_each_time(gateway, issuer):
    second = rsa.generate_private_key(65_537, 2048)
    issuer.published["second"] = second
    deadline = time.monotonic() + 60
    while bearer(gateway, issuer.token(second, kid="second")).status != 202:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    asked, begun = issuer.asked, time.monotonic()
    for number in range(40):
        assert bearer(gateway, issuer.token(OTHER, kid=f"made up {number}")).status == 401
    assert issuer.asked - asked <= 1 + (time.monotonic() - begun) / 0.5


def test_who_sends_too_fast_is_told_when_to_go_on_and_others_are_not_held_up(gateway):
    assert gateway.post(b"1\n2\n3\n", LINES, "slow").status == 202
    answer = gateway.post(key="slow")
    assert answer.status == 429
    assert 10 <= int(answer.headers["retry-after"]) <= 30
    assert gateway.post().status == 202


def raw(gateway, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send parts on a bare socket and read to the end."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer may be there all the same
        answer = b""
        try:
            while piece := connection.recv(65_536):
                answer += piece
        except ConnectionResetError:
            pass
        return answer


HEAD = b"POST /v1/telemetry HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Api-Key: secret-device\r\nContent-Type: text/plain\r\n"


def test_a_huge_body_is_refused_before_it_is_here(gateway):
    assert b" 413 " in raw(gateway, HEAD + b"Content-Length: 99999999999\r\n\r\n", b"x" * 1000)
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    answer = raw(gateway, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 20, b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_sender_without_a_good_key_costs_no_body(gateway):
    begun = time.monotonic()
    head = HEAD.replace(b"secret-device", b"nobody") + b"Expect: 100-continue\r\nContent-Length: 90000\r\n\r\n"
    answer = raw(gateway, head)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in answer.lower()
    assert time.monotonic() - begun < 10


def test_a_slow_body_is_given_up(gateway):
    answer = raw(gateway, HEAD + b"Content-Length: 90000\r\n\r\n", *[b"x"] * 4, pause=0.6)
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "parts",
    [
        (b"",),
        (b"POST /v1/tele", b"m", b"e", b"t", b"r"),
        (b"GET / HTTP/1.1\r\n", *[b"X-A: " + b"a" * 8000 + b"\r\n"] * 9),
    ],
)
def test_a_head_that_is_slow_or_without_end_is_cut_off(gateway, parts):
    begun = time.monotonic()
    assert b" 20" not in raw(gateway, *parts, pause=0.0 if len(parts[-1]) > 9 else 0.5)
    assert time.monotonic() - begun < 20


def test_a_sender_that_hangs_up_is_forgotten(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(HEAD + b"Content-Length: 90000\r\n\r\nhalf")
    assert gateway.post().status == 202
    assert gateway.get("/healthz").json == {"status": "ok"}


def test_every_path_is_documented_and_every_example_is_taken(gateway):
    operations = {(path, method) for path, methods in gateway.document["paths"].items() for method in methods}
    assert operations == {
        ("/v1/telemetry", "post"),
        ("/healthz", "get"),
        ("/readyz", "get"),
        ("/metrics", "get"),
        ("/openapi.json", "get"),
    }
    for path, method in operations - {("/v1/telemetry", "post")}:
        assert gateway.request(method.upper(), path).status == 200
        assert gateway.request("DELETE", path).status == 405
    for media, content in gateway.document["paths"]["/v1/telemetry"]["post"]["requestBody"]["content"].items():
        if "example" in content:
            assert gateway.post(json.dumps(content["example"]).encode(), media).status == 202
    assert gateway.request("GET", "/v2").status == 404


def test_numbers_are_told_to_prometheus(gateway):
    assert gateway.post().status == 202
    numbers = dict(line.split(" ", 1) for line in gateway.get("/metrics").body.decode().splitlines() if line[0] != "#")
    assert int(numbers['lakehouse_gateway_requests_total{status="202"}']) >= 1
    assert int(numbers["lakehouse_gateway_events_accepted_total"]) >= 1
    assert numbers["lakehouse_gateway_held_size_bytes"] == "0"
    assert numbers["lakehouse_gateway_ready"] == "1"


def test_no_key_is_in_the_log(gateway):
    gateway.post(key="prefix", device="plant-8:a")
    gateway.post(key="wrong")
    assert "secret" not in gateway.log.read_text()
