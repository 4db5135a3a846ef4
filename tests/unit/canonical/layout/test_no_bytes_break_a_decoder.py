"""Mutated messages: every decoder of bytes gives a document or a fault for each, alone as among others."""

from __future__ import annotations

import json
import random

import cbor2
import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from canonical.decoders.cbor_documents import CborDocuments
from canonical.decoders.layout import LayoutDocuments
from canonical.decoders.protobuf_documents import ProtobufDocuments
from canonical.decoders.senml import SenmlDocuments
from canonical.layout_model import Layout
from canonical.schemas.registry import SCHEMAS
from canonical.schemas.telemetry_v3_pb2 import Telemetry

TLV = {
    "kind": "tlv",
    "keys": ["channel", "type"],
    "unknown": "stop",
    "items": [
        {"channel": 1, "type": 2, "fields": [{"name": "t", "type": "int16", "scale": 0.01}]},
        {"channel": "any", "type": 3, "list": "l", "show": ["channel"], "fields": [{"name": "v", "type": "float32"}]},
        {"channel": 1, "type": 4, "length": {"prefix": "uint8"}, "fields": [{"name": "s", "type": "text(rest)"}]},
        {
            "channel": 1,
            "type": 5,
            "length": {"at": 0, "times": 2, "plus": 1},
            "fields": [{"name": "n", "type": "uint8"}, {"name": "x", "repeat": "n", "type": "bcd(2)"}],
        },
    ],
}
CASES = {
    "tlv": (lambda: LayoutDocuments(TypeAdapter(Layout).validate_python(TLV)), [
        bytes.fromhex("01020102 0903ff800001 01040341220a 01050112ab"), bytes.fromhex("010201020102")]),
    "cbor": (CborDocuments, [cbor2.dumps({"a": [1.5, {"b": b"x"}], "c": 2**70}), cbor2.dumps({1: cbor2.CBORTag(4, [-2, 5])})]),
    "senml": (lambda: SenmlDocuments(cbor=False), [
        b'[{"bn":"u:","bt":1.7e9,"n":"a","u":"Cel","v":2.5},{"n":"b","t":-5,"vs":"\\u0041"},{"vb":true,"bv":1,"s":2}]']),
    "senml cbor": (lambda: SenmlDocuments(cbor=True), [cbor2.dumps([{-2: "a", -3: 1.7e9, 0: "n", 2: 1}, {4: True, 6: 5}])]),
    "protobuf": (lambda: ProtobufDocuments(SCHEMAS["telemetry.v3"]), [
        Telemetry(device="d", temperature=1, metadata={"a": "b"}, error_codes=[1, 300]).SerializeToString()]),
}  # fmt: skip


def mutated(rng: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        kind = rng.randrange(4)
        if kind == 0 or not changed:
            changed.insert(rng.randint(0, len(changed)), rng.randrange(256))
        elif kind == 1:
            changed[rng.randrange(len(changed))] = rng.choice((0, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif kind == 2:
            del changed[rng.randrange(len(changed)) :]
        else:
            changed *= 2
    return bytes(changed)


@pytest.mark.parametrize("name", CASES)
def test_each_message_is_a_document_or_a_fault_whatever_its_neighbours(name):
    make, seeds = CASES[name]
    decoder, rng = make(), random.Random(11)
    bodies = [mutated(rng, rng.choice(seeds)) for _ in range(2000)]

    texts, faults = (column.to_pylist() for column in decoder.documents(pa.array(bodies)))

    assert all((text is None) != (fault is None) for text, fault in zip(texts, faults, strict=True))
    assert len(set(faults)) > 1
    for text in texts:
        if text is not None:
            json.loads(text)
    for place in rng.sample(range(2000), 15):
        (text,), (fault,) = (column.to_pylist() for column in decoder.documents(pa.array([bodies[place]])))
        assert (text, fault) == (texts[place], faults[place])
