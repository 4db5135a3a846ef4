"""Quarantine as people see it, what they decide about it, and the replay of the hours that hold it."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from assets.silver import batches, decisions, promote, quarantined, replay
from assets.silver.audit import audit
from assets.silver.promote import Promoter
from assets.silver.quarantined import DISMISSED, OPEN, REPLAYED, Selection
from lake.store import Lake
from quality.contracts.tables import QUARANTINE, QUARANTINE_DECISIONS, QUARANTINE_HISTORY
from settings.model import Silver

ALL = Selection()
HOURS = tuple(f"2026-03-01-{hour:02}" for hour in (3, 4, 5))


def statuses(lake: Lake, selection: Selection = ALL) -> list[tuple[int, str, str]]:
    rows = quarantined.listed(lake, selection, status=None, limit=100)
    return sorted((row["sequence_number"], row["reason"], row["status"]) for row in rows)


def planned_at(lake: Lake, batch: int) -> datetime:
    return {row["batch"]: row["planned_at"] for row in lake.rows(batches.BATCHES).to_pylist()}[batch]


def first_seen(lake: Lake) -> dict[int, datetime]:
    rows = quarantined.listed(lake, ALL, status=None, limit=100)
    return {row["sequence_number"]: row["first_seen"] for row in rows}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, mapping, hub_at) -> Any:
    """Four hours' events; at scale 1, those of 160 and the broken one are in quarantine."""
    hub = hub_at(Lake(str(tmp_path_factory.mktemp("prepared") / "lake")))
    hub.arrive(
        hub.event("03:10", 160), hub.event("03:20", 20, measured="02:01"), hub.event("04:10", 160, measured="02:02"),
        hub.event("05:10", body=b"{"), hub.event("06:10", 30, measured="02:03"),
    )  # fmt: skip
    Promoter(hub.lake, mapping(1), Silver()).promote()
    return hub


@pytest.fixture
def rejected(prepared, hub) -> Lake:
    """A copy of the prepared lake, to which `hub` goes on sending."""
    shutil.copytree(prepared.lake.root, hub.lake.root)
    hub.numbers.update(prepared.numbers)
    return hub.lake


# -- what a row knows ----------------------------------------------------------------------------------------


def test_a_row_knows_the_versions_of_its_mapping_and_of_the_rules(rejected) -> None:
    rows = rejected.rows(QUARANTINE).to_pylist()

    assert {(row["mapping_id"], row["mapping_version"]) for row in rows} == {("thermo", 1)}
    (rules,) = {row["rules_version"] for row in rows}
    assert len(rules) == 8


def test_a_conflict_knows_them_too(lake, hub, promoter) -> None:
    hub.arrive(hub.event("03:10", 20), hub.event("03:11", 30))
    promoter(1).promote()

    (row,) = lake.rows(QUARANTINE).to_pylist()
    assert (row["reason"], row["mapping_version"], len(row["rules_version"])) == ("conflict", 1, 8)


def test_an_event_that_no_mapping_took_has_no_version(lake, hub, promoter) -> None:
    hub.arrive(hub.event("03:10") | {"content_type": "text/plain"})
    promoter(1).promote()

    (row,) = lake.rows(QUARANTINE).to_pylist()
    assert (row["mapping_id"], row["mapping_version"]) == (None, None)


def test_a_row_is_first_seen_in_the_batch_that_took_its_event_in_however_often_it_is_recomputed(
    rejected, hub, promoter
) -> None:
    hub.send("07:10", 161, measured="02:04")
    promoter(1).promote()
    promoter(1).replace([*HOURS, "2026-03-01-07"])

    first, second = planned_at(rejected, 1), planned_at(rejected, 2)
    assert first_seen(rejected) == {0: first, 2: first, 3: first, 5: second}


def test_a_row_that_a_new_mapping_rejects_is_first_seen_with_that(rejected, promoter) -> None:
    promoter(4).replace(["2026-03-01-06"])  # 30 becomes 120

    assert first_seen(rejected)[4] == planned_at(rejected, 2)
    promoter(4).replace(["2026-03-01-06"])
    assert first_seen(rejected)[4] == planned_at(rejected, 2)


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(reason="above_range"), [0, 2]),
        (Selection(mapping="thermo"), [0, 2, 3]),
        (Selection(mapping="other"), []),
        (Selection(device="x:a"), [0, 2]),
        (Selection(since=datetime(2026, 3, 1, 4, 10, tzinfo=UTC)), [2, 3]),
        (Selection(until=datetime(2026, 3, 1, 4, 10, tzinfo=UTC)), [0]),
        (Selection(hours=("2026-03-01-05",)), [3]),
        (Selection(since=datetime(2026, 3, 1, 4, tzinfo=UTC), reason="above_range"), [2]),
    ],
)
def test_rows_are_found_by_all_that_is_asked_for(rejected, selection: Selection, found: list[int]) -> None:
    assert [number for number, *_ in statuses(rejected, selection)] == found
    assert sum(row["rows"] for row in quarantined.summarised(rejected, selection)) == len(found)


