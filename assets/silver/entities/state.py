"""Builds of the reference entities: which are planned, which are complete, and whether one is due.

Belongs here: `silver.entity_builds`, the fence of every table that a build writes, and what a build is made from.
Does not: making one (`build`).

A build makes all tables anew from all files, so a build that was killed needs no completing: the next one makes the
same of them, or better. Delta has no commit over several tables; each table carries the number of its build.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from assets.bronze.files import landed
from canonical.entities.model import EntitySpec
from canonical.entities.specs import digest_of
from lake.fence import on_fresh_table, write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.entities import ENTITIES, FILE_NAMES
from quality.contracts.entity_tables import (
    BRONZE_FILES,
    ENTITY_BUILDS,
    ENTITY_FILES,
    ENTITY_QUARANTINE,
    ENTITY_ROWS,
)
from quality.contracts.model import Table
from settings.clock import now

APP_ID = "silver/entities"
"""Fence: the number of the build, in the plan and in every table that a build writes."""
BUILT: tuple[Table, ...] = (*(entity.table for entity in ENTITIES), ENTITY_ROWS, ENTITY_QUARANTINE, ENTITY_FILES)
"""What a build writes, in this order."""


@dataclass(frozen=True)
class Plan:
    """One build: its number, what it is made from, and Bronze as it reads it."""

    build: int
    digest: str
    inputs: str
    bronze_version: int
    files: tuple[dict[str, Any], ...]


def inputs_of(files: Sequence[dict[str, Any]]) -> str:
    """Names a set of files; compaction of Bronze changes nothing about it."""
    said = [[file[name] for name in (*FILE_NAMES, "in_force")] for file in files]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def held(target: DeltaTable) -> int:
    """The build that a table holds; 0 where it holds none."""
    return int(target.transaction_version(APP_ID) or 0)


def last(lake: Lake) -> dict[str, Any] | None:
    """The newest plan."""
    if not lake.exists(ENTITY_BUILDS):
        return None
    rows = lake.rows(ENTITY_BUILDS, columns=["build", "digest", "inputs", "files", "planned_at"]).to_pylist()
    return max(rows, key=lambda row: row["build"], default=None)


def complete(lake: Lake) -> int:
    """The last build that every table holds; 0 before the first."""
    return min(held(lake.open(table)) if lake.exists(table) else 0 for table in BUILT)


def why_due(lake: Lake, specs: Sequence[EntitySpec]) -> str:
    """Why a build is due; empty where none is."""
    if not lake.exists(BRONZE_FILES):
        return ""
    files = landed(lake)
    newest = last(lake)
    if newest is None:
        return f"{len(files)} files landed" if files else ""
    if newest["inputs"] != inputs_of(files):
        return "files landed or were replaced"
    if newest["digest"] != digest_of(specs):
        return "entity mapping specs changed"
    return f"build {newest['build']} is half way" if complete(lake) < newest["build"] else ""


def plan(lake: Lake, specs: Sequence[EntitySpec]) -> Plan:
    """Plan the next build of everything that Bronze holds now."""
    version = lake.open(BRONZE_FILES).version()
    files = tuple(landed(lake, version))
    digest, inputs = digest_of(specs), inputs_of(files)
    said = json.dumps([spec.model_dump(mode="json", by_alias=True, exclude={"examples"}) for spec in specs])

    def attempt(target: DeltaTable) -> Plan:
        number = held(target) + 1
        row = {
            "build": number, "planned_at": now(), "bronze_version": version, "digest": digest, "inputs": inputs,
            "specs": said, "files": len(files),
        }  # fmt: skip
        rows = pa.Table.from_pylist([row], schema=arrow_schema(ENTITY_BUILDS))
        write(target, rows, {APP_ID: number}, metadata={APP_ID: number})
        return Plan(number, digest, inputs, version, files)

    return on_fresh_table(lake, ENTITY_BUILDS, attempt)
