"""A shadow: Silver of some hours as other specs would have it, in tables of its own beside the live ones.

Belongs here: the shadow's tables, laid over those of the live Silver as it was when the shadow was begun, and building
them. `Promoter` runs on a shadow as it does on the lake, with the same contracts, plans and fences; only where the
tables lie differs. Hours the shadow has not rewritten show the live rows of that moment, so keys that reach across
hours are settled as a replacement of the live hours would settle them.
Does not: comparing (`shadow_compare`), or taking over (`swap`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.silver import batches, digests
from assets.silver.batches import APP_ID, Batch
from assets.silver.promote import Promoter
from assets.silver.replay import groups, sizes
from assets.silver.snapshot import Snapshot, snapshot
from canonical.canonicaliser import Canonicaliser
from lake.fence import once
from lake.files import delete_folder, delete_small, read_small, write_small
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import BATCHES, DUPLICATES, QUARANTINE, READINGS
from settings.clock import now
from settings.failpoints import reach
from settings.model import Silver

FOLDER = "silver_shadow"
_CARD = f"{FOLDER}/shadow.json"
_LAID_OVER = (READINGS, QUARANTINE, DUPLICATES)
_SEED = 1
"""The shadow's first batch: it holds nothing and stands for all that the live Silver held."""
_NOTHING = Snapshot(0, 0, 0, 0)

Told = Callable[[int, int], None]
"""Called after each group with the hours done and the hours there are."""


@dataclass(frozen=True, kw_only=True)
class Shadow:
    """What a shadow was begun for. There is one at a time; its tables lie in `silver_shadow/<name>/`."""

    name: str
    digest: str
    specs: str
    """The folder the specs came from, as it was named."""
    hours: tuple[str, ...]
    """Enqueued hours to build; others follow where their rows depend on these."""
    base: Snapshot
    """The live Silver it is laid over."""
    begun_at: datetime
    who: str


@dataclass(frozen=True)
class ShadowLake(Lake):
    """The lake as it would be: Bronze is the live one, Silver the shadow laid over the live one of `base`."""

    name: str = ""
    base: Snapshot = _NOTHING

    def uri(self, table: Table) -> str:
        """Where a table lies: every table of Silver has a twin of the shadow's own."""
        return f"{self.root}/{FOLDER}/{self.name}/{table.name}" if table.layer == "silver" else super().uri(table)

    def dataset(self, table: Table, version: int | None = None) -> ds.Dataset:
        """The shadow's rows at `version`, and the live ones of the hours that version has not rewritten."""
        own = self.open(table, version)
        mine = own.to_pyarrow_dataset()
        if table not in _LAID_OVER:
            return mine
        theirs = Lake(self.root, self.options).dataset(table, getattr(self.base, table.name))
        rewritten = self.rewritten(batches.held(own))
        kept = [
            fragment
            for fragment in theirs.get_fragments()
            if ds.get_partition_keys(fragment.partition_expression)["enqueued_hour"] not in rewritten
        ]
        below = ds.FileSystemDataset(kept, theirs.schema, theirs.format, theirs.filesystem)
        return ds.UnionDataset(mine.schema, [mine, below])

    def rewritten(self, upto: int) -> set[str]:
        """Hours that the shadow's batches up to `upto` hold."""
        log = self.rows(BATCHES, columns=["batch", "hours"], where=pc.field("batch") > _SEED).to_pylist()
        return {hour for row in log if row["batch"] <= upto for hour in row["hours"]}


def current(lake: Lake) -> Shadow | None:
    """The shadow there is; None where there is none."""
    card = read_small(lake, _CARD)
    if card is None:
        return None
    said = json.loads(card)
    return Shadow(
        **said
        | {
            "hours": tuple(said["hours"]),
            "base": Snapshot(**said["base"]),
            "begun_at": datetime.fromisoformat(said["begun_at"]),
        }
    )


def required(lake: Lake) -> Shadow:
    """The shadow there is. Raises: RuntimeError."""
    found = current(lake)
    if found is None:
        raise RuntimeError("there is no shadow: lakehouse shadow build --specs FOLDER")
    return found


