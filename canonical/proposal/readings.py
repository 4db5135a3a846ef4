"""Which fields of a group are readings, and what a spec says about each.

Belongs here: units beside values, name and value pairs, channels of metrics that come several times, and what is left.
Does not: what a single field measures (`quantities`, `states`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from canonical.proposal.draft import Ignored, Said
from canonical.proposal.fields import Field, Group, is_identity
from canonical.proposal.identity import is_housekeeping, name_of
from canonical.proposal.numbers import Numbers, numbers_in
from canonical.proposal.quantities import Quantity, by_unit, quantity_of
from canonical.proposal.states import State, state_of
from canonical.proposal.words import unit_named, words_of

_UNIT_NAMES = frozenset({"unit", "units", "uom", "u", "einheit", "unita", "unit_of_measurement"})
_SILENT_NAMES = frozenset({"value", "val", "v", "reading", "raw", "last", "avg", "mean", "current", "data", "now"})
_PAIR_NAMES = frozenset(
    (
        "n",
        "name",
        "type",
        "metric",
        "key",
        "measurement",
        "measure",
        "parameter",
        "param",
        "sensor",
        "quantity",
        "property",
        "channel",
        "variable",
        "var",
        "code",
        "kind",
        "attribute",
        "signal",
        "label",
        "field",
        "what",
        "id",
        "sensortype",
        "metricname",
        "measurementtype",
        "tag",
        "observedproperty",
        "phenomenon",
        "k",
    )
)
_PAIR_VALUES = frozenset({"v", "value", "val", "reading", "data", "y", "result", "amount", "number", "num", "measured"})
_PAIR_TEXTS = ("vb", "vs")
"""Where SenML has values that are no numbers."""
_MOST_NAMES = 200


@dataclass(slots=True)
class Found:
    """What became of a group's fields."""

    readings: list[Said] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Manner:
    """How the format writes values, and what lies around the group."""

    cells: bool = False
    decimal: str = "."
    root: Group | None = None


def readings_of(group: Group, taken: Collection[str], manner: Manner) -> Found:
    """Readings and ignored fields of a group; `taken` are the paths that device, time and others are read from."""
    left = {path: one for path, one in group.fields.items() if path not in taken}
    units = {path: one for path, one in left.items() if _names_units(one)}
    found = Found()
    pair = _pair(left, units, manner)
    if pair is not None:
        found.readings, used = pair
        left = {path: one for path, one in left.items() if path not in used}
    used_units: set[str] = set()
    for path, one in left.items():
        if path in units:
            continue
        said, unit_path = _reading(group, one, units, manner)
        if said is None:
            found.ignored.append(_ignored(one, manner))
            continue
        used_units |= {unit_path} if unit_path else set()
        found.readings.append(said)
    found.ignored += [Ignored(path, "a unit that belongs to no reading") for path in units if path not in used_units
                      and path in left]  # fmt: skip
    _channels(found.readings)
    return found


def _reading(group: Group, one: Field, units: dict[str, Field], manner: Manner) -> tuple[Said | None, str | None]:
    words, named = words_of(_spoken(group, one))
    around = _around(group, one)
    numbers = numbers_in(one, cells=manner.cells, decimal=manner.decimal)
    beside = _unit_beside(one, units, manner)
    if numbers is None or set(numbers.values) <= {0.0, 1.0}:
        state = state_of(words, one, around)
        if state is not None:
            return _stated(one, state), None
    if numbers is None:
        return None, None
    behind = unit_named(numbers.unit) if numbers.unit else None
    texts = [unit_named(text) for text in beside[1].texts] if beside else []
    unit = named or behind or next((text for text in texts if text), None)
    quantity = quantity_of(words, unit, numbers, around) or (by_unit(unit, numbers) if unit else None)
    if quantity is None and beside:
        quantity = quantity_of(words, None, numbers, around)
        beside = None
    if quantity is None or (is_identity(str(one.given[0])) and not quantity.sentinels and numbers.declared):
        return None, None
    return _measured(one, quantity, numbers, beside), beside[0] if beside else None


