"""What the SDK never does and another client may: odd frames, small windows, large messages, late tokens."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from local_azure.event_hubs import codec, frames
from local_azure.event_hubs.log import read_partition
from local_azure.event_hubs.message import DATA, decode
from local_azure.event_hubs.remote import Remote

Connect = Callable[..., Any]
READER = "telemetry/ConsumerGroups/$Default/Partitions/0"


def event(body: bytes) -> bytes:
    return codec.described(DATA, codec.binary(body))


def stored(endpoint: Any) -> list[bytes]:
    return [decode(record.message).body for record in read_partition(endpoint.data, "telemetry", "0")]


@pytest.fixture
def sender(endpoint: Any, wire: Connect) -> Any:
    """A client whose link 1 sends to partition 0."""
    client = wire(endpoint)
    assert client.authorize() == 202
    client.attach(1, "telemetry/Partitions/0", sender=True)
    client.read_until(frames.FLOW)
    return client


def reader(endpoint: Any, wire: Connect, **options: Any) -> Any:
    """A client whose link 1 reads partition 0, still without credit."""
    client = wire(endpoint, **options)
    assert client.authorize() == 202
    client.attach(1, READER, sender=False)
    client.read_until(frames.ATTACH)
    return client


def test_a_delivery_in_many_frames_is_one_event(endpoint: Any, sender: Any) -> None:
    whole = event(bytes(range(256)) * 40)
    for start in range(0, len(whole), 1000):
        last = start + 1000 >= len(whole)
        sender.transfer(1, 5 if start == 0 else None, whole[start : start + 1000], more=not last)

    fields, _ = sender.read_until(frames.DISPOSITION)

    assert (fields[0], fields[1], fields[2], fields[3], fields[4].descriptor) == (True, 5, 5, True, 0x24)
    assert stored(endpoint) == [bytes(range(256)) * 40]


def test_an_aborted_delivery_leaves_nothing(endpoint: Any, sender: Any) -> None:
    sender.transfer(1, 5, event(b"half")[:4], more=True)
    sender.transfer(1, None, b"", aborted=True)
    sender.transfer(1, 6, event(b"whole"))

    fields, _ = sender.read_until(frames.DISPOSITION)

    assert fields[1] == 6
    assert stored(endpoint) == [b"whole"]


def test_a_settled_delivery_is_stored_without_an_answer(endpoint: Any, sender: Any) -> None:
    sender.transfer(1, 5, event(b"quiet"), settled=True)
    sender.transfer(1, 6, event(b"asked"))

    fields, _ = sender.read_until(frames.DISPOSITION)

    assert fields[1] == 6
    assert stored(endpoint) == [b"quiet", b"asked"]


@pytest.mark.parametrize(
    ("payload", "condition"),
    [(b"no message", "amqp:decode-error"), (event(bytes(1 << 20)), "amqp:link:message-size-exceeded")],
)
def test_what_cannot_be_stored_is_rejected_and_the_link_lives_on(
    endpoint: Any, sender: Any, payload: bytes, condition: str
) -> None:
    for start in range(0, len(payload), 500_000):
        more = start + 500_000 < len(payload)
        sender.transfer(1, 5 if start == 0 else None, payload[start : start + 500_000], more=more)
    fields, _ = sender.read_until(frames.DISPOSITION)
    assert fields[4].descriptor == 0x25
    assert fields[4].value[0].value[0] == condition

    sender.transfer(1, 6, event(b"good"))
    fields, _ = sender.read_until(frames.DISPOSITION)
    assert fields[4].descriptor == 0x24
    assert stored(endpoint) == [b"good"]


def test_no_more_frames_are_sent_than_the_window_allows(endpoint: Any, wire: Connect) -> None:
    endpoint.put(*(str(number).encode() for number in range(30)))
    client = reader(endpoint, wire)
    already = 1  # the answer to the token was the session's first transfer

    client.flow(1, credit=100, seen=already, window=10)
    first = [client.read(timeout=1) for _ in range(10)]
    assert all(got is not None and got[0] == frames.TRANSFER for got in first)
    assert client.read(timeout=0.5) is None

    client.flow(None, seen=already + 10, window=15)
    rest = [client.read(timeout=1) for _ in range(15)]
    assert all(got is not None and got[0] == frames.TRANSFER for got in rest)
    assert client.read(timeout=0.5) is None


def test_a_delivery_larger_than_the_window_comes_in_parts(endpoint: Any, wire: Connect) -> None:
    body = bytes(range(256)) * 20
    endpoint.put(body)
    client = reader(endpoint, wire, max_frame_size=512)
    payload, seen, last = b"", 1, False
    client.flow(1, credit=10, seen=seen, window=3)
    while not last:
        fields, part = client.read_until(frames.TRANSFER)
        payload += part
        last = not fields[5]
        seen += 1
        if (seen - 1) % 3 == 0:
            client.flow(None, seen=seen, window=3)

    assert decode(payload).body == body
    assert seen > 10


def test_credit_is_counted_from_what_the_client_had_seen(endpoint: Any, wire: Connect) -> None:
    endpoint.put(*(str(number).encode() for number in range(30)))
    client = reader(endpoint, wire)

    client.flow(1, credit=5, seen=1)
    assert [client.read_until(frames.TRANSFER)[0][1] for _ in range(5)] == [1, 2, 3, 4, 5]
    client.flow(1, credit=5, seen=1, delivery_count=0)  # written before the five were seen
    assert client.read(timeout=0.5) is None
    client.flow(1, credit=5, seen=6, delivery_count=5)
    assert [client.read_until(frames.TRANSFER)[0][1] for _ in range(5)] == [6, 7, 8, 9, 10]


def test_a_drained_link_gives_its_credit_back(endpoint: Any, wire: Connect) -> None:
    endpoint.put(b"only")
    client = reader(endpoint, wire)

    client.flow(1, credit=10, seen=1, drain=True)
    client.read_until(frames.TRANSFER)
    fields, _ = client.read_until(frames.FLOW)

    assert (fields[5], fields[6]) == (10, 0)
    endpoint.put(b"later")
    assert client.read(timeout=0.5) is None


def test_an_echo_is_answered(endpoint: Any, wire: Connect) -> None:
    client = reader(endpoint, wire)

    client.flow(1, credit=7, seen=1, echo=True)

    fields, _ = client.read_until(frames.FLOW)
    assert (fields[4], fields[6]) == (1, 7)


def test_a_client_with_an_idle_timeout_is_kept_alive(endpoint: Any, wire: Connect) -> None:
    client = wire(endpoint, idle_ms=500)

    assert [client.read_raw(timeout=5) for _ in range(3)] == [frames.EMPTY_FRAME] * 3


def test_without_a_token_there_is_no_link(endpoint: Any, wire: Connect) -> None:
    for sends in (True, False):
        client = wire(endpoint)
        client.attach(1, "telemetry" if sends else READER, sender=sends)
        attach, _ = client.read_until(frames.ATTACH)
        detach, _ = client.read_until(frames.DETACH)
        assert attach[6 if sends else 5] is None
        assert detach[2].value[0] == "amqp:unauthorized-access"


def test_a_token_for_one_consumer_group_opens_no_other(endpoint: Any, wire: Connect) -> None:
    client = wire(endpoint)
    assert client.authorize("telemetry/consumergroups/hot") == 202

    client.attach(1, READER, sender=False)

    detach, _ = client.read_until(frames.DETACH)
    assert detach[2].value[0] == "amqp:unauthorized-access"


def test_a_link_ends_with_its_token(endpoint: Any, wire: Connect) -> None:
    client = wire(endpoint)
    assert client.authorize(expires=time.time() + 2) == 202
    client.attach(1, READER, sender=False)
    client.read_until(frames.ATTACH)

    detach, _ = client.read_until(frames.DETACH)

    assert detach[2].value[0] == "amqp:unauthorized-access"
    assert "has expired" in detach[2].value[1]


def test_a_link_outlives_its_first_token_when_that_was_renewed(endpoint: Any, wire: Connect) -> None:
    client = wire(endpoint)
    assert client.authorize(expires=time.time() + 2) == 202
    client.attach(1, READER, sender=False)
    client.read_until(frames.ATTACH)

    assert client.put_token(expires=time.time() + 300, delivery_id=1) == 202

    assert client.read(timeout=3) is None
    endpoint.put(b"still read")
    client.flow(1, credit=1, seen=2)
    _, payload = client.read_until(frames.TRANSFER)
    assert decode(payload).body == b"still read"


def test_a_token_lasts_no_longer_than_the_endpoint_grants(start: Any, wire: Connect) -> None:
    client = wire(start("--longest-claim", "1"))
    assert client.authorize(expires=time.time() + 300) == 202
    client.attach(1, READER, sender=False)
    client.read_until(frames.ATTACH)

    detach, _ = client.read_until(frames.DETACH)

    assert "has expired" in detach[2].value[1]


def test_a_client_that_says_nothing_for_too_long_is_hung_up_on(start: Any, wire: Connect) -> None:
    client = wire(start("--idle-timeout", "0.5"))

    fields, _ = client.read_until(frames.CLOSE)

    assert fields[0].value[0] == "amqp:connection:forced"
    assert "nothing was heard for 1 s" in fields[0].value[1]
    with pytest.raises(ConnectionError):
        client.read()


def test_more_sends_than_16_bits_count_pass_over_one_link_and_the_end_of_the_delivery_ids(
    endpoint: Any, sender: Any
) -> None:
    rounds, many = 133, 500  # as many as a link has credit for at least
    number = 2**32 - rounds * many // 2
    for _ in range(rounds):
        for _ in range(many - 1):
            sender.transfer(1, number % 2**32, event(b"x"), settled=True)
            number += 1
        sender.transfer(1, number % 2**32, event(b"x"))

        fields, _ = sender.read_until(frames.DISPOSITION)
        assert fields[1] == fields[2] == number % 2**32
        assert fields[4].descriptor == 0x24
        number += 1

    assert len(stored(endpoint)) == rounds * many > 65_536


def test_a_drained_link_takes_all_it_has_credit_for_first(endpoint: Any, wire: Connect) -> None:
    endpoint.put(*(str(number).encode() for number in range(30)))
    client = reader(endpoint, wire)

    client.flow(1, credit=20, seen=1, drain=True)

    got = [decode(client.read_until(frames.TRANSFER)[1]).body for _ in range(20)]
    fields, _ = client.read_until(frames.FLOW)
    assert got == [str(number).encode() for number in range(20)]
    assert (fields[5], fields[6], fields[8]) == (20, 0, True)
    assert client.read(timeout=0.5) is None


def test_an_expired_token_is_refused(endpoint: Any, wire: Connect) -> None:
    assert wire(endpoint).authorize(expires=time.time() - 5) == 401


@pytest.mark.parametrize(
    "noise",
    [
        b"HELO mail.example.org\r\n",
        b"AMQP\x00\x00\x09\x01",
        b"AMQP\x00\x01\x00\x00\x7f\xff\xff\xff\x02\x00\x00\x00",
        b"AMQP\x00\x01\x00\x00" + frames.begin(1),
        b"AMQP\x00\x01\x00\x00" + frames.HEADER.pack(12, 2, 0, 0) + b"\x00\x53\xff\x45",
    ],
)
def test_a_client_that_speaks_something_else_is_cut_off_and_nobody_else_is(endpoint: Any, noise: bytes) -> None:
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=60) as stranger:
        stranger.sendall(noise)
        while stranger.recv(4096):
            pass

    endpoint.put(b"still there")
    assert stored(endpoint) == [b"still there"]


@pytest.mark.parametrize(
    ("frame", "condition"),
    [
        (frames.write(1, frames.TRANSFER, [codec.uint(77), codec.uint(0)]), "amqp:session:unattached-handle"),
        (frames.write(1, frames.DETACH, [codec.uint(77)]), "amqp:session:unattached-handle"),
    ],
)
def test_a_broken_session_ends_with_the_reason(endpoint: Any, wire: Connect, frame: bytes, condition: str) -> None:
    client = wire(endpoint)
    client.send(frame)

    fields, _ = client.read_until(frames.END)

    assert fields[0].value[0] == condition


def test_a_client_that_dies_frees_its_seat(endpoint: Any, wire: Connect) -> None:
    level = codec.mapping([(codec.symbol("com.microsoft:epoch"), codec.long(9))])
    owner = wire(endpoint)
    owner.authorize()
    owner.attach(1, READER, sender=False, properties=level)
    owner.read_until(frames.ATTACH)
    owner.close()
    deadline = time.monotonic() + 60
    while Remote(endpoint.port).status()["connections"] and time.monotonic() < deadline:
        time.sleep(0.02)
    endpoint.put(b"free")
    client = reader(endpoint, wire)

    client.flow(1, credit=1, seen=1)

    _, payload = client.read_until(frames.TRANSFER)
    assert decode(payload).body == b"free"


def test_a_slow_reader_holds_up_nobody(endpoint: Any, wire: Connect) -> None:
    for _ in range(20):
        endpoint.put(bytes(900_000))
    sleeper = reader(endpoint, wire, max_frame_size=2**20)
    sleeper.flow(1, credit=1000, seen=1, window=100_000)
    time.sleep(0.5)

    started = time.monotonic()
    endpoint.put(b"quick", partition="1")

    assert time.monotonic() - started < 20
    bodies = 0
    while bodies < 20:
        fields, _ = sleeper.read_until(frames.TRANSFER)
        bodies += not fields[5]
