"""The envelope of Kafka records as Bronze columns; the body stays as it came.

Belongs here: which part of a record becomes which column, a batch at a time, and how the Kafka endpoint of Event Hubs
shows what came by AMQP.
Nothing a device can send raises: what is odd is kept, marked under `sys.`.
Does not: what a body means (`canonical`), or how records are fetched (`kafka`).

Event Hubs gives an AMQP event's system properties as headers of UTF-8 text and its other properties as headers of
AMQP-encoded bytes. A Kafka producer's headers are bytes of any kind. Which of the two an event has is judged for all
of its headers together, because one alone can be both (`A` is a letter and AMQP's true).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from ingest_workers.amqp_types import read
from ingest_workers.envelope import OURS, YEAR_9999, text
from ingest_workers.source import ROW_OVERHEAD, Events

SYSTEM = {
    "message-id": "sys.message_id",
    "user-id": "sys.user_id",
    "to": "sys.to",
    "reply-to": "sys.reply_to",
    "creation-time": "sys.creation_time",
}
"""Headers Event Hubs makes of an AMQP event's properties, and the names these have when they are read by AMQP."""
CONTENT_TYPE, CONTENT_ENCODING, SCHEMA = "content-type", "content-encoding", "schema"
PARTITION_KEY, IOT_DEVICE = "x-opt-partition-key", "iothub-connection-device-id"
TEXTS = frozenset({*SYSTEM, CONTENT_TYPE, CONTENT_ENCODING, PARTITION_KEY})
MOST_REMEMBERED = 4096

Headers = Sequence[tuple[str, "bytes | None"]]


class Said(NamedTuple):
    """What the headers of an event come to."""

    pairs: list[tuple[str, str]]
    """Shared by all events with the same headers: never change it."""
    content_type: str | None = None
    content_encoding: str | None = None
    schema_ref: str | None = None
    device: str | None = None
    size: int = 0


NOTHING = Said([])
UNREADABLE = Said([("sys.headers", "undecoded: a header's name is not UTF-8")], size=50)
_SEEN: dict[tuple[tuple[str, bytes | None], ...], Said] = {}


def columns(partition: str, messages: Sequence[Message], taken_at: int) -> Events:
    """Records of one partition as columns; `taken_at` is microseconds since 1970, UTC."""
    count = len(messages)
    events = Events(partition)
    numbers: list[Any] = list(map(Message.offset, messages))
    bodies: list[Any] = list(map(Message.value, messages))
    said = _all_said(_headers(messages))
    pairs = [each.pairs for each in said]
    devices = _devices(messages, said)
    enqueued: list[Any] = list(map(Message.timestamp, messages))
    if {kind for kind, _ in enqueued} == {TIMESTAMP_LOG_APPEND_TIME}:
        events.enqueued_at = [1000 * at for _, at in enqueued]
    else:
        events.enqueued_at, pairs = _enqueued(enqueued, pairs, taken_at)
    if None in bodies:
        pairs = [
            mine if body is not None else [*mine, ("sys.body", "null")]
            for mine, body in zip(pairs, bodies, strict=True)
        ]
    events.sequence_number = numbers
    events.offset = list(map(str, numbers))
    events.ingested_at = [taken_at] * count
    events.device_id = devices
    events.content_type = [each.content_type for each in said]
    events.content_encoding = [each.content_encoding for each in said]
    events.schema_ref = [each.schema_ref for each in said]
    events.properties = pairs
    events.body = [body or b"" for body in bodies]
    events.size = sum(map(len, events.body)) + ROW_OVERHEAD * count + sum([each.size for each in said])
    return events


def _headers(messages: Iterable[Message]) -> list[Headers | None]:
    """The headers of each; a name that is not UTF-8 raises when it is asked for, and may not be asked for twice."""
    found: list[Headers | None] = []
    asking: Any = map(Message.headers, messages)
    while True:
        try:
            found.extend(asking)
        except (UnicodeDecodeError, SystemError):  # which of the two depends on how the client is called
            found.append(_UNREADABLE)
        else:
            return found


_UNREADABLE: Headers = (("", None),)


def _all_said(each: list[Headers | None]) -> list[Said]:
    """What all say; neighbours often say the same, and comparing is ten times as fast as looking up."""
    said: list[Said] = []
    last, outcome = None, NOTHING
    if each and each.count(each[0]) == len(each):
        return [_said(each[0]) if each[0] else NOTHING] * len(each)
    for headers in each:
        if headers != last:
            last, outcome = headers, _said(headers) if headers else NOTHING
        said.append(outcome)
    return said


