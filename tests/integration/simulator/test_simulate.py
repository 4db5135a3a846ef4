"""The simulated fleet against the local endpoint, through the real SDK."""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from settings.model import EventHubs, Settings
from simulator.envelope import Envelope
from simulator.faults import TYPICAL, FaultRates
from simulator.manifest import summary
from simulator.patterns import Patterns
from simulator.plan import SimulationOptions, slices
from simulator.sender import Sender, SendingError
from simulator.simulate import simulate

START = datetime(2026, 3, 1, tzinfo=UTC)


def planned_by_device(options):
    planned = defaultdict(list)
    for piece in slices(options):
        for n, message_id, body in zip(piece.devices, piece.message_ids, piece.bodies, strict=True):
            planned[options.fleet.names[n]].append((message_id, body))
    return planned


def test_the_hub_holds_what_was_planned_in_its_order_per_device(endpoint, tmp_path):
    options = SimulationOptions(
        devices=7,
        events=2500,
        start=START,
        seed=3,
        faults=TYPICAL,
        protobuf_share=0.4,
        moving_share=0.5,
        patterns=Patterns.parse("daily,stuck,gaps"),
    )
    progress: list[tuple[int, int | None]] = []

    sent = simulate(
        endpoint.settings,
        options,
        manifest=tmp_path / "manifest.jsonl",
        on_progress=lambda done, total: progress.append((done, total)),
    )

    planned = planned_by_device(options)
    formats = {device.native_id: device.format for device in map(options.fleet.device, range(7))}
    arrived, partitions = defaultdict(list), defaultdict(set)
    words = {
        "json": ("application/json", {"schema": "simulator.v1"}),
        "protobuf": ("application/x-protobuf", {"schema": "telemetry.v1"}),
    }
    for event in endpoint.received():
        arrived[event.partition_key].append((event.message_id, event.body))
        assert (event.content_type, event.properties) == words[formats[event.partition_key]]
        partitions[event.partition_key].add(event.partition_id)
    assert arrived == planned
    assert {len(of_a_device) for of_a_device in partitions.values()} == {1}
    assert sent.batches == len(set().union(*partitions.values()))
    assert sent.events == 2500 == sent.expected.events_sent
    assert progress[-1] == (2500, 2500)
    assert progress == sorted(progress)
    assert summary(tmp_path / "manifest.jsonl") == sent.expected


def test_the_last_reading_is_about_now_unless_told_otherwise(endpoint):
    before = datetime.now(UTC)

    sent = simulate(endpoint.settings, SimulationOptions(devices=3, events=30))

    end = sent.start + timedelta(seconds=10 * 15)
    assert before - timedelta(seconds=16) <= end <= datetime.now(UTC)


@pytest.mark.slow
def test_a_restart_of_the_endpoint_while_sending_loses_nothing(endpoint, tmp_path):
    options = SimulationOptions(devices=20, events=24_000, start=START, rate=6_000, faults=FaultRates(duplicate=0.01))
    begun = threading.Event()

    def outage() -> None:
        begun.wait(timeout=30)
        for _ in range(2):
            endpoint.kill()
            time.sleep(0.3)
            endpoint.start()
            time.sleep(1.0)

    breaker = threading.Thread(target=outage, daemon=True)
    breaker.start()
    sent = simulate(
        endpoint.settings,
        options,
        manifest=tmp_path / "manifest.jsonl.gz",
        on_progress=lambda done, total: begun.set() if done > 2_000 else None,
    )
    breaker.join(timeout=60)

    planned = planned_by_device(options)
    first_arrivals: dict[str, dict[str, bytes]] = defaultdict(dict)
    received = endpoint.received()
    for event in received:
        first_arrivals[event.partition_key].setdefault(event.message_id, event.body)
    # What was sent twice has the same message id, and each device's messages first arrive in their order.
    assert {device: list(seen.items()) for device, seen in first_arrivals.items()} == planned
    assert sent.retries > 0
    assert len(received) - 24_000 <= sent.repeated
    assert summary(tmp_path / "manifest.jsonl.gz").events_sent == sent.events == 24_000


