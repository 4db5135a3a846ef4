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

from array import array
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from ingest_workers.amqp_types import read
from ingest_workers.envelope import OURS, YEAR_9999, text
from ingest_workers.events import CONTENT, Events, whole_numbers

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
TIME = CONTENT.field("enqueued_at").type
NO_BODY = ("sys.body", "null")

Headers = Sequence[tuple[str, "bytes | None"]]


class Said(NamedTuple):
    """What the headers of an event come to."""

    pairs: list[tuple[str, str]]
    """Shared by all events with the same headers: never change it."""
    content_type: str | None = None
    content_encoding: str | None = None
    schema_ref: str | None = None
    device: str | None = None


NOTHING = Said([])
UNREADABLE = Said([("sys.headers", "undecoded: a header's name is not UTF-8")])
_SEEN: dict[tuple[tuple[str, bytes | None], ...], Said] = {}


def columns(partition: str, messages: Sequence[Message], taken_at: int) -> Events:
    """Records of one partition as columns; `taken_at` is microseconds since 1970, UTC."""
    count = len(messages)
    offsets: Any = map(Message.offset, messages)
    numbers = array("q", offsets)
    bodies: list[Any] = list(map(Message.value, messages))
    said, which = _all_said(_headers(messages))
    enqueued_at, marks = _enqueued(list(map(Message.timestamp, messages)), taken_at)
    if None in bodies:
        marks = [
            mark if body is not None else [*mark, NO_BODY]
            for mark, body in zip(marks or [[]] * count, bodies, strict=True)
        ]
        bodies = [b"" if body is None else body for body in bodies]
    columns = {
        "offset": pc.cast(whole_numbers(numbers), pa.string()),
        "enqueued_at": enqueued_at,
        "ingested_at": pa.repeat(pa.scalar(taken_at, TIME), count),
        "device_id": _devices(messages, _spread([each.device for each in said], which, pa.string())),
        "content_type": _spread([each.content_type for each in said], which, pa.string()),
        "content_encoding": _spread([each.content_encoding for each in said], which, pa.string()),
        "schema_ref": _spread([each.schema_ref for each in said], which, pa.string()),
        "properties": _properties(said, which, marks),
        "body": pa.array(bodies, pa.binary()),
    }
    return Events(partition, numbers, pa.Table.from_arrays([columns[name] for name in CONTENT.names], schema=CONTENT))


def _spread(values: list[Any], which: pa.Array, kind: pa.DataType) -> pa.Array:
    """A column of few different values; `which` says for each row the place of its own."""
    return pa.array(values, kind).take(which)


def _properties(said: Sequence[Said], which: pa.Array, marks: Sequence[list[tuple[str, str]]] | None) -> pa.Array:
    kind = CONTENT.field("properties").type
    if marks is None:
        return _spread([each.pairs for each in said], which, kind)
    return pa.array([said[place].pairs + mark for place, mark in zip(which.to_pylist(), marks, strict=True)], kind)


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


def _all_said(each: list[Headers | None]) -> tuple[list[Said], pa.Array]:
    """What all say, without repeating, and for each record the place of what it says.

    Neighbours often say the same, and comparing is ten times as fast as looking up.
    """
    if each.count(each[0]) == len(each):
        return [_said(each[0]) if each[0] else NOTHING], pa.repeat(pa.scalar(0, pa.int32()), len(each))
    said: dict[int, Said] = {}
    which = []
    last, outcome = None, NOTHING
    for headers in each:
        if headers != last:
            last, outcome = headers, _said(headers) if headers else NOTHING
        said[id(outcome)] = outcome
        which.append(id(outcome))
    places = {name: place for place, name in enumerate(said)}
    return list(said.values()), pa.array([places[name] for name in which], pa.int32())


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


def _devices(messages: Sequence[Message], said: pa.Array) -> pa.Array:
    """The key, as the hub took it; an event that came by AMQP has none, but may say its partition key or device."""
    keys: list[Any] = list(map(Message.key, messages))
    try:
        devices = pa.array(keys, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:  # a key that is no text
        devices = pa.array([None if key is None else text(_plain(key)) for key in keys], pa.string())
    return pc.coalesce(devices, said) if devices.null_count else devices


def _enqueued(stamps: Sequence[tuple[int, int]], taken_at: int) -> tuple[pa.Array, list[list[tuple[str, str]]] | None]:
    """When the broker took each record, and marks for those that it did not stamp.

    What a producer says of the time is kept there, and believed by nobody.
    """
    if set(map(itemgetter(0), stamps)) == {TIMESTAMP_LOG_APPEND_TIME}:
        return pa.array([1000 * at for _, at in stamps], TIME), None
    times: list[int] = []
    marks: list[list[tuple[str, str]]] = []
    for kind, at in stamps:
        stamped = kind == TIMESTAMP_LOG_APPEND_TIME
        times.append(1000 * at if stamped else taken_at)
        marks.append([] if stamped else [("sys.create_time", _iso(at))])
    return pa.array(times, TIME), marks


def _iso(milliseconds: int) -> str:
    if not 0 <= milliseconds <= YEAR_9999:
        return f"not a time: {milliseconds}"
    time = datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
