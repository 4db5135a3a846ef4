"""`lakehouse quarantine …`: what was rejected, why, and what is done about it."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from orchestration.cli.show import JSON, emit, legible, people, printable, progress, quiet, results, table

if TYPE_CHECKING:
    from assets.silver.replay import Plan, Result

app = typer.Typer(no_args_is_help=True)

_SHOWN = (
    *("index", "status", "mapping_id", "mapping_version", "rules_version", "device_id", "metric", "channel"),
    *("recorded_at", "field", "value", "first_seen", "digest", "silver_batch", "who", "why", "decided_at"),
)

Reason = Annotated[str | None, typer.Option(help="Only this reason code.")]
OfMapping = Annotated[str | None, typer.Option("--mapping", help="Only this mapping.")]
Device = Annotated[str | None, typer.Option(help="Only this device, `<source>:<native id>`.")]
Since = Annotated[str | None, typer.Option(help="Only events enqueued from then on, e.g. 2026-03-01T14:00 (UTC).")]
Until = Annotated[str | None, typer.Option(help="Only events enqueued before then.")]
Hours = Annotated[list[str] | None, typer.Option("--hour", help="Only this enqueued hour, e.g. 2026-03-01-14; repeat.")]
Json = Annotated[bool, JSON]
Why = Annotated[str, typer.Option(help="Kept with each row.")]
Who = Annotated[str | None, typer.Option(help="Who decides; default: the user of this terminal.")]


@app.command("summary")
def summary(
    mapping: OfMapping = None,
    reason: Reason = None,
    device: Device = None,
    since: Since = None,
    until: Until = None,
    json_: Json = False,
) -> None:
    """Rejected rows per mapping and reason."""
    from assets.silver.quarantined import Selection, summarised
    from lake.store import Lake
    from quality.contracts.reasons import CODES
    from settings.load import load

    wanted = {"mapping": mapping, "reason": reason, "device": device, "since": since, "until": until}
    rows = summarised(Lake.of(load()), Selection.said(**wanted, hours=()))
    if json_:
        emit(rows)
        return
    if not rows:
        _say_empty(wanted)
        return
    table(
        "Quarantine",
        ("mapping", "version", "reason", "rows", "open", "dismissed", "events", "first", "last", "what to do"),
        [
            (
                row["mapping_id"] or "-",
                "" if row["mapping_version"] is None else str(row["mapping_version"]),
                *(row[name] for name in ("reason", "rows", "open", "dismissed", "events")),
                f"{row['first']:%Y-%m-%d %H:%M}",
                f"{row['last']:%Y-%m-%d %H:%M}",
                CODES[row["reason"]].do,
            )
            for row in rows
        ],
    )
    people.print("After a fix, recompute what holds them: lakehouse quarantine replay --mapping MAPPING")
    people.print("One event, with its bytes: lakehouse quarantine show EVENT (named by: lakehouse quarantine list)")


@app.command("list")
def list_(
    reason: Reason = None,
    mapping: OfMapping = None,
    device: Device = None,
    since: Since = None,
    until: Until = None,
    status: Annotated[str, typer.Option(help="open, dismissed, replayed, or all that is in quarantine now.")] = "all",
    limit: Annotated[int, typer.Option(min=1, help="Newest rows first, at most this many.")] = 20,
    json_: Json = False,
) -> None:
    """Rejected rows, newest first."""
    from assets.silver.quarantined import STATUSES, Selection
    from orchestration.rejected import listed
    from settings.load import load

    if status not in {*STATUSES, "all"}:
        raise ValueError(f"no status {status!r}; there are {', '.join(STATUSES)} and all")
    wanted = {"mapping": mapping, "reason": reason, "device": device, "since": since, "until": until}
    selection = Selection.said(**wanted, hours=())
    rows = listed(load(), selection, status=None if status == "all" else status, limit=limit)
    if json_:
        emit(rows)
        return
    if not rows:
        _say_empty(wanted | ({} if status == "all" else {"status": status}))
        return
    names = ("event", "enqueued", "status", "reason", "field", "value", "message")
    table("Quarantine", names, [_line(row) for row in rows])


@app.command("show")
def show(
    event: Annotated[str, typer.Argument(help="hub/partition/epoch/sequence, as `list` prints it")],
    json_: Json = False,
) -> None:
    """All about one rejected event: every reason, its bytes, the line of the spec, and where to go on."""
    from orchestration.rejected import of_event, replays_of
    from quality.contracts.reasons import CODES
    from settings.load import load

    settings = load()
    rows, back = of_event(settings, event), replays_of(settings, event)
    if not rows and not back:
        raise ValueError(f"{event} has no row in quarantine; follow it with: lakehouse trace {event}")
    if json_:
        emit(
            [row | {"spec": row["spec"] and asdict(row["spec"])} for row in rows]
            + [{"event": event, **r} for r in back]
        )
        return
    for row in rows:
        reason = CODES[row["reason"]]
        results.print(Text.assemble((reason.code, "bold"), f": {printable(row['message'])}"))
        results.print(Text(f"  {reason.says} {reason.do}"))
        if (spec := row["spec"]) is not None:
            other = "" if spec.version == row["mapping_version"] else f" (now version {spec.version})"
            results.print(Text(f"  decided by {spec.file} line {spec.line}{other}: {printable(spec.text)}"))
        for name in _SHOWN:
            if row[name] not in {None, ""}:
                results.print(Text(f"  {name}: {printable(str(row[name]))}"))
    for row in back:
        taken = f"was taken back by Silver batch {row['replayed_in']} and became {row['became']}"
        results.print(
            Text.assemble((row["reason"], "bold"), f" (index {row['index']}) {taken}: {printable(row['message'])}")
        )
    if rows:
        body: bytes = rows[0]["body"]
        results.print(Text(f"body, {len(body):,} bytes:"))
        results.print(Text(legible(body)))
    people.print(f"Every stop of the event: lakehouse trace {event}", markup=False)


@app.command("replay")
def replay(
    mapping: OfMapping = None,
    reason: Reason = None,
    device: Device = None,
    since: Since = None,
    until: Until = None,
    hour: Hours = None,
    all_hours: Annotated[
        bool, typer.Option("--all-hours", help="Also hours without open rows: mends what was wrongly accepted.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Also hours that these very specs have made.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    json_: Json = False,
) -> None:
    """Recompute the hours that hold matching open rows, with the specs in force now.

    A replay that was stopped goes on when it is asked for again.
    """
    from assets.silver import replay as replaying
    from assets.silver.in_force import in_force
    from assets.silver.promote import Promoter
    from assets.silver.quarantined import Selection
    from assets.silver.snapshot import snapshot
    from lake.store import Lake
    from settings.load import load

    quiet()
    settings = load()
    lake = Lake.of(settings)
    wanted = {"mapping": mapping, "reason": reason, "device": device, "since": since, "until": until}
    selection = Selection.said(**wanted, hours=hour or ())
    if snapshot(lake) is None:
        raise RuntimeError(f"the lake at {lake.root} holds no Silver yet: lakehouse materialize")
    made_with = in_force(lake, settings.specs, record=not dry_run)
    promoter = Promoter(lake, made_with, settings.silver, spill=settings.spill)
    planned = replaying.plan(promoter, selection, all_hours=all_hours, force=force)
    if not json_:
        _show_plan(planned, wanted)
    result = replaying.Result(open_before=planned.rows, open_after=planned.rows)
    if planned.groups and not dry_run:
        with progress("hours recomputed") as told:
            result = replaying.run(promoter, selection, planned, told)
    if json_:
        emit({"plan": asdict(planned) | {"hours": planned.hours}, "result": None if dry_run else _result(result)})
    elif planned.groups and not dry_run:
        _show_result(result)


@app.command("dismiss")
def dismiss(
    why: Why,
    who: Who = None,
    event: Annotated[str | None, typer.Option(help="Only this event: hub/partition/epoch/sequence.")] = None,
    mapping: OfMapping = None,
    reason: Reason = None,
    device: Device = None,
    since: Since = None,
    until: Until = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Open dismissed rows again.")] = False,
    json_: Json = False,
) -> None:
    """Say that nothing is to be done about matching open rows. They stay in quarantine, with who and why."""
    from dataclasses import replace

    from assets.silver import decisions
    from assets.silver.quarantined import Selection
    from lake.store import Lake
    from orchestration.trace import is_event
    from settings.load import load

    quiet()
    wanted = {"mapping": mapping, "reason": reason, "device": device, "since": since, "until": until}
    if not any([*wanted.values(), event]):
        raise ValueError("say which rows: --event, --mapping, --reason, --device, --since or --until")
    selection = Selection.said(**wanted, hours=())
    if event is not None:
        selection = replace(selection, event=is_event(event))
    name = who or getpass.getuser()
    rows = (decisions.withdraw if withdraw else decisions.dismiss)(Lake.of(load()), selection, why=why, who=name)
    if json_:
        emit({"rows": rows, "status": "open" if withdraw else "dismissed", "who": name, "why": why})
    elif rows:
        done = "are open again" if withdraw else "are dismissed; they stay in quarantine and in the ledger"
        people.print(f"{rows:,} rows {done} ({name}: {why})", markup=False)
    else:
        _say_empty(wanted | {"event": event, "status": "dismissed" if withdraw else "open"})


def _line(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """A row in quarantine, or one that was taken back: that has no field or value any more."""
    return (
        row["event"],
        f"{row['enqueued_at']:%Y-%m-%d %H:%M:%S}",
        row["status"],
        row["reason"],
        row.get("field") or "",
        row.get("value") or "",
        row["message"],
    )


def _show_plan(planned: Plan, wanted: Mapping[str, str | None]) -> None:
    if planned.hours:
        span = f"{planned.hours[0]} to {planned.hours[-1]}" if len(planned.hours) > 1 else planned.hours[0]
        people.print(
            f"{planned.rows:,} open rows match. {len(planned.hours):,} hours ({span}) are recomputed with digest "
            f"{planned.digest}, in {len(planned.groups):,} groups."
        )
    elif planned.same:
        people.print(f"{planned.rows:,} open rows match, but nothing would change: correct the spec first.")
    else:
        _say_empty(dict(wanted) | {"status": "open"})
    if planned.same:
        people.print(f"{len(planned.same):,} hours were made with digest {planned.digest} and would come out the same.")


def _show_result(result: Result) -> None:
    rows: Sequence[tuple[str, int]] = [
        ("open before", result.open_before),
        *((f"taken back, now {name}", count) for name, count in result.became.items()),
        ("newly rejected", result.newly_rejected),
        ("open after", result.open_after),
    ]
    table("Rows of quarantine", ("what", "rows"), rows)
    people.print(
        f"{len(result.hours):,} hours were written in {len(result.batches):,} batches. Gold and warm follow by "
        "themselves, or now: lakehouse materialize"
    )


def _result(result: Result) -> dict[str, Any]:
    return {
        "open_before": result.open_before,
        "taken_back": result.taken_back,
        "became": dict(result.became),
        "newly_rejected": result.newly_rejected,
        "open_after": result.open_after,
        "hours": result.hours,
        "batches": [batch.batch for batch in result.batches],
    }


def _say_empty(wanted: Mapping[str, str | None]) -> None:
    which = ", ".join(f"{name} {value}" for name, value in wanted.items() if value is not None)
    people.print(f"Nothing is in quarantine{f' with {which}' if which else ''}.", markup=False)
