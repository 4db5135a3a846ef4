"""Base64 and hex to bytes, strictly and by column."""

from __future__ import annotations

import base64
import random

import pyarrow as pa
import pytest

from canonical.decoders.layout import payload_bytes


@pytest.mark.parametrize(
    ("encoding", "text", "found"),
    [
        ("base64", "AQID", b"\1\2\3"),
        ("base64", "AQI=", b"\1\2"),
        ("base64", "AQI", b"\1\2"),
        ("base64", "_-8=", b"\xff\xef"),
        ("base64", "/+8", b"\xff\xef"),
        ("base64", "", b""),
        ("base64", "A", None),
        ("base64", "AQ=", None),
        ("base64", "A===", None),
        ("base64", "AQ==AQ==", None),
        ("base64", "AQ ID", None),
        ("base64", "AQÄD", None),
        ("hex", "0aFf", b"\x0a\xff"),
        ("hex", "", b""),
        ("hex", "0", None),
        ("hex", "0g", None),
        ("hex", "0x01", None),
    ],
)
def test_texts_are_read_strictly(encoding, text, found):
    bodies, faults = payload_bytes(pa.array(["00", None, text, "AAAA"]).slice(1), encoding)

    assert bodies.to_pylist()[:2] == [None, found]
    assert faults.to_pylist() == [None, "bad_payload" if found is None else None, None]


def test_random_bytes_come_back():
    rng = random.Random(5)
    bodies = [rng.randbytes(rng.randrange(50)) for _ in range(500)]

    assert payload_bytes(pa.array([body.hex() for body in bodies]), "hex")[0].to_pylist() == bodies
    texts = [base64.b64encode(body).decode() for body in bodies]
    assert payload_bytes(pa.array(texts), "base64")[0].to_pylist() == bodies
