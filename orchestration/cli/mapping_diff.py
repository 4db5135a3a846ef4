"""`lakehouse mapping diff`: what another version of the mappings would change, before anyone deploys it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.show import JSON, number, people, progress, table

if TYPE_CHECKING:
    import pyarrow as pa

    from assets.silver.mapping_diff import Difference
    from canonical.canonicaliser import Canonicaliser
    from settings.model import Settings

_VERSION = "a spec file, a folder of specs, a digest, or `in-force`"


def diff(
    old: Annotated[str, typer.Argument(help=f"The version to compare with: {_VERSION}.")],
    new: Annotated[str, typer.Argument(help=f"The version to come: {_VERSION}.")],
    start: Annotated[
        str | None, typer.Option("--from", help="First enqueued time, such as 2026-03-01 or …T10:00.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="End of the enqueued times, not included; default: now.")
    ] = None,
    samples: Annotated[
        list[Path] | None, typer.Option(help="Compare over files of messages rather than over Bronze.")
    ] = None,
    rows: Annotated[int, typer.Option(min=0, help="Changed rows to show.")] = 20,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Decode a range of Bronze by two versions and show what differs, in sum and row by row. Nothing is written."""
    from assets.silver.mapping_diff import differences
    from settings.load import load

    settings = load()
    if (samples is None) == (start is None):
        raise ValueError("say over which events: --from (and --to) for a range of Bronze, or --samples FILE")
    before, after = _version(old, settings), _version(new, settings)
    events = _of_samples(samples, new) if samples else _of_bronze(settings, _instant(str(start)), end)
    with progress("events compared") as said:
        found = _counted(differences(events, before, after), said)
        totals = _json(found) if json_ else _summed(found, rows)
    if not json_:
        _show(totals, old, new)


def _version(name: str, settings: Settings) -> Canonicaliser:
    """The specs in force with one file put in its place, another folder of specs, or a digest of the lake's."""
    from assets.silver.digests import fetch
    from assets.silver.in_force import newest
    from canonical.canonicaliser import Canonicaliser
    from canonical.specs import load_spec, load_specs
    from lake.store import Lake

    path = Path(name)
    if name == "in-force":
        act = newest(Lake.of(settings))
        return fetch(Lake.of(settings), act.digest) if act else Canonicaliser.of(load_specs(settings.specs))
    if path.is_dir():
        return Canonicaliser.of(load_specs(path))
    if path.exists() or path.suffix in {".yaml", ".yml"}:
        spec = load_spec(path)
        return Canonicaliser.of([spec, *(other for other in load_specs(settings.specs) if other.id != spec.id)])
    if re.fullmatch(r"[0-9a-f]{16}", name):
        return fetch(Lake.of(settings), name)
    raise ValueError(f"{name!r} is neither {_VERSION}")


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; write 2026-03-01 or 2026-03-01T10:00 (UTC)") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _of_bronze(settings: Settings, start: datetime, end: str | None) -> Iterator[pa.Table]:
    from assets.silver.intake import chunks
    from assets.silver.mapping_diff import CHUNK_EVENTS, in_range
    from lake.store import Lake
    from quality.contracts.tables import BRONZE_TELEMETRY
    from settings.clock import now

    lake = Lake.of(settings)
    if not lake.exists(BRONZE_TELEMETRY):
        raise ValueError(f"the lake at {lake.root} holds no events yet; compare over --samples")
    until = _instant(end) if end else now() + timedelta(days=1)
    if until <= start:
        raise ValueError(f"--to {until.isoformat()} is not after --from {start.isoformat()}")
    return chunks(lake, in_range(start, until), CHUNK_EVENTS)


def _of_samples(files: Iterable[Path], new: str) -> Iterator[pa.Table]:
    """Sample messages as events that the new spec matches by its envelope."""
    from canonical.proposal.tried import events_of
    from canonical.specs import load_spec

    if not Path(new).is_file():
        raise ValueError(
            "with --samples the new version has to be a spec file: it says what envelope the messages have"
        )
    yield events_of(load_spec(Path(new)), [file.read_bytes() for file in files])


