"""`lakehouse shadow …`: Silver under other specs beside the live one, compared, swapped in, undone or dropped."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from orchestration.cli.show import JSON, emit, people, progress, quiet, results, table, verdict

if TYPE_CHECKING:
    from assets.silver.shadow_compare import Comparison
    from assets.silver.swap import Means, Swapped
    from canonical.canonicaliser import Canonicaliser
    from lake.store import Lake
    from settings.model import Settings

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, JSON]
Why = Annotated[str | None, typer.Option(help="Kept with the act.")]
Who = Annotated[str | None, typer.Option(help="Who acts; default: the user of this terminal.")]


@app.command("build")
def build(
    specs: Annotated[Path, typer.Option(help="Folder of the mapping specs to try.")],
    start: Annotated[
        str, typer.Option("--from", help="First enqueued time, e.g. 2026-03-01 or 2026-03-01T14:00 (UTC).")
    ],
    end: Annotated[str | None, typer.Option("--to", help="End of the enqueued times, not included.")] = None,
    over: Annotated[
        bool,
        typer.Option("--over", help="The folder's specs replace those of the same id; the others stay as they are."),
    ] = False,
    json_: Json = False,
) -> None:
    """Build Silver of these hours with other specs, beside the live one. A build that was stopped goes on."""
    from assets.silver import batches, shadow
    from assets.silver.quarantined import Selection
    from assets.silver.snapshot import snapshot
    from lake.store import Lake
    from settings.load import load

    quiet()
    settings = load()
    lake = Lake.of(settings)
    made_with = _made_with(settings, specs, over=over)
    state = snapshot(lake)
    range_ = Selection.said(since=start, until=end)
    hours = [h for h in (batches.hours_touched(lake, state.batch) if state else {}) if range_.covers(h)]
    begun = shadow.begin(lake, made_with, hours, specs=specs, who=getpass.getuser())
    if not json_:
        people.print(
            f"{len(begun.hours):,} hours, {begun.hours[0]} to {begun.hours[-1]}, with digest {begun.digest}; the live "
            f"Silver is that of batch {begun.base.batch}."
        )
    with progress("hours of the shadow") as told:
        done = shadow.build(lake, begun, settings.silver, settings.spill, told)
    if json_:
        emit(_card(lake) | {"batches": len(done)})
    else:
        people.print("Built. What it would change: lakehouse shadow compare")


@app.command("show")
def show(json_: Json = False) -> None:
    """The shadow there is, and which specs were put in force."""
    from assets.silver.in_force import acts
    from lake.store import Lake
    from settings.load import load

    lake = Lake.of(load())
    found, log = _card(lake), acts(lake)
    if json_:
        emit({"shadow": found or None, "acts": [asdict(act) for act in log]})
        return
    if found:
        table("Shadow", ("what", "value"), [(name, str(value)) for name, value in found.items()])
    else:
        people.print("There is no shadow: lakehouse shadow build --specs FOLDER --from TIME")
    table(
        "Specs in force, the last act counts",
        ("act", "at", "how", "digest", "before", "hours", "who", "why"),
        [
            (str(a.act), f"{a.acted_at:%Y-%m-%d %H:%M}", a.how, a.digest, a.previous, len(a.hours), a.who, a.why)
            for a in log
        ],
    )


@app.command("compare")
def compare(
    rows: Annotated[int, typer.Option(min=0, help="Rows to show of each table.")] = 10,
    json_: Json = False,
) -> None:
    """What the shadow has other than the live Silver it was laid over: in sum, and row by row."""
    from assets.silver import shadow
    from assets.silver.shadow_compare import Side
    from assets.silver.shadow_compare import compare as compared
    from assets.silver.snapshot import snapshot
    from lake.store import Lake
    from settings.load import load

    lake = Lake.of(load())
    there = shadow.required(lake)
    laid_over = shadow.lake_of(lake, there)
    state = snapshot(laid_over)
    if state is None:
        raise RuntimeError("the shadow is not built yet: lakehouse shadow build goes on with it")
    hours = sorted(laid_over.rewritten(state.batch))
    found = compared(Side(lake, there.base), Side(laid_over, state), hours, rows=rows)
    left = shadow.missing(lake, there)
    if json_:
        emit(asdict(found) | {"differs": found.differs, "missing_hours": left})
        return
    _show_comparison(found)
    if left:
        people.print(f"{len(left):,} hours are not built yet: lakehouse shadow build goes on with them")


@app.command("swap")
def swap(why: Why = None, who: Who = None, json_: Json = False) -> None:
    """Put the shadow's specs in force and make the live rows those of the shadow; exit code 1 where they are not."""
    from assets.silver import shadow
    from assets.silver.swap import swap as take_over
    from lake.store import Lake
    from settings.load import load

    quiet()
    settings = load()
    lake = Lake.of(settings)
    with progress("hours swapped") as told:
        done = take_over(lake, shadow.required(lake), _means(settings, told), who=who or getpass.getuser(), why=why)
    _tell(done, json_=json_)
    if not done.equal and not done.batches_since:
        raise typer.Exit(1)


