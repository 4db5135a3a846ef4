"""Is Bronze the hub? By the hub's own log against the rows, not by anybody's counters.

Belongs here: lost, duplicated, altered. Does not: how it came to that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY, LOST


@dataclass
class Verdict:
    """What was found."""

    accepted: int
    commits: int
    lost: int
    duplicated: int
    foreign: int
    """Rows of no event, or with another body."""
    told_lost: int
    """Events the workers recorded as lost; the hub of this run gives none up."""
    examples: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Every event once, as it came, and no false alarm."""
        return self.lost == self.duplicated == self.foreign == self.told_lost == 0 < self.accepted

    @property
    def line(self) -> str:
        """The last line of a run."""
        more = f" altered {self.foreign} falsely recorded as lost {self.told_lost}"
        return f"lost {self.lost} duplicated {self.duplicated}" + (more if self.foreign or self.told_lost else "")

    @classmethod
    def of(cls, accepted: Iterable[tuple[str, int, bytes]], lake: Lake) -> Verdict:
        """Compare the hub's log with the lake."""
        sent = {(partition, number): body for partition, number, body in accepted}
        rows = lake.rows(BRONZE_TELEMETRY, columns=["partition_id", "sequence_number", "body"])
        held = list(zip(*(rows.column(name).to_pylist() for name in rows.column_names), strict=True))
        times = Counter((partition, number) for partition, number, _ in held)
        lost = sorted(sent.keys() - times.keys())
        twice = sorted(name for name, count in times.items() if count > 1)
        foreign = [name for *name, body in held if sent.get((name[0], name[1])) != body]
        told = lake.rows(LOST).column("events").to_pylist() if lake.exists(LOST) else []
        return cls(
            accepted=len(sent),
            commits=lake.version(BRONZE_TELEMETRY),
            lost=len(lost),
            duplicated=sum(times[name] - 1 for name in twice),
            foreign=len(foreign),
            told_lost=sum(told),
            examples=[f"lost: {name}" for name in lost[:5]] + [f"twice: {name}" for name in twice[:5]],
        )


def reached(lake: Lake, wanted: Mapping[str, int]) -> bool:
    """Whether the fence of every partition is at the hub's end."""
    if not lake.exists(BRONZE_TELEMETRY):
        return False
    table = lake.open(BRONZE_TELEMETRY)
    return all(
        (table.transaction_version(f"bronze/local/telemetry/{partition}/0") or 0) >= end - 1
        for partition, end in wanted.items()
        if end > 0
    )