def _measured(one: Field, quantity: Quantity, numbers: Numbers, beside: tuple[str, Field] | None) -> Said:
    data: dict[str, Any] = {"metric": quantity.metric.name, "path": one.path}
    unsure = list(quantity.unsure)
    if beside:
        seen = dict.fromkeys(text for text in beside[1].texts if unit_named(text))
        data |= {"unit_path": beside[0], "units": {text: unit_named(text) for text in seen}}
        unsure.append("only the units seen are listed; a reading in another one is rejected")
    else:
        data["unit"] = quantity.unit
    if quantity.scale != 1:
        data["scale"] = quantity.scale
    if numbers.declared:
        data["number"] = numbers.declared
    if quantity.sentinels:
        data["sentinels"] = quantity.sentinels
    if not one.always or "" in one.values:
        data["required"] = False
    return Said(data, unsure)


def _stated(one: Field, state: State) -> Said:
    data: dict[str, Any] = {"metric": state.metric.name, "path": one.path}
    if state.states:
        data["states"] = state.states
    else:
        data["text"] = True
    if not one.always:
        data["required"] = False
    return Said(data, state.unsure)


def _spoken(group: Group, one: Field) -> str:
    """The name that says what a field is: its last key that is not just `value`."""
    if one.name:
        return one.name
    parts = [re.sub(r"\[.*?\]", "", part) for part in one.path.split(".") if part not in {"$", "^"}]
    while len(parts) > 1 and parts[-1].lower() in _SILENT_NAMES | {""}:
        parts.pop()
    if len(parts) == 1 and parts[0].lower() in _SILENT_NAMES and group.each:
        return re.sub(r"(\[\*\]|\.\*|\*)$", "", group.each).rsplit(".", 1)[-1] or parts[0]
    return parts[-1]


def _around(group: Group, one: Field) -> list[str]:
    """Words of the objects around a field."""
    spoken = _spoken(group, one)
    parts = [part for part in re.split(r"[.\[\]*$^@]+", f"{group.each}.{one.path}") if part and part != spoken]
    return [word for part in parts for word in words_of(part)[0]]


def _names_units(one: Field) -> bool:
    texts = one.texts
    if not texts or len(texts) < len(one.given) or len(set(texts)) > 20:
        return False
    known = all(unit_named(text) for text in set(texts))
    words = re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", one.leaf).lower())
    named = bool(set(words) & {"unit", "units", "uom", "einheit"}) or name_of(one) in _UNIT_NAMES
    return known and (named or one.leaf.lower().endswith("unit"))


def _unit_beside(one: Field, units: dict[str, Field], manner: Manner) -> tuple[str, Field] | None:
    """The field that says the unit of another: beside it in the same object, named like it, or at the root."""
    outer = {}
    if manner.root is not None:
        outer = {f"$.{path}": unit for path, unit in manner.root.fields.items() if _names_units(unit)}
    parent = one.path.rpartition(".")[0]
    own = set(words_of(one.leaf)[0])
    for path, unit in {**units, **outer}.items():
        bare = "" if name_of(unit) in _UNIT_NAMES else re.sub(r"(?i)_?(units?|uom)$", "", unit.leaf)
        words = set(words_of(bare)[0]) - {"unit", "units", "uom"}
        if words and words & own:
            return path, unit
        if not words and path in units and path.rpartition(".")[0] == parent:
            return path, unit
        if set(words_of(path.rpartition(".")[2])[0]) == own and {"units", "unit"} & set(path.lower().split(".")):
            return path, unit
    return None


def _pair(left: dict[str, Field], units: dict[str, Field], manner: Manner) -> tuple[list[Said], set[str]] | None:
    """Name and value pairs: a field whose texts are names of quantities, and one with their values."""
    values = [one for one in left.values() if name_of(one) in _PAIR_VALUES]
    names = [one for one in left.values() if name_of(one) in _PAIR_NAMES and one.texts and one.always]
    for name in names:
        kinds = list(dict.fromkeys(name.texts))
        for value in values:
            if len(kinds) > _MOST_NAMES or (
                "." in value.path and value.path.rpartition(".")[0] != name.path.rpartition(".")[0]
            ):
                continue
            unit = next((one for one in units.values() if name_of(one) in _UNIT_NAMES), None)
            worded = [one for one in left.values() if one.path in _PAIR_TEXTS]
            said = _triple(name, [value, *worded], unit, kinds, manner)
            if said is not None:
                return [said], {name.path, value.path, *_PAIR_TEXTS} | ({unit.path} if unit else set())
    return None


