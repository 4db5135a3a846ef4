"""Looking at events for drift: the events of a chunk that are looked at, mapping by mapping.

Belongs here: sampling, decoding what was sampled, and handing each mapping's events to what reads its format.
Does not: reading (`documents`, `cells`, `wire`), adding up (`noticed`), or deciding about events (a row rule).

Only what is sampled is decoded here once more, so this costs a fixed small part of the conversion itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from canonical.canonicaliser import Canonicaliser
from canonical.compilation import Compiled
from canonical.decoders.csv_rows import CsvRows
from canonical.drift.cells import of_cells, of_headers, of_widths
from canonical.drift.documents import Run, Seen, documents_of, of_documents
from canonical.drift.known import Known
from canonical.drift.noticed import Line, Noticed, What
from canonical.drift.of_spec import known
from canonical.drift.sampling import in_order, sampled
from canonical.drift.structures import MOST, OTHERS, Finding
from canonical.drift.wire import field_numbers
from canonical.spec.decode import CsvDecode, ProtobufDecode
from quality.contracts.tables import POSITION_NAMES

_POSITION = POSITION_NAMES[:-1]
_ROWS, _BYTES = 16_384, 16 * 2**20
"""Sampled events wait until there are so many: each look has fixed costs."""


class Observer:
    """Looks at events as one canonicaliser reads them; call `close` when there are no more."""

    def __init__(self, canonicaliser: Canonicaliser, noticed: Noticed) -> None:
        """What is seen is added to `noticed`."""
        self._canonicaliser = canonicaliser
        self._noticed = noticed
        self._known: dict[str, Known] = {}
        self._waiting: list[pa.Table] = []

    def observe(self, events: pa.Table) -> None:
        """Look at a chunk of events (columns of EVENTS_SCHEMA), now or with the next ones."""
        self._waiting.append(sampled(events))
        if sum(map(len, self._waiting)) >= _ROWS or sum(part.nbytes for part in self._waiting) >= _BYTES:
            self.close()

    def close(self) -> None:
        """Look at what is waiting."""
        chosen = pa.concat_tables(self._waiting).combine_chunks() if self._waiting else None
        self._waiting = []
        if chosen:
            self._look(in_order(chosen))

    def _look(self, chosen: pa.Table) -> None:
        positions = chosen.select(_POSITION)
        moment = positions.schema.field("enqueued_at").type
        for mapping, source in self._canonicaliser.taken(chosen):
            spec = mapping.spec
            if (fields := self._known.get(spec.id)) is None:
                fields = self._known[spec.id] = known(spec)
            for seen in _seen(mapping, source, fields, self._canonicaliser.run):
                finding = seen.finding
                policy = "" if finding.kind == "present" else spec.drift.policy(finding.kind, finding.field)
                first = tuple(positions.slice(seen.first_row, 1).to_pylist()[0].values())
                last = pa.scalar(seen.last_us, pa.int64()).cast(moment).as_py()
                what = What(spec.id, self._canonicaliser.digest, seen.hour, policy, finding)
                self._noticed.add(what, Line(first, last, seen.events, seen.example))


def _seen(mapping: Compiled, source: pa.Table, fields: Known, run: Run) -> Iterator[Seen]:
    spec, decoder = mapping.spec, mapping.head.decoder
    records = mapping.bodies.read(source, run) if mapping.bodies else source
    if isinstance(spec.decode, ProtobufDecode):
        yield from _unknown_numbers(source, fields)
    if (documents := documents_of(mapping, source, records, run)) is not None:
        yield from of_documents(documents, fields, run)
        return
    rows = decoder.prepare(records)
    yield from of_cells(rows, spec, fields, decoder, run)
    if isinstance(decoder, CsvRows) and isinstance(spec.decode, CsvDecode):
        if decoder.header is None:
            yield from of_widths(rows, fields, decoder, run)
        else:
            yield from of_headers(rows, spec.decode, decoder.header, run)


def _unknown_numbers(source: pa.Table, fields: Known) -> Iterator[Seen]:
    """Field numbers that the schema does not have, with how many messages carry them."""
    bodies = source.column("body").combine_chunks()
    places, numbers, wires = field_numbers(bodies, fields.numbers)
    moments = source.column("enqueued_us").to_numpy()
    rows = source.column("row").to_numpy()
    hours = pc.strftime(source.column("enqueued_us").cast(pa.timestamp("us", "UTC")), "%Y-%m-%d-%H").to_pylist()
    found: dict[tuple[str, int, str], list[int]] = {}
    for place, number, wire in zip(places.tolist(), numbers.tolist(), wires, strict=True):
        found.setdefault((hours[place], number, wire), []).append(place)
    ranked = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    for rank, ((hour, number, wire), at) in enumerate(ranked):
        finding = Finding("new_field", f"#{number}", "", wire) if rank < MOST else Finding("new_field", OTHERS, "", "")
        messages = np.unique(at)
        yield Seen(finding, hour, len(messages), int(rows[messages].min()), int(moments[messages].max()))
