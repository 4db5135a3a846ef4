"""Events of one partition as Bronze columns: what every transport hands over, what waits, what a commit writes.

Belongs here: `Events`, and `Draft`, in which they are taken down one by one.
Does not: any transport, when a commit is due (`buffer`), or the columns every event of a flush shares (`data_files`).

Columns are Arrow's from the moment of delivery. As Python objects 300-byte events take three times the memory, and a
commit that has to turn 100,000 of them into columns asks for Python's lock just when the readers hold it most.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import BRONZE_TELEMETRY

CONTENT = pa.schema(
    [
        arrow_schema(BRONZE_TELEMETRY).field(name)
        for name in (
            "offset", "enqueued_at", "ingested_at", "device_id", "content_type", "content_encoding", "schema_ref",
            "properties", "body",
        )
    ]
)  # fmt: skip
"""The columns of Bronze that an event brings, but its number."""
DELIVERY_OVERHEAD = 4096
"""Bytes a delivery takes beside its rows: the objects that hold its columns."""


def whole_numbers(values: array[int]) -> pa.Array:
    """Numbers as a column over the same memory."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])


@dataclass(slots=True)
class Events:
    """Events in the order of their sequence numbers. Nobody changes them; parts of them share their memory."""

    partition_id: str
    sequence_number: array[int]
    content: pa.Table
    """As CONTENT."""
    void: list[tuple[int, int]] = field(default_factory=list)
    """Ranges of numbers, first and last, that the broker gave to no event: holes that are no loss."""
    size: int = field(init=False)
    """Bytes they take in memory."""

    def __post_init__(self) -> None:
        self.size = int(self.content.nbytes) + 8 * len(self.sequence_number) + DELIVERY_OVERHEAD

    def __len__(self) -> int:
        return len(self.sequence_number)

    @property
    def numbers(self) -> pa.Array:
        """The sequence numbers as a column, not copied."""
        return whole_numbers(self.sequence_number)

    @property
    def ascending(self) -> bool:
        """Whether each number is larger than the one before."""
        if len(self) < 2:
            return True
        numbers = self.numbers
        return bool(pc.all(pc.greater(numbers[1:], numbers[:-1])).as_py())

    @property
    def consecutive(self) -> bool:
        """Whether each number is the one before and one more."""
        numbers = self.sequence_number
        return len(self) < 2 or (numbers[-1] - numbers[0] == len(self) - 1 and self.ascending)

    @property
    def longest_body(self) -> int:
        """Bytes of the largest body."""
        return int(pc.max(pc.binary_length(self.content["body"])).as_py() or 0)

    def enqueued_at(self, row: int) -> int:
        """When the hub took an event; microseconds since 1970, UTC. A negative row counts from the end."""
        return int(self.content["enqueued_at"][row].value)

    def pick(self, rows: Sequence[int] | slice) -> Events:
        """Only these rows; a slice copies nothing."""
        if isinstance(rows, slice):
            begin, end, _ = rows.indices(len(self))
            content, numbers = self.content.slice(begin, max(end - begin, 0)), self.sequence_number[begin:end]
        else:
            content = self.content.take(pa.array(rows, pa.int64()))
            numbers = array("q", [self.sequence_number[row] for row in rows])
        return Events(self.partition_id, numbers, content, list(self.void))

    @classmethod
    def joined(cls, parts: Sequence[Events]) -> Events:
        """Deliveries of one partition that follow each other, as one."""
        if len(parts) == 1:
            return parts[0]
        numbers = array("q")
        for part in parts:
            numbers.extend(part.sequence_number)
        content = pa.concat_tables([part.content for part in parts])
        return cls(parts[0].partition_id, numbers, content, [void for part in parts for void in part.void])


@dataclass(slots=True)
class Draft:
    """Events as they are taken down one by one, a list per column."""

    partition_id: str
    sequence_number: list[int] = field(default_factory=list)
    offset: list[str] = field(default_factory=list)
    enqueued_at: list[int] = field(default_factory=list)
    """Microseconds since 1970, UTC."""
    ingested_at: list[int] = field(default_factory=list)
    """Microseconds since 1970, UTC."""
    device_id: list[str | None] = field(default_factory=list)
    content_type: list[str | None] = field(default_factory=list)
    content_encoding: list[str | None] = field(default_factory=list)
    schema_ref: list[str | None] = field(default_factory=list)
    properties: list[list[tuple[str, str]]] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)

    def events(self) -> Events:
        """What was taken down."""
        columns = [pa.array(getattr(self, each.name), each.type) for each in CONTENT]
        return Events(
            self.partition_id, array("q", self.sequence_number), pa.Table.from_arrays(columns, schema=CONTENT)
        )
