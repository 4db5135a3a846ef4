"""Two versions of a protobuf message: what is told, and what is refused."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from canonical.compatibility.change import breaking
from canonical.compatibility.protobuf import changes, described
from canonical.schemas.registry import SCHEMAS, descriptor

_files = count()
DOUBLE, STRING, INT32, INT64, ENUM = (
    FieldDescriptorProto.TYPE_DOUBLE,
    FieldDescriptorProto.TYPE_STRING,
    FieldDescriptorProto.TYPE_INT32,
    FieldDescriptorProto.TYPE_INT64,
    FieldDescriptorProto.TYPE_ENUM,
)
Field = tuple[int, str, Any]


def message(
    *fields: Field,
    optional: frozenset[int] = frozenset(),
    repeated: frozenset[int] = frozenset(),
    reserved: tuple[int, ...] = (),
    states: tuple[str, ...] = ("OFF", "ON"),
) -> dict[str, Any]:
    """A message of these fields (number, name, type), described as the registry describes one."""
    number = next(_files)
    file = FileDescriptorProto(name=f"made_{number}.proto", package=f"made_{number}", syntax="proto3")
    made = file.message_type.add(name="Made")
    states_type = file.enum_type.add(name="State")
    for place, name in enumerate(states):
        states_type.value.add(name=name, number=place)
    for place, name, kind in fields:
        label = FieldDescriptorProto.LABEL_REPEATED if place in repeated else FieldDescriptorProto.LABEL_OPTIONAL
        field = made.field.add(name=name, number=place, type=kind, label=label)
        if kind == ENUM:
            field.type_name = f".made_{number}.State"
        if place in optional:
            field.proto3_optional = True
            field.oneof_index = len(made.oneof_decl)
            made.oneof_decl.add(name=f"_{name}")
    for place in reserved:
        made.reserved_range.add(start=place, end=place + 1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return described(pool.FindMessageTypeByName(f"made_{number}.Made"))


BEFORE = message((1, "device", STRING), (2, "count", INT32), (3, "temperature", DOUBLE), optional=frozenset({3}))

REFUSED = {
    "a number is reused for another field": (
        message((1, "device", STRING), (2, "count", INT32), (3, "pressure", DOUBLE), optional=frozenset({3})),
        "field 3 `temperature` is called `pressure`",
    ),
    "a type is another": (
        message((1, "device", STRING), (2, "count", DOUBLE), (3, "temperature", DOUBLE), optional=frozenset({3})),
        "field 2 `count`: type int32 → double",
    ),
    "a field goes and leaves its number free": (
        message((1, "device", STRING), (3, "temperature", DOUBLE), optional=frozenset({3})),
        "field 2 `count` (int32) is gone",
    ),
    "absence can no longer be told": (
        message((1, "device", STRING), (2, "count", INT32), (3, "temperature", DOUBLE)),
        "absence cannot be told from 0 any more",
    ),
    "one becomes many": (
        message(
            (1, "device", STRING),
            (2, "count", INT32),
            (3, "temperature", DOUBLE),
            optional=frozenset({3}),
            repeated=frozenset({2}),
        ),
        "field 2 `count`: type int32 → repeated int32",
    ),
    "a narrower type": (
        message((1, "device", STRING), (2, "count", INT64), (3, "temperature", DOUBLE), optional=frozenset({3})),
        "type int32 → int64",
    ),
}


@pytest.mark.parametrize(("after", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_break_old_messages_or_readers_is_refused(after: dict[str, Any], says: str) -> None:
    refused = breaking(changes(BEFORE, after))

    assert [says in change.sentence for change in refused] == [True]


def test_a_new_field_is_told_with_its_type_and_breaks_nothing() -> None:
    after = message(
        (1, "device", STRING),
        (2, "count", INT32),
        (3, "temperature", DOUBLE),
        (5, "pressure", DOUBLE),
        optional=frozenset({3, 5}),
    )

    assert [change.sentence for change in changes(BEFORE, after)] == ["field 5 `pressure` (double) is new"]


def test_a_field_that_goes_and_reserves_its_number_breaks_nothing() -> None:
    after = message((1, "device", STRING), (3, "temperature", DOUBLE), optional=frozenset({3}), reserved=(2,))

    assert [change.sentence for change in changes(BEFORE, after)] == ["field 2 `count` (int32) is gone and reserved"]


def test_a_reserved_number_is_never_given_away() -> None:
    before = message((1, "device", STRING), reserved=(2,))
    after = message((1, "device", STRING), (2, "height", DOUBLE))

    assert {change.says for change in breaking(changes(before, after))} == {
        "field 2 `height` (double) is new",
        "number 2 no longer reserved",
    }


def test_an_enumeration_grows_but_does_not_shrink() -> None:
    two, three = message((1, "state", ENUM)), message((1, "state", ENUM), states=("OFF", "ON", "AUTO"))

    assert [change.sentence for change in changes(two, three)] == ["field 1 `state`: value AUTO (2) is new"]
    assert [change.says for change in breaking(changes(three, two))] == ["field 1 `state`: value AUTO (2) is gone"]


def test_a_message_is_compatible_with_itself() -> None:
    for name in SCHEMAS:
        one = described(descriptor(name))
        assert list(changes(one, one)) == []


def test_the_comment_above_a_field_says_what_it_is() -> None:
    source = "message Telemetry {\n  // Relative humidity, percent.\n  optional double humidity = 4;\n}\n"

    assert described(descriptor("telemetry.v1"), source)["fields"]["4"]["says"] == "Relative humidity, percent."
