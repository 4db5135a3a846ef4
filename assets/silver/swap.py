"""A shadow takes over from the live Silver, and gives back again (ADR 15).

Belongs here: the order of the two steps, both of which a killed process may be asked to end: the shadow's content is
put in force, then the hours are replaced with it. Replacing is the one operation that keeps Silver's promises, so the
shadow's tables are not moved in; that the live rows have become the shadow's is verified.
Does not: which content is in force (`in_force`), or recomputing (`promote`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assets.silver import batches, digests
from assets.silver.batches import Batch
from assets.silver.in_force import SWAPPED, UNDONE, Act, acts, put_in_force
from assets.silver.promote import Promoter
from assets.silver.replay import groups, sizes
from assets.silver.shadow import Shadow, lake_of, missing
from assets.silver.shadow_compare import Side, different_rows
from assets.silver.snapshot import snapshot
from lake.store import Lake
from settings.failpoints import reach
from settings.model import Silver

_ROUNDS = 3
"""Hours of two digests may take each other along once; more often than this a person decides."""

Told = Callable[[int, int], None]
"""Called after each group with the hours done and the hours there are."""


@dataclass(frozen=True, kw_only=True)
class Swapped:
    """What came of a swap or its undoing."""

    act: Act
    batches: tuple[Batch, ...]
    different: Mapping[str, int] = field(default_factory=dict)
    """Rows per table that only one of live Silver and shadow has, in the hours of the shadow; all 0 where equal."""
    batches_since: int = 0
    """Batches between the shadow's base and the swap: they may be why rows differ."""
    digests_differ: tuple[str, ...] = ()
    """After an undoing: hours that do not have the digest they had."""

    @property
    def equal(self) -> bool:
        """Whether the live rows are what they should be."""
        return not any(self.different.values()) and not self.digests_differ


@dataclass(frozen=True)
class Means:
    """What recomputing takes, and who is told how far it is."""

    settings: Silver
    spill: Path | None = None
    told: Told = lambda _done, _total: None


def swap(lake: Lake, shadow: Shadow, means: Means, *, who: str, why: str | None) -> Swapped:
    """Put the shadow's content in force and replace its hours with it; asked again, it goes on where it was.

    Raises: RuntimeError while the shadow is not complete.
    """
    if left := missing(lake, shadow):
        raise RuntimeError(
            f"the shadow lacks {len(left)} of {len(shadow.hours)} hours: lakehouse shadow build goes on with it"
        )
    laid_over = lake_of(lake, shadow)
    state = snapshot(laid_over)
    assert state is not None, "a complete shadow has batches"
    hours = sorted(laid_over.rewritten(state.batch))
    act = put_in_force(lake, digests.fetch(lake, shadow.digest).content, SWAPPED, hours=hours, who=who, why=why)
    reach("silver.swap.in_force")
    done = _made_with(lake, dict.fromkeys(hours, shadow.digest), means)
    live = snapshot(lake)
    assert live is not None, "Silver was there when the shadow was begun"
    return Swapped(
        act=act,
        batches=tuple(done),
        different=different_rows(Side(lake, live), Side(laid_over, state), hours),
        batches_since=act.after_batch - shadow.base.batch,
    )


def undo(lake: Lake, means: Means, *, who: str, why: str | None) -> Swapped:
    """Put back in force what was before the last swap, and give every hour made since the digest it had.

    Raises: RuntimeError where there is nothing to undo.
    """
    known = acts(lake)
    swapped = next((act for act in reversed(known) if act.how == SWAPPED), None)
    if swapped is None or swapped.previous is None:
        raise RuntimeError("no swap is on record: there is nothing to undo")
    state = snapshot(lake)
    had = batches.hour_digests(lake, swapped.after_batch)
    now_have = batches.hour_digests(lake, state.batch) if state else {}
    # Hours that came to be after the swap, too: they were made with what it had put in force.
    wanted = {
        hour: had.get(hour, swapped.previous)
        for hour, digest in now_have.items()
        if digest == swapped.digest and had.get(hour, swapped.previous) != digest
    }
    last = known[-1]
    going_on = last.how == UNDONE and last.previous == swapped.digest
    if going_on and not wanted:
        raise RuntimeError(
            f"the last swap was undone by {last.who} on {last.acted_at:%Y-%m-%d %H:%M} UTC (act {last.act})"
        )
    if not going_on and last.digest != swapped.digest:
        raise RuntimeError(
            f"digest {last.digest} is in force since act {last.act} ({last.how}), after the swap of {swapped.digest}: "
            "recompute the hours with it (lakehouse quarantine replay --all-hours), or swap in a shadow of others"
        )
    content = digests.fetch(lake, swapped.previous).content
    act = last if going_on else put_in_force(lake, content, UNDONE, hours=sorted(wanted), who=who, why=why)
    reach("silver.undo.in_force")
    done: list[Batch] = []
    other = dict(wanted)
    for _ in range(_ROUNDS):
        done += _made_with(lake, other, means)
        ended = snapshot(lake)
        after = batches.hour_digests(lake, ended.batch) if ended else {}
        other = {hour: digest for hour, digest in wanted.items() if after.get(hour) != digest}
        if not other:
            break
    return Swapped(act=act, batches=tuple(done), digests_differ=tuple(sorted(other)))


def _made_with(lake: Lake, wanted: Mapping[str, str], means: Means) -> list[Batch]:
    """Replace every hour that was not made with the digest wanted for it, digest by digest, in bounded groups."""
    done: list[Batch] = []
    for digest in dict.fromkeys(digest for _, digest in sorted(wanted.items())):
        promoter = Promoter(lake, digests.fetch(lake, digest), means.settings, spill=means.spill)
        promoter.finish()
        state = snapshot(lake)
        have = batches.hour_digests(lake, state.batch) if state else {}
        waiting = [hour for hour, one in wanted.items() if one == digest and have.get(hour) != digest]
        for group in groups(sizes(lake, waiting), means.settings.batch_events):
            written = {hour for batch in done if batch.digest == digest for hour in batch.hours}
            if (left := [hour for hour in group if hour not in written]) and (batch := promoter.replace(left)):
                done.append(batch)
            reach("silver.swap.after_group")
            means.told(sum(len(batch.hours) for batch in done), len(wanted))
    return done
