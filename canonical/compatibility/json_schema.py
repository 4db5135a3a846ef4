"""Two versions of a JSON Schema.

Belongs here: the changes between them, told by what a document of the old version may be that the new one refuses
(type narrowed, enum narrowed, bounds tightened, more required, a closed object that lost a property).
Does not: validating documents. Keywords that are not listed here and differ are named and refused: better a question
too many than a silent break.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from canonical.compatibility.change import Change

_WORDS = {"title", "description", "examples", "default", "$schema", "$id", "$comment", "deprecated", "x-unit"}
_AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_READ = {"type", "enum", "const", "required", "properties", "additionalProperties", "items", *_AT_LEAST, *_AT_MOST}


def changes(old: Mapping[str, Any], new: Mapping[str, Any], at: str = "") -> Iterator[Change]:
    """What `new` says otherwise than `old`, place by place."""
    here = f"`{at}`" if at else "the document"
    yield from _type(old, new, here)
    yield from _enum(old, new, here)
    yield from _bounds(old, new, here)
    yield from _required(old, new, at)
    yield from _properties(old, new, at)
    if isinstance(old.get("items"), Mapping) and isinstance(new.get("items"), Mapping):
        yield from changes(old["items"], new["items"], f"{at}[*]")
    elif old.get("items") != new.get("items"):
        why = "elements that were free must now be of one kind" if "items" in new else ""
        yield Change(f"{here}: elements are {'described now' if 'items' in new else 'no longer described'}", why)
    for word in sorted({*old, *new} - _READ):
        if old.get(word) != new.get(word):
            why = "" if word in _WORDS else "it cannot be told whether old documents still hold"
            yield Change(f"{here}: {word} {_shown(old.get(word))} → {_shown(new.get(word))}", why)


def _types(schema: Mapping[str, Any]) -> set[str] | None:
    named = schema.get("type")
    if named is None:
        return None
    return {named} if isinstance(named, str) else set(named)


def _type(old: Mapping[str, Any], new: Mapping[str, Any], here: str) -> Iterator[Change]:
    before, after = _types(old), _types(new)
    if before == after:
        return
    wide = (after or set()) | ({"integer"} if after and "number" in after else set())
    narrowed = after is not None and (before is None or not before <= wide)
    says = f"{here}: type {_listed(before)} → {_listed(after)}"
    yield Change(says, "documents that held before are refused" if narrowed else "")


def _enum(old: Mapping[str, Any], new: Mapping[str, Any], here: str) -> Iterator[Change]:
    before, after = _allowed(old), _allowed(new)
    if before == after:
        return
    if after is None:
        yield Change(f"{here}: any value now, before one of {_shown(before)}")
    elif before is None:
        yield Change(f"{here}: one of {_shown(after)} now, before any value", "other values were allowed")
    else:
        if gone := [value for value in before if value not in after]:
            yield Change(f"{here}: {_shown(gone)} no longer allowed", "senders of it are refused")
        if added := [value for value in after if value not in before]:
            yield Change(f"{here}: {_shown(added)} allowed as well")


def _allowed(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    allowed: list[Any] | None = schema.get("enum")
    return allowed


def _bounds(old: Mapping[str, Any], new: Mapping[str, Any], here: str) -> Iterator[Change]:
    for word in (*_AT_LEAST, *_AT_MOST):
        before, after = old.get(word), new.get(word)
        if before == after:
            continue
        tighter = after is not None and (before is None or (after > before if word in _AT_LEAST else after < before))
        says = f"{here}: {word} {_shown(before)} → {_shown(after)}"
        yield Change(says, "values that held before are refused" if tighter else "")


def _required(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Change]:
    before, after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(after - before):
        yield Change(f"`{_join(at, name)}` is required now", "old documents may lack it")
    for name in sorted(before - after):
        yield Change(f"`{_join(at, name)}` is no longer required")


def _properties(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Change]:
    before, after = old.get("properties", {}), new.get("properties", {})
    closed = new.get("additionalProperties") is False
    for name in sorted({*before, *after}):
        place = _join(at, name)
        if name not in after:
            yield Change(f"`{place}` is gone", "documents that carry it are refused" if closed else "")
        elif name not in before:
            yield Change(f"`{place}` ({_about(after[name])}) is new")
        else:
            yield from changes(before[name], after[name], place)
    if old.get("additionalProperties", True) != new.get("additionalProperties", True):
        says = f"{f'`{at}`' if at else 'the document'}: fields that are not named are "
        yield Change(says + ("refused now" if closed else "described otherwise"), "they were allowed" if closed else "")


def _about(schema: Mapping[str, Any]) -> str:
    words = [_listed(_types(schema)), schema.get("x-unit", ""), str(schema.get("description", "")).rstrip(".")]
    return ", ".join(word for word in words if word)


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _listed(types: set[str] | None) -> str:
    return "any" if types is None else " or ".join(sorted(types))


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"
