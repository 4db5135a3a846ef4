"""Two versions of a table contract.

Belongs here: a contract as plain data, and the changes between two of them in words, judged for those who read it.
Does not: migrating tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from canonical.compatibility.change import Change
from quality.contracts.model import Table

_WIDER = {("int", "long"), ("int", "double"), ("date", "timestamp")}


def described(table: Table) -> dict[str, Any]:
    """Columns, key and partitioning as data; what explains them too, so that its change is told."""
    columns: dict[str, Any] = {}
    for column in table.columns:
        entry: dict[str, Any] = {"type": column.type, "says": column.says}
        if column.unit:
            entry["unit"] = column.unit
        if column.null:
            entry["null"] = True
        columns[column.name] = entry
    return {"columns": columns, "key": list(table.key), "partition_by": list(table.partition_by)}


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What `new` says otherwise than `old`, column by column."""
    before, after = old["columns"], new["columns"]
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in after:
            yield Change(f"column `{name}` ({before[name]['type']}) is gone", "queries that name it fail")
        elif name not in before:
            yield Change(f"column `{name}` ({_about(after[name])}) is new")
        else:
            yield from _column(name, before[name], after[name])
    for word, why in (("key", "rows are told apart otherwise"), ("partition_by", "the files lie otherwise")):
        if old[word] != new[word]:
            yield Change(f"{word.replace('_', ' ')}: {_listed(old[word])} → {_listed(new[word])}", why)


def _column(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    if old["type"] != new["type"]:
        wider = (old["type"], new["type"]) in _WIDER
        yield Change(f"`{name}`: type {old['type']} → {new['type']}", "" if wider else "its values mean something else")
    if old.get("unit") != new.get("unit"):
        yield Change(f"`{name}`: unit {old.get('unit')} → {new.get('unit')}", "the same number means something else")
    if bool(old.get("null")) != bool(new.get("null")):
        why = "readers do not expect null" if new.get("null") else "rows that hold null are refused"
        yield Change(f"`{name}`: may {'be' if new.get('null') else 'no longer be'} null", why)
    if old.get("says") != new.get("says"):
        yield Change(f"`{name}`: described as “{old.get('says')}” → “{new.get('says')}”")


def _about(column: Mapping[str, Any]) -> str:
    words = [column["type"], column.get("unit"), "may be null" if column.get("null") else None]
    return ", ".join(word for word in words if word)


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"
