from __future__ import annotations

from collections import Counter

import pytest

from ingest_workers.ownership.share import NOBODY, Decision, Sightings, decide


def partitions(count: int) -> list[str]:
    return [f"{n:02d}" for n in range(count)]


def test_a_worker_alone_takes_all():
    assert sorted(decide("a", dict.fromkeys(partitions(8), NOBODY)).claim) == partitions(8)


def test_a_balanced_fleet_stays_as_it_is():
    owners = {"0": "a", "1": "a", "2": "b", "3": "b", "4": "c"}
    assert {decide(me, owners) for me in "abc"} == {Decision()}


def test_what_nobody_reads_is_taken_before_anything_is_stolen():
    step = decide("b", {"0": "a", "1": "a", "2": "a", "3": NOBODY})
    assert (step.claim, step.steal) == (("3",), None)


def test_no_more_than_a_fair_share_is_claimed():
    owners = {"0": "a", **dict.fromkeys(["1", "2", "3"], NOBODY)}
    assert len(decide("b", owners).claim) == 2


def test_one_partition_at_a_time_is_stolen_from_who_has_most():
    owners = {**dict.fromkeys(["0", "1", "2"], "a"), **dict.fromkeys(["3", "4", "5", "6", "7"], "b")}
    assert decide("c", owners).steal in {"3", "4", "5", "6", "7"}


@pytest.mark.parametrize(("count", "workers"), [(8, 3), (32, 5), (1, 3), (2, 2), (7, 7), (100, 9)])
def test_any_beginning_ends_fair_and_stays_so(count, workers):
    """Each worker steps in turn; the worst beginning is that one has everything."""
    names = [f"w{n}" for n in range(workers)]
    owners = dict.fromkeys(partitions(count), names[0])
    for _ in range(2 * count):
        for me in names:
            step = decide(me, owners)
            for partition in (*step.claim, *([step.steal] if step.steal else [])):
                owners[partition] = me
    loads = Counter(dict.fromkeys(names, 0)) + Counter(owners.values())
    assert sum(loads.values()) == count
    assert max(loads.values()) - min(loads.get(name, 0) for name in names) <= 1
    assert {decide(me, owners) for me in names} == {Decision()}


def claim(owner: str, etag: str, modified: float = 0.0) -> dict[str, object]:
    return {"owner_id": owner, "etag": etag, "last_modified_time": modified}


def test_an_owner_lives_while_its_claim_changes():
    seen = Sightings(expiry=10)
    for second in range(0, 60, 5):
        assert seen.owners(["0"], {"0": claim("a", f"etag-{second}")}, second) == {"0": "a"}


def test_an_owner_that_stops_renewing_is_dead_after_the_expiry_and_not_before():
    seen = Sightings(expiry=10)
    owners = [seen.owners(["0"], {"0": claim("a", "same")}, second)["0"] for second in (100, 110, 111)]
    assert owners == ["a", "a", NOBODY]


@pytest.mark.parametrize("modified", [-1e9, 0.0, 1e12])
def test_clocks_that_disagree_by_years_make_no_owner_dead_or_immortal(modified):
    """The store's time of a claim is not looked at: only whether it changes while we watch."""
    seen = Sightings(expiry=10)
    assert seen.owners(["0"], {"0": claim("a", "1", modified)}, 5)["0"] == "a"
    assert seen.owners(["0"], {"0": claim("a", "1", modified)}, 16)["0"] == NOBODY


def test_a_claim_given_up_is_free_at_once():
    assert Sightings(expiry=10).owners(["0", "1"], {"0": claim(NOBODY, "1")}, 0) == {"0": NOBODY, "1": NOBODY}
