"""What the warm tier takes over from Gold, and the state it keeps of it.

Belongs here: which Gold tables are staged, by which date and lane, and the contract of `staging.date_state`.
Does not: loading them (`assets.warm.staging`) or the marts (`dbt_warm`, whose contracts are enforced by dbt).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from quality.contracts.model import Column, Table
from quality.contracts.tables import DATA_QUALITY_1D, DATE_STATE, READINGS_1D, READINGS_1H

Lane = Literal["readings", "quality"]

SCHEMA = "staging"
"""Schema of the staged tables in the warm database."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """One Gold table in staging: replaced per value of `date_column`, when its lane has a newer batch."""

    table: Table
    lane: Lane
    date_column: str

    @property
    def name(self) -> str:
        """Its name in the warm database."""
        return f"{SCHEMA}.{self.table.name}"


STAGED: tuple[Staged, ...] = (
    Staged(table=READINGS_1H, lane="readings", date_column="event_date"),
    Staged(table=READINGS_1D, lane="readings", date_column="event_date"),
    Staged(table=DATA_QUALITY_1D, lane="quality", date_column="enqueued_date"),
)

STAGING_DATE_STATE = Table(
    layer="warm",
    name="date_state",
    says="Up to which Silver batch each date is staged, per lane, and whether the marts have been built from it.",
    columns=(
        DATE_STATE.column("lane"),
        DATE_STATE.column("date"),
        Column(name="lake_id", type="string", says="Lake the batch number belongs to; a restored lake has another."),
        Column(name="silver_batch", type="long", says="Silver batch that is staged; 0 where the lake has none."),
        Column(
            name="built_batch",
            type="long",
            says="silver_batch once the marts hold it and passed their tests; null until then.",
            null=True,
        ),
        Column(name="loaded_at", type="timestamp", says="When it was staged."),
    ),
    key=("lane", "date"),
    fresh_within=15,
)

SOURCES: tuple[Table, ...] = (*(staged.table for staged in STAGED), STAGING_DATE_STATE)
"""Every table of the staging schema: the sources of dbt_warm."""
