"""Policy `quarantine`: the event is rejected, by itself, whatever its format."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from canonical.canonicaliser import Canonicaliser
from canonical.schemas.telemetry_v1_pb2 import Telemetry
from canonical.schemas.telemetry_v2_pb2 import Telemetry as Later
from canonical.spec.drift import Drift

ALL = {"new_fields": "quarantine", "missing_fields": "quarantine", "changed_types": "quarantine"}
GOOD = {"d": "a", "v": 20}


def said(*fields: dict[str, Any]) -> list[bytes]:
    return [json.dumps(each).encode() for each in fields]


CASES: dict[str, tuple[dict[str, Any], list[bytes], str | None, list[tuple[int, str, str]]]] = {
    "json": (
        {},
        said(GOOD, {**GOOD, "x": 1}, {"d": "a", "v": "20"}, {"d": "a"}),
        None,
        [
            (1, "x", "`x` (number) is new"),
            (2, "v", "`v` is text where number is expected"),
            (3, "v", "`v` is not there"),
        ],
    ),
    "only new fields": (
        {"drift": {"new_fields": "quarantine"}},
        said(GOOD, {**GOOD, "x": 1}, {"d": "a", "v": 21, "m": {"`": 1}}),
        None,
        [(1, "x", "`x` (number) is new"), (2, "m", "`m` (object) is new")],
    ),
    "but this one": ({"drift": {**ALL, "columns": {"x.*": "evolve"}}, "ignore": ["x.y"]}, said({**GOOD, "x": {"z": 1}}),
                     None, []),
    "a record of several": (
        {"decode": {"format": "json_array"}},
        [json.dumps([GOOD, {**GOOD, "x": 1}]).encode(), json.dumps([GOOD, GOOD]).encode()],
        None,
        [(0, "x", "`x` (number) is new")],
    ),
    "csv": (
        {"decode": {"format": "csv", "columns": ["d", "v"]}},
        [b"a,1", b"a,n/a", b"a,"],
        None,
        [(1, "v", "`v` is text where number is expected"), (2, "v", "`v` is not there")],
    ),
    "a header": (
        {"decode": {"format": "csv", "columns": ["d", "v"], "header": True}},
        [b"a,1,2"],
        "d,v,w",
        [(0, "w", "`w` is new")],
    ),
    "protobuf": (
        {
            "decode": {"format": "protobuf", "schema": "telemetry.v1"},
            "device": {"path": "device", "source": "x"},
            "readings": [{"metric": "air_temperature", "path": "temperature", "unit": "degC"}],
            "ignore": ["time_ms", "humidity"],
        },
        [
            Telemetry(device="a", temperature=20).SerializeToString(),
            Later(device="a", temperature=20, pressure=1000).SerializeToString(),
        ],
        None,
        [(1, "#5", "`#5` (64-bit) is new")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("words", "bodies", "header", "rejected"), CASES.values(), ids=CASES.keys())
def test_an_event_that_drifts_is_rejected_alone_and_with_the_reason(
    spec: Callable[..., Any], events: Callable[..., Any],
    words: dict[str, Any], bodies: list[bytes], header: str | None, rejected: list[tuple[int, str, str]],
) -> None:  # fmt: skip
    canonicaliser = Canonicaliser.of([spec(**{"drift": ALL, **words})])

    whole = canonicaliser.convert(events(*bodies, header=header))
    alone = [canonicaliser.convert(events(body, first=n, header=header)) for n, body in enumerate(bodies)]

    found = whole.rejects.sort_by("sequence_number").to_pylist()
    assert [(row["sequence_number"], row["field"]) for row in found] == [(n, field) for n, field, _ in rejected]
    for row, (_, _, says) in zip(found, rejected, strict=True):
        assert (row["reason"], row["index"], row["device_id"]) == ("schema_drift", -1, "x:a")
        assert row["message"].startswith(says)
    assert found == [row for one in alone for row in one.rejects.to_pylist()]
    kept = set(range(len(bodies))) - {n for n, _, _ in rejected}
    assert set(whole.readings["sequence_number"].to_pylist()) == kept


def test_what_cannot_be_read_is_rejected_for_that(spec: Callable[..., Any], events: Callable[..., Any]) -> None:
    canonicaliser = Canonicaliser.of([spec(drift=ALL)])

    found = canonicaliser.convert(events(b"{", *said({"v": 1, "x": 1}))).rejects

    assert sorted(found["reason"].to_pylist()) == ["invalid_json", "missing_device"]


def test_the_nearest_word_about_a_field_counts() -> None:
    drift = Drift(new_fields="freeze", columns={"a": "quarantine", "b.*": "evolve", "b.c.*": "quarantine"})

    assert [drift.policy("new_field", name) for name in ("a", "b.x", "b.c.x", "z")] == [
        "quarantine", "evolve", "quarantine", "freeze",
    ]  # fmt: skip
    assert (drift.quarantines, Drift().quarantines) == (True, False)
