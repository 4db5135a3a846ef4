"""Schema drift: counted once whatever is cut, killed or rebuilt; told in sentences; settled by the spec."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assets.silver import drift
from assets.silver.drift_check import drift_result
from assets.silver.promote import Promoter
from canonical.canonicaliser import Canonicaliser
from canonical.spec_model import MappingSpec
from lake.store import Lake
from orchestration.cli import mapping
from quality.contracts.tables import QUARANTINE, SCHEMA_DRIFT
from settings.model import Silver

SPEC: dict[str, Any] = {
    "id": "thermo", "version": 1, "description": "One reading.", "match": {"content_type": ["application/json"]},
    "decode": {"format": "json"}, "device": {"path": "d", "source": "x"}, "time": {"path": "t"},
    "readings": [
        {"metric": "air_temperature", "path": "v", "unit": "degC"},
        {"metric": "relative_humidity", "path": "h", "unit": "percent", "required": False},
    ],
}  # fmt: skip


@pytest.fixture
def thermo() -> Callable[..., Canonicaliser]:
    return lambda **words: Canonicaliser.of([MappingSpec.model_validate({**SPEC, **words})])


def body(second: int, **fields: Any) -> bytes:
    said = {"d": "a", "t": f"2026-03-01T02:00:{second % 60:02d}Z", "v": 20, **fields}
    return json.dumps({key: value for key, value in said.items() if value is not None}).encode()


def arrive(hub: Any, at: str, bodies: Iterable[bytes]) -> None:
    hub.arrive(*(hub.event(at, body=each) for each in bodies))


def promoted(lake: Lake, made: Canonicaliser, **settings: Any) -> Promoter:
    promoter = Promoter(lake, made, Silver(**settings))
    promoter.promote()
    return promoter


def counts(lake: Lake) -> Counter[tuple[str, ...]]:
    """Events per hour, kind, field and types, over all batches."""
    counted: Counter[tuple[str, ...]] = Counter()
    for row in lake.rows(SCHEMA_DRIFT).to_pylist():
        counted[row["enqueued_hour"], row["kind"], row["field"], row["seen"]] += row["events"]
    return counted


def drifting(lake: Lake, made: Canonicaliser) -> Sequence[drift.Drift]:
    return drift.drifts(lake, made.specs)


def test_a_new_field_is_told_with_its_count_its_first_event_and_what_it_held(
    lake: Lake, hub: Any, thermo: Callable[..., Canonicaliser]
) -> None:
    arrive(hub, "03:00", [body(1), body(2, co2={"ppm": 412}), body(3, co2={"ppm": 413})])
    made = thermo()
    promoted(lake, made)

    (found,) = drifting(lake, made)

    assert found.sentence == (
        "`co2` (object) of thermo is new: in 2 of 3 events looked at since 2026-03-01 03:00; "
        'the first is hub/0/0/1, {"ppm": 412}'
    )


def test_a_changed_type_is_told_with_both_types(lake: Lake, hub: Any, thermo: Callable[..., Canonicaliser]) -> None:
    arrive(hub, "03:00", [body(1), body(2, v="20")])
    made = thermo()
    promoted(lake, made)

    assert [each.sentence.partition(":")[0] for each in drifting(lake, made)] == [
        "`v` of thermo is text where the mapping expects number"
    ]


def test_a_field_that_stopped_is_told_and_one_that_never_came_is_not(
    lake: Lake, hub: Any, thermo: Callable[..., Canonicaliser]
) -> None:
    arrive(hub, "03:00", [body(n, h=50) for n in range(5)])
    made = thermo()
    promoted(lake, made)
    before = drifting(lake, made)
    arrive(hub, "04:00", [body(n) for n in range(20)])
    promoted(lake, made)

    (found,) = drifting(lake, made)

    assert (before, found.kind, found.field, found.event, found.events) == ([], "missing_field", "h", "hub/0/0/5", 20)


def test_cuts_and_rebuilds_count_the_same(
    lake: Lake, hub: Any, thermo: Callable[..., Canonicaliser], tmp_path: Any
) -> None:
    bodies = [body(n, **({"x": 1} if n % 3 == 0 else {}), **({"v": "?"} if n % 5 == 0 else {})) for n in range(12)]
    arrive(hub, "03:10", bodies[:7])
    arrive(hub, "04:10", bodies[7:])
    made = thermo()
    whole = Lake(str(tmp_path / "whole"))
    arrive(type(hub)(whole), "03:10", bodies[:7])
    arrive(_continued(hub, whole), "04:10", bodies[7:])
    promoted(whole, made)

    promoter = promoted(lake, made, batch_events=2)
    cut = counts(lake)
    promoter.replace(["2026-03-01-03", "2026-03-01-04"])

    assert cut == counts(lake) == counts(whole)


def _continued(hub: Any, lake: Lake) -> Any:
    """A hub of another lake, whose numbers go on where the first commit ended."""
    other = type(hub)(lake)
    other.numbers["0", 0] = 7
    return other


def test_a_batch_that_is_half_way_is_not_read(
    lake: Lake, hub: Any, thermo: Callable[..., Canonicaliser], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(point: str) -> None:
        if point == "silver.after_schema_drift":
            raise InterruptedError

    made = thermo()
    arrive(hub, "03:00", [body(1)])
    promoted(lake, made)
    arrive(hub, "03:01", [body(2, x=1)])
    with monkeypatch.context() as patched:
        patched.setattr("assets.silver.promote.reach", killed)
        with pytest.raises(InterruptedError):
            promoted(lake, made)
    half_way = drifting(lake, made)
    promoted(lake, made)

    assert (half_way, [(each.field, each.events) for each in drifting(lake, made)]) == ([], [("x", 1)])


def test_a_field_that_the_spec_lists_now_is_no_drift_any_more(
    lake: Lake, hub: Any, thermo: Callable[..., Canonicaliser]
) -> None:
    arrive(hub, "03:00", [body(1, x=1, tags={"a": 1})])
    promoted(lake, thermo())

    listed = drifting(lake, thermo(ignore=["x", "tags.*"], version=2))

    assert listed == []


@pytest.mark.parametrize(
    ("words", "passed"),
    [({}, True), ({"new_fields": "freeze"}, False), ({"new_fields": "freeze", "columns": {"x": "evolve"}}, True)],
    ids=["evolve", "freeze", "this field may evolve"],
)
def test_the_check_warns_where_a_frozen_mapping_drifts_and_readings_are_taken(
    lake: Lake, hub: Any, thermo: Callable[..., Canonicaliser], words: dict[str, Any], *, passed: bool
) -> None:
    arrive(hub, "03:00", [body(1, x=1)])
    made = thermo(drift=words)
    promoted(lake, made)

    result = drift_result(lake, made.specs)

    assert (result.passed, result.severity.value, result.metadata["drifting"].value) == (passed, "WARN", 1)
    assert lake.rows(QUARANTINE).num_rows == 0


def test_what_the_policy_rejects_is_in_quarantine_and_replayed_when_the_spec_lists_it(
    lake: Lake, hub: Any, thermo: Callable[..., Canonicaliser]
) -> None:
    arrive(hub, "03:00", [body(1), body(2, x=1)])
    promoted(lake, thermo(drift={"new_fields": "quarantine"}))
    rejected = lake.rows(QUARANTINE).to_pylist()
    settled = thermo(drift={"new_fields": "quarantine"}, ignore=["x"])

    Promoter(lake, settled, Silver()).replace(["2026-03-01-03"])

    assert [(row["reason"], row["field"], row["sequence_number"]) for row in rejected] == [("schema_drift", "x", 1)]
    assert (lake.rows(QUARANTINE).num_rows, drifting(lake, settled)) == (0, [])


def test_the_command_says_one_sentence_a_field(
    lake: Lake, hub: Any, thermo: Callable[..., Canonicaliser], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(hub, "03:00", [body(1, x="\x1b[31m")])
    promoted(lake, thermo())
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "thermo.yaml").write_text(json.dumps(SPEC))
    monkeypatch.setenv("LAKE_HOME", lake.root.removesuffix("/lake"))
    monkeypatch.setenv("LAKE_SPECS", str(tmp_path / "specs"))

    told = CliRunner().invoke(mapping.app, ["drift"])
    data = CliRunner().invoke(mapping.app, ["drift", "--mapping", "thermo", "--json"])
    wrong = CliRunner().invoke(mapping.app, ["drift", "--mapping", "termo"])

    assert "evolve     `x` (text) of thermo is new: in 1 of 1 events looked at" in told.stdout
    assert "\x1b[31m" not in told.stdout
    assert [(row["field"], row["event"]) for row in json.loads(data.stdout)] == [("x", "hub/0/0/0")]
    assert str(wrong.exception) == "no mapping 'termo'; there are thermo"
