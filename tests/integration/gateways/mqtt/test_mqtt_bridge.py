"""A bridge between a real broker's protocol and a hub that does what a test wants."""

from __future__ import annotations

import asyncio
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from amqtt.broker import Broker as Amqtt
from azure.eventhub._pyamqp._decode import decode_payload
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingest_workers.gateways import mqtt_inbox
from ingest_workers.gateways.hub import HubError


def numbered(count: int, first: int = 0) -> list:
    return [(f"telemetry/d{n % 7}", str(n).encode(), {}) for n in range(first, first + count)]


def bodies(count: int) -> set[bytes]:
    return {str(n).encode() for n in range(count)}


def test_acknowledgements_keep_the_order_of_messages_whatever_partition_is_slow(
    broker, bridge, publish, test_hub, eventually
):
    test_hub.delay = {"0": 0.2}
    bridge(broker)
    publish(broker.port, numbered(40))
    eventually(lambda: broker.acknowledged == 40, "everything is acknowledged")
    assert {partition for partition, _ in test_hub.batches} == {"0", "1"}
    assert broker.out_of_order == []
    assert {*test_hub.bodies()} == bodies(40)


def test_what_the_hub_does_not_take_is_not_acknowledged_and_the_broker_keeps_the_rest(
    broker, bridge, publish, test_hub, eventually
):
    test_hub.trouble = dict.fromkeys(("0", "1"), HubError("away"))
    running = bridge(broker, in_flight=5)
    publish(broker.port, numbered(30))
    eventually(lambda: running.bridge._acceptance.trouble is not None, "the trouble is known")
    assert (broker.acknowledged, broker.most_in_flight, broker.unacknowledged()) == (0, 5, 30)
    test_hub.trouble = {}
    eventually(lambda: broker.acknowledged == 30, "everything is acknowledged")
    assert {*test_hub.bodies()} == bodies(30)
    assert broker.most_in_flight == 5


def test_a_broken_connection_loses_nothing_and_old_numbers_are_not_acknowledged_on_the_new_one(
    broker, bridge, publish, test_hub, eventually
):
    test_hub.trouble = dict.fromkeys(("0", "1"), HubError("away"))
    running = bridge(broker)
    publish(broker.port, numbered(10))
    eventually(lambda: running.bridge._acceptance.trouble is not None, "the trouble is known")
    broker.break_connections()
    eventually(lambda: broker.resent == 10, "the session is taken up and its messages are sent again")
    test_hub.trouble = {}
    eventually(lambda: broker.unacknowledged() == 0, "everything is acknowledged")
    assert {*test_hub.bodies()} == bodies(10)
    assert (broker.acknowledged, broker.out_of_order) == (10, [])


def test_replicas_share_the_messages(broker, bridge, publish, test_hub, eventually):
    first, second = bridge(broker, client_id="gateway-1"), bridge(broker, client_id="gateway-2")
    publish(broker.port, numbered(40))
    eventually(lambda: broker.acknowledged == 40, "everything is acknowledged")
    assert sorted(test_hub.bodies()) == sorted(bodies(40))
    assert first.bridge.counts.acknowledged > 0
    assert second.bridge.counts.acknowledged > 0


def test_a_message_larger_than_the_hub_takes_is_told_of_and_holds_up_nobody(
    broker, bridge, publish, test_hub, eventually
):
    bridge(broker)
    publish(broker.port, [("telemetry/d1", b"x" * 5000, {}), ("telemetry/d1", b"small", {})])
    eventually(lambda: broker.acknowledged == 2, "both are acknowledged")
    (told,) = [body for body in test_hub.bodies() if body != b"small"]
    assert b'"bytes": 5000' in told
    assert b"the hub takes up to 4,000" in told