def _said(headers: Headers) -> Said:
    if headers is _UNREADABLE:
        return UNREADABLE
    key = tuple(headers)
    found = _SEEN.get(key)
    if found is None:
        found = _read(key)
        if len(_SEEN) >= MOST_REMEMBERED:
            _SEEN.clear()
        _SEEN[key] = found
    return found


def _read(headers: Headers) -> Said:
    named: dict[str, str] = {}
    values = _amqp_values(headers)
    pairs: dict[str, str] = {}
    for (name, raw), value in zip(headers, values, strict=True):
        shown = "null" if raw is None else text(value)
        named.setdefault(name, shown)
        if name in {CONTENT_TYPE, CONTENT_ENCODING}:
            continue
        _add(pairs, _name(name), shown)
    written = list(pairs.items())
    return Said(
        written,
        named.get(CONTENT_TYPE),
        named.get(CONTENT_ENCODING),
        named.get(SCHEMA),
        named.get(IOT_DEVICE, named.get(PARTITION_KEY)),
        sum([len(name) + len(value) for name, value in written]),
    )


def _name(name: str) -> str:
    if name in SYSTEM:
        return SYSTEM[name]
    if name == PARTITION_KEY:
        return "sys.partition_key"
    if name.startswith(("x-opt-", "iothub-")):
        return f"sys.{name}"
    return f"app.{name}" if name.startswith(OURS) else name


def _add(pairs: dict[str, str], name: str, value: str) -> None:
    """Kafka allows a name many times, a map holds it once: number the later ones."""
    free, count = name, 1
    while free in pairs:
        count += 1
        free = f"{name}#{count}"
    pairs[free] = value


def _amqp_values(headers: Headers) -> list[Any]:
    """Values as text or bytes; where the event came by AMQP, those that are AMQP-encoded as what they encode."""
    plain = [_plain(raw) for _, raw in headers]
    typed = [place for place, (name, raw) in enumerate(headers) if name not in TEXTS and raw is not None]
    if not any(_odd(plain[place]) for place in typed):
        return plain
    try:
        for place in typed:
            plain[place] = _amqp(headers[place][1] or b"")
    except Exception:  # noqa: BLE001 - then it is no AMQP, and the bytes are what they are
        return [_plain(raw) for _, raw in headers]
    return plain


def _odd(value: Any) -> bool:
    """Whether nobody would write this as text: AMQP's texts begin with no UTF-8, its numbers hold control bytes."""
    return type(value) is bytes or (type(value) is str and not value.isprintable())


def _amqp(raw: bytes) -> Any:
    value, end = read(raw, 0)
    if end != len(raw):
        raise ValueError("more than one value, or part of one")
    return value


def _plain(raw: bytes | None) -> Any:
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _devices(messages: Sequence[Message], said: Sequence[Said]) -> list[str | None]:
    """The key, as the hub took it; an event that came by AMQP has none, but may say its partition key or device."""
    keys: list[Any] = list(map(Message.key, messages))
    if None in keys:
        return [each.device if key is None else _KEYS[key] for key, each in zip(keys, said, strict=True)]
    return list(map(_KEYS.__getitem__, keys))


class _Keys(dict[bytes, str]):
    """Keys as text, each decoded once."""

    def __missing__(self, key: bytes) -> str:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        self[key] = named = text(_plain(key))
        return named


_KEYS = _Keys()


def _enqueued(
    stamps: Sequence[tuple[int, int]], pairs: Sequence[list[tuple[str, str]]], taken_at: int
) -> tuple[list[int], list[list[tuple[str, str]]]]:
    """Times of records that the broker did not stamp all: what a producer says is kept, and believed by nobody."""
    times: list[int] = []
    marked: list[list[tuple[str, str]]] = []
    written: dict[int, tuple[str, str]] = {}
    for (kind, at), mine in zip(stamps, pairs, strict=True):
        if kind == TIMESTAMP_LOG_APPEND_TIME:
            times.append(1000 * at)
            marked.append(mine)
            continue
        times.append(taken_at)
        pair = written.get(at)
        if pair is None:
            pair = written[at] = ("sys.create_time", _iso(at))
        marked.append([*mine, pair])
    return times, marked


def _iso(milliseconds: int) -> str:
    if not 0 <= milliseconds <= YEAR_9999:
        return f"not a time: {milliseconds}"
    time = datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
