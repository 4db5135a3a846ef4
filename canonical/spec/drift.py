"""What a mapping does about schema drift.

Belongs here: the policies, per kind of drift and per field.
Does not: noticing drift (`canonical.drift`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from canonical.spec.part import Part

Policy = Literal["evolve", "freeze", "quarantine"]


class Drift(Part):
    """What becomes of an event that drifts, and who is told.

    `evolve`: it is taken and reported. `freeze`: it is taken, known fields count, and the check of the readings fails
    until the spec says what the field is. `quarantine`: the event is rejected as `schema_drift`. `columns` says
    otherwise for single fields; one that ends in `.*` stands for all below it.
    """

    new_fields: Policy = "evolve"
    missing_fields: Policy = "evolve"
    changed_types: Policy = "evolve"
    columns: dict[str, Policy] = Field(default_factory=dict)

    def policy(self, kind: str, field: str) -> Policy:
        """The nearest word about a field: its own, that of what it lies in, or that of the kind of drift."""
        if field in self.columns:
            return self.columns[field]
        around = [path for path in self.columns if path.endswith(".*") and field.startswith(path[:-1])]
        if around:
            return self.columns[max(around, key=len)]
        general = {"new_field": self.new_fields, "missing_field": self.missing_fields}
        return general.get(kind, self.changed_types)

    @property
    def quarantines(self) -> bool:
        """Whether any event can be rejected for drift."""
        return "quarantine" in {self.new_fields, self.missing_fields, self.changed_types, *self.columns.values()}
