"""Many protobuf messages decoded at once, and the broken ones among them found.

Belongs here: the fast decoder (ptars) fails a whole batch for one bad message and does not say which. A message is
broken when that decoder refuses it alone, whatever its neighbours. protobuf's own parser (upb) differs on some garbage,
so its word is never the verdict; it only says whom to ask alone:

1. a chunk is decoded as a whole; most are sound, and that is all they cost;
2. one that fails is screened message by message by upb, and what upb refuses is given to the fast decoder alone;
3. the rest is decoded as a whole again. If it still fails, upb has taken what the fast decoder refuses, and the chunk
   is halved until those stand alone.

Measured for 40-byte messages: 0.14 microseconds a message where all are sound, 0.6 at 1 % bad, 0.8 at 5 %, and 6 where
every message is bad: small beside the 2 that a message costs in all, and never more than asking one by one.
Does not: cells (`protobuf_messages`), documents (`protobuf_documents`), or which schemas there are
(`schemas.registry`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import ptars
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from canonical.schemas.registry import Descriptor

CHUNK = 512
"""Messages decoded at once: enough for the fast decoder, and few enough that a bad one among them costs little."""


class SoundMessages:
    """Decodes messages of one schema; those that are none come as empty ones."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._handler = ptars.HandlerPool([descriptor.file]).get_for_message(descriptor)
        self._screen = GetMessageClass(cast("Any", descriptor))()

    def decode(self, bodies: pa.ChunkedArray) -> tuple[pa.Table, pa.Array]:
        """The fields of all messages as columns, and which messages are sound; a null body is an empty message."""
        parts: list[pa.RecordBatch] = []
        broken: list[int] = []
        first = 0
        alarmed = False
        for chunk in bodies.chunks:
            for start in range(0, len(chunk), CHUNK):
                some = chunk.slice(start, CHUNK)
                # Where one chunk held a bad message the next one likely does: then the first attempt is not made.
                batch = None if alarmed else self._decoded(some)
                alarmed = batch is None
                if batch is None:
                    batch, bad = self._screened(some)
                    alarmed = bool(bad)
                    broken += [first + start + place for place in bad]
                parts.append(batch)
            first += len(chunk)
        messages = pa.Table.from_batches(parts, schema=self._handler.schema()).combine_chunks()
        mask = pc.is_in(pa.arange(0, first), value_set=pa.array(broken, pa.int64()))
        return messages, pc.invert(mask)

    def _decoded(self, bodies: pa.Array) -> pa.RecordBatch | None:
        """The messages, or None where one of them is none."""
        try:
            return self._handler.array_to_record_batch(bodies)
        except ValueError:
            return None
        except BaseException as error:  # its panics are no Exception: a length beyond the address space is one
            if type(error).__name__ != "PanicException":
                raise
            return None

    def _screened(self, bodies: pa.Array) -> tuple[pa.RecordBatch, list[int]]:
        """The messages, and the places of those that the fast decoder refuses alone, which come as empty ones."""
        bad = [place for place in self._suspects(bodies) if self._decoded(bodies.slice(place, 1)) is None]
        rest = _emptied(bodies, bad)
        batch = self._decoded(rest)
        if batch is None:
            bad += self._halved(rest, 0)
            batch = self._decoded(_emptied(bodies, bad))
        return batch, bad

    def _suspects(self, bodies: pa.Array) -> Iterator[int]:
        """Places of the messages that protobuf's own parser refuses."""
        parse = self._screen.ParseFromString
        for place, body in enumerate(bodies.to_pylist()):
            try:
                parse(body or b"")
            except DecodeError:
                yield place
        self._screen.Clear()

    def _halved(self, bodies: pa.Array, first: int) -> Iterator[int]:
        """Places, from `first`, of the broken ones among bodies that do not decode together."""
        if len(bodies) == 1:
            yield first
            return
        middle = len(bodies) // 2
        for start, half in ((0, bodies.slice(0, middle)), (middle, bodies.slice(middle))):
            if self._decoded(half) is None:
                yield from self._halved(half, first + start)


def _emptied(bodies: pa.Array, places: list[int]) -> pa.Array:
    """Bodies with those at `places` empty, which every schema reads as a message of defaults."""
    if not places:
        return bodies
    mask = pc.is_in(pa.arange(0, len(bodies)), value_set=pa.array(places, pa.int64()))
    return pc.if_else(mask, pa.scalar(b"", pa.binary()), bodies)