def test_whoever_asks_an_empty_lake_makes_no_tables(tmp_path) -> None:
    lake = Lake(str(tmp_path / "nothing"))

    assert quarantined.summarised(lake, ALL) == quarantined.listed(lake, ALL, status=REPLAYED, limit=9) == []
    assert not (tmp_path / "nothing").exists()


# -- decisions -----------------------------------------------------------------------------------------------


def test_a_dismissed_row_stays_in_quarantine_and_in_the_ledger(rejected) -> None:
    assert decisions.dismiss(rejected, Selection(reason="above_range"), why="known", who="ada") == 2

    assert statuses(rejected) == [
        (0, "above_range", DISMISSED),
        (2, "above_range", DISMISSED),
        (3, "invalid_json", OPEN),
    ]
    ledger = audit(rejected)
    assert (ledger.balanced, ledger.reasons) == (True, {"above_range": 2, "invalid_json": 1})
    (row, _) = quarantined.listed(rejected, ALL, status=DISMISSED, limit=9)
    assert (row["why"], row["who"]) == ("known", "ada")
    assert [(row["reason"], row["open"], row["dismissed"]) for row in quarantined.summarised(rejected, ALL)] == [
        ("above_range", 0, 2),
        ("invalid_json", 1, 0),
    ]


def test_a_dismissal_survives_every_rebuild_and_is_made_once(rejected, promoter) -> None:
    decisions.dismiss(rejected, ALL, why="known", who="ada")
    assert decisions.dismiss(rejected, ALL, why="again", who="bob") == 0
    promoter(1).replace(HOURS)

    assert {status for *_, status in statuses(rejected)} == {DISMISSED}
    assert rejected.rows(QUARANTINE_DECISIONS).num_rows == 3


def test_people_who_dismiss_the_same_rows_at_once_decide_them_once(rejected) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda who: decisions.dismiss(rejected, ALL, why="known", who=who), ["ada", "bob", "eve"]))

    assert sorted(done) == [0, 0, 3]
    assert rejected.rows(QUARANTINE_DECISIONS).num_rows == 3


def test_a_dismissed_row_that_comes_back_with_another_reason_is_open(rejected, promoter) -> None:
    decisions.dismiss(rejected, ALL, why="known", who="ada")
    promoter(-1).replace(HOURS)

    assert statuses(rejected)[0] == (0, "below_range", OPEN)
    promoter(1).replace(HOURS)
    assert statuses(rejected)[0] == (0, "above_range", DISMISSED)


def test_a_withdrawn_dismissal_opens_the_row_and_both_are_kept(rejected) -> None:
    decisions.dismiss(rejected, ALL, why="known", who="ada")

    assert decisions.withdraw(rejected, Selection(reason="invalid_json"), why="not known", who="bob") == 1
    assert statuses(rejected)[2] == (3, "invalid_json", OPEN)
    assert rejected.rows(QUARANTINE_DECISIONS).num_rows == 4


@pytest.mark.parametrize(("why", "who"), [(" ", "ada"), ("known", "")])
def test_nothing_is_dismissed_without_a_reason_and_a_name(rejected, why: str, who: str) -> None:
    with pytest.raises(ValueError, match="say why"):
        decisions.dismiss(rejected, ALL, why=why, who=who)


# -- history -------------------------------------------------------------------------------------------------


def changes(lake: Lake) -> list[tuple[object, ...]]:
    rows = lake.rows(QUARANTINE_HISTORY).to_pylist()
    return sorted((row["silver_batch"], row["sequence_number"], row["reason"], row["became"] or "new") for row in rows)


def test_history_says_what_became_of_a_row_and_what_was_newly_rejected(rejected, promoter) -> None:
    promoter(0.5).replace(HOURS)
    promoter(-4).replace([*HOURS, "2026-03-01-06"])

    assert changes(rejected) == [
        (2, 0, "above_range", "accepted"), (2, 2, "above_range", "accepted"),
        (3, 0, "below_range", "new"), (3, 1, "below_range", "new"), (3, 2, "below_range", "new"),
        (3, 4, "below_range", "new"),
    ]  # fmt: skip
    assert [row["status"] for row in quarantined.listed(rejected, ALL, status=REPLAYED, limit=9)] == [REPLAYED] * 2


