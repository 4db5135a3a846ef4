"""A run of the simulated fleet against a hub or a broker: plan, send, and write down what should come of it.

Belongs here: putting plan, manifest and outlet together, and the pace.
Does not: any of the three.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from settings import clock
from settings.model import Settings
from simulator.ahead import ahead
from simulator.hub_outlet import HubOutlet
from simulator.manifest import Manifest, Totals
from simulator.outlet import Outlet, Parcel
from simulator.plan import SimulationOptions, Slice, slices
from simulator.statistics import Progress, Statistics

if TYPE_CHECKING:
    from simulator.mqtt_outlet import MqttBroker

_CLOCK_AHEAD = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulationSummary:
    """What was sent. `expected` holds for events the other side took once; see `repeated`."""

    run: str
    """Prefix of the run's message ids."""
    events: int
    batches: int
    retries: int
    """Attempts that failed and were repeated."""
    repeated: int
    """Events sent again, each time anew: the other side holds at most so many more than `events`."""
    bytes: int
    start: datetime
    seconds: float
    expected: Totals


def simulate(
    settings: Settings,
    options: SimulationOptions,
    *,
    manifest: Path | None = None,
    broker: MqttBroker | None = None,
    batch: int | None = None,
    on_progress: Progress | None = None,
    on_statistics: Callable[[Statistics], None] | None = None,
) -> SimulationSummary:
    """Send the run to the hub of `settings`, or to `broker`; a line of the manifest is written once an event is taken.

    `batch` is the most events of a batch (over MQTT: of those under way at once). Raises SendingError when the other
    side stays away, ValueError when the readings would lie in the future.
    """
    options = options.starting(clock.now())
    assert options.start is not None
    _refuse_the_future(options)
    statistics = Statistics(total=options.total, rate=options.rate)

    def tell(done: int, total: int | None) -> None:
        if on_progress is not None:
            on_progress(done, total)
        if on_statistics is not None:
            on_statistics(statistics)

    outlet: Outlet
    if broker is None:
        outlet = HubOutlet(settings.event_hubs, options.fleet, statistics=statistics, on_progress=tell, batch=batch)
    else:
        from simulator.mqtt_outlet import MqttOutlet  # noqa: PLC0415 - most runs need no MQTT

        outlet = MqttOutlet(broker, options.fleet, statistics=statistics, on_progress=tell, batch=batch)
    begin, due = time.monotonic(), 0
    names, protobuf = options.fleet.names, options.fleet.protobuf
    with outlet, Manifest(manifest) as record:
        statistics.begun = time.monotonic()
        for piece, parcels in ahead(_parcels(options, outlet)):
            due += len(piece.devices)
            statistics.wait(due)
            for parcel in parcels:
                parcel.send()
                devices = [piece.devices[row] for row in parcel.rows]
                record.record(
                    [names[n] for n in devices],
                    ["protobuf" if protobuf[n] else "json" for n in devices],
                    [piece.message_ids[row] for row in parcel.rows],
                    [piece.promises[row] for row in parcel.rows],
                )
        return SimulationSummary(
            run=options.run,
            events=statistics.acknowledged,
            batches=statistics.batches,
            retries=statistics.retries,
            repeated=statistics.repeated,
            bytes=statistics.bytes,
            start=options.start,
            seconds=time.monotonic() - begin,
            expected=record.totals,
        )


def _parcels(options: SimulationOptions, outlet: Outlet) -> Iterator[tuple[Slice, list[Parcel]]]:
    for piece in slices(options):
        yield piece, outlet.parcels(piece)


def _refuse_the_future(options: SimulationOptions) -> None:
    """A paced run may follow a clock that is compressed; one sent at once ends before its last reading is due."""
    assert options.start is not None
    end = options.start + options.span
    if options.rate is None and end > clock.now() + _CLOCK_AHEAD:
        raise ValueError(
            f"the last reading would be of {end.isoformat(timespec='seconds')}, which the lake rejects as future; "
            "give an earlier start, or fewer events"
        )
