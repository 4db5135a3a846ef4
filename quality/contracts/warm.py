"""What the warm tier takes over from Gold and from the reference entities, and the state it keeps of it.

Belongs here: which tables are staged, by which date and lane, and the contract of `staging.date_state`.
Does not: loading them (`assets.warm.staging`) or the marts (`dbt_warm`, whose contracts are enforced by dbt).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from quality.contracts.domain_tables import (
    DEVICE_HEALTH_1D,
    ENGAGEMENT_KPIS,
    FAULT_INDICATORS_1D,
    SITE_COMFORT_1D,
    SITE_INTENSITY,
    SITE_USE_1D,
)
from quality.contracts.entities import (
    ASSET,
    CLIENT,
    ENGAGEMENT,
    IOT_DEVICE,
    SERVICE_OFFERING,
    SITE,
    SOURCE,
    TRUST,
    Entity,
)
from quality.contracts.model import Column, Table
from quality.contracts.tables import DATA_QUALITY_1D, DATE_STATE, READINGS_1D, READINGS_1H

Lane = Literal["readings", "quality", "domain", "entities"]

SCHEMA = "staging"
"""Schema of the staged tables in the warm database."""


WHOLE_DATE = date(2000, 1, 1)
"""The date that tables without a date column are listed under in `staging.date_state`: the first partition there is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """One table of the lake in staging: replaced per value of `date_column`, when its lane has a newer batch.

    `date_column` of None: the table has no dates and is replaced whole, when its content has changed.
    """

    table: Table
    lane: Lane
    date_column: str | None

    @property
    def name(self) -> str:
        """Its name in the warm database."""
        return f"{SCHEMA}.{self.table.name}"


_ORIGIN = {*(column.name for column in SOURCE), "attribute_hash", "domain_load", "entity_build"}
"""Columns that say which file, load or build wrote a row: those stay in the lake, where somebody can follow them."""


def _without_origin(table: Table) -> Table:
    return replace(table, columns=tuple(column for column in table.columns if column.name not in _ORIGIN))


def _subject(table: Table, date_column: str | None, lane: Lane = "domain") -> Staged:
    """A subject table; one without dates is of the lane of what it is made of, so that it is staged when that is."""
    return Staged(table=_without_origin(table), lane=lane, date_column=date_column)


def _versions(entity: Entity) -> Staged:
    """An entity with its history, whole."""
    return Staged(table=_without_origin(entity.table), lane="entities", date_column=None)


STAGED_ENTITIES: tuple[Staged, ...] = tuple(
    _versions(entity) for entity in (TRUST, SITE, ASSET, IOT_DEVICE, CLIENT, SERVICE_OFFERING, ENGAGEMENT)
)
"""What the dimensions are made of. Employees are not: no report of the warm tier is about persons."""

STAGED: tuple[Staged, ...] = (
    Staged(table=READINGS_1H, lane="readings", date_column="event_date"),
    Staged(table=READINGS_1D, lane="readings", date_column="event_date"),
    Staged(table=DATA_QUALITY_1D, lane="quality", date_column="enqueued_date"),
    _subject(DEVICE_HEALTH_1D, "event_date"),
    _subject(FAULT_INDICATORS_1D, "event_date"),
    _subject(SITE_COMFORT_1D, "local_date"),
    _subject(SITE_USE_1D, "event_date"),
    _subject(SITE_INTENSITY, None),
    *STAGED_ENTITIES,
    _subject(ENGAGEMENT_KPIS, None, "entities"),
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