def lake_of(lake: Lake, shadow: Shadow) -> ShadowLake:
    """The lake as the shadow has it."""
    return ShadowLake(lake.root, lake.options, shadow.name, shadow.base)


def missing(lake: Lake, shadow: Shadow) -> list[str]:
    """Hours that the shadow does not hold yet."""
    laid_over = lake_of(lake, shadow)
    state = snapshot(laid_over)
    return sorted(set(shadow.hours) - (laid_over.rewritten(state.batch) if state else set()))


def begin(lake: Lake, made_with: Canonicaliser, hours: Sequence[str], *, specs: Path | str, who: str) -> Shadow:
    """Say what is to be built; the same again gives the shadow there is, so that a killed build goes on.

    Raises: RuntimeError where there is another shadow; ValueError where Silver has none of the hours.
    """
    state = snapshot(lake)
    touched = batches.hours_touched(lake, state.batch) if state else {}
    wanted = tuple(sorted(set(hours) & set(touched)))
    there = current(lake)
    if there is not None and (there.digest, there.hours) == (made_with.digest, wanted):
        return there
    if there is not None:
        raise RuntimeError(
            f"there is a shadow of {len(there.hours)} hours with digest {there.digest} (specs of {there.specs}): "
            "swap it in or drop it first (lakehouse shadow compare | swap | drop)"
        )
    if state is None or not wanted:
        raise ValueError("Silver holds none of these hours: nothing would be built")
    digests.keep(lake, made_with)
    shadow = Shadow(
        name=uuid.uuid4().hex[:8],
        digest=made_with.digest,
        specs=str(specs),
        hours=wanted,
        base=state,
        begun_at=now(),
        who=who,
    )
    card = asdict(shadow) | {"begun_at": shadow.begun_at.isoformat()}
    write_small(lake, _CARD, json.dumps(card, indent=1).encode())
    reach("silver.shadow.begun")
    return shadow


def build(
    lake: Lake, shadow: Shadow, settings: Silver, spill: Path | None = None, told: Told = lambda _done, _total: None
) -> list[Batch]:
    """Compute what is missing, in groups of bounded size, oldest first; the batches are numbered by the shadow."""
    laid_over = lake_of(lake, shadow)
    _seed(lake, laid_over)
    promoter = Promoter(laid_over, digests.fetch(lake, shadow.digest), settings, spill=spill)
    promoter.finish()
    waiting = missing(lake, shadow)
    done: list[Batch] = []
    for group in groups(sizes(lake, waiting), settings.batch_events):
        written = {hour for batch in done for hour in batch.hours}
        if (left := [hour for hour in group if hour not in written]) and (batch := promoter.replace(left)):
            done.append(batch)
        reach("silver.shadow.after_group")
        told(len(shadow.hours) - len(missing(lake, shadow)), len(shadow.hours))
    return done


def drop(lake: Lake) -> bool:
    """Remove the shadow and whatever a killed build or drop left; says whether there was one."""
    there = read_small(lake, _CARD) is not None
    delete_small(lake, _CARD)  # first: tables of which something is gone already must not pass for a shadow
    reach("silver.shadow.dropped")
    delete_folder(lake, FOLDER)
    return there


def _seed(lake: Lake, laid_over: ShadowLake) -> None:
    """The shadow's first batch; each commit happens once, so whoever was killed does it again."""
    if batches.held(laid_over.open(BATCHES)):
        return
    base = batches.numbered(lake.open(BATCHES), laid_over.base.batch)
    for table in _LAID_OVER:
        once(laid_over, table, APP_ID, _SEED, arrow_schema(table).empty_table)
    seed = replace(
        base,
        batch=_SEED,
        hours=tuple(sorted(batches.hours_touched(lake, base.batch))),
        event_dates=(),
        readings_version=laid_over.base.readings,
        quarantine_version=laid_over.base.quarantine,
        duplicates_version=laid_over.base.duplicates,
    )
    batches.append(laid_over.open(BATCHES), seed, None)
