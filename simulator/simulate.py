"""A run of the simulated fleet against a hub: plan, send, and write down what should come of it.

Belongs here: putting plan, manifest and sender together, and the pace.
Does not: any of the three.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from settings import clock
from settings.model import Settings
from simulator.ahead import ahead
from simulator.devices import Device
from simulator.envelope import Envelope
from simulator.formats import CONTENT_TYPE, SCHEMA
from simulator.manifest import Manifest, Totals
from simulator.plan import MESSAGE_ID_WIDTH, Block, SimulationOptions, blocks
from simulator.sender import Progress, Sender

_CLOCK_AHEAD = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulationSummary:
    """What was sent. `expected` holds for events the hub took once; see `retries`."""

    run: str
    """Prefix of the run's message ids."""
    events: int
    batches: int
    retries: int
    """Batches tried again: any of them the hub may hold twice."""
    start: datetime
    seconds: float
    expected: Totals


def simulate(
    settings: Settings,
    options: SimulationOptions,
    *,
    manifest: Path | None = None,
    on_progress: Progress | None = None,
) -> SimulationSummary:
    """Send the run to the hub of `settings`; a line of the manifest is written once the hub has taken the event.

    Raises SendingError when the hub stays away, ValueError when the readings would lie in the future.
    """
    options = options.starting(clock.now())
    assert options.start is not None
    _refuse_the_future(options)
    begin = time.monotonic()
    with (
        Sender(settings.event_hubs, on_progress=on_progress, total=options.total) as sender,
        Manifest(manifest) as record,
    ):
        paced_from = time.monotonic()
        for block, messages in ahead(_wrapped(options)):
            if options.rate is not None:
                _wait_until(paced_from + sender.events / options.rate)
            sender.send(messages, partition_key=block.device.native_id)
            record.record(block.device.native_id, block.message_ids, block.promises, block.device.format)
        return SimulationSummary(
            run=options.run,
            events=sender.events,
            batches=sender.batches,
            retries=sender.retries,
            start=options.start,
            seconds=time.monotonic() - begin,
            expected=record.totals,
        )


def _wrapped(options: SimulationOptions) -> Iterator[tuple[Block, list[bytes]]]:
    envelopes: dict[str, Envelope] = {}
    for block in blocks(options):
        envelope = envelopes.get(block.device.native_id)
        if envelope is None:
            envelope = envelopes[block.device.native_id] = _envelope(block.device)
        yield block, [envelope.wrap(i, body) for i, body in zip(block.message_ids, block.bodies, strict=True)]


def _envelope(device: Device) -> Envelope:
    return Envelope(
        content_type=CONTENT_TYPE[device.format],
        properties={"schema": SCHEMA[device.format]},
        message_id_width=MESSAGE_ID_WIDTH,
        partition_key=device.native_id,
    )


def _refuse_the_future(options: SimulationOptions) -> None:
    """A paced run may follow a clock that is compressed; one sent at once ends before its last reading is due."""
    assert options.start is not None
    end = options.start + options.span
    if options.rate is None and end > clock.now() + _CLOCK_AHEAD:
        raise ValueError(
            f"the last reading would be of {end.isoformat(timespec='seconds')}, which the lake rejects as future; "
            "give an earlier start, or fewer events"
        )


def _wait_until(instant: float) -> None:
    wait = instant - time.monotonic()
    if wait > 0:
        time.sleep(wait)
