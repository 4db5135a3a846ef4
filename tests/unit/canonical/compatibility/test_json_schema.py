"""Two versions of a JSON Schema: what is told, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from canonical.compatibility.change import breaking
from canonical.compatibility.json_schema import changes

BEFORE: dict[str, Any] = {
    "type": "object",
    "required": ["device"],
    "properties": {
        "device": {"type": "string", "maxLength": 20},
        "temperature": {"type": ["number", "null"], "minimum": -40},
        "mode": {"type": "string", "enum": ["auto", "off"]},
        "probes": {"type": "array", "items": {"type": "number"}},
    },
}


def altered(*path: str, **words: Any) -> dict[str, Any]:
    """The schema with the words of one place replaced; a word that is None goes."""
    if not path:
        return {key: value for key, value in {**BEFORE, **words}.items() if value is not None}
    place = {**BEFORE["properties"][path[0]]}
    if len(path) > 1:
        place[path[1]] = {**place[path[1]], **words}
    else:
        place = {key: value for key, value in {**place, **words}.items() if value is not None}
    return {**BEFORE, "properties": {**BEFORE["properties"], path[0]: place}}


REFUSED = {
    "required added": (altered(required=["device", "mode"]), "`mode` is required now"),
    "type narrowed": (altered("temperature", type="number"), "`temperature`: type null or number → number"),
    "number to integer": (altered("temperature", type=["integer", "null"]), "type null or number → integer or null"),
    "enum narrowed": (altered("mode", enum=["auto"]), "`mode`: off no longer allowed"),
    "enum begun": (altered("device", enum=["a"]), "`device`: one of a now, before any value"),
    "bound tightened": (altered("temperature", minimum=0), "`temperature`: minimum -40 → 0"),
    "bound begun": (altered("temperature", maximum=60), "`temperature`: maximum nothing → 60"),
    "elements narrowed": (altered("probes", "items", type="integer"), "`probes[*]`: type number → integer"),
    "closed": (altered(additionalProperties=False), "fields that are not named are refused now"),
    "a word not judged here": (altered("device", pattern="^a"), "`device`: pattern nothing → ^a"),
}


@pytest.mark.parametrize(("after", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_refuses_documents_that_held_before_is_refused(after: dict[str, Any], says: str) -> None:
    refused = breaking(changes(BEFORE, after))

    assert [says in change.sentence for change in refused] == [True]


TAKEN = {
    "a new property": (
        {**BEFORE, "properties": {**BEFORE["properties"], "co2": {"type": "number", "x-unit": "ppm"}}},
        "`co2` (number, ppm) is new",
    ),
    "type widened": (altered("mode", type=["string", "integer"]), "`mode`: type string → integer or string"),
    "enum widened": (altered("mode", enum=["auto", "off", "eco"]), "`mode`: eco allowed as well"),
    "bound loosened": (altered("temperature", minimum=-60), "`temperature`: minimum -40 → -60"),
    "required dropped": (altered(required=[]), "`device` is no longer required"),
    "words": (altered("device", description="Its name."), "`device`: description nothing → Its name."),
}


@pytest.mark.parametrize(("after", "says"), TAKEN.values(), ids=TAKEN.keys())
def test_what_old_documents_still_satisfy_is_told_and_taken(after: dict[str, Any], says: str) -> None:
    assert [(change.says, change.breaks) for change in changes(BEFORE, after)] == [(says, "")]
