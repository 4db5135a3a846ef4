"""The fleet and the tiers as they are now, from what can be reached: cards, Delta logs, and the hub if it answers.

Belongs here: collecting, for `lakehouse status`; whoever asks makes no tables and changes nothing.
Does not: how it is shown (`orchestration.cli.status`), or how workers make themselves known (`ingest_workers.fleet`).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from deltalake.exceptions import DeltaError

from ingest_workers.fleet import cards, silent_for
from ingest_workers.source import Head
from lake.store import Lake
from orchestration.tier_status import Tier, last_commits, positions, tiers
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.clock import now
from settings.model import EventHubs, Settings

COMMITS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class PartitionLine:
    """One partition of the hub."""

    partition: str
    worker: str
    """Who reads it, as far as a card tells."""
    head: int | None
    """Last number the hub gave; None where neither hub nor worker says."""
    held: int | None
    """Last number in Bronze."""
    lag_events: int | None
    lag_seconds: float | None
    """Age of the oldest event not in Bronze; without a worker, of the newest that is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """What `lakehouse status` says."""

    at: datetime
    lake: str
    origin: str
    """Namespace, hub and epoch the settings name."""
    hub_problem: str = ""
    workers: list[dict[str, Any]] = field(default_factory=list)
    partitions: list[PartitionLine] = field(default_factory=list)
    commits: list[dict[str, Any]] = field(default_factory=list)
    tiers: list[Tier] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def look(settings: Settings, *, wait: float = 10.0) -> Status:
    """Everything that can be seen now; the hub is given `wait` seconds to answer.

    Raises: RuntimeError where the lake's store does not answer.
    """
    try:
        return _look(settings, wait)
    except (DeltaError, OSError) as problem:
        raise RuntimeError(f"the lake at {settings.lake_root} does not answer: {problem}") from problem


def _look(settings: Settings, wait: float) -> Status:
    lake, hub, at = Lake.of(settings), settings.event_hubs, now()
    heads, problem = _heads(hub, wait)
    known = [_worker(card, at) for card in cards(lake)]
    epoch, held = positions(lake, hub, _named(heads, known))
    return Status(
        at=at,
        lake=lake.root,
        origin=f"{hub.namespace}/{hub.hub}/{epoch}",
        hub_problem=problem,
        workers=known,
        partitions=_partitions(heads, held, known, at),
        commits=last_commits(lake, COMMITS) if lake.exists(BRONZE_TELEMETRY) else [],
        tiers=tiers(lake, settings),
    )


def _heads(hub: EventHubs, wait: float) -> tuple[Mapping[str, Head], str]:
    """How far the hub reaches, or why it does not say. An SDK that hangs is left behind in its thread."""
    found: dict[str, Head] = {}
    problem = [f"no answer within {wait:g} s"]

    def ask() -> None:
        try:
            from ingest_workers.transport import source_of  # noqa: PLC0415 - the SDK takes a second to import

            heads = source_of(hub).heads()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what we were asked for
            problem[0] = " ".join(str(error).split()) or type(error).__name__
        else:
            found.update(heads)
            problem[0] = ""

    asking = threading.Thread(target=ask, name="ask-hub", daemon=True)
    asking.start()
    asking.join(wait)
    return (found, "") if not problem[0] else ({}, problem[0])


def _worker(card: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """A card as a line of the fleet; what an older or a newer worker does not say is left empty."""
    silence = silent_for(dict(card), at)
    if card.get("ended"):
        state = "ended" if card["ended"] == "as planned" else f"ended: {card['ended']}"
    elif silence is not None:
        state = f"silent for {silence.total_seconds():.0f} s"
    else:
        state = "; ".join(card.get("not_ready") or []) or "running"
    reads = {str(each["partition"]): each for each in card.get("partitions") or []}
    return {
        "worker": card["worker"],
        "state": state,
        "reads_now": state == "running",
        "host": card.get("host"),
        "pid": card.get("pid"),
        "origin": card.get("origin"),
        "transport": card.get("transport"),
        "started_at": _instant(card.get("started_at")),
        "written_at": card["written_at"],
        "partitions": list(reads) if not card.get("ended") else [],
        "standing": reads,
        "committed": card.get("committed", 0),
        "commits": card.get("commits", 0),
        "last_commit_at": _instant(card.get("last_commit_at")),
        "buffered_bytes": card.get("buffered_bytes", 0),
        "retries": card.get("retries") or {},
        "lost": sum(int(each.get("lost", 0)) for each in reads.values()),
        "restarts": max(0, int(card.get("starts", 1)) - 1),
        "last_end": card.get("last_end"),
        "probes": card.get("probes"),
    }


def _named(heads: Mapping[str, Head], workers: list[dict[str, Any]]) -> list[str]:
    """Partitions somebody speaks of, numbers in their order."""
    names = set(heads) | {name for worker in workers for name in worker["standing"]}
    return sorted(names, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))


def _partitions(
    heads: Mapping[str, Head],
    held: Mapping[str, tuple[int, datetime] | None],
    workers: list[dict[str, Any]],
    at: datetime,
) -> list[PartitionLine]:
    lines = []
    for partition in held:
        reader = next((w for w in workers if w["reads_now"] and partition in w["partitions"]), None)
        told = next((w["standing"][partition] for w in workers if partition in w["standing"]), None)
        if reader is not None:
            told = reader["standing"][partition]
        here = held[partition]
        head = heads[partition].last if partition in heads else (told or {}).get("head")
        lag = None if head is None else _lag(heads.get(partition), int(head), here[0] if here else None)
        lines.append(
            PartitionLine(
                partition=partition,
                worker=str(reader["worker"]) if reader else "",
                head=head,
                held=here[0] if here else None,
                lag_events=lag,
                lag_seconds=_age(lag, reader and told, here, at),
            )
        )
    return lines


def _lag(head: Head | None, last: int, held: int | None) -> int:
    """Events the hub has and Bronze has not; what retention took is not among them."""
    first = 0 if head is None else (head.last + 1 if head.empty else head.first)
    return max(0, last - max(first - 1, -1 if held is None else held))


def _age(
    lag: int | None, told: Mapping[str, Any] | None, held: tuple[int, datetime] | None, at: datetime
) -> float | None:
    if not lag:
        return None if lag is None else 0.0
    if told and told.get("lag_events"):
        return float(told["lag_seconds"])
    return None if held is None else round(max(0.0, (at - held[1]).total_seconds()), 1)


def _instant(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (TypeError, ValueError):
        return None
