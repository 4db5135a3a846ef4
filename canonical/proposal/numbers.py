"""Numbers as vendors write them: in quotes, with a decimal comma, thousands apart, a unit behind.

Belongs here: reading the values of one field as numbers, and saying what a spec has to declare so that it reads them.
Does not: what the numbers measure (`quantities`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from canonical.proposal.fields import Field
from canonical.proposal.ranges import SENTINEL_TEXTS

_POINT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?(\d+(,\d*)?|,\d+)")
_GROUPED_COMMA = re.compile(r"[+-]?\d{1,3}([. \u00a0\u202f']\d{3})*(,\d+)?")
_GROUPED_POINT = re.compile(r"[+-]?\d{1,3}([, \u00a0\u202f']\d{3})*(\.\d+)?")
_BEHIND = re.compile(r"([+-]?[0-9][0-9.,]*) ?([^\d\s.,][^\d]{0,8})")
_FEW = 0.34
"""A field in which more than two thirds of what is there are numbers is a number with exceptions."""


@dataclass(slots=True)
class Numbers:
    """The numbers of a field in order, the texts among them that are none, and how a spec says the writing."""

    values: list[float]
    others: list[str]
    declared: dict[str, Any]
    unit: str | None = None

    @property
    def whole(self) -> bool:
        """Whether all are whole numbers."""
        return all(value == int(value) for value in self.values)

    @property
    def repeated(self) -> dict[float, int]:
        """How often each number is there."""
        return dict(Counter(self.values))


def numbers_in(field: Field, *, cells: bool = False, decimal: str = ".") -> Numbers | None:
    """The field as numbers; None where it is none. `cells`: CSV, where a text that is a number is one."""
    plain = [float(value) for value in field.numbers if math.isfinite(value)]
    texts = [value.strip() for value in field.texts if value.strip()]
    if not plain and not texts:
        return None
    if any(isinstance(value, bool) for value in field.values):
        return None
    best = Numbers([], texts, {})
    for declared, read in _writings(decimal if cells else "."):
        values = [number for text in texts if (number := read(text)) is not None]
        if len(values) > len(best.values):
            best = Numbers(values, [text for text in texts if read(text) is None], declared)
    unit = _unit_behind(texts) if not best.values and not plain else None
    if unit is not None:
        stripped = [text[: -len(unit)].strip() for text in texts if text.endswith(unit)]
        comma = any("," in text for text in stripped)
        values = [float(text.replace(",", ".")) for text in stripped]
        declared = {"strip": unit} | ({"decimal": ","} if comma else {})
        best = Numbers(values, [text for text in texts if not text.endswith(unit)], declared, unit)
    if best.values and not cells:
        best.declared = {**best.declared, "quoted": True}
    if cells and best.declared == {"decimal": decimal}:
        best.declared = {}
    count = len(plain) + len(best.values)
    strange = sum(text.lower() not in SENTINEL_TEXTS for text in best.others)
    if count == 0 or strange > _FEW * (count + strange):
        return None
    return Numbers(plain + best.values, best.others, best.declared if best.values else {}, best.unit)


def _writings(decimal: str) -> list[tuple[dict[str, Any], Any]]:
    """How numbers may be written, the plainest first."""
    point: list[tuple[dict[str, Any], Any]] = [({}, _reader(_POINT, "", "."))]
    comma: list[tuple[dict[str, Any], Any]] = [({"decimal": ","}, _reader(_COMMA, "", ","))]
    grouped_comma = (
        {"decimal": ",", "thousands": [".", " ", "\u00a0"]},
        _reader(_GROUPED_COMMA, ". \u00a0\u202f'", ","),
    )
    grouped_point = ({"thousands": [",", " ", "\u00a0"]}, _reader(_GROUPED_POINT, ", \u00a0\u202f'", "."))
    if decimal == ",":
        return [*comma, grouped_comma, *point]
    return [*point, *comma, grouped_comma, grouped_point]


def _reader(pattern: re.Pattern[str], thousands: str, decimal: str) -> Any:
    away = str.maketrans("", "", thousands)

    def read(text: str) -> float | None:
        if not pattern.fullmatch(text):
            return None
        return float(text.translate(away).replace(decimal, "."))

    return read


def _unit_behind(texts: list[str]) -> str | None:
    found = [match.group(2) for text in texts if (match := _BEHIND.fullmatch(text))]
    if not found or len(found) <= (1 - _FEW) * len(texts):
        return None
    unit, count = Counter(found).most_common(1)[0]
    return unit if count == len(found) else None
