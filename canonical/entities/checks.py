"""Whether what an entity spec names exists and fits: entity, columns, keys, patterns, templates.

Belongs here: everything wrong with a spec that its shape does not show, each with its place in the file.
Does not: the shape (`model`).
"""

from __future__ import annotations

import codecs
import re
import string
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from canonical.entities.model import EntitySpec, Made
from quality.contracts.entities import ENTITY_BY_NAME, Entity

Problem = tuple[tuple[Any, ...], str]


def problems_of(spec: EntitySpec) -> Iterator[Problem]:
    """Everything wrong with the spec; nothing when it can be run."""
    entity = ENTITY_BY_NAME.get(spec.entity)
    if entity is None:
        yield ("entity",), f"there is no entity '{spec.entity}'.{nearest(spec.entity, ENTITY_BY_NAME)}"
        return
    yield from _decode(spec)
    yield from _columns(spec, entity)
    yield from _effective(spec, entity)
    yield from _patterns(spec)


def nearest(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?`, or nothing where no known word is near."""
    near = get_close_matches(word, list(known), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""


def _decode(spec: EntitySpec) -> Iterator[Problem]:
    try:
        codecs.lookup(spec.decode.charset)
    except LookupError:
        yield ("decode", "charset"), f"there is no charset '{spec.decode.charset}'"
    if spec.number.decimal in spec.number.thousands:
        yield ("number",), "the decimal sign cannot be a thousands separator too"


def _columns(spec: EntitySpec, entity: Entity) -> Iterator[Problem]:
    known = {column.name: column for column in entity.columns}
    made: set[str] = set()
    for number, column in enumerate(spec.columns):
        place = ("columns", number, "name")
        if column.name not in known:
            yield place, f"{entity.name} has no column '{column.name}'.{nearest(column.name, known)}"
            continue
        if column.name in made:
            yield place, f"column '{column.name}' is made twice"
        for name in _named(column.template):
            if name not in made:
                yield ("columns", number, "template"), f"'{name}' is no column made above this one"
        made.add(column.name)
        yield from _kind(("columns", number), column, known[column.name].type)
    for name, wanted in known.items():
        if name not in made and not wanted.null:
            yield ("columns",), f"column '{name}' of {entity.name} must be there; no column of the spec makes it"


def _kind(place: tuple[Any, ...], column: Made, kind: str) -> Iterator[Problem]:
    """Whether what a column says fits what it is."""
    asked = (
        (column.low is not None or column.high is not None, "low and high are for numbers", {"double", "long"}),
        (column.template is not None, "a template makes a text", {"string"}),
        (column.effective is not None, "effective makes a whole number", {"long"}),
    )
    for given, says, kinds in asked:
        if given and kind not in kinds:
            yield (*place, "name"), f"{says}; '{column.name}' is a {kind}"
    try:
        ZoneInfo(column.zone)
    except (KeyError, ValueError, OSError):
        yield (*place, "zone"), f"there is no time zone '{column.zone}'"


def _named(template: str | None) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(template or "") if name is not None]


def _effective(spec: EntitySpec, entity: Entity) -> Iterator[Problem]:
    made = {column.name: column for column in spec.columns}
    if not spec.effective:
        yield ("effective",), "nothing says from when the rows hold; give a path, a column or a fixed date"
    for number, source in enumerate(spec.effective):
        if source.column is None:
            continue
        kind = next((c.type for c in entity.columns if c.name == source.column), None)
        if source.column not in made or kind not in {"date", "timestamp"}:
            yield ("effective", number, "column"), f"'{source.column}' is no date or timestamp that the spec makes"
        if spec.snapshot == "full":
            yield ("effective", number), "a full snapshot is of one date; take it from the file's path"
    if spec.snapshot == "full" and not entity.history:
        yield ("snapshot",), f"{entity.name} has no history that a snapshot could close"


def _patterns(spec: EntitySpec) -> Iterator[Problem]:
    listed: list[tuple[tuple[Any, ...], str | None, bool]] = [(("match", "path"), spec.match.path, False)]
    listed += [(("effective", n, "path"), source.path, True) for n, source in enumerate(spec.effective)]
    listed += [(("columns", n, "path"), column.path, True) for n, column in enumerate(spec.columns)]
    for place, pattern, grouped in listed:
        if pattern is None:
            continue
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            yield place, f"not a regular expression: {error}"
            continue
        if grouped and not groups:
            yield place, "the pattern has no group (…) to take"
    for number, source in enumerate(spec.effective):
        named = {int(group) for group in re.findall(r"\{(\d)\}", source.template)}
        if source.path is not None and named and max(named) > _groups_of(source.path):
            yield ("effective", number, "template"), f"the pattern has {_groups_of(source.path)} groups only"
    for number, skip in enumerate(spec.skip_rows):
        for at, condition in enumerate(skip.when):
            try:
                pc.match_substring_regex(pa.array([""]), pattern=condition.matches or "")  # RE2, which is what will run
            except pa.ArrowInvalid as error:
                yield ("skip_rows", number, "when", at, "matches"), f"not a regular expression RE2 knows: {error}"


def _groups_of(pattern: str) -> int:
    try:
        return re.compile(pattern).groups
    except re.error:
        return 9  # said already
