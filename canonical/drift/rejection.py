"""Events that are rejected because they drift: those of mappings whose policy says so.

Belongs here: the verdict on each event, a pure function of the event and its mapping. It asks what reports drift asks,
of every event: events of one shape get one verdict.
Does not: the rule's code and words (`quality.rules.row`), or events of other mappings, which pay nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from canonical.compilation import Compiled
from canonical.decoders.csv_rows import CsvRows
from canonical.drift.cells import conditions, kept, new_columns
from canonical.drift.documents import SHAPE, Run, documents_of, of_one
from canonical.drift.of_spec import known
from canonical.drift.structures import Finding, findings
from canonical.drift.wire import field_numbers
from canonical.outcome import WHOLE_EVENT, Outcome
from canonical.spec.decode import CsvDecode, ProtobufDecode

RULE = "schema_drift"


def says(finding: Finding) -> str:
    """What a finding is, for the message of a reject."""
    where = f"`{finding.field}`"
    if finding.kind == "missing_field":
        return f"{where} is not there"
    if finding.kind == "changed_type":
        return f"{where} is {finding.seen} where {finding.expected or 'something else'} is expected"
    return f"{where} ({finding.seen}) is new" if finding.seen else f"{where} is new"


class Rejection:
    """The verdicts of one mapping."""

    def __init__(self, mapping: Compiled) -> None:
        self._mapping = mapping
        self._spec = mapping.spec
        self._known = known(mapping.spec)

    def refuse(self, events: pa.Table, records: pa.Table, outcome: Outcome, run: Run) -> tuple[pa.Table, pa.Table]:
        """Tell the outcome of the events that are rejected; gives the others, and their records."""
        verdicts = self.verdicts(events, records, run)
        if not verdicts:
            return events, records
        drifting = pa.array(verdicts)
        head = self._mapping.head
        refused = pc.is_in(records.column("row"), drifting)
        wide = run(head.statement, head.decoder.prepare(records.filter(refused)))
        _, firsts = np.unique(wide.column("row").to_numpy(), return_index=True)
        wide = wide.take(pa.array(firsts))
        # What else is wrong with an event is said first: then its fields may not be what they look like.
        fine = pc.is_null(wide.column("fault"))
        rule = pa.scalar(outcome.rule("event", RULE), wide.schema.field("fault").type)
        details = pa.array([says(verdicts[row]) for row in wide.column("row").to_pylist()], pa.string())
        for name, value in (("fault", rule), ("body_detail", details)):
            column = pc.if_else(fine, value, wide.column(name))
            wide = wide.set_column(wide.column_names.index(name), name, column)
        wide = wide.append_column("recorded_at", wide.column("recorded_us").cast(pa.timestamp("us", "UTC")))
        outcome.refused_event(self._mapping, head, wide, WHOLE_EVENT)
        left = pc.invert(pc.is_in(events.column("row"), drifting))
        return events.filter(left), records.filter(pc.invert(refused))

    def verdicts(self, events: pa.Table, records: pa.Table, run: Run) -> dict[int, Finding]:
        """Row of the event to what rejects it; `records` is what `bodies` made of the events, if it did."""
        decode, decoder = self._spec.decode, self._mapping.head.decoder
        found = self._of_numbers(events) if isinstance(decode, ProtobufDecode) else {}
        if (documents := documents_of(self._mapping, events, records, run)) is not None:
            return found | self._of_documents(documents, run)
        found |= self._of_cells(records, run)
        if isinstance(decode, CsvDecode) and isinstance(decoder, CsvRows) and decoder.header is not None:
            found |= self._of_headers(records, decode, decoder.header)
        return found

    def _first(self, found: Iterable[Finding]) -> Finding | None:
        return next((finding for finding in found if self._rejects(finding)), None)

    def _rejects(self, finding: Finding) -> bool:
        if finding.kind == "present":
            return False
        return self._spec.drift.policy(finding.kind, finding.field) == "quarantine"

    def _of_documents(self, documents: pa.Table, run: Run) -> dict[int, Finding]:
        query = f"SELECT row, {SHAPE} AS shape FROM source WHERE document IS NOT NULL"
        shapes = run(query, documents.select(["row", "document"]))
        return self._by_kind(shapes.column("row"), shapes.column("shape"), self._of_shape)

    def _of_shape(self, shape: str) -> Iterator[Finding]:
        return findings(of_one(json.loads(shape)), self._known, most=None)

    def _of_headers(self, rows: pa.Table, decode: CsvDecode, header: str) -> dict[int, Finding]:
        def new(line: str) -> Iterator[Finding]:
            return (Finding("new_field", name, "", "") for name in new_columns(line, decode))

        return self._by_kind(rows.column("row"), rows.column(header), new)

    def _by_kind(
        self, rows: pa.ChunkedArray, kinds: pa.ChunkedArray, read: Callable[[str], Iterable[Finding]]
    ) -> dict[int, Finding]:
        """Rows of one kind get one verdict."""
        coded = kinds.combine_chunks().dictionary_encode()
        verdicts = [self._first(read(kind)) for kind in coded.dictionary.to_pylist()]
        if not any(verdicts):
            return {}
        places = zip(rows.to_pylist(), coded.indices.to_pylist(), strict=True)
        return {row: found for row, kind in places if kind is not None and (found := verdicts[kind]) is not None}

    def _of_cells(self, rows: pa.Table, run: Run) -> dict[int, Finding]:
        decoder = self._mapping.head.decoder
        asked = [pair for pair in conditions(self._spec, self._known, decoder) if self._rejects(pair[0])]
        if not asked:
            return {}
        cases = " ".join(f"WHEN {where} THEN {number}" for number, (_, where) in enumerate(asked))
        relation = decoder.relation("source", kept(decoder, "row"))
        query = (
            f"SELECT row, min(found) AS found FROM (SELECT row, CASE {cases} END AS found FROM ({relation}) "
            "WHERE body_fault IS NULL) WHERE found IS NOT NULL GROUP BY row"
        )
        found = run(query, decoder.prepare(rows))
        places = zip(found.column("row").to_pylist(), found.column("found").to_pylist(), strict=True)
        return {row: asked[number][0] for row, number in places}

    def _of_numbers(self, source: pa.Table) -> dict[int, Finding]:
        places, numbers, wires = field_numbers(source.column("body").combine_chunks(), self._known.numbers)
        rows = source.column("row").to_pylist()
        found: dict[int, Finding] = {}
        for place, number, wire in zip(places.tolist(), numbers.tolist(), wires, strict=True):
            finding = Finding("new_field", f"#{number}", "", wire)
            if self._rejects(finding):
                found.setdefault(rows[place], finding)
        return found
