from __future__ import annotations

import json

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from ingest_workers.gateways.acceptance import Acceptance
from ingest_workers.gateways.callers import ApiKeys, Caller, DeviceMissingError, ForbiddenError, hash_of
from ingest_workers.gateways.http_app import HttpGateway
from ingest_workers.gateways.rate import Buckets, TooFastError
from orchestration.cli.gateway import app
from settings.gateway import ApiKey, Gateway, Jwt, Mqtt
from settings.model import Settings

HASH = hash_of("secret")


def test_a_caller_speaks_for_its_devices_only():
    assert Caller("a", device="d").device_for(None) == "d"
    assert Caller("a", device="d").device_for("d") == "d"
    assert Caller("a", prefix="p:").device_for("p:1") == "p:1"
    with pytest.raises(DeviceMissingError):
        Caller("a", prefix="p:").device_for(None)
    for caller, asked in ((Caller("a", device="d"), "d2"), (Caller("a", prefix="p:"), "p"), (Caller("a"), "")):
        with pytest.raises(ForbiddenError):
            caller.device_for(asked)


def test_keys_of_settings_and_file_are_known_by_their_hash(tmp_path):
    file = tmp_path / "keys.json"
    file.write_text(json.dumps([{"sha256": hash_of("other"), "caller": "b", "prefix": "p:"}]))
    keys = ApiKeys(Gateway(api_keys=(ApiKey(sha256=HASH, caller="a", device="d"),), api_keys_file=file))
    assert keys.caller("secret") == Caller("a", device="d")
    assert keys.caller("other") == Caller("b", prefix="p:")


def test_a_gateway_at_which_nobody_may_send_does_not_start():
    with pytest.raises(ValueError, match="nobody may send"):
        HttpGateway(Gateway(), Acceptance(None, 0))


def test_one_key_for_two_callers_is_an_error():
    entries = (ApiKey(sha256=HASH, caller="a", device="d"), ApiKey(sha256=HASH, caller="b", device="e"))
    with pytest.raises(ValueError, match="given to 'a' and 'b'"):
        ApiKeys(Gateway(api_keys=entries))


def test_a_bad_key_file_is_told_with_its_place_and_without_its_content(tmp_path):
    file = tmp_path / "keys.json"
    file.write_text(json.dumps([{"sha256": "the key itself", "caller": "b", "prefix": "p:"}]))
    with pytest.raises(ValueError, match=r"keys\.json: 0\.sha256") as told:
        ApiKeys(Gateway(api_keys_file=file))
    assert "the key itself" not in str(told.value)


@pytest.mark.parametrize(
    "entry",
    [
        {"sha256": HASH, "caller": "a"},
        {"sha256": HASH, "caller": "a", "device": "d", "prefix": "p:"},
        {"sha256": HASH, "caller": "a", "prefix": "acme"},
        {"sha256": HASH, "caller": "a", "prefix": ""},
        {"sha256": "secret", "caller": "a", "device": "d"},
        {"key": "secret", "caller": "a", "device": "d"},
    ],
)
def test_an_entry_that_covers_nothing_or_too_much_is_refused(entry):
    with pytest.raises(ValidationError):
        ApiKey.model_validate(entry)


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "i"},
        {"issuer": "i", "audience": "a", "jwks_uri": "http://issuer.example/keys"},
        {"issuer": "i", "audience": "a", "jwks_uri": "https://x/", "algorithms": ["none"]},
        {"issuer": "i", "audience": "a", "jwks_uri": "https://x/", "algorithms": ["HS256"]},
        {"issuer": "i", "audience": "a", "jwks_uri": "https://x/", "algorithms": []},
        {"issuer": "i", "audience": "a", "jwks_uri": "https://x/", "device_claim": ""},
    ],
)
def test_tokens_cannot_be_configured_open(wrong):
    with pytest.raises(ValidationError):
        Jwt.model_validate(wrong)


@pytest.mark.parametrize(
    "wrong", [{"topic": "a/b"}, {"topic": "{device}/#/a"}, {"host": "broker.example", "tls": False}]
)
def test_mqtt_cannot_be_configured_without_identity_or_in_the_clear(wrong):
    with pytest.raises(ValidationError):
        Mqtt.model_validate(wrong)


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("LAKE_GATEWAY__HTTP__PORT", "0")
    monkeypatch.setenv("LAKE_GATEWAY__API_KEYS", json.dumps([{"sha256": HASH, "caller": "a", "device": "d"}]))
    gateway = Settings(_env_file=None).gateway
    assert (gateway.http.host, gateway.http.port, gateway.api_keys[0].caller) == ("127.0.0.1", 0, "a")


def test_a_bucket_lets_a_large_batch_pass_and_waits_until_it_is_paid_for():
    time = 0.0
    buckets = Buckets(10, clock=lambda: time)
    buckets.check("a", rate=2)
    buckets.charge("a", 2, 50)
    with pytest.raises(TooFastError) as told:
        buckets.check("a", rate=2)
    assert told.value.retry_after == 16
    buckets.check("b", rate=2)
    time = 15.4
    with pytest.raises(TooFastError) as told:
        buckets.check("a", rate=2)
    assert told.value.retry_after == 1
    time = 15.5
    buckets.check("a", rate=2)


def test_over_time_a_caller_gets_its_rate_and_no_more():
    time, passed = 0.0, 0
    buckets = Buckets(10, clock=lambda: time)
    for _ in range(10_000):
        time += 0.01
        try:
            buckets.check("a", rate=5)
        except TooFastError:
            continue
        buckets.charge("a", 5, 1)
        passed += 1
    assert 500 <= passed <= 500 + 50


def test_buckets_of_many_callers_take_no_more_memory_than_allowed():
    buckets = Buckets(10)
    for number in range(25_000):
        buckets.charge(f"caller-{number}", 1, 1)
    assert len(buckets._left) <= 10_000


def test_a_key_that_the_command_line_makes_is_known_by_its_entry_and_is_not_in_it():
    made = CliRunner().invoke(app, ["key", "--caller", "a", "--prefix", "p:", "--json"])
    told = json.loads(made.stdout)
    assert told["key"] not in json.dumps(told["entry"])
    assert ApiKeys(Gateway(api_keys=(ApiKey(**told["entry"]),))).caller(told["key"]) == Caller("a", prefix="p:")
