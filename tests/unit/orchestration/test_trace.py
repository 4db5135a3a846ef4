"""The name of an event."""

from __future__ import annotations

import pytest

from orchestration.trace import reference


@pytest.mark.parametrize(
    ("event", "parts"),
    [("telemetry/0/0/42", ("telemetry", "0", 0, 42)), ("a/b/12/3/9", ("a/b", "12", 3, 9))],
)
def test_an_event_is_hub_partition_epoch_and_sequence_number(event, parts) -> None:
    assert reference(event) == parts


@pytest.mark.parametrize(
    "event", ["", "telemetry", "telemetry/0/0", "telemetry/0/x/1", "telemetry/0/0/-1", "//0/1", "t/0/0/²"]
)
def test_anything_else_is_refused_with_the_right_form(event) -> None:
    with pytest.raises(ValueError, match="write hub/partition/epoch/sequence"):
        reference(event)
