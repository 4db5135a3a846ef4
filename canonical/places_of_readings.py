"""Where in a spec's file each of its numbered readings stands.

Belongs here: paths into the YAML, in the order in which readings are numbered.
Does not: lines (`yaml_lines`), or the numbering (`spec_model`).
"""

from __future__ import annotations

from canonical.spec.readings import Others, Reading, Triple
from canonical.spec_model import MappingSpec

Place = tuple[str | int, ...]


def places_of(spec: MappingSpec) -> list[Place]:
    """The place of each slot; a name of a triple has a place of its own."""
    places: list[Place] = []
    groups: list[tuple[Place, tuple[Reading | Triple, ...]]] = [((), spec.readings)]
    groups += [(("records", number), part.readings) for number, part in enumerate(spec.records)]
    for head, readings in groups:
        for number, reading in enumerate(readings):
            at = (*head, "readings", number)
            if isinstance(reading, Triple):
                names = list(reading.metrics)
                slots = reading.readings
                for place, slot in enumerate(slots):
                    places.append((*at, "others") if isinstance(slot, Others) else (*at, "metrics", names[place]))
            else:
                places.append(at)
    return places
