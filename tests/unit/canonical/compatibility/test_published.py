"""The committed record of what was published."""

from __future__ import annotations

from typing import Any

import pytest

from canonical.compatibility.published import RECORD, check, published, read, written
from canonical.compatibility.registered import Registered, registered


def schema(version: int, **properties: Any) -> Registered:
    return Registered("json_schema", f"meter.v{version}", {"type": "object", "properties": properties})


def named(*things: Registered) -> dict[str, Registered]:
    return {one.name: one for one in things}


@pytest.fixture(scope="module")
def now() -> dict[str, Registered]:
    return registered()


def test_nothing_in_this_checkout_breaks_what_was_published(now: dict[str, Registered]) -> None:
    assert check(now, published()).refused == ()


def test_every_message_schema_in_this_checkout_is_published(now: dict[str, Registered]) -> None:
    schemas = {name for name, one in now.items() if one.kind in {"protobuf", "json_schema"}}

    assert schemas <= set(published()), f"record them in {RECORD.name}: lakehouse schema publish"


def test_a_record_reads_back_as_it_was_written(now: dict[str, Registered]) -> None:
    assert read(written(now)) == now


def test_a_record_edited_by_hand_is_refused() -> None:
    text = written(named(schema(1, t={"type": "number"}))).replace('"number"', '"string"')

    with pytest.raises(ValueError, match=r"meter\.v1 was edited by hand"):
        read(text)


def test_a_published_schema_is_frozen() -> None:
    before, now = named(schema(1)), named(schema(1, t={"type": "number"}))

    assert check(now, before).refused == (
        "meter.v1 was published and is frozen, but changed (`t` (number) is new). Register it as meter.v2 instead.",
    )


def test_a_new_version_may_add_and_may_not_break() -> None:
    first = schema(1, t={"type": "number"})
    adds = check(named(first, schema(2, t={"type": "number"}, p={"type": "number"})), named(first))
    breaks = check(named(first, schema(2, t={"type": "integer"})), named(first))

    assert (adds.refused, adds.waiting) == ((), ("meter.v2",))
    assert [says.startswith("meter.v2 does not follow meter.v1: `t`: type") for says in breaks.refused] == [True]


def test_a_new_version_is_judged_against_the_one_before_it() -> None:
    ten, nine = schema(10, t={"type": "integer"}), schema(9, t={"type": "number"})

    assert len(check(named(ten, nine), named(nine)).refused) == 1


def test_what_was_published_does_not_go_unless_that_is_accepted_by_name() -> None:
    before = named(schema(1))

    assert len(check({}, before).refused) == 1
    assert check({}, before, accepted=["meter.v1"]).refused == ()
