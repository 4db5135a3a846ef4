"""Drift of CSV rows and protobuf messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf import unknown_fields
from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.drift.wire import MOST_STEPS, field_numbers
from canonical.schemas.telemetry_v1_pb2 import Telemetry
from canonical.schemas.telemetry_v2_pb2 import Telemetry as Later

CSV = {
    "decode": {"format": "csv", "columns": ["d", "v", "a.b (°C)"]},
    "readings": [
        {"metric": "air_temperature", "path": "v", "unit": "degC"},
        {"metric": "air_temperature", "channel": "b", "path": "a.b (°C)", "unit": "degC"},
    ],
}
WITH_HEADER = {**CSV, "decode": {**CSV["decode"], "header": True}}  # type: ignore[dict-item]  # a literal of mixed parts
PROTOBUF = {
    "decode": {"format": "protobuf", "schema": "telemetry.v1"},
    "device": {"path": "device", "source": "x"},
    "readings": [{"metric": "air_temperature", "path": "temperature", "unit": "degC"}],
    "ignore": ["time_ms", "humidity"],
}
SHOWN = {
    "a number became text": (CSV, [b"a,n/a,3"], None, [("changed_type", "v", "number", "text", 1)]),
    "as it should be": (CSV, [b"a,2,3"], None, []),
    "wider and narrower rows": (
        CSV,
        [b"a,1,2,3", b"a,1,2,4", b"a,1"],
        None,
        [
            ("changed_type", "(row)", "3 columns", "2 columns", 1),
            ("changed_type", "(row)", "3 columns", "4 columns", 2),
        ],
    ),
    "a column more in the header": (
        WITH_HEADER,
        [b"a,1,2,3", b"a,1,2,4"],
        'd,v,a.b (°C),"co2, ppm"',
        [("new_field", "co2, ppm", "", "", 2)],
    ),
    "a column less in the header": (WITH_HEADER, [b"a,1"], "d,v", [("missing_field", "['a.b (°C)']", "", "", 1)]),
}


@pytest.mark.parametrize(("words", "bodies", "header", "shown"), SHOWN.values(), ids=SHOWN.keys())
def test_drift_of_csv_is_noticed(
    spec: Callable[..., Any], events: Callable[..., Any], drift: Callable[..., Any],
    words: dict[str, Any], bodies: list[bytes], header: str | None, shown: list[Any],
) -> None:  # fmt: skip
    assert drift(spec(**words), events(*bodies, header=header), missing=True) == shown


def test_fields_of_a_later_schema_are_noticed_by_number(
    spec: Callable[..., Any], events: Callable[..., Any], drift: Callable[..., Any]
) -> None:
    now, later = Telemetry(device="a", temperature=20), Later(device="a", temperature=20, pressure=1000)

    found = drift(spec(**PROTOBUF), events(now.SerializeToString(), later.SerializeToString(), schema="telemetry.v1"))

    number = Later.DESCRIPTOR.fields_by_name["pressure"].number
    assert found == [("new_field", f"#{number}", "", "64-bit", 1)]


_VALUES = st.one_of(
    st.tuples(st.just(0), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(1), st.binary(min_size=8, max_size=8)),
    st.tuples(st.just(2), st.binary(max_size=200)),
    st.tuples(st.just(5), st.binary(min_size=4, max_size=4)),
)


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _field(number: int, wire: int, value: Any) -> bytes:
    body = _varint(value) if wire == 0 else _varint(len(value)) + value if wire == 2 else value
    return _varint(number << 3 | wire) + body


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(5, 40_000), _VALUES), max_size=6), min_size=1, max_size=5))
def test_the_walk_finds_what_protobuf_itself_does_not_know(messages: list[list[tuple[int, tuple[int, Any]]]]) -> None:
    bodies = [b"".join(_field(number, *value) for number, value in fields) for fields in messages]
    expected = set()
    for place, body in enumerate(bodies):
        found = unknown_fields.UnknownFieldSet(Telemetry.FromString(body))
        expected |= {(place, found[n].field_number) for n in range(len(found))}

    places, numbers, _ = field_numbers(pa.array(bodies, pa.binary()), frozenset({1, 2, 3, 4}))

    assert set(zip(places.tolist(), numbers.tolist(), strict=True)) == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=6))
def test_the_walk_ends_on_any_bytes_and_no_message_touches_its_neighbour(bodies: list[bytes]) -> None:
    together, numbers, wires = field_numbers(pa.array(bodies, pa.binary()), frozenset({1}))

    alone = [
        (place, number, wire)
        for place, body in enumerate(bodies)
        for number, wire in zip(*[part if isinstance(part, list) else part.tolist() for part in
                                  field_numbers(pa.array([body], pa.binary()), frozenset({1}))[1:]], strict=True)
    ]  # fmt: skip
    assert sorted(zip(together.tolist(), numbers.tolist(), wires, strict=True)) == sorted(alone)


def test_a_message_of_countless_fields_is_looked_at_to_a_bound() -> None:
    body = _field(9, 0, 1) * 100_000

    assert len(field_numbers(pa.array([body]), frozenset())[0]) == MOST_STEPS
