"""Entity mapping specs as files: a folder of YAML, each error with its file and line.

Belongs here: loading. The product's own specs lie beside this module in `canonical/entities/specs/`.
Does not: what a spec may say (`model`, `checks`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from canonical.entities.checks import problems_of
from canonical.entities.model import READER, EntitySpec
from canonical.yaml_lines import Lines, YamlError, read_yaml
from quality.contracts.entities import ENTITIES

FOLDER = Path(__file__).with_suffix("")


class EntitySpecError(ValueError):
    """An entity mapping spec is wrong; the text says which, in which line, and what to do."""


def load_entity_specs(folder: Path | None = None) -> tuple[EntitySpec, ...]:
    """All specs of a folder, by id; the product's own where none is given. EntitySpecError lists everything wrong."""
    specs: dict[str, EntitySpec] = {}
    problems: list[str] = []
    for file in sorted((folder or FOLDER).glob("*.yaml")):
        try:
            spec = load_entity_spec(file)
        except EntitySpecError as error:
            problems.append(str(error))
            continue
        if spec.id in specs:
            problems.append(f"entity mapping '{spec.id}' ({file.name}): another file has this id. Give each its own.")
        specs[spec.id] = spec
    if not specs and not problems:
        problems.append(f"no entity mapping specs (*.yaml) in {folder or FOLDER}")
    if problems:
        raise EntitySpecError("\n".join(problems))
    return tuple(specs[key] for key in sorted(specs))


def load_entity_spec(file: Path) -> EntitySpec:
    """One spec from its YAML file."""
    try:
        data, lines = read_yaml(file)
    except YamlError as error:
        raise EntitySpecError(f"{file.name} line {error.line}: {error}") from None
    try:
        spec = EntitySpec.model_validate(data)
    except ValidationError as error:
        raise EntitySpecError(
            _listed(file, data, lines, [(e["loc"], _says(e["msg"], e["loc"])) for e in error.errors()])
        ) from None
    found = list(problems_of(spec))
    if found:
        raise EntitySpecError(_listed(file, data, lines, found))
    return spec


def digest_of(specs: Sequence[EntitySpec]) -> str:
    """Names all that decides what files become: specs, the reader, and the contracts of the entities."""
    said = [READER, [[spec.id, spec.digest] for spec in specs], repr(ENTITIES)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _says(message: str, loc: tuple[Any, ...]) -> str:
    where = ".".join(str(part) for part in loc) or "the file"
    return f"{where}: {message.removeprefix('Value error, ')}"


def _listed(file: Path, data: Any, lines: Lines, found: Iterable[tuple[tuple[Any, ...], str]]) -> str:
    label = data.get("id") if isinstance(data, dict) else None
    named = f"entity mapping '{label}' ({file.name})" if label else file.name
    return "\n".join(f"{named} line {lines.of(loc)}: {message}" for loc, message in found)