@app.command("undo")
def undo(why: Why = None, who: Who = None, json_: Json = False) -> None:
    """Take the last swap back: the specs before it are in force again, and its hours are what they were."""
    from assets.silver.swap import undo as take_back
    from lake.store import Lake
    from settings.load import load

    quiet()
    settings = load()
    with progress("hours restored") as told:
        done = take_back(Lake.of(settings), _means(settings, told), who=who or getpass.getuser(), why=why)
    _tell(done, json_=json_)
    if not done.equal:
        raise typer.Exit(1)


@app.command("drop")
def drop(json_: Json = False) -> None:
    """Remove the shadow's tables; live Silver and what is in force stay as they are."""
    from assets.silver.shadow import drop as remove
    from lake.store import Lake
    from settings.load import load

    removed = remove(Lake.of(load()))
    if json_:
        emit({"dropped": removed})
    else:
        people.print("The shadow is gone." if removed else "There was no shadow.")


def _made_with(settings: Settings, specs: Path, *, over: bool) -> Canonicaliser:
    from canonical.canonicaliser import Canonicaliser
    from canonical.specs import load_specs

    wanted = {spec.id: spec for spec in load_specs(specs)}
    deployed = {spec.id: spec for spec in load_specs(settings.specs)} if over else {}
    return Canonicaliser.of(list((deployed | wanted).values()))


def _means(settings: Settings, told: Any) -> Means:
    from assets.silver.swap import Means

    return Means(settings.silver, settings.spill, told)


def _card(lake: Lake) -> dict[str, Any]:
    from assets.silver import shadow

    there = shadow.current(lake)
    if there is None:
        return {}
    left = shadow.missing(lake, there)
    return {
        "digest": there.digest,
        "specs": there.specs,
        "first_hour": there.hours[0],
        "last_hour": there.hours[-1],
        "hours": len(there.hours),
        "missing_hours": len(left),
        "laid_over_batch": there.base.batch,
        "begun_at": there.begun_at,
        "who": there.who,
    }


def _show_comparison(found: Comparison) -> None:
    counts = ("before", "after", "added", "removed", "changed")
    table(
        f"Live and shadow in {len(found.hours):,} hours, in rows",
        ("table", "mapping", "metric or reason", *counts, "mean before", "mean after"),
        [
            (
                line["table"],
                line["mapping_id"] or "-",
                line.get("metric") or line.get("reason") or "",
                *(line[name] for name in counts),
                line.get("mean_before"),
                line.get("mean_after"),
            )
            for line in found.sums
        ],
    )
    if found.rows:
        names = ("table", "event", "change", "metric or reason", "before", "after")
        lines = [
            (r["table"], r["event"], r["change"], r.get("metric") or r.get("reason"), r["before"], r["after"])
            for r in found.rows
        ]
        table("Rows that differ", names, lines)
    results.print(verdict(good=not found.differs, says=("nothing differs", "they differ")))


def _tell(done: Swapped, *, json_: bool) -> None:
    if json_:
        emit(
            {
                "act": asdict(done.act),
                "batches": [batch.batch for batch in done.batches],
                "equal": done.equal,
                "different_rows": dict(done.different),
                "batches_since": done.batches_since,
                "digests_differ": done.digests_differ,
            }
        )
        return
    again = " again" if done.act.how == "undone" else ""
    people.print(f"Act {done.act.act}: digest {done.act.digest} is in force{again} ({done.act.how} by {done.act.who}).")
    says = ("the live rows are what they should be", "the live rows differ from what they should be")
    results.print(verdict(good=done.equal, says=says))
    for name, rows in done.different.items():
        if rows:
            results.print(Text(f"  {name}: {rows:,} rows"))
    if done.batches_since and not done.equal:
        people.print(
            f"{done.batches_since:,} batches have come since the shadow was begun: what they brought may be the "
            "difference. A new shadow of the same specs shows whether it is."
        )
    people.print("Gold and warm follow by themselves, or now: lakehouse materialize")
