"""What the demo sends: a simulated fleet with a manifest of what should come of it, or the rows of real files.

Belongs here: the fleet, checking that a source can be sent, and what the manifest promises.
Does not: when it is sent (`demo`), or sending (`simulator`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from canonical.specs import load_specs
from settings.model import Settings
from simulator.faults import TYPICAL
from simulator.files import select
from simulator.manifest import Totals, summary
from simulator.plan import SimulationOptions
from simulator.replay import replay
from simulator.simulate import simulate

if TYPE_CHECKING:
    from orchestration.demo import Load

DEVICES = 200


def check(settings: Settings, source: Path, mapping: str | None) -> None:
    """Refuse a source that cannot be sent before anything is started.

    Raises: ValueError, ReplayError.
    """
    known = [spec.id for spec in load_specs(settings.specs)]
    if mapping is None:
        raise ValueError(f"--source {source} needs --mapping; there are {', '.join(known)}")
    if mapping not in known:
        raise ValueError(f"no mapping {mapping!r}; there are {', '.join(known)}")
    select(source)


def send(settings: Settings, wanted: Load, manifest: Path, bar: Callable[[int, int | None], None]) -> int:
    """Send it through the SDK; returns how many events the hub has taken. The manifest is written for a fleet only."""
    if wanted.source is None:
        options = SimulationOptions(devices=DEVICES, events=wanted.events, faults=TYPICAL)
        return simulate(settings, options, manifest=manifest, on_progress=bar).events
    spec = next(spec for spec in load_specs(settings.specs) if spec.id == wanted.mapping)
    header = bool(getattr(spec.decode, "header", False))
    return replay(settings, wanted.source, spec.id, header=header, on_progress=bar).events


def promised(manifest: Path) -> Totals | None:
    """What should come of what was sent; None where nobody can know (replayed files)."""
    return summary(manifest) if manifest.exists() else None
