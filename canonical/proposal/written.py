"""A draft as YAML: one line a reading, every doubt as a comment above it.

Belongs here: the look of a proposal.
Does not: what it says (`compose`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import yaml

from canonical.proposal.draft import Draft, GroupDraft, Ignored, Said

_WIDTH = 118
_FOLDS = re.compile(r"\S+( \S+)*")
"""A text that comes back as it was from lines broken at its blanks."""


class _Dumper(yaml.SafeDumper):
    """YAML as the specs of the product are written."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "'" if '"' in value and "\n" not in value and "'" not in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _moment(dumper: yaml.SafeDumper, value: datetime) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", value.isoformat().replace("+00:00", "Z"))


_Dumper.add_representer(str, _text)
_Dumper.add_representer(datetime, _moment)


def flow(data: Any) -> str:
    """Data on one line."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, default_flow_style=True, width=10**9, sort_keys=False, allow_unicode=True
    )
    # The dumper fears colons in flow style and would tag a time that it has to quote.
    return re.sub(r"!!timestamp '([^']*)'", r"\1", text.removesuffix("\n").removesuffix("\n..."))


def written(draft: Draft) -> str:
    """The whole file."""
    lines = [
        "# Proposed from samples by `lakehouse mapping new`. Read every line that says `unsure` or `unmapped`, mend",
        "# it, run `lakehouse mapping test` on this file, and put it into the folder of specs.",
        *_unsure(draft.notes, ""),
        f"id: {draft.id}",
        "version: 1",
        f"description: {flow(draft.description)}",
        *_part("match", draft.match),
        *_decode(draft.decode),
        *_part("device", draft.device),
        *_part("time", draft.time),
        *(_part("discriminator", draft.discriminator) if draft.discriminator else ()),
    ]
    if draft.readings:
        lines += ["readings:", *_readings(draft.readings, "  ")]
    if draft.records:
        lines += ["records:", *(line for group in draft.records for line in _group(group))]
    if draft.ignore:
        lines += ["ignore:", *(line for ignored in draft.ignore for line in _ignored(ignored))]
    if draft.interval:
        lines += ["# Between two messages of one device in the samples.", f"interval: {draft.interval}"]
    if draft.examples:
        lines += [
            "# From the samples, identities replaced. What is expected is what this proposal gives: check it by hand.",
            "examples:",
            *(line for example in draft.examples for line in _example(example)),
        ]
    return "\n".join(lines) + "\n"


def _unsure(doubts: Iterable[str], indent: str) -> list[str]:
    lines = []
    for doubt in doubts:
        word = "" if doubt.startswith("unmapped?") else "unsure: "
        lines += _wrapped(f"{word}{doubt}", f"{indent}# ", f"{indent}#   ")
    return lines


def _wrapped(text: str, first: str, then: str) -> list[str]:
    lines, line = [], first
    for word in text.split():
        if len(line) + len(word) > _WIDTH and line.strip("# "):
            lines.append(line.rstrip())
            line = then
        line += f"{word} "
    return [*lines, line.rstrip()]


def _part(name: str, said: Said) -> list[str]:
    one = f"{name}: {flow(said.data)}"
    whole = [one]
    if len(one) > _WIDTH:
        whole = [f"{name}:"]
        for key, value in said.data.items():
            whole += _broken(f"{key}: {flow(value)}", "  ", "    ", ", ")
    return [*_unsure(said.unsure, ""), *whole]


def _decode(said: Said) -> list[str]:
    """A layout has a line a field; everything else fits on one."""
    if "layout" not in said.data and "payload" not in said.data:
        return _part("decode", said)
    block = yaml.dump({"decode": said.data}, Dumper=_Dumper, default_flow_style=None, width=10**9, sort_keys=False)
    return [*_unsure(said.unsure, ""), *block.rstrip().splitlines()]


def _readings(readings: Iterable[Said], indent: str) -> list[str]:
    lines = []
    for said in readings:
        lines += _unsure(said.unsure, indent)
        one = f"{indent}- {flow(said.data)}"
        if len(one) <= _WIDTH:
            lines.append(one)
            continue
        parts = [line for key, value in said.data.items() for line in _entry(key, value, f"{indent}  ")]
        lines += [f"{indent}- {parts[0].strip()}", *parts[1:]]
    return lines


def _entry(key: str, value: Any, indent: str) -> list[str]:
    one = f"{indent}{key}: {flow(value)}"
    if len(one) <= _WIDTH or not isinstance(value, dict):
        return [one]
    return [f"{indent}{key}:", *(f"{indent}  {flow(name)}: {flow(inner)}" for name, inner in value.items())]


def _group(group: GroupDraft) -> list[str]:
    lines = [f"  - each: {flow(group.each)}"]
    lines += [f"    only: {flow(group.only)}"] if group.only else []
    for name, said in (("device", group.device), ("time", group.time)):
        if said is not None:
            lines += [*_unsure(said.unsure, "    "), f"    {name}: {flow(said.data)}"]
    return [*lines, "    readings:", *_readings(group.readings, "      ")]


def _ignored(ignored: Ignored) -> list[str]:
    comment = f"  # {'unmapped? ' if ignored.unmapped else ''}{ignored.says}".rstrip() if ignored.says else ""
    return [f"  - {flow(ignored.path)}{comment}"]


def _example(example: dict[str, Any]) -> list[str]:
    lines = [f"  - name: {flow(example['name'])}"]
    for key, value in example.items():
        if key in {"name", "expect"}:
            continue
        if key == "body" and "\n" in value:
            lines += ["    body: |-", *(f"      {line}" for line in value.splitlines())]
        elif key == "body" and len(value) > _WIDTH - 12 and _FOLDS.fullmatch(value):
            lines += ["    body: >-", *_broken(value, "      ", "      ", " ")]
        else:
            lines.append(f"    {key}: {flow(value)}")
    lines.append("    expect:")
    for kind, rows in example["expect"].items():
        lines.append(f"      {kind}:")
        for row in rows:
            lines += _broken(flow(row), "        - ", "           ", ", ")
    return lines


def _broken(text: str, first: str, then: str, at: str) -> list[str]:
    """A long line in several, broken where YAML puts the blank back."""
    lines, line = [], first
    for place, piece in enumerate(text.split(at)):
        part = piece if place == 0 else at + piece
        if len(line) + len(part) > _WIDTH and line.strip(" -"):
            lines.append((line + at).rstrip())
            line, part = then, piece
        line += part
    return [*lines, line]
