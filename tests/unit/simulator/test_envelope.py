from __future__ import annotations

import pytest
from azure.eventhub import EventData, EventDataBatch

from simulator.envelope import Envelope, cost, fill, length

MESSAGES = [("id-0", b""), ("id-1", b"x" * 120), ("id-2", b"y" * 255), ("id-3", b"z" * 256), ("id-4", bytes(70_000))]


@pytest.mark.parametrize("partition_key", [None, "sim-00001"])
@pytest.mark.parametrize(
    "properties",
    [{}, {"schema": "simulator.v1"}, {"schema": "room", "source": "a/ü.csv", "csv-header": "time;" * 300}],
    ids=["none", "one", "long"],
)
def test_the_bytes_and_sizes_are_those_of_the_sdk(partition_key, properties):
    by_sdk = EventDataBatch(partition_key=partition_key, max_size_in_bytes=2**22)
    for message_id, body in MESSAGES:
        event = EventData(body)
        event.message_id, event.content_type, event.properties = message_id, "application/json", dict(properties)
        by_sdk.add(event)

    envelope = Envelope(
        content_type="application/json", properties=properties, message_id_width=4, partition_key=partition_key
    )
    by_us = EventDataBatch(partition_key=partition_key, max_size_in_bytes=2**22)
    empty = by_us.size_in_bytes
    wrapped = [envelope.wrap(message_id, body) for message_id, body in MESSAGES]
    fill(by_us, wrapped)

    assert list(by_us._message.data) == [bytes(message) for message in by_sdk._message.data]
    assert by_us.size_in_bytes == by_sdk.size_in_bytes == empty + sum(map(cost, wrapped))
    assert len(by_us) == len(by_sdk) == len(MESSAGES)


def test_one_pattern_serves_every_partition_key_of_its_length():
    options = {"content_type": "application/json", "properties": {"schema": "simulator.v1"}, "message_id_width": 4}
    pattern = Envelope(**options, partition_key="\x1b" * 9)
    by_key = Envelope(**options, partition_key="sim-00002")

    for body in (b"x" * 255, b"x" * 256):
        message = pattern.before("sim-00002") + b"id-1" + pattern.between + length(body) + body
        assert message == by_key.wrap("id-1", body)
    for other in ("sim-100000", "sim-1"):
        with pytest.raises(ValueError, match="does not fit"):
            pattern.before(other)


def test_a_message_id_of_another_length_is_refused():
    envelope = Envelope(content_type="text/csv", properties={}, message_id_width=4)

    with pytest.raises(ValueError, match="not 4 bytes"):
        envelope.wrap("12345", b"")
