"""Frames against the SDK's reader, which takes fields by position and does not forgive a short list."""

from __future__ import annotations

import pytest
from azure.eventhub._pyamqp._decode import decode_frame
from azure.eventhub._pyamqp._encode import encode_frame
from azure.eventhub._pyamqp.performatives import BeginFrame, FlowFrame

from local_azure.event_hubs import codec, frames
from local_azure.event_hubs.errors import NOT_FOUND, AmqpError

PROBLEM = AmqpError(NOT_FOUND, "there is no hub 'x' here")
NAME, SOURCE = codec.string("link"), codec.described(0x28, codec.sequence([codec.string("hub")]))


def sdk_reads(frame: bytes) -> tuple[int, list[object]]:
    assert int.from_bytes(frame[:4], "big") == len(frame)
    return decode_frame(memoryview(frame)[8:])


@pytest.mark.parametrize(
    ("frame", "code", "count"),
    [
        (frames.open_("c", 1024, 1000), frames.OPEN, 10),
        (frames.begin(1), frames.BEGIN, 8),
        (
            frames.attach(1, name=NAME, handle=2, role=frames.SENDER, source=SOURCE, target=SOURCE, max_message_size=9),
            frames.ATTACH,
            14,
        ),
        (frames.flow(1, next_incoming_id=0, next_outgoing_id=0), frames.FLOW, 11),
        (frames.flow(1, next_incoming_id=0, next_outgoing_id=0, handle=2, credit=3), frames.FLOW, 11),
        (frames.disposition(1, 7, None), frames.DISPOSITION, 6),
        (frames.disposition(1, 7, PROBLEM), frames.DISPOSITION, 6),
        (frames.detach(1, 2, PROBLEM), frames.DETACH, 3),
        (frames.end(1), frames.END, 1),
        (frames.close(PROBLEM), frames.CLOSE, 1),
    ],
)
def test_every_frame_carries_every_field(frame: bytes, code: int, count: int) -> None:
    read_code, fields = sdk_reads(frame)

    assert read_code == code
    assert len(fields) == count


def test_an_error_has_three_items() -> None:
    _, fields = sdk_reads(frames.detach(1, 2, PROBLEM))

    assert fields == [2, True, [b"amqp:not-found", b"there is no hub 'x' here", None]]


def test_a_rejection_carries_its_reason() -> None:
    _, fields = sdk_reads(frames.disposition(1, 7, PROBLEM))

    assert fields[4] == {"rejected": [[b"amqp:not-found", b"there is no hub 'x' here", None]]}


def test_frames_of_the_sdk_are_read_and_padded() -> None:
    begin = BeginFrame(None, 0, 65536, 65536, 9, None, None, None)
    header, body = encode_frame(begin)

    frame = frames.read(header + b"\x00\x05" + body)

    assert frame is not None
    assert (frame.channel, frame.code, len(frame.fields)) == (5, frames.BEGIN, 8)
    assert [codec.decode(raw)[0] for raw in frame.fields[:4]] == [None, 0, 65536, 65536]


def test_trailing_nulls_that_a_client_left_out_are_put_back() -> None:
    header, body = encode_frame(FlowFrame(0, 1, 0, 1, None, None, None, None, None, None, None))
    short = header + b"\x00\x00" + body[:3] + b"\xc0\x05\x02\x43\x52\x01\x43"

    frame = frames.read(short)

    assert frame is not None
    assert len(frame.fields) == 11
    assert frame.fields[2:] == [codec.NULL] * 9


def test_the_empty_frame_is_nothing() -> None:
    assert frames.read(frames.EMPTY_FRAME) is None


@pytest.mark.parametrize("size", [0, 1, 400, 449, 450, 451, 1000, 100_000])
def test_a_payload_is_cut_to_the_frame_size_of_the_client(size: int) -> None:
    payload = bytes(index % 251 for index in range(size))
    transfers = frames.Transfers(channel=1, handle=2, max_frame_size=512)
    written: list[bytes] = []

    transfers.write(9, payload, written)

    assert len(written) == transfers.frames_for(size)
    assert all(len(frame) <= 512 for frame in written)
    read = [sdk_reads(frame) for frame in written]
    assert b"".join(bytes(fields[11]) for _, fields in read) == payload
    assert [fields[5] for _, fields in read] == [True] * (len(read) - 1) + [False]
    assert {(fields[0], fields[1], fields[4]) for _, fields in read} == {(2, 9, True)}
