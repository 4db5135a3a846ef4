"""Mapping specs as files: a folder of YAML, each error with its file and line.

Belongs here: loading. The product's own specs lie beside this module in `canonical/specs/`.
Does not: what a spec may say (`spec_model`, `spec_checks`).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from canonical.spec.part import Part
from canonical.spec_checks import problems_of
from canonical.spec_model import MappingSpec
from canonical.yaml_lines import Lines, YamlError, read_yaml

__all__ = ["MappingSpec", "SpecError", "load_spec", "load_specs"]

FOLDER = Path(__file__).with_suffix("")


class SpecError(ValueError):
    """A mapping spec is wrong; the text says which, in which line, and what to do."""


def load_specs(folder: Path | None = None) -> tuple[MappingSpec, ...]:
    """All specs of a folder, by id; the product's own where none is given. SpecError lists everything wrong."""
    specs: dict[str, MappingSpec] = {}
    problems: list[str] = []
    for file in sorted((folder or FOLDER).glob("*.yaml")):
        try:
            spec = load_spec(file)
        except SpecError as error:
            problems.append(str(error))
            continue
        if spec.id in specs:
            problems.append(f"mapping '{spec.id}' ({file.name}): another file has this id. Give each mapping its own.")
        specs[spec.id] = spec
    if not specs and not problems:
        problems.append(f"no mapping specs (*.yaml) in {folder or FOLDER}")
    if problems:
        raise SpecError("\n".join(problems))
    return tuple(specs[key] for key in sorted(specs))


def load_spec(file: Path) -> MappingSpec:
    """One spec from its YAML file."""
    try:
        data, lines = read_yaml(file)
    except YamlError as error:
        raise SpecError(f"{file.name} line {error.line}: {error}") from None
    try:
        spec = MappingSpec.model_validate(data)
    except ValidationError as error:
        found: Iterable[tuple[tuple[Any, ...], str]] = [
            (e["loc"], _says(_unknown(e["loc"]) if e["type"] == "extra_forbidden" else e["msg"], e["loc"]))
            for e in error.errors()
        ]
        raise SpecError(_listed(file, data, lines, found)) from None
    found = problems_of(spec)
    if found:
        raise SpecError(_listed(file, data, lines, found))
    return spec


def _unknown(loc: tuple[Any, ...]) -> str:
    word, words = str(loc[-1]), _words(Part)
    if word in words:
        return "is a word of the language, but not here: look where it stands, and how far it is indented."
    near = get_close_matches(word, sorted(words), n=1)
    return "is no word of the language." + (f" Did you mean '{near[0]}'?" if near else "")


def _words(part: type[Part]) -> set[str]:
    """Every word that a part of a spec knows."""
    named = {field.alias or name for name, field in part.model_fields.items()}
    return named.union(*(_words(kind) for kind in part.__subclasses__()))


def _says(message: str, loc: tuple[Any, ...]) -> str:
    where = ".".join(str(part) for part in loc if not str(part).startswith("<")) or "the file"
    return f"{where}: {message.removeprefix('Value error, ')}"


def _listed(file: Path, data: Any, lines: Lines, found: Iterable[tuple[tuple[Any, ...], str]]) -> str:
    label = data.get("id") if isinstance(data, dict) else None
    named = f"mapping '{label}' ({file.name})" if label else file.name
    says = []
    for loc, message in found:
        elsewhere = lines.elsewhere(loc)
        says.append(f"{named} line {lines.of(loc)}: {message}{f' ({elsewhere})' if elsewhere else ''}")
    return "\n".join(says)
