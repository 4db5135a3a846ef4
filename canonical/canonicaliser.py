"""Events to canonical readings and rejects: the Dough Cutter.

Belongs here: running the compiled mappings over a table of events. A pure function of event, envelope and digest: no
clock, no history, no neighbour decides.
Does not: the layout of the results (`outcome`), duplicates, conflicts and tables (`assets.silver`), or what a mapping
compiles to (`compilation`).

A reading's index is its place among the readings of its spec, plus the number of its record times their count where a
message holds several; a reject of the whole event has index -1. Rows come mapping by mapping and reading by reading,
not in the order of the events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from canonical.compilation import Compiled, compiled, properties_of
from canonical.content import content_of, digest_of, parse, spec_of
from canonical.decoders.protobuf_detection import Detection
from canonical.drift.rejection import Rejection
from canonical.engine import Engine
from canonical.envelopes import Envelopes
from canonical.outcome import EVENTS_SCHEMA, READINGS_SCHEMA, REJECTS_SCHEMA, Converted, Outcome
from canonical.routing import routing_statement, source_table
from canonical.schedules import schedules
from canonical.several_records import SeveralRecords
from canonical.spec_model import MAX_BODY_BYTES, MappingSpec
from quality.rules.macros import macros
from quality.rules.row import Rule

__all__ = ["EVENTS_SCHEMA", "READINGS_SCHEMA", "REJECTS_SCHEMA", "Canonicaliser", "Converted"]

NOBODY = -1
"""In place of a mapping: no mapping takes the event."""


class Canonicaliser:
    """Mapping specs, compiled. An engine of its own, which keeps its plans; use one instance per thread."""

    def __init__(self, content: str) -> None:
        self.content = content
        self.digest = digest_of(content)
        data = parse(content)
        rules = [Rule(**rule) for rule in data["rules"]]
        specs = [spec_of(entry) for entry in data["mappings"]]
        named = sorted({name for spec in specs for name in properties_of(spec)})
        self._properties = {name: f"p_{place}" for place, name in enumerate(named)}
        self._mappings = [compiled(entry, data, self._properties) for entry in data["mappings"]]
        self._rejections = {each.spec.id: Rejection(each) for each in self._mappings if each.spec.drift.quarantines}
        self._rules = rules
        self._largest_body = max([MAX_BODY_BYTES, *(spec.max_body_bytes for spec in specs)])
        self._detection = Detection(specs)
        self._routing = routing_statement(specs, self._properties, data["schemas"])
        self._envelopes = Envelopes(specs, list(self._properties.values()))
        self._engine = Engine(macros(rules))

    @classmethod
    def of(cls, specs: Sequence[MappingSpec]) -> Canonicaliser:
        """These specs under today's metric catalogue and rules."""
        return cls(content_of(specs))

    @classmethod
    def from_content(cls, content: str) -> Canonicaliser:
        """What a digest stands for, as it was."""
        return cls(content)

    def __reduce__(self) -> tuple[Callable[[str], Canonicaliser], tuple[str]]:
        return Canonicaliser.from_content, (self.content,)

    @property
    def specs(self) -> tuple[MappingSpec, ...]:
        """The specs it has compiled, by id, without what explains them."""
        return tuple(mapping.spec for mapping in self._mappings)

    def schedules(self) -> pa.Table:
        """When readings are expected, as far as the mappings say (columns of SCHEDULES)."""
        return schedules(mapping.spec for mapping in self._mappings)

    def convert(self, events: pa.Table) -> Converted:
        """Readings and rejects of events (columns of EVENTS_SCHEMA). Every event is in at least one of the two."""
        outcome = Outcome(events.select(EVENTS_SCHEMA.names).cast(EVENTS_SCHEMA), self._rules)
        for mapping, mine in self.taken(events, outcome):
            self._convert(mapping, mine, outcome)
        return outcome.tables(self.run)

    def taken(self, events: pa.Table, outcome: Outcome | None = None) -> Iterator[tuple[Compiled, pa.Table]]:
        """Each mapping with the events it takes, undecoded; `outcome` is told of those that none takes."""
        events = events.select(EVENTS_SCHEMA.names).cast(EVENTS_SCHEMA)
        source = self._detection.named(source_table(events, self._properties, self._largest_body))
        routed = self._routed(source)
        if outcome is not None:
            outcome.refused_by_envelope(routed)
        taken = pc.if_else(pc.is_null(routed.column("fault")), routed.column("mapping"), NOBODY)
        for place, mapping in enumerate(self._mappings):
            chosen = pc.equal(taken, place)
            mine = source if pc.all(chosen).as_py() else source.filter(chosen)
            if len(mine):
                yield mapping, mine

    def _routed(self, source: pa.Table) -> pa.Table:
        """What the routing statement says of each event, asked of one event a kind."""
        firsts, kinds = self._envelopes.kinds(source)
        if len(firsts) == len(source):
            return self.run(self._routing, source)
        routed = self.run(self._routing, source.take(pa.array(firsts))).take(pa.array(kinds))
        return routed.set_column(0, "row", source.column("row"))

    def _convert(self, mapping: Compiled, events: pa.Table, outcome: Outcome) -> None:
        """The events of one mapping: most messages are one record, and take one statement."""
        records = events if mapping.bodies is None else mapping.bodies.read(events, self.run)
        if (rejection := self._rejections.get(mapping.spec.id)) is not None:
            events, records = rejection.refuse(events, records, outcome, self.run)
        if mapping.several:
            SeveralRecords(mapping, outcome, self.run).convert(events, records)
            return
        (part,) = mapping.parts
        outcome.converted_by(mapping, part, self.run(part.statement, part.decoder.prepare(records)))

    def run(self, statement: str, source: pa.Table) -> pa.Table:
        """The result of a SELECT over a table named `source`."""
        return self._engine.run(statement, source)
