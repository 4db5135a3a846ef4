"""YAML with the line each value stands in.

Belongs here: reading a file into plain data, refusing a key written twice, and finding the line of a path into it.
Does not: what the data means (`specs`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class YamlError(ValueError):
    """The file is no YAML, or says a key twice; `line` says where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Lines:
    """Where in the file things stand."""

    root: yaml.Node | None

    def of(self, path: Iterable[str | int]) -> int:
        """Line of the value at the path, or of the deepest part of it that exists."""
        node, line = self.root, 1
        for part in path:
            step = _step(node, part)
            if step is not None:  # Pydantic's paths also name union members, which are no part of the file
                node, line = step
        return line


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
    """The data of a file and its lines."""
    try:
        content = file.read_text(encoding="utf-8")
        root = yaml.compose(content, Loader=yaml.SafeLoader)
        _refuse_twins(root)
        return yaml.safe_load(content), Lines(root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(f"no valid YAML: {error.problem}", line) from error
    except UnicodeDecodeError as error:
        raise YamlError("not UTF-8", 1) from error


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
