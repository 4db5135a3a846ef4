"""Tokens made by the SDK, checked by the endpoint."""

from __future__ import annotations

import pytest
from azure.eventhub._pyamqp.utils import generate_sas_token

from local_azure.event_hubs import cbs
from local_azure.event_hubs.cbs import WELL_KNOWN_KEYS, Claim, Claims
from local_azure.event_hubs.errors import UNAUTHORIZED, AmqpError

POLICY, KEY = next(iter(WELL_KNOWN_KEYS.items()))
AUDIENCE = "sb://127.0.0.1:5672/telemetry"
NOW = 1_700_000_000


def token(audience: str = AUDIENCE, policy: str = POLICY, key: str = KEY, expires: int = NOW + 60) -> str:
    made: str = generate_sas_token(audience, policy, key, expires)
    return made


@pytest.mark.parametrize(
    ("signed", "asked", "path"),
    [
        (AUDIENCE, AUDIENCE, "telemetry"),
        (AUDIENCE, AUDIENCE + "/ConsumerGroups/$Default", "telemetry/consumergroups/$default"),
        ("sb://127.0.0.1:5672", AUDIENCE, "telemetry"),
        ("sb://other-name/telemetry/", AUDIENCE, "telemetry"),
    ],
)
def test_a_token_signed_with_the_key_gives_a_claim(signed: str, asked: str, path: str) -> None:
    assert cbs.verify(token(signed), asked, WELL_KNOWN_KEYS, NOW) == Claim(path, NOW + 60)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (token(key="another key"), "not signed with the key"),
        (token(policy="Nobody"), "no policy 'Nobody'"),
        (token(expires=NOW - 5), "expired 5 s ago"),
        (token(audience="sb://127.0.0.1:5672/other"), "for 'other', not for 'telemetry'"),
        (token(audience="sb://127.0.0.1:5672/tele"), "for 'tele', not for 'telemetry'"),
        (token().replace("se=", "se=9"), "not signed with the key"),
        (token().replace("sig=", "sign="), "needs sr, sig, skn"),
        ("eyJhbGciOi.a.b", "not a SharedAccessSignature"),
        ("", "not a SharedAccessSignature"),
    ],
)
def test_any_other_token_is_refused_with_the_reason(bad: str, reason: str) -> None:
    with pytest.raises(AmqpError, match=reason) as refusal:
        cbs.verify(bad, AUDIENCE, WELL_KNOWN_KEYS, NOW)
    assert refusal.value.condition == UNAUTHORIZED


@pytest.mark.parametrize(
    ("path", "now", "allowed"),
    [
        ("hub", NOW, True),
        ("HUB/Partitions/0", NOW, True),
        ("hubble", NOW, False),
        ("other", NOW, False),
        ("hub", NOW + 60, False),
    ],
)
def test_a_claim_covers_what_lies_under_its_path_while_it_lives(path: str, now: int, allowed: bool) -> None:
    claims = Claims()
    claims.put(Claim("hub", NOW + 60))

    assert claims.allow(path, now) is allowed


def test_a_renewed_claim_takes_the_place_of_the_old_one() -> None:
    claims = Claims()
    claims.put(Claim("hub", NOW + 60))
    claims.put(Claim("hub", NOW + 600))

    assert claims.allow("hub", NOW + 300)
    assert claims.next_expiry(NOW) == NOW + 600
    assert claims.next_expiry(NOW + 600) is None
