"""A run straight into the hub, as a fleet's gateway sends it: batches per partition, messages of many devices in each.

A batch per device would be a round trip per device, and a hundred thousand devices send a few messages each. So the
partition of a device's key is computed as the service computes it, the batch is addressed to the partition, and each
message carries its key: what the SDK's buffered producer does.
Belongs here: the envelope of a simulated message, and dividing a slice among the partitions.
Does not: connections and sending again (`sender`).
"""

from __future__ import annotations

from array import array
from functools import partial
from types import TracebackType
from typing import Self

from azure.eventhub._buffered_producer._partition_resolver import generate_hash_code

from settings.model import EventHubs
from simulator.devices import Fleet, Format
from simulator.envelope import Envelope, length
from simulator.formats import CONTENT_TYPE, SCHEMAS
from simulator.outlet import Parcel
from simulator.plan import MESSAGE_ID_WIDTH, Slice
from simulator.sender import Sender
from simulator.statistics import Progress, Statistics


class HubOutlet:
    """The hub of `settings`; `batch` is the most events of a batch, None for as many as the hub takes."""

    def __init__(
        self,
        settings: EventHubs,
        fleet: Fleet,
        *,
        statistics: Statistics,
        on_progress: Progress | None = None,
        batch: int | None = None,
    ) -> None:
        self._sender = Sender(settings, on_progress=on_progress, statistics=statistics, batch=batch)
        self._fleet = fleet
        self._befores = [b""] * len(fleet)
        self._partitions = array("H", bytes(2 * len(fleet)))
        self._betweens = [b""] * len(SCHEMAS)
        self._envelopes: dict[tuple[int, int], Envelope] = {}
        """By format and length of the key."""

    def __enter__(self) -> Self:
        self._sender.__enter__()
        self._sender.open_links()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sender.__exit__(kind, error, trace)

    def parcels(self, piece: Slice) -> list[Parcel]:
        """One for each partition."""
        ids = self._sender.partition_ids
        messages = self.wrap(piece)
        rows: list[list[int]] = [[] for _ in ids]
        partitions = self._partitions
        for row, n in enumerate(piece.devices):
            rows[partitions[n]].append(row)
        return [
            Parcel(lane, partial(self._sender.send, [messages[row] for row in lane], partition_id=partition_id))
            for partition_id, lane in zip(ids, rows, strict=True)
            if lane
        ]

    def wrap(self, piece: Slice) -> list[bytes]:
        """The slice's messages as the hub takes them."""
        befores, betweens, protobuf = self._befores, self._betweens, self._fleet.protobuf
        for n in piece.devices:
            if not befores[n]:
                self._meet(n)
        return [
            b"".join((befores[n], message_id.encode(), betweens[protobuf[n]], length(body), body))
            for n, message_id, body in zip(piece.devices, piece.message_ids, piece.bodies, strict=True)
        ]

    def _meet(self, n: int) -> None:
        """Remember what all messages of a device have in common."""
        key, flag = self._fleet.names[n], self._fleet.protobuf[n]
        envelope = self._envelopes.get((flag, len(key)))
        if envelope is None:
            format_: Format = "protobuf" if flag else "json"
            envelope = self._envelopes[flag, len(key)] = Envelope(
                content_type=CONTENT_TYPE[format_],
                properties={"schema": SCHEMAS[flag]},
                message_id_width=MESSAGE_ID_WIDTH,
                partition_key="\x1b" * len(key),
            )
            self._betweens[flag] = envelope.between
        self._befores[n] = envelope.before(key)
        self._partitions[n] = abs(generate_hash_code(key) % len(self._sender.partition_ids))
