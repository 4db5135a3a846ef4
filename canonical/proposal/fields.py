"""What is in the messages: every field with all its values, and the groups of records that messages hold.

Belongs here: walking documents, telling arrays of records, objects whose keys are names, and arrays that run in
parallel, and laying fields out by path as the language of specs writes paths.
Does not: what a field is (`roles`, `times`, `quantities`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

_ID_LIKE = re.compile(r"(?=.*[0-9])[0-9A-Za-z:_-]{6,}")
_PLAIN = re.compile(r"[^.\[\]'\"*\\@$^]+")
_SAYABLE = re.compile(r"[^'\"*\\]+")
_QUOTED = re.compile(r"\['([^']+)'\]$")
_HEX = re.compile(r"(?=.*[0-9])[0-9a-fA-F:-]{6,}")
_LAST_NUMBER = re.compile(r"[-_ ]?[0-9]{1,2}$")
_DIGITS = re.compile(r"[0-9]+")
_FIXED_ELEMENTS = 6
"""An array of numbers up to this long, and of the same length everywhere, is a list of fields."""
_FIXED_KEYS = 4
_MOST_FIELDS = 2000

Located = tuple[int, Any]
"""Number of the record, and a value in it."""


@dataclass(slots=True)
class Field:
    """One place in the records of a group, with what stands there; a field is absent from some records."""

    path: str
    values: list[Any]
    places: list[int]
    records: int
    name: str = ""
    """What it is called, where its path does not say: elements of an array of plain values."""

    @property
    def given(self) -> list[Any]:
        """The values that are something."""
        return [value for value in self.values if value is not None]

    @property
    def always(self) -> bool:
        """Whether every record has it, and not null."""
        return len(self.given) == self.records

    @property
    def numbers(self) -> list[float]:
        """The values that are JSON numbers."""
        return [value for value in self.values if isinstance(value, (int, float)) and not isinstance(value, bool)]

    @property
    def texts(self) -> list[str]:
        """The values that are texts."""
        return [value for value in self.values if isinstance(value, str)]

    @property
    def leaf(self) -> str:
        """The last key of its path."""
        if self.name:
            return self.name
        quoted = _QUOTED.search(self.path)
        return quoted.group(1) if quoted else re.sub(r"\[[^\]]*\]$", "", self.path.rsplit(".", 1)[-1])


@dataclass(slots=True)
class Group:
    """Records of one kind: the messages themselves (`each` is empty), or entries of an array or object in them."""

    each: str
    records: int
    fields: dict[str, Field] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    has: str | None = None
    """What only entries of this kind have, where the object holds other things too."""
    parent: Group | None = None

    @property
    def keys_are_devices(self) -> bool:
        """Whether the entries' keys look like identities."""
        return bool(self.keys) and names_devices(self.keys)


def is_identity(text: str) -> bool:
    """Whether a text looks like a serial number, an address or a UUID rather than a word."""
    return bool(_ID_LIKE.fullmatch(text)) and (len(_DIGITS.sub("", text)) + 3 <= len(text) or is_hex(text))


def names_devices(keys: Collection[str]) -> bool:
    """Whether keys are identities rather than names: a few of one name, numbered through, are names."""
    bare = {_LAST_NUMBER.sub("", key) for key in keys}
    if len(keys) > 1 and len(bare) == 1:
        return False
    return all(is_identity(key) and (is_hex(key) or len(key) >= 8) for key in keys)


def is_hex(text: str) -> bool:
    """Whether a text with digits in it is all hexadecimal, as addresses are."""
    return bool(_HEX.fullmatch(text))


def columns_of(records: Sequence[dict[str, str]]) -> Group:
    """The columns of a table as fields, by their names."""
    group = Group("", len(records))
    places = list(range(len(records)))
    for name in records[0] if records else ():
        group.fields[name] = Field(name, [record[name] or None for record in records], places, len(records))
    return group


def groups_of(documents: Sequence[Any]) -> list[Group]:
    """The messages' own group first, then the groups in them, in document order."""
    main = Group("", len(documents))
    found = [main]
    _visit(main, "", list(enumerate(documents)), found)
    return [group for group in found if group is main or group.fields]


def _visit(group: Group, path: str, values: list[Located], found: list[Group]) -> None:
    """Lay out all values met at one path together, so that what varies can be told from what is fixed."""
    objects = [(record, value) for record, value in values if isinstance(value, dict)]
    arrays = [(record, value) for record, value in values if isinstance(value, list)]
    plain = [(record, value) for record, value in values if not isinstance(value, (dict, list))]
    if plain and len(group.fields) < _MOST_FIELDS and path:
        records = [record for record, _ in plain]
        group.fields[path] = Field(path, [value for _, value in plain], records, group.records)
    if objects:
        _objects(group, path, objects, found)
    if arrays:
        _arrays(group, path, arrays, found)


