from __future__ import annotations

import pytest
from azure.eventhub import EventData, EventDataBatch
from azure.eventhub._pyamqp._decode import decode_payload
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest_workers.gateways.encoding import cost, message
from ingest_workers.gateways.event import Event
from ingest_workers.gateways.hub import Layout
from local_azure.event_hubs.partition_key import partition_of

words = st.text(st.characters(codec="ascii", exclude_categories=("C",)), min_size=1, max_size=256)
names = st.text(st.characters(exclude_categories=("C",)), min_size=1, max_size=128)
texts = st.text(st.characters(codec="utf-8"), max_size=300)


def encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.builds(
        Event,
        device=st.none() | names,
        body=st.binary(max_size=600),
        content_type=st.none() | words,
        content_encoding=st.none() | words,
        message_id=st.none() | words,
        properties=st.dictionaries(texts, texts, max_size=40).map(lambda pairs: tuple(pairs.items())),
    )
)
def test_the_sdk_reads_a_message_as_it_was_meant(event):
    found = decode_payload(memoryview(message(event)))
    assert b"".join(found.data) == event.body
    assert (found.message_annotations or {}).get(b"x-opt-partition-key") == encoded(event.device)
    properties = found.properties
    assert (properties and properties.message_id) == encoded(event.message_id)
    assert (properties and properties.content_type) == encoded(event.content_type)
    assert (properties and properties.content_encoding) == encoded(event.content_encoding)
    assert (found.application_properties or {}) == {n.encode(): v.encode() for n, v in event.properties}


@pytest.mark.parametrize("size", [0, 1, 230, 240, 250, 255, 256, 70_000])
def test_a_message_costs_what_the_sdk_counts(size):
    batch = EventDataBatch(max_size_in_bytes=2**20)
    empty = batch.size_in_bytes
    batch.add(EventData(b"x" * size))
    theirs = bytes(batch._message.data[0])
    assert batch.size_in_bytes - empty == cost(theirs)


@pytest.mark.parametrize("partitions", [1, 2, 4, 31, 32])
@pytest.mark.parametrize("device", ["sim-00001", "a", "plant-7:é", "日本", "x" * 128, "0123456789ab", "\U0001f321"])
def test_a_device_goes_where_the_service_puts_its_partition_key(device, partitions):
    layout = Layout(tuple(map(str, range(partitions))), 1000)
    assert layout.partition_of(device) == str(partition_of(device, partitions))
