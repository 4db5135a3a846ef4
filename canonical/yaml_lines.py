"""YAML with the line each value stands in.

Belongs here: reading a file into plain data, refusing a key written twice, `extends`, and finding the line of a path.
Does not: what the data means (`specs`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """YAML 1.2's booleans only: on, off, yes and no are words that devices write."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


class YamlError(ValueError):
    """The file is no YAML, or says a key twice; `line` says where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Lines:
    """Where in the file things stand."""

    root: yaml.Node | None
    extended: tuple[str, Lines] | None = None
    """The file that this one extends, as it is named here."""

    def of(self, path: Iterable[str | int]) -> int:
        """Line of the value at the path, or of the deepest part of it that exists.

        What stands in the extended file has the line that says `extends`.
        """
        path = tuple(path)
        return self.reached(("extends",) if self.elsewhere(path) else path)[1]

    def elsewhere(self, path: Iterable[str | int]) -> str:
        """File and line of what stands in the extended file; empty for all else."""
        path = tuple(path)
        if self.extended is None:
            return ""
        name, lines = self.extended
        depth, line = lines.reached(path)
        return f"{name} line {line}" if depth > self.reached(path)[0] else ""

    def reached(self, path: Iterable[str | int]) -> tuple[int, int]:
        """How many steps of the path exist, and the line of the last of them."""
        node, line, depth = self.root, 1, 0
        for part in path:
            step = _step(node, part)
            if step is not None:  # Pydantic's paths also name union members, which are no part of the file
                node, line = step
                depth += 1
        return depth, line


def _step(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found = node.value[part]
        return found, found.start_mark.line + 1
    return None


def read_yaml(file: Path) -> tuple[Any, Lines]:
    """The data of a file and its lines; with `extends: shared/x.yaml`, that file's data with this one's laid over."""
    data, lines = _read(file)
    if not isinstance(data, dict) or "extends" not in data:
        return data, lines
    name, line = data.pop("extends"), lines.of(("extends",))
    if not isinstance(name, str) or Path(name).is_absolute() or ".." in Path(name).parts:
        raise YamlError("extends: name a file in this folder or below it, such as shared/vendor.yaml", line)
    try:
        base, base_lines = _parsed((file.parent / name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise YamlError(f"extends: {name} cannot be read: {error}", line) from None
    except YamlError as error:
        raise YamlError(f"extends: {name} line {error.line}: {error}", line) from None
    if not isinstance(base, dict) or "extends" in base:
        raise YamlError(f"extends: {name} has to be a mapping of keys that extends no other file", line)
    return _laid_over(data, base), Lines(lines.root, (name, base_lines))


def _laid_over(own: Any, base: Any) -> Any:
    """Mappings are joined key by key, and `ignore` is both lists; of anything else the file's own counts."""
    if not isinstance(own, dict) or not isinstance(base, dict):
        return own
    joined = dict(base)
    for key, value in own.items():
        both_lists = key == "ignore" and isinstance(value, list) and isinstance(base.get(key), list)
        joined[key] = [*value, *base[key]] if both_lists else _laid_over(value, base[key]) if key in base else value
    return joined


def _read(file: Path) -> tuple[Any, Lines]:
    try:
        return _parse(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise YamlError("not UTF-8", 1) from error


def _parse(content: str) -> tuple[Any, Lines]:
    try:
        root = yaml.compose(content, Loader=_Loader)
        _refuse_twins(root)
        return _Loader(content).get_single_data(), Lines(root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(f"no valid YAML: {error.problem}", line) from error


@lru_cache(maxsize=16)
def _parsed(content: str) -> tuple[Any, Lines]:
    """What several files extend is parsed once; nobody changes it."""
    return _parse(content)


def _refuse_twins(node: yaml.Node | None) -> None:
    """YAML keeps the last of two equal keys without a word: an error in a mapping nobody would see."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise YamlError(f"key '{key.value}' is there twice", key.start_mark.line + 1)
            seen.add(key.value)
            _refuse_twins(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twins(item)