def test_new_events_that_are_rejected_are_no_history(rejected, hub, promoter) -> None:
    hub.send("03:50", 300, measured="02:30")

    (batch,) = promoter(0.5).promote()

    assert (batch.mode, changes(rejected)) == ("replace", [(2, 0, "above_range", "accepted")])


# -- replay --------------------------------------------------------------------------------------------------


def test_a_replay_recomputes_only_the_hours_with_open_rows_that_match(rejected, promoter) -> None:
    decisions.dismiss(rejected, Selection(hours=("2026-03-01-04",)), why="known", who="ada")
    fixed = promoter(0.5)

    plan = replay.plan(fixed, Selection(reason="above_range"))
    result = replay.run(fixed, Selection(reason="above_range"), plan)

    assert (plan.rows, plan.hours, result.hours) == (1, ("2026-03-01-03",), ("2026-03-01-03",))
    assert (result.open_before, result.open_after, result.taken_back, result.newly_rejected) == (1, 0, 1, 0)
    assert result.became == {"accepted": 1}


def test_hours_that_the_digest_in_force_has_made_are_left_alone_unless_forced(rejected, promoter) -> None:
    plan = replay.plan(promoter(1), ALL)
    assert (plan.groups, plan.same) == ((), HOURS)
    assert replay.run(promoter(1), ALL, plan).batches == ()

    forced = replay.plan(promoter(1), ALL, force=True)
    assert (forced.hours, forced.same) == (HOURS, ())


def test_all_hours_of_a_mapping_mend_what_it_wrongly_accepted(rejected, promoter) -> None:
    fixed = promoter(0.5)
    of_mapping = Selection(mapping="thermo")

    plan = replay.plan(fixed, of_mapping, all_hours=True)
    result = replay.run(fixed, of_mapping, plan)

    assert plan.hours == (*HOURS, "2026-03-01-06")
    assert set(batches.hour_digests(rejected, 99).values()) == {fixed.canonicaliser.digest}
    assert (result.open_before, result.open_after) == (3, 1)


@pytest.mark.parametrize(
    ("sizes", "limit", "expected"),
    [
        ({}, 10, ()),
        ({"b": 4, "a": 5, "c": 2}, 10, (("a", "b"), ("c",))),
        ({"a": 50, "b": 1}, 10, (("a",), ("b",))),
        ({"a": 0, "b": 0}, 1, (("a", "b"),)),
    ],
)
def test_hours_are_grouped_oldest_first_and_no_group_is_larger_than_a_batch(sizes, limit, expected) -> None:
    assert replay.groups(sizes, limit) == expected


def test_no_group_has_more_hours_than_a_day() -> None:
    sizes = {f"2026-03-{day:02}-{hour:02}": 1 for day in (1, 2) for hour in range(24)}

    assert [len(group) for group in replay.groups(sizes | {"2026-03-03-00": 1}, 10**6)] == [24, 24, 1]


class Killed(BaseException):
    """Stands for a process that is gone: nothing after it runs, and what was committed stays."""


@pytest.mark.parametrize(
    ("point", "group"),
    [("before_plan", 2), ("after_plan", 1), ("after_quarantine_history", 1), ("after_quarantine", 1), ("after_duplicates", 2),
     ("after_readings", 1), ("replay.after_group", 1)],
)  # fmt: skip
def test_a_replay_killed_anywhere_is_ended_by_asking_again_and_the_ledger_balances_throughout(
    rejected, promoter, everything, monkeypatch, point: str, group: int
) -> None:
    before = everything(rejected, complete=True)
    fixed = promoter(0.5, batch_events=2)
    seen = []

    def reach(name: str) -> None:
        seen.append(name)
        if seen.count(f"silver.{point}") == group:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(promote, "reach", reach)
        patched.setattr(replay, "reach", reach)
        with pytest.raises(Killed):
            replay.run(fixed, ALL, replay.plan(fixed, ALL))
    assert audit(rejected).balanced
    fixed.finish()
    replay.run(fixed, ALL, replay.plan(fixed, ALL))

    assert audit(rejected).balanced
    assert everything(rejected) != before
    assert [row[1:] for row in changes(rejected)] == [(n, "above_range", "accepted") for n in (0, 2)]
    assert set(batches.hour_digests(rejected, 99)) - {"2026-03-01-06"} == set(HOURS)
    digests = batches.hour_digests(rejected, 99)
    assert {digests[hour] for hour in HOURS} == {fixed.canonicaliser.digest}
    assert statuses(rejected) == [(3, "invalid_json", OPEN)]
