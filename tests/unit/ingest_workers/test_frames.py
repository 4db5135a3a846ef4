"""Transfers cut from what was read ahead, against the SDK's own reading of the same bytes."""

from __future__ import annotations

import socket
import struct
from io import BytesIO
from types import SimpleNamespace

import pytest
from azure.eventhub._pyamqp._decode import decode_frame

from ingest_workers.read_ahead import Frames, ReadAhead, read_ahead

FLAGS = b"\x41\x42\x40\x40\x42\x42\x42"


def frame(performative: bytes, payload: bytes = b"", channel: int = 3) -> bytes:
    body = performative + payload
    return struct.pack(">IBBH", 8 + len(body), 2, 0, channel) + body


def transfer(
    handle: bytes = b"\x43",
    delivery: bytes = b"\x52\x07",
    tag: bytes = b"tag",
    kind: bytes = b"\x43",
    flags: bytes = FLAGS,
) -> bytes:
    fields = handle + delivery + b"\xa0" + bytes([len(tag)]) + tag + kind + flags
    return b"\x00\x53\x14\xc0" + bytes([len(fields) + 1, 11]) + fields


def long_list(short: bytes) -> bytes:
    fields = short[6:]
    return b"\x00\x53\x14\xd0" + struct.pack(">II", len(fields) + 4, 11) + fields


class Sdk:
    """The SDK's way, and how often it was taken."""

    def __init__(self, ahead: ReadAhead) -> None:
        self.ahead, self.calls, self.kept = ahead, 0, b""

    def __call__(self, **_):
        self.calls += 1
        try:
            while len(self.kept) < 8 or len(self.kept) < struct.unpack_from(">I", self.kept)[0]:
                target = memoryview(bytearray(1))
                self.ahead.recv_into(target)
                self.kept += bytes(target)
        except TimeoutError:
            return None, None
        data, self.kept = self.kept, b""
        return struct.unpack_from(">H", data, 6)[0], decode_frame(memoryview(data)[8:])


@pytest.fixture
def link():
    left, right = socket.socketpair()
    right.settimeout(0.05)
    ahead = ReadAhead(right)
    sdk = Sdk(ahead)
    yield SimpleNamespace(peer=left, sdk=sdk, read=Frames(ahead, sdk))
    left.close()
    right.close()


def plain(found):
    channel, (kind, fields) = found
    return channel, kind, [bytes(field) if isinstance(field, memoryview) else field for field in fields]


TRANSFERS = {
    "short numbers": transfer(),
    "a long list": long_list(transfer()),
    "wide numbers": transfer(b"\x70\x00\x00\x00\x01", b"\x70\x00\x01\x00\x00", b"t" * 16),
    "zero": transfer(delivery=b"\x43", tag=b""),
    "a format": transfer(kind=b"\x52\x00"),
    "a wide format": transfer(kind=b"\x70\x80\x01\x37\x00"),
    "more to come": transfer(flags=b"\x41\x41\x40\x40\x40\x40\x40"),
    "not settled": transfer(flags=b"\x42\x42\x40\x40\x42\x42\x41"),
    "a tag that looks like fields": transfer(tag=b"\x43\x41\x42\x40\x40"),
}


@pytest.mark.parametrize("performative", TRANSFERS.values(), ids=TRANSFERS)
def test_a_transfer_reads_as_the_sdk_reads_it(performative, link):
    whole = frame(performative, b"\x00\x53\x75\xa0\x01x")
    link.peer.sendall(whole * 3)
    found = [plain(link.read()) for _ in range(3)]
    assert found[1] == found[2] == found[0]
    assert found[0][2][11] == b"\x00\x53\x75\xa0\x01x"
    assert link.sdk.calls == 1, "the SDK reads the first, by which the two are in step"


OTHERS = {
    "a flow": b"\x00\x53\x13\xc0\x05\x04\x43\x43\x43\x43",
    "a transfer with fewer fields": b"\x00\x53\x14\xc0\x06\x03\x43\x43\xa0\x01t",
    "a flag written long": transfer(flags=b"\x56\x01\x42\x40\x40\x42\x42\x42"),
    "no tag": b"\x00\x53\x14\xc0\x0c\x0b\x43\x43\x40\x43\x41\x42\x40\x40\x42\x42\x42",
}


@pytest.mark.parametrize("performative", OTHERS.values(), ids=OTHERS)
def test_any_other_frame_is_the_sdks(performative, link):
    link.peer.sendall(frame(transfer()) + frame(performative) + frame(transfer()))
    kinds = [link.read()[1][0] for _ in range(3)]
    assert kinds == [0x14, performative[2], 0x14]
    assert link.sdk.calls == 2


def test_part_of_a_frame_is_waited_for_by_the_sdk_and_goes_on_with_it(link):
    whole = frame(transfer(), b"payload")
    link.peer.sendall(whole + whole[:20])
    assert link.read()[0] == 3
    assert link.read() == (None, None)
    link.peer.sendall(whole[20:] + whole)
    assert [bytes(link.read()[1][1][11]) for _ in range(2)] == [b"payload", b"payload"]
    assert link.sdk.calls == 3


def test_a_transport_reads_frames_through_it_only_once():
    left, right = socket.socketpair()
    transport = SimpleNamespace(sock=right, receive_frame=lambda **_: (None, None), _read_buffer=BytesIO())
    assert read_ahead(transport)
    first = transport.receive_frame
    assert read_ahead(transport)
    assert transport.receive_frame is first
    assert isinstance(first, Frames)
    left.close()
    right.close()
