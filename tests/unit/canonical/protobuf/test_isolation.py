"""Broken messages among sound ones: each is judged by itself, and its neighbours pay little."""

from __future__ import annotations

import random
import time

import ptars
import pyarrow as pa
import pytest

from canonical.decoders.protobuf_isolation import SoundMessages
from canonical.schemas.registry import SCHEMAS
from canonical.schemas.telemetry_v3_pb2 import Telemetry

DESCRIPTOR = SCHEMAS["telemetry.v3"]


def message(n: int) -> bytes:
    telemetry = Telemetry(device=f"d-{n}", time_ms=1_700_000_000_000 + n, temperature=20.5, battery=3.5)
    telemetry.metadata["room"] = "1"
    telemetry.error_codes.extend([1, 300])
    return telemetry.SerializeToString()


def alone(body: bytes) -> bool:
    """The fast decoder's verdict on a message by itself."""
    handler = ptars.HandlerPool([DESCRIPTOR.file]).get_for_message(DESCRIPTOR)
    try:
        handler.array_to_record_batch(pa.array([body]))
    except ValueError:
        return False
    return True


def garbled(rng: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.randint(1, 3)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed[: rng.randint(1, len(changed))])


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
def test_the_verdict_is_that_on_the_message_alone(share):
    rng = random.Random(7)
    bodies = [garbled(rng, message(n)) if rng.random() < share else message(n) for n in range(1500)]

    messages, sound = SoundMessages(DESCRIPTOR).decode(pa.chunked_array([bodies[:700], bodies[700:]]))

    verdicts = [alone(body) for body in bodies]
    assert sound.to_pylist() == verdicts
    assert len(messages) == len(bodies)
    devices = messages.column("device").to_pylist()
    assert all(devices[n] == f"d-{n}" for n in range(1500) if bodies[n] == message(n))
    assert all(not devices[n] for n in range(1500) if not verdicts[n])


def test_some_bad_messages_cost_little_and_all_bad_no_more_than_one_by_one():
    good = [message(n) for n in range(20_000)]
    spent = {}
    for share in (0.0, 0.01, 0.05):
        rng = random.Random(3)
        bodies = pa.chunked_array([[body[:-1] if rng.random() < share else body for body in good]])
        decoder, tries = SoundMessages(DESCRIPTOR), []
        for _ in range(3):
            begun = time.process_time()
            decoder.decode(bodies)
            tries.append(time.process_time() - begun)
        spent[share] = min(tries)

    # Decoding alone; the whole of Silver is many times the clean figure, so the batch stays well within twice.
    assert spent[0.01] < 6 * spent[0.0]
    assert spent[0.05] < 10 * spent[0.0]


@pytest.mark.parametrize("length", [2**64 - 1, 2**64 - 2, 2**63, 2**62])
def test_a_length_beyond_all_memory_is_a_bad_message_and_no_panic(length):
    varint = bytes(length >> (7 * place) & 0x7F | 0x80 for place in range(9)) + bytes([length >> 63])
    bodies = [message(0), b"\x0a" + varint + b"x", message(1)]

    messages, sound = SoundMessages(DESCRIPTOR).decode(pa.chunked_array([bodies]))

    assert sound.to_pylist() == [True, False, True]
    assert messages.column("device").to_pylist() == ["d-0", "", "d-1"]
