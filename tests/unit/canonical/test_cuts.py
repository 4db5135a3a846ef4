"""The result for an event depends on nothing but the event."""

from __future__ import annotations

import gzip
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GARBAGE = st.binary(max_size=60)
QUIET = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="session")
def events(json_event, protobuf_event, csv_event):
    """Strategy of lists of events, good and bad, of all formats."""
    fixed = [
        json_event(),
        json_event(fields={"temperature": 300}),
        json_event(fields={"humidity": "x", "temperature_unit": "degF"}),
        json_event(fields={"time": "2099-01-01T00:00:00Z"}),
        json_event(device_id="sim-00001"),
        json_event(device_id="other"),
        json_event(gzip.compress(json_event()["body"]), content_encoding="gzip"),
        json_event(b"x" * 300_000),
        protobuf_event(),
        protobuf_event(fields={"temperature": None}),
        csv_event(),
        csv_event(properties=[("source", "a/location_B/x.csv"), ("source", "twice/location_C"), ("", "")]),
        csv_event(b'7,"1500000000125",40.5,"2",21.25,38.5,120.5,"3""1",1,2,0,1'),
        json_event(content_type="text/plain"),
        json_event(schema_ref="nobody"),
    ]
    makes = (json_event, protobuf_event, csv_event)
    noise = st.builds(lambda make, body: make(body), st.sampled_from(makes), GARBAGE)
    broken = st.builds(
        lambda make, cut, at, byte: make(_spoilt(make()["body"], cut, at, byte)),
        *(st.sampled_from(makes), st.integers(1, 200), st.integers(0, 200), st.integers(0, 255)),
    )
    return st.lists(st.one_of(st.sampled_from(fixed), noise, broken), min_size=1, max_size=12)


def _spoilt(body: bytes, cut: int, at: int, byte: int) -> bytes:
    spoilt = bytearray(body[:cut])
    spoilt[at % len(spoilt)] = byte
    return bytes(spoilt)


def _rows(table) -> list[tuple]:
    return sorted(tuple(map(repr, row.values())) for row in table.to_pylist())


@QUIET
@given(data=st.data())
def test_any_cut_and_order_gives_the_same_rows(data, events, canonicaliser, table):
    whole = table(data.draw(events))
    order = data.draw(st.permutations(range(len(whole))))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=2)) | {0, len(whole)})

    once = canonicaliser.convert(whole)
    shuffled = whole.take(order)
    parts = [canonicaliser.convert(shuffled.slice(start, end - start)) for start, end in pairwise(cuts)]

    assert _rows(once.readings) == sorted(row for part in parts for row in _rows(part.readings))
    assert _rows(once.rejects) == sorted(row for part in parts for row in _rows(part.rejects))


@QUIET
@given(data=st.data())
def test_every_event_is_accounted_for_and_no_reading_twice(data, events, canonicaliser, table):
    whole = table(data.draw(events))

    converted = canonicaliser.convert(whole)

    rows = [
        (row["sequence_number"], row["index"])
        for part in (converted.readings, converted.rejects)
        for row in part.select(["sequence_number", "index"]).to_pylist()
    ]
    assert len(rows) == len(set(rows))
    assert {number for number, _ in rows} == set(range(len(whole)))
    rejected_whole = {number for number, index in rows if index == -1}
    assert not rejected_whole & {number for number, index in rows if index >= 0}


def test_columns_that_may_not_be_null_are_not(canonicaliser, table, json_event, protobuf_event, csv_event):
    converted = canonicaliser.convert(table([json_event(), protobuf_event(), csv_event(), json_event(b"{")]))

    for part in (converted.readings, converted.rejects):
        assert len(part) > 0
        for field in part.schema:
            if not field.nullable:
                assert part.column(field.name).null_count == 0, field.name


def test_no_events_give_two_empty_tables(canonicaliser, table):
    converted = canonicaliser.convert(table([]))

    assert (len(converted.readings), len(converted.rejects)) == (0, 0)
    assert converted.readings.schema.names[:3] == ["device_id", "metric", "channel"]


def test_large_strings_and_many_chunks_are_read_like_any_other(canonicaliser, table, json_event, protobuf_event):
    import pyarrow as pa

    plain = table([json_event(), protobuf_event(), json_event(b"{")] * 3)
    fields = [pa.field(f.name, pa.large_string() if f.type == pa.string() else f.type) for f in plain.schema]
    other = pa.concat_tables([plain.slice(0, 4), plain.slice(4, 0), plain.slice(4)]).cast(pa.schema(fields))

    expected, found = canonicaliser.convert(plain), canonicaliser.convert(other)

    assert _rows(expected.readings) == _rows(found.readings)
    assert _rows(expected.rejects) == _rows(found.rejects)
