"""Knobs of the gateways: who may send, how much, and where they listen (`LAKE_GATEWAY__…`).

Belongs here: names, types, defaults, and what makes a value unusable. API keys are held as SHA-256 hashes only.
Does not: checking a credential (`ingest_workers.gateways`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Signatures by a private key; a secret that both sides know, or none, cannot be chosen."""


def _delimited(prefix: str) -> str:
    if prefix[-1:].isalnum() or not prefix:
        raise ValueError(
            f"the prefix {prefix!r} must end in a delimiter such as '-' or ':', or it would cover 'acme2' with 'acme'"
        )
    return prefix


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ApiKey(_Section):
    """One key: whose it is, and the one device, or all devices with a prefix, that it speaks for."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Of the key in UTF-8, in hexadecimal; `lakehouse gateway key` makes both."""
    caller: str = Field(min_length=1, max_length=64)
    device: str | None = Field(default=None, min_length=1, max_length=128)
    prefix: Annotated[str, AfterValidator(_delimited)] | None = Field(default=None, max_length=127)
    events_per_second: float | None = Field(default=None, gt=0)
    """Instead of the general rate."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.device is None) == (self.prefix is None):
            raise ValueError(f"key of {self.caller!r}: name either a device or a prefix")
        return self


class Jwt(_Section):
    """Tokens of Microsoft Entra or another issuer; off while `issuer` is empty."""

    issuer: str = ""
    """`https://login.microsoftonline.com/<tenant>/v2.0`."""
    audience: str = ""
    """The gateway's application id."""
    jwks_uri: str = ""
    """`https://login.microsoftonline.com/<tenant>/discovery/v2.0/keys`."""
    algorithms: tuple[Algorithm, ...] = Field(default=("RS256",), min_length=1)
    device_claim: str = "oid"
    """Holds the one device the token speaks for."""
    prefix_claim: str = ""
    """Holds the prefix of the devices it speaks for, with its delimiter; a token that has it needs no device claim."""
    role: str = "Telemetry.Send"
    """Must be among the claim `roles`: Entra gives a token for an audience to every application of the tenant. Empty:
    not asked for."""
    leeway_seconds: float = Field(default=60, ge=0, le=300)
    keys_seconds: float = Field(default=3600, gt=0)
    """How long fetched keys are used without asking again."""
    ask_again_seconds: float = Field(default=30, gt=0)
    """Between fetches, whatever key ids callers name."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.issuer and not (self.audience and self.jwks_uri):
            raise ValueError("tokens need an audience and a jwks_uri beside the issuer")
        if self.issuer and not self.jwks_uri.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ValueError(f"keys from {self.jwks_uri!r} could be anybody's: the address must begin with https://")
        if self.issuer and not (self.device_claim or self.prefix_claim):
            raise ValueError("tokens need a device_claim or a prefix_claim: a caller without devices cannot send")
        return self


class Http(_Section):
    """The HTTP gateway."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    """0 takes a free one."""
    certificate: Path | None = None
    """PEM chain; without it TLS ends before the gateway, at the ingress."""
    private_key: Path | None = None
    body_bytes: int = Field(default=1_000_000, ge=1024)
    body_seconds: float = Field(default=30, gt=0)
    """For a whole body to arrive."""
    head_seconds: float = Field(default=10, gt=0)
    """For a request's head to arrive."""
    batch_events: int = Field(default=10_000, ge=1)
    connections: int = Field(default=2000, ge=1)


class Mqtt(_Section):
    """The MQTT gateway: a subscriber of a broker."""

    host: str = ""
    port: int = Field(default=8883, ge=1, le=65535)
    protocol: Literal["5", "3.1.1"] = "5"
    """3.1.1 for old brokers: no content type, no properties, no bound on what the broker sends ahead."""
    tls: bool = True
    ca_file: Path | None = None
    certificate: Path | None = None
    private_key: Path | None = None
    username: str | None = None
    password: SecretStr | None = None
    client_id: str = Field(default="", max_length=128)
    """Names the session, so every replica needs its own, and the same after a restart. Empty: from the host's name."""
    topic: str = "telemetry/{device}"
    """Levels of the topic; `{device}` and `{schema}` stand for one level each, `+` for any, a last `#` for all below:
    `zigbee2mqtt/{device}/#`. The whole topic travels as property `topic`, which mappings can ask for."""
    share: str = "lakehouse"
    """Group of the shared subscription. Empty: a plain one, for a single replica."""
    content_type: str = "application/json"
    """Of messages that do not say."""
    schema_ref: str = ""
    """Of messages that do not say."""
    session_seconds: int = Field(default=86_400, ge=60, le=2**32 - 1)
    """How long the broker keeps what waits for a replica that is away."""
    in_flight: int = Field(default=500, ge=1, le=65_535)
    """Messages that the broker may send before the first is acknowledged."""
    keepalive_seconds: int = Field(default=30, ge=5, le=3600)

    @model_validator(mode="after")
    def _safe(self) -> Self:
        levels = self.topic.split("/")
        wild = [level for level in levels[:-1] if level != "+"] + [level for level in levels[-1:] if level not in "+#"]
        if levels.count("{device}") != 1 or any(set("+#") & set(level) for level in wild):
            raise ValueError(
                f"the topic {self.topic!r} needs the level {{device}} once; '+' is a whole level, '#' the last one"
            )
        if self.host and not self.tls and self.host not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError(f"MQTT to {self.host} without TLS would show device data and password to the network")
        return self


class Gateway(_Section):
    """What both gateways share, and a section for each."""

    api_keys: tuple[ApiKey, ...] = ()
    api_keys_file: Path | None = None
    """JSON array of the same, as a mounted secret; read at the start."""
    jwt: Jwt = Jwt()
    events_per_second: float = Field(default=1000, gt=0)
    """For each caller and replica."""
    burst_seconds: float = Field(default=10, gt=0)
    """How much of the rate a caller may save up."""
    accept_seconds: float = Field(default=15, gt=0)
    """How long a request waits for the hub before it is answered 503."""
    buffer_bytes: int = Field(default=64 * 2**20, ge=2**21)
    """What may be held for the hub, bodies being read included."""
    http: Http = Http()
    mqtt: Mqtt = Mqtt()
