"""Clients of a hub's Kafka endpoint: addresses, credentials, how far partitions reach, and why the broker says no.

Belongs here: everything that is asked of librdkafka but the reading itself.
Does not: the reading (`kafka`), or which part of a record is which column (`kafka_envelope`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from ingest_workers.source import Head, RefusedError, SourceError
from settings.model import EventHubs

_UNHEARD = logging.getLogger("librdkafka")
_UNHEARD.setLevel(logging.CRITICAL)
"""librdkafka repeats every lost connection many times a second; we say it once, from its error callback."""

ANSWER_SECONDS = 10.0
TAIL_SECONDS = 10.0
"""For the last events of all partitions to be found."""
REFUSALS = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001 - how librdkafka spells its own errors
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
UNKNOWN = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION})  # noqa: SLF001 - as above
EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - as above
READING: Mapping[str, Any] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    # Where a position is not there any more is decided by us, who know what Bronze holds, never by a default.
    "auto.offset.reset": "error",
    # Its offset says how far all is read: the last offsets of a partition may belong to no event.
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    "fetch.wait.max.ms": 100,
    "max.partition.fetch.bytes": 4 * 2**20,
    "queued.max.messages.kbytes": 64 * 2**10,
    "queued.min.messages": 50_000,
    # Whose queue is full asks again so soon; a second, its default, is two thirds of the time when all is caught up.
    "fetch.queue.backoff.ms": 20,
    "reconnect.backoff.max.ms": 5_000,
    # Azure ends connections that are idle for four minutes.
    "socket.keepalive.enable": True,
    "metadata.max.age.ms": 180_000,
}


def consumer(hub: EventHubs, on_error: Callable[[KafkaError], None]) -> Consumer:
    """A consumer that nothing is assigned to yet. Raises: SourceError where the settings name no broker."""
    return Consumer(
        {
            **READING,
            **endpoint(hub),
            "group.id": hub.consumer_group,
            "client.id": "telemetry-lakehouse",
            "error_cb": on_error,
        },
        logger=_UNHEARD,
    )


def endpoint(hub: EventHubs) -> dict[str, Any]:
    """Where the broker is and how it is told who we are. Raises: SourceError."""
    if hub.kafka_plaintext:
        if hub.kafka_servers is None:
            raise SourceError("LAKE_EVENT_HUBS__KAFKA_PLAINTEXT needs LAKE_EVENT_HUBS__KAFKA_SERVERS=host:port")
        return {"bootstrap.servers": hub.kafka_servers, "security.protocol": "PLAINTEXT"}
    if hub.connection_string is not None:
        return _with_connection_string(hub, hub.connection_string.get_secret_value())
    if hub.fully_qualified_namespace is None:
        raise SourceError(
            "no event hub is named: set LAKE_EVENT_HUBS__FULLY_QUALIFIED_NAMESPACE, or "
            "LAKE_EVENT_HUBS__KAFKA_SERVERS and LAKE_EVENT_HUBS__KAFKA_PLAINTEXT=true for a broker on this machine"
        )
    return {
        "bootstrap.servers": hub.kafka_servers or f"{hub.fully_qualified_namespace}:9093",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "OAUTHBEARER",
        "oauth_cb": tokens(hub.fully_qualified_namespace),
    }


def _with_connection_string(hub: EventHubs, secret: str) -> dict[str, Any]:
    parts = dict(part.split("=", 1) for part in secret.split(";") if "=" in part)
    host = urlsplit(parts.get("Endpoint", "")).hostname
    emulator = parts.get("UseDevelopmentEmulator", "").lower() == "true"
    if host is None and hub.kafka_servers is None:
        raise SourceError("LAKE_EVENT_HUBS__CONNECTION_STRING has no Endpoint=sb://…, so the broker is not known")
    return {
        "bootstrap.servers": hub.kafka_servers or f"{host}:{9092 if emulator else 9093}",
        "security.protocol": "SASL_PLAINTEXT" if emulator else "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "$ConnectionString",
        "sasl.password": secret,
    }


def tokens(namespace: str, credential: Any = None) -> Callable[[str], tuple[str, float]]:
    """What librdkafka calls for a token when it connects and before the one it has expires."""

    def token(_: str) -> tuple[str, float]:
        nonlocal credential
        if credential is None:
            from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - slow to import, needed in Azure only

            credential = DefaultAzureCredential()
        given = credential.get_token(f"https://{namespace}/.default")
        return given.token, float(given.expires_on)

    return token


def said(hub: EventHubs, problem: KafkaError) -> Exception:
    """What the broker or librdkafka said, or, where it was a no, what to do about it."""
    if problem.code() in REFUSALS:
        return RefusedError(
            f"the Kafka endpoint of {hub.namespace!r} does not let us in: {problem.str()}. The identity needs the "
            f"role 'Azure Event Hubs Data Receiver' on hub {hub.hub!r}; with a connection string, check its key."
        )
    if problem.code() in UNKNOWN:
        return RefusedError(
            f"{hub.namespace!r} has no hub {hub.hub!r} (as a Kafka topic): {problem.str()}. Check LAKE_EVENT_HUBS__HUB."
        )
    return KafkaException(problem)


class Asking:
    """Answers of the broker about partitions, over a consumer of their own."""

    def __init__(self, hub: EventHubs) -> None:
        self._hub = hub
        self._refusal: KafkaError | None = None
        self._consumer = consumer(hub, self._on_error)

    def _on_error(self, problem: KafkaError) -> None:
        if problem.code() in REFUSALS:
            self._refusal = problem

    def partitions(self) -> list[str]:
        """Names of the hub's partitions. Raises: RefusedError; KafkaException where the broker does not answer."""
        try:
            topic = self._consumer.list_topics(self._hub.hub, timeout=ANSWER_SECONDS).topics[self._hub.hub]
        except KafkaException as problem:
            raise self._why(problem) from problem
        if topic.error is not None:
            raise said(self._hub, topic.error)
        return [str(number) for number in sorted(topic.partitions)]

    def reach(self, partition: str) -> tuple[int, int]:
        """Offset of the oldest event and of the next one to come."""
        where = TopicPartition(self._hub.hub, int(partition))
        try:
            low, high = self._consumer.get_watermark_offsets(where, timeout=ANSWER_SECONDS, cached=False)
        except KafkaException as problem:
            raise self._why(problem) from problem
        return low, high

    def _why(self, problem: KafkaException) -> Exception:
        self._consumer.poll(0)
        return said(self._hub, self._refusal or problem.args[0])

    def heads(self) -> dict[str, Head]:
        """Every partition from its oldest to its newest event."""
        return self.last_events({partition: self.reach(partition) for partition in self.partitions()})

    def last_events(self, reaches: Mapping[str, tuple[int, int]]) -> dict[str, Head]:
        """Heads whose `last` is an event: a transaction's marker takes an offset, too, and nothing arrives for it.

        Reads the last offset of each partition; where no event is, twice as many before it, and so on.
        Raises: KafkaException where that takes too long.
        """
        found = {name: Head(low, high - 1, empty=True) for name, (low, high) in reaches.items() if low >= high}
        begins = {name: reaches[name][1] - 1 for name in reaches if name not in found}
        until = time.monotonic() + TAIL_SECONDS
        try:
            while begins:
                last = self._read_from(begins, {name: reaches[name][1] for name in begins}, until)
                for name, begin in list(begins.items()):
                    low, high = reaches[name]
                    if name in last or begin <= low:
                        found[name] = Head(low, last.get(name, high - 1), empty=name not in last)
                        del begins[name]
                    else:
                        begins[name] = max(low, high - 2 * (high - begin))
        finally:
            self._consumer.unassign()
        return found

    def _read_from(self, begins: Mapping[str, int], ends: Mapping[str, int], until: float) -> dict[str, int]:
        """The last event of each partition between two offsets; partitions without one are left out."""
        self._consumer.assign([TopicPartition(self._hub.hub, int(name), begin) for name, begin in begins.items()])
        open_, last = set(begins), dict[str, int]()
        while open_:
            if time.monotonic() > until:
                code = KafkaError._TIMED_OUT  # noqa: SLF001 - as above
                raise KafkaException(KafkaError(code, f"no last event in partitions {sorted(open_)}"))
            for message in self._consumer.consume(1000, 0.05):
                name, offset, problem = str(message.partition()), int(message.offset() or 0), message.error()
                if problem is None:
                    last[name] = offset
                if (problem is None and offset >= ends[name] - 1) or (problem and problem.code() == EOF):
                    open_.discard(name)
        return last
