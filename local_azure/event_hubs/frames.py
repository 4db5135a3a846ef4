"""Performatives: the nine AMQP frames and the five SASL ones, as this server writes and reads them.

Belongs here: which fields a frame has and in which order. Does not: when a frame is sent.

The Python SDK reads fields by position and does not pad, so every frame written here carries every field, with
explicit nulls at the end. Descriptors are small ulongs and lists are of the widest form for the same reason.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from local_azure.event_hubs import codec
from local_azure.event_hubs.codec import NULL, boolean, uint
from local_azure.event_hubs.errors import AmqpError

OPEN, BEGIN, ATTACH, FLOW, TRANSFER = 0x10, 0x11, 0x12, 0x13, 0x14
DISPOSITION, DETACH, END, CLOSE = 0x15, 0x16, 0x17, 0x18
SASL_MECHANISMS, SASL_INIT, SASL_OUTCOME = 0x40, 0x41, 0x44

AMQP_FRAME, SASL_FRAME = 0, 1
EMPTY_FRAME = b"\x00\x00\x00\x08\x02\x00\x00\x00"
HEADER = struct.Struct(">IBBH")
FIELD_COUNT = {
    OPEN: 10,
    BEGIN: 8,
    ATTACH: 14,
    FLOW: 11,
    TRANSFER: 11,
    DISPOSITION: 6,
    DETACH: 3,
    END: 1,
    CLOSE: 1,
    SASL_INIT: 3,
}
# More than any client sends; the window never closes, because the log takes what the socket brings.
WINDOW = 2**31 - 1
SETTLED = 1
SENDER, RECEIVER = codec.FALSE, codec.TRUE

_ACCEPTED = codec.described(0x24, codec.sequence(()))


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as read: fields still encoded, padded with nulls to the full count."""

    channel: int
    code: int
    fields: list[bytes]
    payload: bytes


def read(data: bytes) -> Frame | None:
    """A whole frame from its bytes; None for the empty one that only keeps a connection alive."""
    _, offset, _, channel = HEADER.unpack_from(data)
    at = offset * 4
    if at >= len(data):
        return None
    if data[at] != 0:
        raise codec.DecodeError("a frame body has to start with a described list")
    code, at = codec.decode(data, at + 1)
    if code not in FIELD_COUNT:
        raise codec.DecodeError(f"{code!r} is not a performative")
    fields = codec.split(data, at)[: FIELD_COUNT[code]]
    fields += [NULL] * (FIELD_COUNT[code] - len(fields))
    return Frame(channel, code, fields, data[codec.skip(data, at) :])


def write(channel: int, code: int, fields: Sequence[bytes], frame_type: int = AMQP_FRAME) -> bytes:
    """A whole frame."""
    body = codec.described(code, codec.sequence(fields))
    return HEADER.pack(8 + len(body), 2, frame_type, channel) + body


def error(problem: AmqpError | None) -> bytes:
    """The error field of a frame: null, or condition, description and a null, all three."""
    if problem is None:
        return NULL
    return codec.described(
        0x1D, codec.sequence((codec.symbol(problem.condition), codec.string(problem.description), NULL))
    )


def sasl_mechanisms() -> bytes:
    """The one mechanism there is."""
    return write(0, SASL_MECHANISMS, (codec.array_of_symbols(("ANONYMOUS",)),), SASL_FRAME)


def sasl_outcome(code: int) -> bytes:
    """0 welcomes the client, 1 does not."""
    return write(0, SASL_OUTCOME, (codec.ubyte(code), NULL), SASL_FRAME)


def open_(container: str, max_frame_size: int, idle_timeout_ms: int) -> bytes:
    """The answer to open."""
    product = codec.mapping(((codec.symbol("product"), codec.string(container)),))
    limits = (uint(max_frame_size), b"\x60\xff\xff", uint(idle_timeout_ms))
    return write(0, OPEN, (codec.string(container), NULL, *limits, NULL, NULL, NULL, NULL, product))


