"""All that has versions, as it is now: message schemas, mapping specs, table contracts.

Belongs here: gathering and describing them under one name each: `telemetry.v1`, `simulator_json`, `silver/readings`.
Does not: comparing (`change` and its kinds), or what was published (`published`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from canonical.compatibility import json_schema, mapping, protobuf, table
from canonical.compatibility.change import Change
from canonical.schemas.registry import FOLDER, SCHEMAS
from canonical.spec_model import MappingSpec
from canonical.specs import load_specs
from quality.contracts.tables import TABLES

Kind = Literal["protobuf", "json_schema", "mapping", "table"]
_CHANGES: Mapping[Kind, Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Change]]] = {
    "protobuf": protobuf.changes,
    "json_schema": json_schema.changes,
    "mapping": mapping.changes,
    "table": table.changes,
}
_VERSION = re.compile(r"(?P<subject>.+)[._]v(?P<number>[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Registered:
    """One version of one thing."""

    kind: Kind
    name: str
    data: dict[str, Any]

    @property
    def subject(self) -> str:
        """What it is a version of: `telemetry` of `telemetry.v2`."""
        found = _VERSION.fullmatch(self.name) if self.kind in {"protobuf", "json_schema"} else None
        return found["subject"] if found else self.name

    @property
    def version(self) -> int:
        """The number in the name of a schema, that in the text of a mapping spec; 1 for a table."""
        found = _VERSION.fullmatch(self.name) if self.kind in {"protobuf", "json_schema"} else None
        return int(found["number"]) if found else int(self.data.get("version", 1))

    @property
    def sha256(self) -> str:
        """Hash of the description, as canonical JSON."""
        return hashlib.sha256(json.dumps(self.data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def registered(specs: Iterable[MappingSpec] | None = None) -> dict[str, Registered]:
    """Everything with a version, by name; the product's own specs where none are given."""
    found = [*schemas(), *map(of_spec, load_specs() if specs is None else specs)]
    found += [Registered("table", each.path, table.described(each)) for each in TABLES]
    return {each.name: each for each in sorted(found, key=lambda each: (each.kind, each.subject, each.version))}


def of_spec(spec: MappingSpec) -> Registered:
    """One mapping spec."""
    return Registered("mapping", spec.id, mapping.described(spec))


def schemas(folder: Path = FOLDER) -> Iterator[Registered]:
    """The message schemas: protobuf by the registry, JSON Schema as files `<subject>_v<n>.schema.json`."""
    for name, descriptor in SCHEMAS.items():
        source = folder / f"{name.replace('.', '_')}.proto"
        text = source.read_text() if source.exists() else ""
        yield Registered("protobuf", name, protobuf.described(descriptor, text))
    for file in sorted(folder.glob("*.schema.json")):
        stem = file.name.removesuffix(".schema.json")
        found = _VERSION.fullmatch(stem)
        name = f"{found['subject']}.v{found['number']}" if found else stem
        yield Registered("json_schema", name, json.loads(file.read_text()))


def compared(old: Registered, new: Registered) -> list[Change]:
    """What changed from `old` to `new`. ValueError where they are of different kinds."""
    if old.kind != new.kind:
        raise ValueError(f"{old.name} is a {old.kind} and {new.name} a {new.kind}; they have nothing to compare")
    return list(_CHANGES[old.kind](old.data, new.data))
