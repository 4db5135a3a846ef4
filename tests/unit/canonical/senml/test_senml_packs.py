"""SenML packs to resolved records, in JSON and CBOR."""

from __future__ import annotations

import json

import cbor2
import pyarrow as pa
import pytest

from canonical.decoders.senml import SenmlDocuments

LABELS = {"bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6, "bver": -1, "n": 0, "u": 1, "v": 2, "vs": 3}
LABELS |= {"vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8}


def resolved(packs, *, cbor=False):
    bodies = pa.array(packs, pa.binary())
    texts, faults = SenmlDocuments(cbor=cbor).documents(bodies)
    return [
        fault if text is None else json.loads(text)
        for text, fault in zip(texts.to_pylist(), faults.to_pylist(), strict=True)
    ]


CASES = [
    ([{"n": "a", "v": 1}], [{"n": "a", "v": 1}]),
    ([{"bn": "dev:", "bu": "Cel", "n": "t", "v": 20.5}, {"n": "h", "u": "%RH", "v": 40}, {"bn": "x:", "n": "t", "v": 1}],
     [{"n": "dev:t", "u": "Cel", "v": 20.5}, {"n": "dev:h", "u": "%RH", "v": 40}, {"n": "x:t", "u": "Cel", "v": 1}]),
    ([{"bn": "a", "bt": 1700000000.25}, {"v": 1}, {"vs": "on", "t": 0.5}],
     [{"n": "a", "v": 1, "t": 1700000000.25, "time": "2023-11-14T22:13:20.250000Z"},
      {"n": "a", "vs": "on", "t": 1700000000.75, "time": "2023-11-14T22:13:20.750000Z"}]),
    ([{"n": "a", "v": 1, "t": -5}, {"n": "a", "v": 2, "t": 0}, {"n": "a", "v": 3, "t": 60}],
     [{"n": "a", "v": 1, "t": -5, "time": 5}, {"n": "a", "v": 2, "t": 0, "time": 0},
      {"n": "a", "v": 3, "t": 60, "time": -60}]),
    ([{"n": "a", "bv": 20.1, "v": 0.2}, {"n": "b", "bs": 1, "s": 2}], [{"n": "a", "v": 20.3}, {"n": "b", "s": 3}]),
    # Sums too large to be exact are added as doubles; no number is too large for its batch.
    ([{"n": "a", "bv": -(2**70), "v": 1}, {"n": "b", "bv": 0, "v": 2}],
     [{"n": "a", "v": -(2.0**70)}, {"n": "b", "v": 2}]),
    ([{"n": "a", "vb": False}, {"n": "b", "ut": 5, "v": 1, "other": 7}], [{"n": "a", "vb": False}, {"n": "b", "v": 1}]),
    ([{"n": "a", "v": "20"}, {"n": "b", "v": 1}], [{"n": "a", "v": "20"}, {"n": "b", "v": 1}]),
    ([{"n": "a", "v": 1, "t": 1e12}], [{"n": "a", "v": 1, "t": 1e12, "time": "1000000000000.0"}]),
    ([], []),
    ({}, "invalid_senml"),
    ([1], "invalid_senml"),
    ([{"n": "a"}], "invalid_senml"),
    ([{"v": 1}], "invalid_senml"),
    ([{"n": 1, "v": 1}], "invalid_senml"),
    ([{"n": "a", "v": 1, "vs": "1"}], "invalid_senml"),
    ([{"n": "a", "v": 1, "must_": 1}], "invalid_senml"),
    ([{"n": "a", "v": 1, "t": "now"}], "invalid_senml"),
    ([{"n": "a", "bver": 11, "v": 1}], "invalid_senml"),
    ([{"n": "a", "v": 1}, {"n": "b", "v": 1, "bt": "1"}], "invalid_senml"),
]  # fmt: skip


@pytest.mark.parametrize(("pack", "records"), CASES, ids=str)
def test_a_pack_is_the_same_in_json_and_cbor(pack, records):
    assert resolved([json.dumps(pack).encode()]) == [records]
    labelled = pack
    if isinstance(pack, list):
        labelled = [{LABELS.get(k, k): v for k, v in r.items()} if isinstance(r, dict) else r for r in pack]
    assert resolved([cbor2.dumps(labelled)], cbor=True) == [records]


def test_a_bad_pack_changes_nothing_for_its_neighbours():
    good = b'[{"bn":"a","v":1}]'
    bodies = [good, b"\xff", None, b"[", b'[{"n":"a","v":1},]', b'[{"v":1}]', good]

    assert resolved(bodies) == [
        *([{"n": "a", "v": 1}], "invalid_utf8", None, "invalid_json", "invalid_json", "invalid_senml"),
        [{"n": "a", "v": 1}],
    ]
    assert resolved([b"\xff", cbor2.dumps([{0: "a", 8: b"\xff\xef"}])], cbor=True) == [
        "invalid_cbor",
        [{"n": "a", "vd": "_-8"}],
    ]
