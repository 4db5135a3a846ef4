"""What the broker in memory never says: that a position is gone, or that we may not read."""

from __future__ import annotations

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message

from ingest_workers.kafka import REFUSALS, KafkaSource, _voids
from ingest_workers.source import RefusedError, SourceError
from settings.model import EventHubs


class Asked:
    def __init__(self, low: int, high: int) -> None:
        self._reach = low, high

    def reach(self, partition: str) -> tuple[int, int]:
        return self._reach


def source(low: int = 0, high: int = 10) -> KafkaSource:
    made = KafkaSource(EventHubs(kafka_servers="127.0.0.1:1", kafka_plaintext=True))
    made._asking = Asked(low, high)
    return made


def news(code: int, partition: int = 0) -> Message:
    return Message(topic="telemetry", partition=partition, offset=7, error=KafkaError(code))


@pytest.mark.parametrize(
    ("held", "low", "begins"),
    [
        (None, 5, (OFFSET_BEGINNING, -1)),
        (5, 0, (6, 5)),
        (4, 5, (5, 4)),
        (3, 5, (5, 4)),
        (20, 0, (21, 20)),
    ],
    ids=["nothing held", "what follows", "just what follows", "retention took one", "the broker's answer lags"],
)
def test_reading_begins_after_what_bronze_holds_or_where_the_log_does(held, low, begins):
    assert source(low)._begin("0", held) == begins


def test_a_position_the_broker_refuses_is_asked_anew_and_past_its_end_the_hub_is_another():
    reading = source(high=3)
    with pytest.raises(KafkaException):
        reading._heard(news(KafkaError._AUTO_OFFSET_RESET))
    with pytest.raises(SourceError, match="created anew"):
        reading._begin("0", 5)
    assert reading._begin("1", 5) == (6, 5)


def test_a_refusal_may_pass_and_five_in_a_row_do_not():
    reading = source()
    for _ in range(REFUSALS - 1):
        assert reading._heard(news(KafkaError.TOPIC_AUTHORIZATION_FAILED))
        reading._judge_refusals()
    reading._on_error(KafkaError(KafkaError._AUTHENTICATION))
    with pytest.raises(RefusedError, match="Data Receiver"):
        reading._judge_refusals()


def test_the_end_of_a_partition_is_news_and_no_event():
    reading = source()
    reading._reading["0"] = 4
    assert reading._heard(news(KafkaError._PARTITION_EOF))
    head = reading._head("0", 0, 7)
    assert (head.last, head.empty) == (4, False)
    assert reading._head("1", 0, 7).last == 6


@pytest.mark.parametrize(
    ("last", "numbers", "void"),
    [
        (-1, [5, 6], []),
        (4, [5, 6], []),
        (4, [6, 9], [(5, 5), (7, 8)]),
        (-1, [5, 7], [(6, 6)]),
    ],
)
def test_a_hole_between_what_was_delivered_is_no_event(last, numbers, void):
    assert _voids(last, numbers) == void
