"""CBOR bodies to JSON texts: what JSON has no words for, and what is refused."""

from __future__ import annotations

import cbor2
import pyarrow as pa
import pytest

from canonical.decoders.cbor_documents import MAX_DEPTH, CborDocuments, CborError, decoded, encoded


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("a161611903e8", '{"a":1000}'),
        ("f97e00", "NaN"),
        ("fbfff0000000000000", "-Infinity"),
        ("f7", "null"),
        ("f820", "null"),
        ("42ffef", '"_-8"'),
        ("a20a0b2c0d", '{"10":11,"-13":13}'),
        ("1bffffffffffffffff", "18446744073709551615"),
        ("c249010000000000000000", "18446744073709551616"),
        ("c48221196ab3", "273.15"),
        ("c5822003", "1.5"),
        ("c11a6553f100", "1700000000"),
        ("c074323032332d31312d31345432323a31333a32305a", '"2023-11-14T22:13:20Z"'),
        ("d9d9f7a1616101", '{"a":1}'),
        ("d6420102", '"AQI="'),
        ("d7420102", '"0102"'),
        ("9f01ff", "[1]"),
        ("", None),
        ("ff", None),
        ("0001", None),
        ("61ff", None),
        ("a2616101616102", None),
        ("a1810102", None),
        ("a1414201", None),
        ("d81c81d81d00", None),
        ("c482391fff01", None),
        ("9bffffffffffffffff", None),
        ("5b00000000ffffffff", None),
    ],
)
def test_an_item_is_the_text_it_stands_for_or_no_cbor(body, text):
    texts, faults = CborDocuments().documents(pa.array([bytes.fromhex(body), None]))

    assert texts.to_pylist() == [text, None]
    assert faults.to_pylist() == ["invalid_cbor" if text is None else None, None]


def test_levels_are_bounded():
    assert encoded(decoded(b"\x81" * (MAX_DEPTH - 1) + b"\x80")).startswith("[[")
    with pytest.raises(CborError):
        decoded(b"\x81" * 100_000 + b"\x80")


@pytest.mark.parametrize("value", [0, "a", b"a", [1, 2], {"a": 1}, 1.5, None, "2020-01-01", b"x" * 16], ids=repr)
def test_no_tag_makes_anything_but_json(value):
    for tag in [*range(300), 1004, 1010, 43000, 55799, 55800, 2**32]:
        try:
            assert isinstance(encoded(decoded(cbor2.dumps(cbor2.CBORTag(tag, value)))), str)
        except CborError:
            assert tag in {2, 3, 4, 5, 25, 28, 29, 256}
