"""What is wrong with a layout is said with its place and what to do."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from canonical.layout_checks import layout_paths, layout_problems

BYTE = {"name": "x", "type": "uint8"}
ITEM = {"type": 1, "fields": [BYTE]}


def fixed(*fields, **more):
    return {"kind": "fixed", "fields": list(fields), **more}


def tlv(*items, **more):
    return {"kind": "tlv", "keys": ["type"], "items": list(items), **more}


@pytest.mark.parametrize(
    ("description", "place", "says"),
    [
        (fixed({**BYTE, "when": {"field": "y", "bit": 0}}), ("fields", 0, "when"), "no whole number 'y' before"),
        (fixed(BYTE, BYTE), ("fields", 1, "name"), "'x' is there twice"),
        (fixed(BYTE, BYTE | {"name": "y"}, length=1), ("fields",), "take 2 bytes, the length is 1"),
        (fixed(BYTE, length=1, min_length=1), ("min_length",), "either length or min_length"),
        (fixed({"name": "x", "type": "uint64", "scale": 0.3}), ("fields", 0, "scale"), "too large to be exact"),
        (fixed({"name": "x", "type": "bcd(12)"}), ("fields", 0, "type"), "1 to 9 bytes"),
        (fixed(BYTE | {"repeat": "n"}), ("fields", 0, "repeat"), "no whole number 'n' before"),
        (tlv({"fields": [BYTE]}), ("items", 0), "give the item its type"),
        (tlv({"type": 300, "fields": [BYTE]}), ("items", 0, "type"), "the most is 255"),
        (tlv(ITEM, ITEM), ("items", 1), "type 1 is already item 1"),
        (tlv({**ITEM, "channel": 1}), ("items", 0, "channel"), "have no 'channel'"),
        (tlv({**ITEM, "show": ["type"]}), ("items", 0, "show"), "in a `list`"),
        (tlv({"type": 1, "fields": [{"name": "x", "type": "hex(rest)"}]}), ("items", 0), "depends on the message"),
        (tlv(ITEM, unknown="skip"), ("unknown",), "give the layout `length: {prefix: uint8}`"),
        (tlv(ITEM, header=[BYTE | {"optional": True}]), ("header",), "the same length in every message"),
        (tlv(ITEM, variants=[{"add": {"type": 64}, "after": [BYTE]}]), ("variants", 0), "'x' is also in an item"),
        (tlv(ITEM, variants=[{"add": {"channel": 64}}]), ("variants", 0), "the keys have no 'channel'"),
    ],
)
def test_what_does_not_fit_is_named(layout, description, place, says):
    problems = layout_problems(layout(description))

    assert [where for where, _ in problems] == [place]
    assert says in problems[0][1]


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"name": "x", "type": "uint12"}, "Did you mean 'uint"),
        ({"name": "x"}, "either a type, or `fields`"),
        ({"type": "uint8"}, "give the field a name, or `skip: n`"),
        ({"skip": 2, "name": "x"}, "stands alone"),
        ({**BYTE, "bits": [8, 0]}, "bits 8..0 are not in uint8"),
        ({"name": "x", "type": "text(2)", "scale": 0.1}, "scale and offset need a number"),
        ({"name": "x", "type": "hex(2)", "names": {0: "a"}}, "names and absent need a whole number"),
        ({**BYTE, "when": {"field": "y"}}, "either `is: [numbers]` or `bit: n`"),
    ],
)
def test_a_field_that_cannot_be_is_refused_with_words(layout, field, says):
    with pytest.raises(ValidationError, match=says.replace("(", r"\(").replace("[", r"\[").replace(".", r"\.")):
        layout(fixed(field))


def test_the_paths_of_a_layout_are_those_a_mapping_may_read(layout):
    described = tlv(
        ITEM,
        {
            "type": 2,
            "list": "history",
            "show": ["type"],
            "fields": [BYTE, {"name": "o", "repeat": 2, "fields": [BYTE]}],
        },
        unknown="stop",
        variants=[{"add": {"type": 64}, "after": [{"name": "age", "type": "uint8"}], "list": "earlier"}],
    )

    assert layout_paths(layout(described)) == (
        *("x", "history[*].type", "history[*].x", "history[*].o[*].x"),
        *("earlier[*].x", "earlier[*].age", "earlier[*].type", "earlier[*].o[*].x", "_rest"),
    )