def _triple(
    name: Field, values: Sequence[Field], unit: Field | None, kinds: Sequence[str], manner: Manner
) -> Said | None:
    main = values[0]
    at_name = dict(zip(name.places, name.values, strict=True))
    metrics: dict[str, Any] = {}
    unsure: list[str] = []
    seen_units: dict[str, str] = {}
    unplaced: list[str] = []
    for kind in kinds:
        places = {place for place, text in at_name.items() if text == kind}
        own = max((_at(value, places) for value in values), key=lambda one: len(one.given))
        texts = [t for t, p in zip(unit.values, unit.places, strict=True) if p in places] if unit else []
        named = {str(text): unit_named(str(text)) for text in texts if text is not None}
        words, in_name = words_of(kind)
        numbers = numbers_in(own, cells=manner.cells, decimal=manner.decimal)
        first = in_name or next((u for u in named.values() if u), None)
        quantity = None
        if numbers is not None:
            quantity = quantity_of(words, first, numbers) or (by_unit(first, numbers) if first else None)
        state = state_of(words, own) if quantity is None else None
        if quantity is None and state is None:
            unplaced.append(kind)
            continue
        said = _measured(own, quantity, numbers, None) if quantity and numbers else _stated(own, state)  # type: ignore[arg-type]  # one of the two is there
        entry = {key: part for key, part in said.data.items() if key != "path" or part != main.path}
        if quantity is not None and any(named.values()):
            seen_units |= {text: pint for text, pint in named.items() if pint}
            entry.pop("unit", None)
        metrics[kind] = entry
        unsure += [f"{kind}: {says}" for says in said.unsure]
    if not metrics or len(unplaced) > len(metrics):
        return None
    _distinct(metrics)
    data: dict[str, Any] = {"path": main.path, "metric_path": name.path}
    if seen_units and unit is not None:
        data |= {"unit_path": unit.path, "units": seen_units}
        unsure.append("only the units seen are listed; a reading in another one is rejected")
    data["metrics"] = {kind: entry["metric"] if set(entry) == {"metric"} else entry for kind, entry in metrics.items()}
    if unplaced:
        data["others"] = "ignore"
        unsure.append(f"unmapped? {', '.join(unplaced)}: no metric of the catalogue was found, so others are ignored")
    return Said(data, unsure)


def _at(value: Field, places: set[int]) -> Field:
    """The field in these records only."""
    mine = [(v, p) for v, p in zip(value.values, value.places, strict=True) if p in places]
    return Field(value.path, [v for v, _ in mine], [p for _, p in mine], len(places))


def _distinct(metrics: dict[str, dict[str, Any]]) -> None:
    """Names of one metric become its channels."""
    for kind, entry in metrics.items():
        if sum(other["metric"] == entry["metric"] for other in metrics.values()) > 1:
            entry["channel"] = _slug(kind)


def _channels(readings: list[Said]) -> None:
    """Readings of one metric get channels by what differs in their paths."""
    by_metric: dict[str, list[Said]] = {}
    for said in readings:
        if "metric" in said.data:
            by_metric.setdefault(said.data["metric"], []).append(said)
    for several in by_metric.values():
        if len(several) < 2:
            continue
        paths = [_tokens(said.data["path"]) for said in several]
        shared = set.intersection(*map(set, paths))
        for said, tokens in zip(several, paths, strict=True):
            channel = "_".join(token for token in tokens if token not in shared)
            if channel:
                said.data = {"metric": said.data["metric"], "channel": _slug(channel), **said.data}
        named = [said.data.get("channel") for said in several]
        for said in several:
            if named.count(said.data.get("channel")) > 1:
                path = _slug(said.data["path"])
                said.data = {"metric": said.data["metric"], **said.data, "channel": path}


def _tokens(path: str) -> list[str]:
    parts = re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[a-zA-Z])", "_", path))
    return [part.lower() for part in parts if part]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "value"


def _ignored(one: Field, manner: Manner) -> Ignored:
    """A field without a metric: is it a measurement nobody has a name for, or does it measure nothing?"""
    if one.path.startswith("@"):
        return Ignored(one.path)
    numbers = numbers_in(one, cells=manner.cells, decimal=manner.decimal)
    several = len(set(map(str, one.given))) > 1
    if is_housekeeping(one) or not one.given:
        return Ignored(one.path)
    if numbers is not None:
        low, high = min(numbers.values), max(numbers.values)
        span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        return Ignored(one.path, f"a number, {span}", unmapped=True)
    if isinstance(one.given[0], bool) or (several and len(set(map(str, one.given))) < len(one.given)):
        shown = ", ".join(dict.fromkeys(str(value)[:20] for value in one.given[:4]))
        return Ignored(one.path, f"one of {shown}", unmapped=True)
    return Ignored(one.path)
