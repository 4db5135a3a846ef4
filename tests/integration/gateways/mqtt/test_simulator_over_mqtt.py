"""The simulated fleet as publishers: to a broker, and through the gateway to where its promises are judged."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from assets.silver.promote import Promoter
from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_specs
from lake.store import Lake
from quality.contracts.tables import DUPLICATES, QUARANTINE, READINGS
from settings.model import Settings, Silver
from simulator.faults import FaultRates
from simulator.mqtt_outlet import MqttBroker, MqttOutlet
from simulator.patterns import Patterns
from simulator.plan import SimulationOptions, slices
from simulator.sender import SendingError
from simulator.simulate import simulate
from simulator.statistics import Statistics

FAULTS = FaultRates(corrupt=0.05, duplicate=0.08, conflict=0.05, out_of_range=0.05, wrong_unit=0.05)


def a_fleet(events: int = 200, **options) -> SimulationOptions:
    defaults = {"devices": 10, "start": datetime(2026, 3, 1, tzinfo=UTC), "seed": 5, "protobuf_share": 0.4}
    return SimulationOptions(events=events, **defaults | options)


def at(broker, **options) -> MqttBroker:
    return MqttBroker(host="127.0.0.1", port=broker.port, **options)


@pytest.mark.slow
def test_what_a_fleet_publishes_becomes_what_its_manifest_promises(hub, broker, make_gateway, eventually, tmp_path):
    gateway = make_gateway(
        hub, "mqtt", MQTT__HOST="127.0.0.1", MQTT__PORT=str(broker.port), MQTT__TLS="false", MQTT__CLIENT_ID="gateway-1"
    )
    gateway.start()
    options = a_fleet(
        faults=FAULTS, devices=6, moving_share=0.5, patterns=Patterns.parse("daily,drift,spikes,stuck,gaps")
    )

    sent = simulate(Settings(), options, broker=at(broker), batch=50, manifest=tmp_path / "manifest.jsonl")
    eventually(lambda: broker.acknowledged == 200, "the gateway has passed on every message")
    assert gateway.end() == 0

    rows = hub.bronze(tmp_path / "lake")
    planned = {
        message_id: (options.fleet.device(n), body)
        for piece in slices(options)
        for n, message_id, body, _ in zip(*piece, strict=True)
    }
    found = {dict(row["properties"])["sys.message_id"]: row for row in rows}
    assert found.keys() == planned.keys()
    for message_id, (device, body) in planned.items():
        row = found[message_id]
        protobuf = device.format == "protobuf"
        assert (row["device_id"], row["body"]) == (device.native_id, body)
        assert row["content_type"] == ("application/x-protobuf" if protobuf else "application/json")
        assert row["schema_ref"] == ("telemetry.v1" if protobuf else "simulator.v1")

    lake = Lake(str(tmp_path / "lake"))
    Promoter(lake, Canonicaliser.of(load_specs()), Silver()).promote()
    assert len(lake.rows(READINGS)) == sent.expected.readings["accepted"]
    assert len(lake.rows(DUPLICATES)) == sent.expected.readings["duplicate"] > 0
    assert Counter(row["reason"] for row in lake.rows(QUARANTINE).to_pylist()) == sent.expected.reasons
    assert {"latitude", "longitude"} < {row["metric"] for row in lake.rows(READINGS).to_pylist()}


def test_a_broken_connection_is_mended_and_what_went_twice_is_counted(broker, bridge, test_hub, eventually):
    bridge(broker, topic="telemetry/{schema}/{device}", in_flight=500)
    options = a_fleet(events=600, rate=400)
    broken = threading.Event()

    def disturb(now: Statistics) -> None:
        if now.acknowledged > 100 and not broken.is_set():
            broken.set()
            broker.break_connections()

    sent = simulate(
        Settings(), options, broker=at(broker, topic="telemetry/{schema}/{device}"), batch=50, on_statistics=disturb
    )
    planned = {body for piece in slices(options) for body in piece.bodies}
    eventually(lambda: {*test_hub.bodies()} == planned, "every message arrives")

    assert broken.is_set()
    assert (sent.events, sent.expected.events_sent) == (600, 600)
    assert sent.retries >= 1
    # The gateway's connection broke too: what it had not acknowledged came to it twice.
    assert len(test_hub.bodies()) - 600 <= sent.repeated + broker.resent


class Narrow:
    """A broker that takes `most` messages before it has acknowledged the first, and hangs up on who sends more."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.port = 0
        self.taken = 0
        self.under_way = self.most_under_way = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind = (await reader.readexactly(1))[0] >> 4
                size = shift = 0
                while (byte := (await reader.readexactly(1))[0]) & 0x80:
                    size, shift = size | (byte & 0x7F) << shift, shift + 7
                body = await reader.readexactly(size | byte << shift)
                if kind == 1:
                    writer.write(b"\x20\x06\x00\x00\x03\x21" + self.most.to_bytes(2, "big"))
                elif kind == 3:
                    self.under_way += 1
                    self.most_under_way = max(self.most_under_way, self.under_way)
                    at = 2 + int.from_bytes(body[:2], "big")
                    asyncio.get_running_loop().call_later(0.01, self._acknowledge, writer, body[at : at + 2])
        writer.close()

    def _acknowledge(self, writer: asyncio.StreamWriter, number: bytes) -> None:
        self.under_way -= 1
        self.taken += 1
        writer.write(b"\x40\x02" + number)


