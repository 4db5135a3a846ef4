"""Every new event is found, and the files that hold none are not read again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from assets.silver import batches
from assets.silver.audit import audit
from assets.silver.unread import mark_of, unread
from quality.contracts.tables import BATCHES, BRONZE_TELEMETRY, READINGS


def waiting(lake) -> int:
    """Files the next batch will read."""
    mark = batches.bronze_mark(lake.open(BATCHES))
    return len(list(unread(lake, lake.open(BRONZE_TELEMETRY), mark).get_fragments()))


def test_only_files_that_are_new_are_read(lake, hub, promoter) -> None:
    hub.send("03:10", measured="02:00")
    hub.send("03:11", measured="02:01")
    assert waiting(lake) == 2
    promoter().promote()
    assert waiting(lake) == 0
    hub.send("03:12", measured="02:02")
    assert waiting(lake) == 1

    promoter().promote()

    assert lake.rows(READINGS).num_rows == 3


def test_files_are_read_again_while_a_batch_leaves_some_of_their_events(lake, hub, promoter) -> None:
    hub.arrive(hub.event("03:10"), hub.event("03:11"), hub.event("03:12"))

    done = promoter(batch_events=2).promote()

    assert [batch.events for batch in done] == [2, 1]
    assert audit(lake).balanced


def test_a_replaced_hour_keeps_what_is_known_of_bronze(lake, hub, promoter) -> None:
    hub.send("03:10")
    promoter().promote()
    hub.send("03:11")

    promoter().replace(["2026-03-01-03"])

    assert waiting(lake) == 1
    assert [batch.events for batch in promoter().promote()] == [1]


def test_compaction_of_bronze_loses_and_repeats_nothing(lake, hub, promoter) -> None:
    for minute in range(10, 14):
        hub.send(f"03:{minute}", measured=f"02:{minute}")
    promoter().promote()
    hub.send("03:20", measured="02:20")
    lake.open(BRONZE_TELEMETRY).optimize.compact()

    assert [batch.events for batch in promoter().promote()] == [1]
    assert audit(lake).balanced
    assert lake.rows(READINGS).num_rows == 5


@pytest.mark.parametrize("back_to", ["2026-02-01T03:10:00", "2025-03-01T03:10:00"])
def test_a_hub_whose_clock_steps_back_for_long_is_followed(lake, hub, promoter, back_to: str) -> None:
    hub.send("03:10", measured="02:00")
    promoter().promote()
    hub.send(back_to, measured="2025-01-01T00:00:00")

    (batch,) = promoter().promote()

    assert (batch.events, batch.watermark) == (1, {"hub/0/0": 1})


def test_a_bronze_table_restored_from_a_backup_is_read_from_its_start(lake, hub, promoter, tmp_path: Path) -> None:
    hub.send("03:10", measured="02:00")
    backup = shutil.copytree(lake.uri(BRONZE_TELEMETRY), tmp_path / "backup")
    hub.send("03:11", measured="02:01")
    promoter().promote()
    marked = batches.bronze_mark(lake.open(BATCHES))
    shutil.rmtree(lake.uri(BRONZE_TELEMETRY))
    shutil.copytree(backup, lake.uri(BRONZE_TELEMETRY))
    # The same version as before, with other files: what the hub still held came again, and more with it.
    hub.numbers["0", 0] = 1
    hub.arrive(hub.event("03:11", measured="02:01"), hub.event("03:12", measured="02:02"))
    assert mark_of(lake.open(BRONZE_TELEMETRY)).partition(":")[0] == marked.partition(":")[0]
    assert waiting(lake) == 2

    (batch,) = promoter().promote()

    assert batch.events == 1
    assert audit(lake).balanced


@pytest.mark.parametrize("mark", [None, "", "99:0123456789abcdef", "0:0123456789abcdef"])
def test_a_mark_that_does_not_fit_spares_no_file(lake, hub, mark: str | None) -> None:
    hub.send("03:10")

    assert len(list(unread(lake, lake.open(BRONZE_TELEMETRY), mark).get_fragments())) == 1
