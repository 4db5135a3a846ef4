"""`lakehouse status`: the fleet and the tiers at a glance."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from orchestration.cli.show import JSON, emit, people, table, verdict

if TYPE_CHECKING:
    from orchestration.fleet_status import Status


_WORKER = (
    "worker", "state", "reads", "committed", "lost", "last commit", "buffer", "retries", "restarts", "last end",
)  # fmt: skip


def status(
    json_: Annotated[bool, JSON] = False,
    wait: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the hub's answer.")] = 10.0,
) -> None:
    """Workers, partitions with their lag, last commits, and how far each tier is. Changes nothing."""
    from orchestration.fleet_status import look
    from settings.load import load

    found = look(load(), wait=wait)
    if json_:
        emit(found.as_dict())
        return
    _show(found)


def _show(found: Status) -> None:
    if found.workers:
        table(
            "Workers",
            _WORKER,
            [_worker(worker) for worker in found.workers],
        )
    else:
        people.print("No worker has made itself known: lakehouse ingest bronze")
    if found.hub_problem:
        people.print(Text.assemble(("The hub does not answer: ", "bold red"), found.hub_problem))
    if found.partitions:
        table(
            f"Partitions of {found.origin}",
            ("partition", "worker", "hub", "Bronze", "lag, events", "lag, s"),
            [
                (each.partition, each.worker, each.head, each.held, each.lag_events, each.lag_seconds)
                for each in found.partitions
            ],
        )
    if found.commits:
        table(
            "Last commits to Bronze",
            ("version", "at", "events", "transport"),
            [(str(each["version"]), _second(each["at"]), each["events"], each["transport"]) for each in found.commits],
        )
    if found.tiers:
        table(
            f"Tiers of {found.lake}",
            ("tier", "last", "at", "newest it holds", "behind"),
            [
                (tier.tier, tier.last, _second(tier.at), _second(tier.newest), _behind(tier.behind))
                for tier in found.tiers
            ],
        )
    else:
        people.print(f"The lake at {found.lake} holds no tables yet.")


def _worker(worker: dict[str, Any]) -> tuple[Any, ...]:
    state = verdict(good=worker["state"] in {"running", "ended"}, says=(worker["state"], worker["state"]))
    return (
        worker["worker"],
        state,
        ", ".join(worker["partitions"]) if worker["reads_now"] else "",
        worker["committed"],
        worker["lost"],
        _second(worker["last_commit_at"]),
        f"{worker['buffered_bytes'] / 2**20:.1f} MB",
        sum(worker["retries"].values()),
        worker["restarts"],
        worker["last_end"],
    )


def _second(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(microsecond=0)


def _behind(behind: str) -> Text:
    return Text(behind, "yellow" if behind else "green")