@pytest.fixture
def narrow() -> Iterator[Narrow]:
    broker, loop = Narrow(3), asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(broker.serve, "127.0.0.1", 0))
    broker.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield broker
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def test_no_more_is_under_way_than_the_broker_says_it_takes(narrow):
    sent = simulate(Settings(), a_fleet(events=30), broker=at(narrow))

    assert (sent.events, narrow.taken, sent.retries) == (30, 30, 0)
    assert 1 < narrow.most_under_way <= 3


def test_a_broker_that_is_not_there_is_a_clear_error_within_its_patience():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        broker = MqttBroker(host="127.0.0.1", port=closed.getsockname()[1])
        outlet = MqttOutlet(broker, a_fleet().fleet, statistics=Statistics(), first_patience_s=0.5)

        with pytest.raises(SendingError, match=r"the broker 127\.0\.0\.1:\d+ does not take messages"):
            outlet.__enter__()


def test_a_broker_that_refuses_the_client_is_an_error_at_once(broker):
    broker.refuse_clients = 0x86
    statistics = Statistics()

    with pytest.raises(SendingError, match="user name or password"):
        MqttOutlet(at(broker), a_fleet().fleet, statistics=statistics, first_patience_s=60).__enter__()

    assert statistics.retries == 0


@pytest.mark.parametrize(
    ("address", "options", "says"),
    [
        ("broker", {}, "'broker' is no broker's address"),
        ("broker:mqtt", {}, "write HOST:PORT"),
        ("broker:0", {}, "write HOST:PORT"),
        ("broker:8883", {"topic": "telemetry"}, "needs {device}"),
        ("broker:8883", {"topic": "+/{device}"}, "no '+'"),
        ("broker:8883", {"version": "3.1.1"}, "put {schema} into the topic"),
        ("broker:1883", {"tls": False, "password": "secret"}, "would show the password"),
    ],
)
def test_a_broker_that_cannot_be_used_is_refused_in_words(address, options, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        MqttBroker.at(address, **options)


@pytest.mark.parametrize(("address", "tls"), [("127.0.0.1:1883", False), ("[::1]:1883", False), ("b.example:1", True)])
def test_tls_is_the_default_but_to_this_machine(address, tls):
    assert MqttBroker.at(address).encrypted is tls
    assert MqttBroker.at(address, tls=not tls).encrypted is not tls
