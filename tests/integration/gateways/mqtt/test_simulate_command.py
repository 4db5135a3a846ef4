"""`lakehouse simulate --over mqtt` as a person types it: to a broker, with and without TLS."""

from __future__ import annotations

import ipaddress
import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from orchestration.cli.main import app


@pytest.fixture
def lone_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_HOME", str(tmp_path / "home"))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 that signs itself, with its key in the same file; good for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a broker of a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "broker.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def simulate(port: int, *more: str):
    words = ["simulate", "--over", "mqtt", "--broker", f"127.0.0.1:{port}", "--events", "60", "--devices", "5"]
    return CliRunner().invoke(app, [*words, "--json", *more])


@pytest.mark.usefixtures("lone_home")
def test_what_the_command_publishes_arrives_in_the_hub(broker, bridge, test_hub, eventually):
    bridge(broker, topic="telemetry/{device}")
    told = simulate(broker.port)
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["events"] == 60
    eventually(lambda: len(test_hub.bodies()) == 60, "every message arrives")


@pytest.mark.usefixtures("lone_home")
def test_over_tls_a_broker_whose_certificate_is_trusted_takes_all(make_broker, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    broker = make_broker(context)
    told = simulate(broker.port, "--tls", "--ca-file", str(certificate))
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["events"] == 60


@pytest.mark.usefixtures("lone_home")
@pytest.mark.parametrize(
    "words", [("--over", "mqtt"), ("--broker", "127.0.0.1:1883")], ids=["no broker", "a broker and no --over mqtt"]
)
def test_the_two_options_go_together(words):
    told = CliRunner().invoke(app, ["simulate", *words])
    assert told.exit_code != 0
    assert "go together" in f"{told.output}{told.exception}"
