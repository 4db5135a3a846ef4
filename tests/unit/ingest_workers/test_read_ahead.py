from __future__ import annotations

import socket
import time

import pytest

from ingest_workers.read_ahead import ReadAhead, read_ahead


@pytest.fixture
def pair():
    left, right = socket.socketpair()
    right.settimeout(0.1)
    yield left, right
    left.close()
    right.close()


def take(reader: ReadAhead, count: int) -> bytes:
    """Exactly `count` bytes, as the SDK reads them."""
    target = memoryview(bytearray(count))
    got = 0
    while got < count:
        got += reader.recv_into(target[got:])
    return target.tobytes()


@pytest.mark.parametrize("size", [1, 7, 64, 1000], ids=lambda size: f"buffer of {size}")
def test_the_bytes_are_those_of_the_socket(pair, size):
    left, right = pair
    sent = bytes(range(256)) * 3
    left.sendall(sent)
    reader = ReadAhead(right, size)
    assert b"".join(take(reader, count) for count in (8, 300, 1, 59, 400)) == sent


def test_waiting_ends_by_the_sockets_own_timeout(pair):
    reader = ReadAhead(pair[1])
    with pytest.raises(TimeoutError):
        reader.recv_into(memoryview(bytearray(1)))


def test_past_its_time_it_waits_for_no_new_frame_and_still_hands_over_what_it_has(pair):
    left, right = pair
    right.settimeout(30)
    reader = ReadAhead(right)
    reader.until = time.monotonic() - 1
    left.sendall(bytes(range(24)))
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        reader.recv_into(memoryview(bytearray(8)))
    assert reader.recv_into(memoryview(bytearray(16))) == 16, "the rest of a frame is waited for"
    assert reader.recv_into(memoryview(bytearray(8))) == 8, "and what is there is read"
    assert time.monotonic() - begun < 10


def test_a_closed_connection_reads_as_closed(pair):
    left, right = pair
    left.sendall(b"last")
    left.close()
    reader = ReadAhead(right)
    assert take(reader, 4) == b"last"
    assert reader.recv_into(memoryview(bytearray(1))) == 0


def test_everything_else_is_the_sockets_own(pair):
    left, right = pair
    ReadAhead(right).sendall(b"hi")
    assert left.recv(2) == b"hi"


def test_a_transport_is_given_one_reader_and_keeps_it(pair):
    class Transport:
        sock = pair[1]

    transport = Transport()
    assert read_ahead(transport)
    reader = transport.sock
    assert read_ahead(transport)
    assert transport.sock is reader


def test_a_transport_that_reads_otherwise_is_left_alone():
    assert not read_ahead(None)
