"""The `.kql` files: stored functions and materialized views, each a command that creates what it names.

Belongs here: reading them into their parts, with the line each begins at, and refusing what is no such file.
Does not: whether their KQL is right (`check`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

KQL = Path(__file__).parents[1] / "kql"
Kind = Literal["function", "materialized-view"]

_COMMAND = re.compile(
    r"\.create-or-alter (?P<kind>function|materialized-view) with \((?P<properties>[^)]*)\)\s*(?P<name>\w+)\s*"
    r"(?:(?P<parameters>\([^{]*?\))|on table (?P<source>\w+))\s*(?P<body>\{.*\})",
    re.DOTALL,
)
_PROPERTY = re.compile(r'(?P<name>\w+)\s*=\s*"(?P<text>(?:[^"\\]|\\.)*)"')
_FORMS = (
    'a file is `.create-or-alter function with (folder = "…", docstring = "…") Name(…) {…}` or '
    '`.create-or-alter materialized-view with (folder = "…", docstring = "…") Name on table Source {…}`'
)


class KqlFileError(ValueError):
    """A `.kql` file that is none; the text names file and line."""


@dataclass(frozen=True)
class KqlFile:
    """One file: what it makes, and where in it that stands."""

    path: Path
    line: int
    command: str
    kind: Kind
    name: str
    parameters: str
    source: str
    body: str
    docstring: str
    folder: str

    @property
    def query(self) -> str:
        """The body without its braces."""
        return self.body[1:-1].strip()

    def where(self, offset: int) -> str:
        """File and line of a character of the command."""
        return f"{self.path.name}:{self.line + self.command.count(chr(10), 0, offset)}"


def read(folder: Path | None = None) -> tuple[KqlFile, ...]:
    """Every file of the folder by name; KqlFileError where one is no command or two make the same thing."""
    files = [_parsed(path) for path in sorted((folder or KQL).glob("*.kql"))]
    made: dict[str, KqlFile] = {}
    for file in files:
        if other := made.get(file.name):
            raise KqlFileError(f"{file.where(0)} makes {file.name}, and so does {other.where(0)}")
        made[file.name] = file
    return tuple(files)


def _parsed(path: Path) -> KqlFile:
    text = path.read_text(encoding="utf-8")
    if "\n." not in f"\n{text}":
        raise KqlFileError(f"{path.name} holds no command: one must begin with a dot at the start of a line; {_FORMS}")
    start = f"\n{text}".index("\n.")
    line, command = text.count("\n", 0, start) + 1, text[start:].strip()
    found = _COMMAND.fullmatch(command)
    if not found:
        raise KqlFileError(f"{path.name}:{line} is not read: {_FORMS}")
    kind: Kind = "function" if found["kind"] == "function" else "materialized-view"
    if (kind == "function") != (found["parameters"] is not None):
        raise KqlFileError(f"{path.name}:{line} is not read: {_FORMS}")
    properties = {match["name"].lower(): match["text"] for match in _PROPERTY.finditer(found["properties"])}
    missing = [name for name in ("docstring", "folder") if not properties.get(name)]
    if missing:
        raise KqlFileError(f"{path.name}:{line} does not say its {' and '.join(missing)}; {_FORMS}")
    return KqlFile(
        path=path,
        line=line,
        command=command,
        kind=kind,
        name=found["name"],
        parameters=found["parameters"] or "",
        source=found["source"] or "",
        body=found["body"],
        docstring=properties["docstring"],
        folder=properties["folder"],
    )