def test_messages_that_wait_for_room_are_not_overtaken(broker, bridge, publish, test_hub, eventually, monkeypatch):
    monkeypatch.setattr(mqtt_inbox, "RETRY_SECONDS", 0.02)
    test_hub.buffer_bytes = 100
    test_hub.delay = dict.fromkeys(("0", "1"), 0.02)
    bridge(broker)
    bodies = [b"%03d" % n + b"x" * (60 if n % 5 == 0 else 5) for n in range(40)]
    publish(broker.port, [("telemetry/d1", body, {}) for body in bodies])
    eventually(lambda: broker.acknowledged == 40, "everything is acknowledged")
    assert test_hub.bodies() == bodies
    assert broker.out_of_order == []


def test_a_message_that_the_hub_refuses_is_told_of_in_its_turn(broker, bridge, publish, test_hub, eventually):
    test_hub.refused = b"strange"
    bridge(broker)
    publish(broker.port, [("telemetry/d1", body, {}) for body in (b"1", b"strange", b"3")])
    eventually(lambda: broker.acknowledged == 3, "all are acknowledged")
    assert broker.out_of_order == []
    (told,) = [body for body in test_hub.bodies() if body not in {b"1", b"3"}]
    assert b"never" in told


def test_a_property_does_not_make_a_device(broker, bridge, publish, test_hub, eventually):
    bridge(broker)
    said = {"ContentType": "text/csv", "UserProperty": [("device", "another"), ("schema", "s.v1")]}
    publish(broker.port, [("telemetry/d1", b"1;2", said)])
    eventually(lambda: broker.acknowledged == 1, "it is acknowledged")
    message = decode_payload(memoryview(test_hub.messages[0]))
    assert message.message_annotations == {b"x-opt-partition-key": b"d1"}
    assert message.properties.content_type == b"text/csv"
    assert message.application_properties == {
        b"schema": b"s.v1",
        b"gateway": b"mqtt",
        b"device": b"another",
        b"topic": b"telemetry/d1",
    }


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        ({"refuse_clients": 0x86}, "refuses this client.*user name or password"),
        ({"refuse_subscriptions": True}, "does not grant QoS 1.*158"),
    ],
)
def test_a_broker_that_refuses_for_good_ends_the_gateway_with_a_reason(broker, bridge, refusal, says):
    for name, value in refusal.items():
        setattr(broker, name, value)
    running = bridge(broker)
    assert isinstance(running.error, ConnectionError)
    with pytest.raises(ConnectionError, match=f"(?i){says}"):
        raise running.error


def certificate(folder) -> tuple[ssl.SSLContext, str]:
    """A server's context, and the file of the authority that signed its certificate: itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return context, str(chain)


@pytest.mark.parametrize("trusting", [True, False])
def test_tls_connects_to_a_broker_it_can_trust_and_to_no_other(make_broker, bridge, eventually, tmp_path, trusting):
    context, authority = certificate(tmp_path)
    broker = make_broker(context)
    options = {"ca_file": authority} if trusting else {}
    running = bridge(broker, wait=trusting, host="localhost", tls=True, **options)
    if trusting:
        assert running.subscribed.is_set()
    else:
        eventually(
            lambda: running.bridge and "certificate" in str(running.bridge.trouble), "it says what it does not trust"
        )
        assert broker.sessions == {}


@pytest.fixture
def amqtt():
    """Another broker, of MQTT 3.1.1; yields its port."""
    loop = asyncio.new_event_loop()
    ports: list[int] = []

    async def start() -> Amqtt:
        listener = {"type": "tcp", "bind": "127.0.0.1:0"}
        broker = Amqtt(
            {
                "listeners": {"default": listener},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            }
        )
        await broker.start()
        ports.append(broker._servers["default"].instance.sockets[0].getsockname()[1])
        return broker

    broker = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield ports[0]
    asyncio.run_coroutine_threadsafe(broker.shutdown(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_a_broker_of_the_old_version_is_served_too(amqtt, bridge, publish, test_hub, eventually):
    class Old:
        port = amqtt

    running = bridge(Old, protocol="3.1.1", share="")
    publish(amqtt, numbered(20), protocol="V311")
    eventually(lambda: running.bridge.counts.acknowledged >= 20, "everything is acknowledged")
    assert {*test_hub.bodies()} == bodies(20)