def begin(channel: int) -> bytes:
    """The answer to begin on the same channel."""
    windows = (uint(0), uint(WINDOW), uint(WINDOW), uint(2**32 - 1))
    return write(channel, BEGIN, (b"\x60" + channel.to_bytes(2, "big"), *windows, NULL, NULL, NULL))


def attach(
    channel: int,
    *,
    name: bytes,
    handle: int,
    role: bytes,
    source: bytes,
    target: bytes,
    max_message_size: int,
) -> bytes:
    """`name`, `source` and `target` are the client's own, still encoded: an attach is an echo."""
    sending = role == SENDER
    settle_modes = (codec.ubyte(SETTLED) if sending else codec.ubyte(0), codec.ubyte(0))
    delivery_count = uint(0) if sending else NULL
    terms = (name, uint(handle), role, *settle_modes, source, target, NULL, NULL, delivery_count)
    return write(channel, ATTACH, (*terms, codec.ulong(max_message_size), NULL, NULL, NULL))


def flow(
    channel: int,
    *,
    next_incoming_id: int,
    next_outgoing_id: int,
    handle: int | None = None,
    delivery_count: int = 0,
    credit: int = 0,
    drain: bool = False,
) -> bytes:
    """The state of the session and, with a handle, of one link."""
    link = (NULL, NULL, NULL) if handle is None else (uint(handle), uint(delivery_count), uint(credit))
    session = (uint(next_incoming_id), uint(WINDOW), uint(next_outgoing_id), uint(WINDOW))
    return write(channel, FLOW, (*session, *link, NULL, boolean(drain), boolean(False), NULL))


def disposition(channel: int, delivery_id: int, problem: AmqpError | None) -> bytes:
    """Settles one delivery: accepted, or rejected with the reason."""
    state = _ACCEPTED if problem is None else codec.described(0x25, codec.sequence((error(problem),)))
    span = (uint(delivery_id), uint(delivery_id))
    return write(channel, DISPOSITION, (RECEIVER, *span, boolean(True), state, NULL))


def detach(channel: int, handle: int, problem: AmqpError | None = None) -> bytes:
    """The end of a link, for good."""
    return write(channel, DETACH, (uint(handle), boolean(True), error(problem)))


def end(channel: int, problem: AmqpError | None = None) -> bytes:
    """The end of a session."""
    return write(channel, END, (error(problem),))


def close(problem: AmqpError | None = None) -> bytes:
    """The end of the connection."""
    return write(0, CLOSE, (error(problem),))


class Transfers:
    """Writes the transfers of one link: everything but delivery id and payload is packed once.

    All deliveries are sent settled and share one delivery tag, because the SDK keeps each distinct tag for ever.
    """

    def __init__(self, channel: int, handle: int, max_frame_size: int) -> None:
        self._single = self._shape(channel, handle, more=False)
        self._more = self._shape(channel, handle, more=True)
        self._room = max_frame_size - self._single[0].size

    @staticmethod
    def _shape(channel: int, handle: int, *, more: bool) -> tuple[struct.Struct, bytes, bytes]:
        before = uint(handle) + b"\x70"
        after = codec.binary(b"\x00") + uint(0) + boolean(True) + boolean(more) + NULL * 5
        size = 4 + len(before) + 4 + len(after)
        head = b"\x02\x00" + channel.to_bytes(2, "big") + b"\x00\x53\x14\xd0"
        head += size.to_bytes(4, "big") + (11).to_bytes(4, "big") + before
        return struct.Struct(f">I{len(head)}sI{len(after)}s"), head, after

    def frames_for(self, size: int) -> int:
        """How many frames a payload of `size` bytes takes."""
        return max(1, -(-size // self._room))

    def write(self, delivery_id: int, payload: bytes, into: list[bytes]) -> None:
        """Append the one delivery to `into`, one entry per frame."""
        while len(payload) > self._room:
            shape, before, after = self._more
            into.append(shape.pack(shape.size + self._room, before, delivery_id, after) + payload[: self._room])
            payload = payload[self._room :]
        shape, before, after = self._single
        into.append(shape.pack(shape.size + len(payload), before, delivery_id, after) + payload)
