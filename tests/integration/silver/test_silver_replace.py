"""Hours recomputed: what is touched, what is not, and what follows a winner that moves."""

from __future__ import annotations

from datetime import date

import pytest

from assets.silver import batches
from assets.silver.snapshot import snapshot
from quality.contracts.tables import BATCHES, DUPLICATES, QUARANTINE, READINGS

TABLES = (READINGS, DUPLICATES, QUARANTINE)


def test_an_empty_lake_has_nothing_to_promote_replace_or_finish(lake, promoter) -> None:
    assert promoter().promote() == []
    assert promoter().replace(["2026-03-01-03"]) is None
    assert promoter().finish() is None
    assert snapshot(lake) is None


def test_an_hour_that_holds_nothing_is_not_replaced(lake, hub, promoter) -> None:
    hub.send("03:10")
    promoter().promote()

    assert promoter().replace(["2026-03-01-04"]) is None
    assert batches.held(lake.open(BATCHES)) == 1


def test_a_batch_may_leave_two_of_the_tables_empty(lake, hub, promoter, brief) -> None:
    hub.send("03:10", body=b"{")
    promoter().promote()

    assert brief(lake) == {"accepted": [], "duplicates": [], "quarantined": [("0", 0, "invalid_json")]}
    assert promoter().replace(["2026-03-01-03"]).mode == "replace"
    assert brief(lake) == {"accepted": [], "duplicates": [], "quarantined": [("0", 0, "invalid_json")]}


def test_an_hour_replaced_twice_is_the_same_in_all_but_the_batch(lake, hub, promoter, everything) -> None:
    hub.arrive(
        *(hub.event("03:10", v, measured=m) for v, m in ((20, "02:00"), (20, "02:00"), (30, "02:00"), (200, "02:01")))
    )
    promoter().promote()
    first = everything(lake)

    done = [promoter().replace(["2026-03-01-03"]) for _ in range(2)]

    assert [batch.batch for batch in done] == [2, 3]
    assert everything(lake) == first
    assert {batch.event_dates for batch in done} == {()}


def test_a_change_of_mapping_reaches_only_the_hours_that_are_touched(lake, hub, promoter) -> None:
    hub.arrive(hub.event("03:10", 20, measured="02:00"), hub.event("04:10", 30, measured="02:01"))
    promoter(1).promote()
    hub.send("04:20", 40, measured="02:02")

    (batch,) = promoter(0.5).promote()

    assert (batch.mode, batch.hours) == ("replace", ("2026-03-01-04",))
    assert sorted(lake.rows(READINGS)["value"].to_pylist()) == [15.0, 20.0, 20.0]
    digests = batches.hour_digests(lake, batch.batch)
    assert digests["2026-03-01-03"] != digests["2026-03-01-04"]


def test_a_late_event_of_an_old_hour_is_appended_to_it(lake, hub, promoter) -> None:
    hub.send("03:10", 20)
    hub.send("09:10", 25, measured="08:00")
    promoter().promote()
    hub.send("03:40", 21, measured="02:30", partition="1")

    (batch,) = promoter().promote()

    assert (batch.mode, batch.hours) == ("append", ("2026-03-01-03",))
    assert lake.rows(READINGS).num_rows == 3


def test_an_event_that_precedes_the_winner_of_its_key_takes_its_place(lake, hub, promoter, brief) -> None:
    hub.arrive(hub.event("05:10", 20), hub.event("07:10", 20), hub.event("08:10", 30))
    promoter().promote()
    hub.send("03:10", 30, partition="1")

    (batch,) = promoter().promote()

    assert brief(lake) == {
        "accepted": [("1", 0, 30.0)],
        "duplicates": [("0", 2)],
        "quarantined": [("0", 0, "conflict"), ("0", 1, "conflict")],
    }
    assert (batch.mode, len(batch.hours)) == ("replace", 4)
    assert batch.event_dates == (date(2026, 3, 1),)