def test_the_hub_puts_a_key_where_we_did(endpoint):
    options = SimulationOptions(devices=8, events=8, start=START)
    simulate(endpoint.settings, options)
    with Sender(endpoint.settings.event_hubs) as sender:
        for name in options.fleet.names:
            envelope = Envelope(content_type="text/plain", properties={}, message_id_width=2, partition_key=name)
            sender.send([envelope.wrap("id", b"by the hub")], partition_key=name)
    ours, theirs = {}, {}
    for event in endpoint.received():
        places = theirs if event.body == b"by the hub" else ours
        places[event.partition_key] = event.partition_id

    assert len(set(ours.values())) > 1
    assert theirs == ours


def test_a_batch_has_at_most_as_many_messages_as_asked_for(endpoint):
    sent = simulate(endpoint.settings, SimulationOptions(devices=1, events=100, start=START), batch=30)

    assert (sent.events, sent.batches) == (100, 4)


def test_the_pace_is_kept_and_told(endpoint):
    told: list[tuple[int, int, float | None]] = []

    sent = simulate(
        endpoint.settings,
        SimulationOptions(devices=5, duration=timedelta(seconds=2), rate=50, start=START),
        on_statistics=lambda now: told.append((now.acknowledged, now.sent, now.rate)),
    )

    assert sent.events == 100
    assert sent.seconds > 1.9
    assert len(told) >= 10
    assert told[-1] == (100, 100, 50)
    assert (sent.retries, sent.repeated) == (0, 0)
    assert sent.bytes > 100 * 150


def test_readings_in_the_future_are_refused_before_anything_is_sent(endpoint):
    ahead = datetime.now(UTC) + timedelta(days=3)

    with pytest.raises(ValueError, match="future"):
        simulate(endpoint.settings, SimulationOptions(events=10, start=ahead))

    assert endpoint.received() == []


def test_messages_beyond_a_batchs_limit_go_in_several_batches_in_order(endpoint):
    envelope = Envelope(content_type="text/plain", properties={}, message_id_width=4, partition_key="big")
    bodies = [bytes([n]) * 300_000 for n in range(10)]
    messages = [envelope.wrap(f"{n:04d}", body) for n, body in enumerate(bodies)]

    with Sender(endpoint.settings.event_hubs) as sender:
        sender.send(messages, partition_key="big")

        assert sender.statistics.batches == 4
        assert sender.statistics.acknowledged == 10
    assert [event.body for event in endpoint.received()] == bodies


def test_a_message_no_batch_can_hold_is_an_error_that_says_so(endpoint):
    with Sender(endpoint.settings.event_hubs) as sender, pytest.raises(ValueError, match="larger than the hub takes"):
        sender.send([bytes(2**20)], partition_key="big")


def test_an_endpoint_that_is_not_there_is_a_clear_error_within_its_patience(endpoint):
    settings = endpoint.settings.event_hubs
    endpoint.kill()
    begin = time.monotonic()

    with pytest.raises(SendingError, match=r"could not connect to hub 'telemetry' at sb://127\.0\.0\.1") as raised:
        Sender(settings, first_patience_s=1.0).__enter__()

    assert "lakehouse up" in str(raised.value)
    assert time.monotonic() - begin < 15


def test_a_hub_that_does_not_exist_is_a_clear_error(endpoint):
    settings = EventHubs(connection_string=endpoint.connection_string, hub="elsewhere")

    with pytest.raises(SendingError, match="elsewhere"):
        Sender(settings, first_patience_s=1.0).__enter__()


def test_an_endpoint_that_stays_away_ends_the_run_with_an_error(endpoint):
    with Sender(endpoint.settings.event_hubs, patience_s=1.0) as sender:
        endpoint.kill()

        with pytest.raises(SendingError, match="could not send to hub"):
            sender.send([b"\x00\x53\x75\xa0\x00"], partition_key="sim-00001")


def test_without_an_endpoint_the_error_says_what_to_set():
    with pytest.raises(ValueError, match="lakehouse up"):
        simulate(Settings(event_hubs=EventHubs()), SimulationOptions(events=1))


def test_a_wrong_key_is_an_error_at_once_and_not_after_the_patience(endpoint):
    wrong = re.sub(r"SharedAccessKey=[^;]*", "SharedAccessKey=d3Jvbmc=", endpoint.connection_string)
    begin = time.monotonic()

    with pytest.raises(SendingError, match="Check the key"):
        Sender(EventHubs(connection_string=wrong, hub="telemetry"), first_patience_s=30).__enter__()

    assert time.monotonic() - begin < 15
