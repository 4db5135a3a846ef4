"""Two versions of a mapping spec.

Belongs here: a spec as plain data without what explains or tests it and without defaults (so that a word the language
learns later changes no published spec), and the changes between two of them in words.
Does not: what they would change over a Bronze range, or whether a spec is right (`spec_checks`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from canonical.compatibility.change import Change
from canonical.spec_model import MappingSpec

_EXPLAINS = {"description", "examples"}
_NAMES = ("metric", "channel", "name", "each", "channel_id", "at", "type")


def described(spec: MappingSpec) -> dict[str, Any]:
    """The spec as data: only what decides how an event becomes rows."""
    return spec.model_dump(mode="json", by_alias=True, exclude=_EXPLAINS, exclude_defaults=True)


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What `new` says otherwise than `old`; refused where the meaning changed and `version` was not raised."""
    found = list(_parts(_without_version(old), _without_version(new), ""))
    before, after = int(old.get("version", 1)), int(new.get("version", 1))
    if after < before:
        yield Change(f"version {before} → {after}", "versions only rise")
    elif found and after == before:
        yield Change(
            f"version is still {after}", f"it was published and means something else now; say version: {after + 1}"
        )
    elif after != before:
        yield Change(f"version {before} → {after}")
    yield from found


def _without_version(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in {"version", "id"}}


def _parts(old: Any, new: Any, at: str) -> Iterator[Change]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            place = f"{at}.{key}" if at else str(key)
            if key not in new:
                yield Change(f"{place} {_shown(old[key])} is gone")
            elif key not in old:
                yield Change(f"{place} is {_shown(new[key])} now")
            else:
                yield from _parts(old[key], new[key], place)
    elif _named_things(old) and _named_things(new):
        yield from _things(_by_name(old), _by_name(new), at)
    elif isinstance(old, list) and isinstance(new, list):
        gone = [value for value in old if value not in new]
        added = [value for value in new if value not in old]
        words = [*(f"{_shown(value)} is gone" for value in gone), *(f"{_shown(value)} is new" for value in added)]
        yield Change(f"{at}: {', '.join(words) or 'in another order'}")
    else:
        yield Change(f"{_place(at)} {_shown(old)} → {_shown(new)}")


def _things(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Change]:
    """Readings, groups of records, layout fields: told apart by their names, not by their places."""
    what = {"readings": "reading", "records": "records of", "columns": "column", "fields": "field", "items": "item"}
    kind = what.get(at.rpartition(".")[2], at)
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            yield Change(f"{kind} {name} is gone")
        elif name not in old:
            words = sorted(new[name].items(), key=lambda word: word[0] != "path")  # where it stands comes first
            about = {key: value for key, value in words if key not in {"metric", "channel"}}
            yield Change(f"{kind} {name} is new ({_shown(about)})")
        else:
            yield from _parts(old[name], new[name], f"{kind} {name}:")


def _named_things(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _by_name(things: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    named: dict[str, Mapping[str, Any]] = {}
    for number, thing in enumerate(things):
        words = [_shown(thing[key]) for key in _NAMES if thing.get(key) not in {None, ""}] if _plain(thing) else []
        name = " ".join(words) or f"#{number + 1}"
        named[name if name not in named else f"{name} #{number + 1}"] = thing
    return named


def _plain(thing: Mapping[str, Any]) -> bool:
    return all(isinstance(thing.get(key), str | int | float | None) for key in _NAMES)


def _place(at: str) -> str:
    """`reading air_temperature:.unit` reads `reading air_temperature: unit`."""
    return at.replace(":.", ": ") + ("" if at.endswith(":") else ":" if ":" not in at else "")


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(part)}" for key, part in value.items()) or "nothing"
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"