def _counted(found: Iterable[Difference], said: Any) -> Iterator[Difference]:
    done = 0
    for one in found:
        done += one.events
        said(done, None)
        yield one


class _Totals:
    """Sums over all chunks, and the first rows."""

    def __init__(self) -> None:
        self.events = self.changed = 0
        self.metrics: dict[tuple[str, str], dict[str, int]] = {}
        self.reasons: dict[tuple[str, str], dict[str, int]] = {}
        self.rows: list[dict[str, Any]] = []

    def add(self, one: Difference) -> None:
        self.events += one.events
        self.changed += one.rows.num_rows
        for sums, part, keys in (
            (self.metrics, one.metrics, ("mapping_id", "metric")),
            (self.reasons, one.reasons, ("mapping_id", "reason")),
        ):
            for row in part.to_pylist():
                entry = sums.setdefault((row.pop(keys[0]) or "", row.pop(keys[1])), dict.fromkeys(row, 0))
                for name, count in row.items():
                    entry[name] += count

    def listed(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "metrics": [{"mapping": m, "metric": n, **sums} for (m, n), sums in sorted(self.metrics.items())],
            "reasons": [{"mapping": m or None, "reason": n, **sums} for (m, n), sums in sorted(self.reasons.items())],
        }


def _summed(found: Iterable[Difference], rows: int) -> _Totals:
    totals = _Totals()
    for one in found:
        totals.add(one)
        totals.rows += one.rows.slice(0, max(0, rows - len(totals.rows))).to_pylist()
    return totals


def _json(found: Iterable[Difference]) -> _Totals:
    """One document, its rows written as they are found: there may be more than fit into memory."""
    totals = _Totals()
    sys.stdout.write('{"rows": [')
    between = "\n"
    for one in found:
        totals.add(one)
        for row in one.rows.to_pylist():
            sys.stdout.write(between + json.dumps(row, default=str))
            between = ",\n"
    sums = {"events": totals.events, "changed": totals.changed, **totals.listed()}
    sys.stdout.write("],\n" + json.dumps(sums, default=str, indent=2)[1:] + "\n")
    return totals


def _show(totals: _Totals, old: str, new: str) -> None:
    sums = totals.listed()
    table(
        f"Readings of {totals.events:,} events: {old} -> {new}",
        ("mapping", "metric", "before", "after", "changed", "added", "removed", "from rejects", "to rejects"),
        [
            [row[name] for name in ("mapping", "metric", "before", "after", "changed", "added", "removed")]
            + [row["accepted"], row["rejected"]]
            for row in sums["metrics"]
        ],
    )
    if sums["reasons"]:
        table("Rejects", ("mapping", "reason", "before", "after"),
              [(r["mapping"] or "-", r["reason"], r["before"], r["after"]) for r in sums["reasons"]])  # fmt: skip
    if not totals.changed:
        people.print("Nothing would change.")
        return
    table(
        f"Changed rows, {len(totals.rows):,} of {totals.changed:,}",
        ("event", "change", "metric", "channel", "before", "after"),
        [
            (
                "/".join(str(row[name]) for name in ("hub", "partition_id", "epoch", "sequence_number")),
                row["change"] + (f" {row['what']}" if row["what"] else ""),
                row["metric"],
                row["channel"],
                _side(row, "old"),
                _side(row, "new"),
            )
            for row in totals.rows
        ],
    )


def _side(row: dict[str, Any], side: str) -> str:
    """A reading or a reject in short; of a changed reading also the time and the device where these changed."""
    if reason := row[f"{side}_reason"]:
        return str(reason) + (f" ({row[f'{side}_shown']})" if row[f"{side}_shown"] is not None else "")
    value = row[f"{side}_value"]
    shown = number(value) if value is not None else row[f"{side}_value_text"]
    if shown is None:
        return "-"
    unit = row[f"{side}_unit"]
    parts = [shown, unit if unit and unit != "dimensionless" else ""]
    if "time" in row["what"]:
        parts.append(f"at {row[f'{side}_recorded_at'].isoformat()}")
    if "device" in row["what"]:
        parts.append(f"of {row[f'{side}_device_id']}")
    return " ".join(part for part in parts if part)
