"""Reference entities in numbers, for people: what is there, what was refused, what became of each file.

Belongs here: the questions of `lakehouse entities`.
Does not: printing (`orchestration.cli.entities`), or the rows of an entity (`read`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow.compute as pc

from assets.silver.entities.read import current, versions
from assets.silver.entities.state import last
from lake.store import Lake
from quality.contracts.entities import ENTITIES, ENTITY_BY_NAME, Entity
from quality.contracts.entity_tables import ENTITY_FILES, ENTITY_QUARANTINE


def counts(lake: Lake) -> list[dict[str, Any]]:
    """Per entity: keys that exist now, versions, files that speak of it, and rows refused."""
    files = _files(lake)
    found = []
    for entity in ENTITIES:
        mine = [file for file in files if file["entity"] == entity.name]
        rows = int(lake.open(entity.table).count()) if lake.exists(entity.table) else 0
        found.append(
            {
                "entity": entity.name,
                "current": current(lake, entity, entity.key).num_rows,
                "versions": rows,
                "files": len(mine),
                **{name: sum(file[name] for file in mine) for name in ("accepted", "quarantined", "skipped")},
            }
        )
    return found


def files(lake: Lake) -> list[dict[str, Any]]:
    """What became of each file, per mapping."""
    return sorted(_files(lake), key=lambda row: (row["feed"], row["path"], row["mapping_id"]))


def _files(lake: Lake) -> list[dict[str, Any]]:
    if not lake.exists(ENTITY_FILES):
        return []
    rows: list[dict[str, Any]] = lake.rows(ENTITY_FILES).to_pylist()
    return [{**row, "reasons": dict(row["reasons"]), "unknown_terms": dict(row["unknown_terms"])} for row in rows]


def rejected(lake: Lake, entity: str | None, reason: str | None, limit: int) -> list[dict[str, Any]]:
    """Refused rows and files, by file and row, at most `limit`."""
    if not lake.exists(ENTITY_QUARANTINE):
        return []
    where = None
    for name, value in (("entity", entity), ("reason", reason)):
        if value is not None:
            same = pc.field(name) == value
            where = same if where is None else where & same
    rows = lake.rows(ENTITY_QUARANTINE, where=where).sort_by(
        [("feed", "ascending"), ("path", "ascending"), ("row_number", "ascending")]
    )
    return list(rows.slice(0, limit).to_pylist())


def history(lake: Lake, name: str, key: Sequence[str]) -> list[dict[str, Any]]:
    """Every version of one key, oldest first. Raises: ValueError where entity or key are not as they should be."""
    entity = entity_named(name)
    if len(key) != len(entity.key):
        raise ValueError(f"the key of {name} is {', '.join(entity.key)}: {len(entity.key)} values, not {len(key)}")
    typed: dict[str, object] = {}
    for column, value in zip(entity.key, key, strict=True):
        kind = next(c.type for c in entity.columns if c.name == column)
        if kind == "long" and not value.lstrip("-").isdigit():
            raise ValueError(f"{column} is a whole number, not {value!r}")
        typed[column] = int(value) if kind == "long" else value
    return list(versions(lake, entity, typed).to_pylist())


def entity_named(name: str) -> Entity:
    """The entity of that name. Raises: ValueError with the known ones."""
    if name not in ENTITY_BY_NAME:
        raise ValueError(f"there is no entity {name!r}; there are {', '.join(ENTITY_BY_NAME)}")
    return ENTITY_BY_NAME[name]


def newest_build(lake: Lake) -> dict[str, Any] | None:
    """The newest build, as planned."""
    return last(lake)
