"""A new mapping builds Silver beside the old, is compared, takes over and gives back, and nothing is lost on the way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from assets.silver import in_force, promote, shadow, swap
from assets.silver.audit import audit
from assets.silver.promote import Promoter
from assets.silver.shadow_compare import Side, compare
from assets.silver.snapshot import snapshot
from assets.silver.swap import Means
from canonical.canonicaliser import Canonicaliser
from lake.store import Lake
from quality.contracts.tables import QUARANTINE, READINGS, SPECS_IN_FORCE
from settings.model import Silver

HOURS = tuple(f"2026-03-01-{hour:02}" for hour in (3, 4, 5))
MEANS = Means(Silver(batch_events=2))


class Killed(BaseException):
    """Stands for a process that is gone: nothing after it runs, and what was committed stays."""


def build(lake: Lake, made_with: Canonicaliser) -> shadow.Shadow:
    begun = shadow.begin(lake, made_with, HOURS, specs="new", who="ada")
    shadow.build(lake, begun, MEANS.settings)
    return begun


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, mapping, hub_at) -> Any:
    """Four hours, keys that reach across them, made with scale 1, which is deployed."""
    hub = hub_at(Lake(str(tmp_path_factory.mktemp("prepared") / "lake")))
    hub.arrive(
        hub.event("03:10", 160), hub.event("03:20", 20, measured="02:01"), hub.event("04:10", 20, measured="02:01"),
        hub.event("04:20", 160, measured="02:02"), hub.event("05:10", body=b"{"), hub.event("06:10", 80, measured="02:02"),
    )  # fmt: skip
    in_force.deploy(hub.lake, mapping(1))
    Promoter(hub.lake, mapping(1), Silver()).promote()
    return hub


@pytest.fixture(scope="module")
def prepared_shadow(prepared, tmp_path_factory, mapping) -> str:
    """The same with a shadow of scale 0.5."""
    root = str(shutil.copytree(prepared.lake.root, tmp_path_factory.mktemp("prepared") / "shadow"))
    build(Lake(root), mapping(0.5))
    return root


@pytest.fixture
def live(prepared, hub) -> Lake:
    """A copy of the prepared lake, to which `hub` goes on sending."""
    shutil.copytree(prepared.lake.root, hub.lake.root)
    hub.numbers.update(prepared.numbers)
    return hub.lake


@pytest.fixture
def built(live, prepared_shadow) -> shadow.Shadow:
    """The live lake has a shadow of scale 0.5, complete."""
    shutil.rmtree(live.root)
    shutil.copytree(prepared_shadow, live.root)
    return shadow.required(live)


def sides(lake: Lake, of: shadow.Shadow) -> tuple[Side, Side]:
    laid_over = shadow.lake_of(lake, of)
    return Side(lake, of.base), Side(laid_over, snapshot(laid_over))


def test_a_shadow_is_what_replacing_the_hours_would_give_and_the_live_tables_do_not_move(
    live, built, promoter, everything, tmp_path
) -> None:
    before = everything(live, batches=True)
    replaced = Lake(str(shutil.copytree(live.root, tmp_path / "replaced")))
    promoter(0.5, on=replaced).replace(HOURS)

    laid_over = shadow.lake_of(live, built)

    # The reading of hour 6 had won its key; now one of hour 4 comes before it, so that hour followed.
    assert laid_over.rewritten(99) == {*HOURS, "2026-03-01-06"}
    assert everything(laid_over) == everything(replaced)
    assert audit(laid_over).balanced
    assert everything(live, batches=True) == before
    assert audit(live).balanced


def test_hours_outside_the_shadow_show_the_live_rows(live, mapping) -> None:
    begun = shadow.begin(live, mapping(0.5), HOURS[2:], specs="new", who="ada")
    shadow.build(live, begun, MEANS.settings)

    laid_over = shadow.lake_of(live, begun)
    assert laid_over.rewritten(99) == {HOURS[2]}
    assert sorted(laid_over.rows(READINGS)["value"].to_pylist()) == [20.0, 80.0]
    assert len(set(laid_over.rows(QUARANTINE)["digest"].to_pylist())) == 2


def test_a_comparison_says_what_is_added_removed_and_changed_in_sum_and_by_row(live, built) -> None:
    begun = built
    before, after = sides(live, begun)

    found = compare(before, after, sorted(after.lake.rewritten(99)))

    sums = {(line["table"], line.get("metric") or line.get("reason")): line for line in found.sums}
    readings = sums["silver/readings", "air_temperature"]
    assert {name: readings[name] for name in ("before", "after", "added", "removed", "changed")} == {
        "before": 2, "after": 3, "added": 2, "removed": 1, "changed": 1,
    }  # fmt: skip
    assert (readings["mean_before"], readings["mean_after"]) == (50.0, 170 / 3)
    rejected = sums["silver/quarantine", "above_range"]
    assert (rejected["before"], rejected["after"], rejected["removed"]) == (2, 0, 2)
    assert sums["silver/quarantine", "conflict"]["added"] == 1
    assert (
        sums["silver/quarantine", "invalid_json"]["before"] == sums["silver/quarantine", "invalid_json"]["after"] == 1
    )
    changed = [row for row in found.rows if row["change"] == "changed"]
    assert [(row["event"], row["before"], row["after"]) for row in changed] == [
        ("hub/0/0/1", "20.0 degC", "10.0 degC"),
    ]
    assert found.differs


def test_the_same_specs_differ_in_nothing(live, mapping) -> None:
    before, after = sides(live, build(live, mapping(1)))

    found = compare(before, after, HOURS)

    assert (found.differs, found.rows) == (False, [])


def test_a_swap_makes_the_live_rows_the_shadows_and_the_next_batch_uses_its_specs(
    live, built, hub, mapping, promoter, everything
) -> None:
    begun = built

    done = swap.swap(live, begun, MEANS, who="ada", why="half it is")

    assert (done.equal, done.batches_since) == (True, 0)
    assert everything(live) == everything(shadow.lake_of(live, begun))
    assert audit(live).balanced
    assert {day for batch in done.batches for day in batch.event_dates}
    (deployed, swapped) = in_force.acts(live)
    assert (swapped.how, swapped.digest, swapped.previous) == ("swapped", mapping(0.5).digest, mapping(1).digest)
    assert (swapped.who, swapped.why, swapped.after_batch, deployed.how) == ("ada", "half it is", 1, "deployed")


def test_undoing_a_swap_gives_every_hour_what_it_had_those_made_since_included(
    live, built, hub, mapping, promoter, everything, tmp_path
) -> None:
    swap.swap(live, built, MEANS, who="ada", why=None)
    hub.send("07:10", 50, measured="02:07")
    promoter(0.5).promote()

    done = swap.undo(live, MEANS, who="bob", why="no")

    rebuilt = Lake(str(tmp_path / "rebuilt"))
    shutil.copytree(f"{live.root}/bronze", f"{rebuilt.root}/bronze")
    promoter(1, on=rebuilt).promote()
    assert (done.equal, done.act.how, done.act.digest) == (True, "undone", mapping(1).digest)
    assert everything(live) == everything(rebuilt)
    assert audit(live).balanced
    with pytest.raises(RuntimeError, match="was undone by bob"):
        swap.undo(live, MEANS, who="bob", why="again")


def test_a_swap_after_more_events_says_that_rows_differ_because_of_them(live, built, hub, promoter) -> None:
    begun = built
    hub.send("04:30", 44, measured="02:44")
    promoter(1).promote()

    done = swap.swap(live, begun, MEANS, who="ada", why=None)

    assert (done.batches_since, done.different["silver/readings"]) == (1, 1)
    assert audit(live).balanced


def test_a_dropped_shadow_leaves_nothing_and_a_swap_can_still_be_undone(live, built, everything) -> None:
    before = everything(live)
    swap.swap(live, built, MEANS, who="ada", why=None)

    assert shadow.drop(live)
    assert (shadow.current(live), shadow.drop(live)) == (None, False)
    assert not (Path(live.root) / shadow.FOLDER).exists()
    assert swap.undo(live, MEANS, who="ada", why=None).equal
    assert everything(live) == before


def test_there_is_one_shadow_at_a_time_and_the_same_again_goes_on_with_it(live, built, mapping) -> None:
    begun = built

    assert shadow.begin(live, mapping(0.5), HOURS, specs="new", who="bob") == begun
    with pytest.raises(RuntimeError, match="swap it in or drop it first"):
        shadow.begin(live, mapping(2), HOURS, specs="newer", who="ada")


def test_what_is_not_complete_is_not_swapped_and_what_was_not_swapped_is_not_undone(live, mapping) -> None:
    begun = shadow.begin(live, mapping(0.5), HOURS, specs="new", who="ada")

    with pytest.raises(RuntimeError, match="lacks 3 of 3 hours"):
        swap.swap(live, begun, MEANS, who="ada", why=None)
    with pytest.raises(RuntimeError, match="nothing to undo"):
        swap.undo(live, MEANS, who="ada", why=None)
    shadow.drop(live)
    with pytest.raises(ValueError, match="none of these hours"):
        shadow.begin(live, mapping(0.5), ["2026-03-02-03"], specs="new", who="ada")


def dying(monkeypatch: pytest.MonkeyPatch, point: str, time: int) -> None:
    """Dies at the point for the n-th time."""
    seen = []

    def reach(name: str) -> None:
        seen.append(name)
        if seen.count(f"silver.{point}") == time:
            raise Killed

    for module in (promote, shadow, swap):
        monkeypatch.setattr(module, "reach", reach)


@pytest.mark.parametrize(
    ("point", "time"),
    [("shadow.begun", 1), ("after_plan", 1), ("after_quarantine", 2), ("shadow.after_group", 1)],
)
def test_a_build_killed_anywhere_goes_on_when_it_is_asked_again(
    live, prepared_shadow, mapping, everything, monkeypatch, point: str, time: int
) -> None:
    there = Lake(prepared_shadow)
    undisturbed = shadow.lake_of(there, shadow.required(there))
    with monkeypatch.context() as patched:
        dying(patched, point, time)
        with pytest.raises(Killed):
            build(live, mapping(0.5))

    resumed = shadow.lake_of(live, build(live, mapping(0.5)))

    assert everything(resumed) == everything(undisturbed)
    assert audit(resumed).balanced


@pytest.mark.parametrize(("point", "time"), [("swap.in_force", 1), ("after_duplicates", 2), ("swap.after_group", 1)])
def test_a_swap_and_its_undoing_killed_anywhere_end_when_they_are_asked_again(
    live, built, everything, monkeypatch, point: str, time: int
) -> None:
    before, begun = everything(live), built
    with monkeypatch.context() as patched:
        dying(patched, point, time)
        with pytest.raises(Killed):
            swap.swap(live, begun, MEANS, who="ada", why=None)
    assert audit(live).balanced
    assert swap.swap(live, begun, MEANS, who="ada", why=None).equal
    assert everything(live) == everything(shadow.lake_of(live, begun))

    with monkeypatch.context() as patched:
        dying(patched, point.replace("swap.in", "undo.in"), time)
        with pytest.raises(Killed):
            swap.undo(live, MEANS, who="ada", why=None)
    assert audit(live).balanced
    assert swap.undo(live, MEANS, who="ada", why=None).equal
    assert everything(live) == before
    assert audit(live).balanced
    assert [act.how for act in in_force.acts(live)] == ["deployed", "swapped", "undone"]


def test_a_drop_killed_half_way_leaves_no_shadow_and_is_ended_by_the_next(live, built, monkeypatch) -> None:
    with monkeypatch.context() as patched:
        dying(patched, "shadow.dropped", 1)
        with pytest.raises(Killed):
            shadow.drop(live)

    assert shadow.current(live) is None
    shadow.drop(live)
    assert not (Path(live.root) / shadow.FOLDER).exists()


# -- what is in force ----------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[float], Path]:
    """A folder of specs with one mapping of the given scale."""
    path = tmp_path / "specs"
    path.mkdir()

    def write(scale: float) -> Path:
        (path / "thermo.yaml").write_text(
            "id: thermo\nversion: 1\ndescription: One reading.\nmatch: {content_type: [application/json]}\n"
            "decode: {format: json}\ndevice: {path: d, source: x}\ntime: {path: t}\n"
            f"readings: [{{metric: air_temperature, path: v, unit: degC, scale: {scale}}}]\n"
        )
        return path

    return write


def test_what_was_swapped_in_stays_in_force_until_the_folder_says_something_new(live, built, folder, mapping) -> None:
    assert in_force.in_force(live, folder(1)).digest == mapping(1).digest
    swap.swap(live, built, MEANS, who="ada", why=None)

    assert in_force.in_force(live, folder(1)).digest == mapping(0.5).digest
    assert in_force.in_force(live, folder(0.25)).digest == mapping(0.25).digest
    assert [act.how for act in in_force.acts(live)] == ["deployed", "swapped", "deployed"]
    with pytest.raises(RuntimeError, match="is in force since act 3"):
        swap.undo(live, MEANS, who="ada", why=None)


def test_a_folder_that_says_what_was_swapped_in_is_a_deployment_that_changes_nothing(
    live, built, folder, mapping
) -> None:
    swap.swap(live, built, MEANS, who="ada", why=None)

    assert in_force.in_force(live, folder(0.5)).digest == mapping(0.5).digest
    assert in_force.in_force(live, folder(0.5)).digest == mapping(0.5).digest
    assert live.rows(SPECS_IN_FORCE).num_rows == 3


def test_processes_that_deploy_at_once_record_it_once(lake, mapping) -> None:
    with ThreadPoolExecutor(4) as pool:
        acts = list(pool.map(lambda _: in_force.deploy(lake, mapping(1)), range(4)))

    assert {(act.act, act.digest) for act in acts} == {(1, mapping(1).digest)}
    assert lake.rows(SPECS_IN_FORCE).num_rows == 1