def _objects(group: Group, path: str, objects: list[Located], found: list[Group]) -> None:
    by_key: dict[str, list[Located]] = {}
    for record, value in objects:
        for key, below in value.items():
            if _SAYABLE.fullmatch(str(key)):  # what is empty or has quotes in it no path can name
                by_key.setdefault(str(key), []).append((record, below))
    named = _names_as_keys(by_key, len(objects))
    if named:
        rest = [key for key in by_key if key not in named]
        entries = [(key, value) for _, whole in objects for key, value in whole.items() if key in named]
        common = set.intersection(*(set(value) for _, value in entries if isinstance(value, dict)))
        first = next((key for key in entries[0][1] if key in common), None) if isinstance(entries[0][1], dict) else None
        _entries(group, _join(path, "*"), entries, first if rest else None, found)
    for array in _parallel(by_key):
        _parallel_arrays(group, path, array, by_key, found)
        named = {*named, *array}
    for key, below in by_key.items():
        if key not in named:
            _visit(group, _join(path, key), below, found)


def _arrays(group: Group, path: str, arrays: list[Located], found: list[Group]) -> None:
    elements = [(record, element) for record, array in arrays for element in array]
    lengths = {len(array) for _, array in arrays}
    if not elements:
        return
    plain = not any(isinstance(element, dict) for _, element in elements)
    if plain and path and len(lengths) == 1 and max(lengths) <= _FIXED_ELEMENTS:
        for place in range(max(lengths)):
            _visit(group, f"{path}[{place}]", [(record, array[place]) for record, array in arrays], found)
        return
    _entries(group, f"{path}[*]", [("", element) for _, element in elements], None, found)


def _entries(group: Group, each: str, entries: list[tuple[str, Any]], has: str | None, found: list[Group]) -> None:
    whole = each if not group.each else f"{group.each}.{each}"
    keys = list(dict.fromkeys(key for key, _ in entries if key))
    inner = Group(whole, len(entries), keys=keys, has=has, parent=group)
    found.append(inner)
    values = list(enumerate(value for _, value in entries))
    scalars = [(place, value) for place, value in values if not isinstance(value, (dict, list))]
    if scalars:
        name = re.sub(r"(\[\*\]|\.?\*)+$", "", whole).rsplit(".", 1)[-1]
        inner.fields["@value"] = Field("@value", [v for _, v in scalars], [p for p, _ in scalars], len(entries), name)
    _visit(inner, "", [(place, value) for place, value in values if isinstance(value, (dict, list))], found)


def _names_as_keys(by_key: dict[str, list[Located]], objects: int) -> set[str]:
    """The keys whose values are alike and whose names vary or count: names, not fields."""
    shapes: dict[str, set[str]] = {}
    for key, below in by_key.items():
        if all(isinstance(value, dict) and value for _, value in below):
            shapes[key] = set.intersection(*(set(value) for _, value in below))
    clusters = [{key for key, other in shapes.items() if shape & other} for shape in shapes.values() if shape]
    alike = max(clusters, key=len, default=set())
    if len(alike) < 2:
        return alike if names_devices(alike) else set()
    if not set.intersection(*(shapes[key] for key in alike)):
        return set()
    varies = any(len(by_key[key]) < objects for key in alike)
    numbered = len({_DIGITS.sub("", key) for key in alike}) < len(alike)
    if varies or numbered or len(alike) > _FIXED_KEYS or names_devices(alike):
        return alike
    return set()


def _parallel(by_key: dict[str, list[Located]]) -> Iterator[list[str]]:
    """Arrays of the same length in every object, longer than a list of fields would be."""
    arrays = {
        key: [len(value) for _, value in below]
        for key, below in by_key.items()
        if all(isinstance(value, list) and not any(isinstance(e, (dict, list)) for e in value) for _, value in below)
    }
    for lengths in {tuple(lengths) for lengths in arrays.values()}:
        together = [key for key, own in arrays.items() if tuple(own) == lengths]
        if len(together) > 1 and (max(lengths) > _FIXED_ELEMENTS or len(set(lengths)) > 1 or _timed(together)):
            yield together


def _timed(keys: list[str]) -> bool:
    return any(key.lower() in {"time", "times", "timestamp", "timestamps", "ts", "t"} for key in keys)


def _parallel_arrays(
    group: Group, path: str, keys: list[str], by_key: dict[str, list[Located]], found: list[Group]
) -> None:
    """One record for each place in the arrays; the first array is walked, the others are read by its index."""
    lead = _join(path, keys[0])
    root = "$." if not group.each else "^."
    columns = {key: [element for _, array in by_key[key] for element in array] for key in keys}
    inner = Group(f"{lead}[*]" if not group.each else f"{group.each}.{lead}[*]", len(columns[keys[0]]), parent=group)
    places = list(range(inner.records))
    for key in keys:
        at = "@value" if key == keys[0] else f"{root}{_join(path, key)}[@index]"
        inner.fields[at] = Field(at, columns[key], places, inner.records, key)
    found.append(inner)


def _join(path: str, key: str) -> str:
    """The path of a key below a path; a key that would not stand as it is goes into brackets."""
    if key in {"*", "@key"} or _PLAIN.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}['{key}']"
