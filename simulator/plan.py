"""Which device sends what, and in which order: the whole run, decided by its options alone.

Belongs here: the options, and the stream of messages they stand for. The same options with an explicit start give the
same bytes, whatever the machine and the day; nothing here asks the time.
Does not: sending (`sender`), pacing (`simulate`), or the content of a message (`formats`, `faults`).
"""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from simulator import faults, formats
from simulator.devices import Device, Sample, fleet
from simulator.faults import NO_FAULTS, Draw, Fault, FaultRates
from simulator.manifest import Expected

MESSAGE_ID_WIDTH = 8 + 1 + 10
_BLOCK = 1000
"""Messages of one device sent in one go; a batch of the hub has one partition key."""
_REMEMBERED = 8
"""Good messages of a device of which one may be repeated or contradicted."""
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(hours=max(faults.LATE_HOURS) + 24)


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulationOptions:
    """A run of the simulator. Give `events` or `duration`.

    `events` counts messages, the bad and the repeated ones included. `duration` with a `rate` is how long to send;
    without one it is the time the readings span. `rate` is in events per second, None for as fast as it goes. `start`
    is the instant of the first reading; None puts the last one at about now.
    """

    devices: int = 100
    events: int | None = None
    duration: timedelta | None = None
    rate: float | None = None
    start: datetime | None = None
    interval_s: int = 15
    protobuf_share: float = 0.25
    seed: int = 1
    faults: FaultRates = NO_FAULTS

    def __post_init__(self) -> None:
        """Refuse what cannot be run, in words for whoever typed it."""
        if not 1 <= self.devices <= 99_999:
            raise ValueError(f"devices={self.devices}: give 1 to 99999")
        if (self.events is None) == (self.duration is None):
            raise ValueError("give either a number of events or a duration")
        if self.events is not None and self.events < 0:
            raise ValueError(f"events={self.events}: give 0 or more")
        if self.duration is not None and self.duration <= timedelta(0):
            raise ValueError(f"duration={self.duration}: give more than 0 s")
        if self.rate is not None and self.rate <= 0:
            raise ValueError(f"rate={self.rate}: give more than 0 events/s, or leave it out for as fast as it goes")
        if self.interval_s < 1:
            raise ValueError(f"interval_s={self.interval_s}: give 1 s or more")
        if not 0 <= self.protobuf_share <= 1:
            raise ValueError(f"protobuf_share={self.protobuf_share} is no share; give a number from 0 to 1")
        if self.start is not None and self.start.tzinfo is None:
            raise ValueError(f"start={self.start.isoformat()} has no time zone; write {self.start.isoformat()}+00:00")
        if self.start is not None and self.start < _EARLIEST:
            raise ValueError(
                f"start={self.start.isoformat()} is too early; readings before 2000 are rejected as too old"
            )

    @property
    def total(self) -> int:
        """Messages the run sends."""
        if self.events is not None:
            return self.events
        assert self.duration is not None
        seconds = self.duration.total_seconds()
        return max(1, round(seconds * self.rate) if self.rate else round(seconds / self.interval_s) * self.devices)

    @property
    def span(self) -> timedelta:
        """Time from the first reading to the end of the last interval, at most."""
        return timedelta(seconds=-(-self.total // self.devices) * self.interval_s)

    @property
    def block(self) -> int:
        """Messages of one device in one go: large, but with a rate no more than a second's worth of the fleet."""
        if self.rate is None:
            return _BLOCK
        return max(1, min(_BLOCK, int(self.rate / self.devices)))

    def starting(self, now: datetime) -> SimulationOptions:
        """The same with an explicit start: the given one, or so that the last reading is just before `now`."""
        if self.start is not None:
            return self
        begin = int((now - self.span).timestamp()) // self.interval_s * self.interval_s
        changed = {name: getattr(self, name) for name in self.__slots__} | {"start": datetime.fromtimestamp(begin, UTC)}
        return SimulationOptions(**changed)

    @property
    def run(self) -> str:
        """Name of the run, 8 hex digits of its options: its message ids are this and no other run's."""
        return hashlib.sha256(repr(sorted(asdict(self).items())).encode()).hexdigest()[:8]


class Block(NamedTuple):
    """Consecutive messages of one device, in the order they are to be sent."""

    device: Device
    message_ids: list[str]
    bodies: list[bytes]
    promises: list[Expected]


def blocks(options: SimulationOptions) -> Iterator[Block]:
    """The run, block by block; `options` has its start."""
    if options.start is None:
        raise ValueError("the options have no start; use options.starting(now)")
    interval_ms = options.interval_s * 1000
    start_ms = round(options.start.timestamp() * 1000)
    devices = fleet(
        devices=options.devices, protobuf_share=options.protobuf_share, interval_ms=interval_ms, seed=options.seed
    )
    draw = Draw(options.faults)
    streams = [
        _Stream(device, start_ms=start_ms, interval_ms=interval_ms, draw=draw, seed=options.seed) for device in devices
    ]
    shares = [options.total // options.devices + (n < options.total % options.devices) for n in range(options.devices)]
    run, sent = options.run, 0
    while any(shares):
        for n, stream in enumerate(streams):
            size = min(options.block, shares[n])
            if size:
                bodies, promises = stream.take(size)
                ids = [f"{run}-{number:010d}" for number in range(sent, sent + size)]
                yield Block(stream.device, ids, bodies, promises)
                shares[n] -= size
                sent += size


class _Stream:
    """The messages of one device, without end."""

    def __init__(self, device: Device, *, start_ms: int, interval_ms: int, draw: Draw, seed: int) -> None:
        self.device = device
        self._time_ms = start_ms + device.phase_ms
        self._interval_ms = interval_ms
        self._draw = draw
        self._rng = random.Random(f"{seed}/stream/{device.native_id}")  # noqa: S311 - reproducible, not a secret
        self._tick = 0
        self._good = faults.good(device.format)
        self._recent: deque[tuple[Sample, bytes]] = deque(maxlen=_REMEMBERED)

    def take(self, size: int) -> tuple[list[bytes], list[Expected]]:
        """The next `size` messages and what should become of them."""
        bodies: list[bytes] = []
        promises: list[Expected] = []
        random_, limit = self._rng.random, self._draw.limit
        for _ in range(size):
            number = random_()
            body, promise = self._clean() if number >= limit else self._faulty(number)
            bodies.append(body)
            promises.append(promise)
        return bodies, promises

    def _next(self) -> Sample:
        sample = self.device.sample(self._time_ms, self._tick)
        self._time_ms += self._interval_ms
        self._tick += 1
        return sample

    def _clean(self) -> tuple[bytes, Expected]:
        sample = self._next()
        body = formats.body(self.device, sample)
        self._recent.append((sample, body))
        return body, self._good

    def _faulty(self, number: float) -> tuple[bytes, Expected]:
        fault, format_ = self._draw.fault(number), self.device.format
        if fault in {"duplicate", "conflict"}:
            return self._again(contradicting=fault == "conflict")
        if fault == "late":
            return formats.body(self.device, self._late()), faults.good(format_, "late")
        if fault is None or (fault == "wrong_unit" and format_ != "json"):
            return self._clean()
        return self._spoiled(fault)

    def _again(self, *, contradicting: bool) -> tuple[bytes, Expected]:
        # Repeats go to the same partition after their original, so the original has the smaller position and wins.
        if not self._recent:
            return self._clean()
        sample, body = self._rng.choice(self._recent)
        if contradicting:
            return formats.body(self.device, sample.contradicted()), faults.contradicting(self.device.format)
        return body, faults.repeated(self.device.format)

    def _spoiled(self, fault: Fault) -> tuple[bytes, Expected]:
        device = self.device
        # Not remembered: only a message that is accepted in full has a repeat with a certain outcome.
        body = formats.body(device, self._next())
        if fault == "corrupt":
            return faults.corrupt(body, device.format, self._rng)
        if fault == "out_of_range":
            return faults.out_of_range(body, device, self._rng)
        if fault == "missing_field":
            return faults.missing_field(body, device.format, self._rng)
        return faults.wrong_unit(body)

    def _late(self) -> Sample:
        """A sample of hours ago, at an instant at which nothing else of the device is recorded.

        Others lie whole intervals apart; a late one lies a whole number of them back, plus as many milliseconds as
        tell the lags apart. So no two share a time, and none is a duplicate by accident.
        """
        lag = self._rng.randrange(len(faults.LATE_HOURS))
        intervals = -(-faults.LATE_HOURS[lag] * 3_600_000 // self._interval_ms)
        tick, time_ms = self._tick, self._time_ms - intervals * self._interval_ms + 1 + lag
        self._next()
        return self.device.sample(time_ms, tick)