def test_when_a_winner_is_lost_the_next_in_line_wins_and_all_others_follow_it(lake, hub, promoter, brief) -> None:
    hub.arrive(hub.event("03:10", 160), hub.event("04:10", 80), hub.event("05:10", 80), hub.event("06:10", 40))
    promoter(0.5).promote()
    assert brief(lake)["accepted"] == [("0", 0, 80.0)]

    # With scale 1 the value of the first event is out of range.
    batch = promoter(1).replace(["2026-03-01-03"])

    assert batch.hours == tuple(f"2026-03-01-{hour:02}" for hour in (3, 4, 5, 6))
    assert brief(lake) == {
        "accepted": [("0", 1, 80.0)],
        "duplicates": [("0", 2)],
        "quarantined": [("0", 0, "above_range"), ("0", 3, "conflict")],
    }


def test_hours_that_share_no_key_are_left_alone(lake, hub, promoter) -> None:
    hub.arrive(hub.event("03:10", 20), hub.event("04:10", 20, device="b"), hub.event("05:10", 20))
    promoter(1).promote()

    batch = promoter(0.5).replace(["2026-03-01-03"])

    assert batch.hours == ("2026-03-01-03", "2026-03-01-05")


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_batches_of_bounded_size_are_contiguous_prefixes_of_every_stream(lake, hub, promoter, limit: int) -> None:
    # The clock of partition 1 steps back: its numbers, not its clock, say what comes first.
    times = {"0": ["03:00", "03:20", "04:00", "04:10", "05:00"], "1": ["03:10", "04:30", "03:05", "04:40"]}
    for partition, instants in times.items():
        hub.arrive(*(hub.event(at, 20, partition=partition, measured=f"02:{n:02}") for n, at in enumerate(instants)))

    done = promoter(batch_events=limit).promote()

    assert [batch.batch for batch in done] == list(range(1, len(done) + 1))
    assert [batch.events for batch in done[:-1]] == [limit] * (len(done) - 1)
    seen = dict.fromkeys(("hub/0/0", "hub/1/0"), -1)
    for batch in done:
        assert all(batch.previous.get(stream, -1) == number for stream, number in seen.items())
        moved = sum(batch.watermark.get(stream, -1) - number for stream, number in seen.items())
        assert moved == batch.events
        seen |= batch.watermark
    assert seen == {"hub/0/0": 4, "hub/1/0": 3}


def test_a_new_life_of_the_hub_is_a_stream_of_its_own(lake, hub, promoter) -> None:
    hub.send("03:10", 20, measured="02:00")
    promoter().promote()
    hub.send("03:20", 21, measured="02:01", epoch=1)

    (batch,) = promoter().promote()

    assert batch.watermark == {"hub/0/0": 0, "hub/0/1": 0}


def test_a_stream_that_is_first_seen_days_late_is_taken_in(lake, hub, promoter) -> None:
    hub.send("03:10", 20)
    promoter().promote()
    hub.send("2026-02-10T03:10:00", 21, measured="2026-02-10T02:00:00", partition="7")

    (batch,) = promoter().promote()

    assert batch.hours == ("2026-02-10-03",)
    assert lake.rows(READINGS).num_rows == 2


def test_one_device_with_a_wrong_clock_is_compared_with_its_own_time(lake, hub, promoter, brief) -> None:
    hub.arrive(hub.event("03:10", 20, measured="2001-01-01T00:00:00"), hub.event("03:11", 21, measured="03:00"))
    promoter().promote()
    hub.arrive(hub.event("04:10", 20, measured="2001-01-01T00:00:00"), hub.event("04:11", 22, measured="03:00"))

    promoter().promote()

    assert brief(lake)["duplicates"] == [("0", 2)]
    assert brief(lake)["quarantined"] == [("0", 3, "conflict")]


def test_compaction_between_batches_changes_nothing(lake, hub, promoter, everything) -> None:
    for at in ("03:10", "03:20", "03:30"):
        hub.send(at, 20, measured=f"02:{at[3:]}")
        promoter().promote()
    before = everything(lake, complete=True)

    for table in (*TABLES, BATCHES):
        lake.open(table).optimize.compact()
    assert everything(lake, complete=True) == before
    hub.send("03:40", 20, measured="02:10")
    (batch,) = promoter().promote()

    assert (batch.batch, batch.duplicates) == (4, 1)
    assert snapshot(lake).batch == 4
