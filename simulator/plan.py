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
from simulator.devices import Fleet, fleet
from simulator.faults import NO_FAULTS, Draw, Fault, FaultRates
from simulator.manifest import Expected
from simulator.patterns import DAILY, Patterns

MESSAGE_ID_WIDTH = 8 + 1 + 10
_SLICE = 16_384
"""Messages made in one go: enough for full batches on every partition of a hub."""
_SLICE_S = 0.2
"""With a rate a slice is what is due in this time."""
_REMEMBERED = 8
"""Of its latest messages, so many, a device may repeat or contradict one."""
_MOST_DEVICES = 100_000
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(hours=max(faults.LATE_HOURS) + 24)


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulationOptions:
    """A run of the simulator. Give `events` or `duration`.

    `events` counts messages, the bad and the repeated ones included; what a device with gaps leaves out is none.
    `duration` with a `rate` is how long to send; without one it is the time the readings span. `rate` is in events per
    second, None for as fast as it goes. `start` is the instant of the first reading; None puts the last one at about
    now. `moving_share` is of the devices that can say where they are: in JSON, or in version 2 or 3 of protobuf.
    Devices that speak protobuf take turns in `protobuf_versions`.
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
    patterns: Patterns = DAILY
    moving_share: float = 0.0
    protobuf_versions: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        """Refuse what cannot be run, in words for whoever typed it."""
        self._refuse_shares()
        if not 1 <= self.devices <= _MOST_DEVICES:
            raise ValueError(f"devices={self.devices}: give 1 to {_MOST_DEVICES}")
        if (self.events is None) == (self.duration is None):
            raise ValueError("give either a number of events or a duration")
        if self.events is not None and self.events < 0:
            raise ValueError(f"events={self.events}: give 0 or more")
        if self.duration is not None and self.duration <= timedelta(0):
            raise ValueError(f"duration={self.duration}: give more than 0 s")
        if self.rate is not None and self.rate <= 0:
            raise ValueError(f"rate={self.rate}: give more than 0 events/s, or leave it out for as fast as it goes")
        if not self.protobuf_versions or not set(self.protobuf_versions) <= {1, 2, 3}:
            raise ValueError(f"protobuf_versions={self.protobuf_versions}: give one or more of 1, 2 and 3")
        if self.interval_s < 1:
            raise ValueError(f"interval_s={self.interval_s}: give 1 s or more")
        if self.start is not None and self.start.tzinfo is None:
            raise ValueError(f"start={self.start.isoformat()} has no time zone; write {self.start.isoformat()}+00:00")
        if self.start is not None and self.start < _EARLIEST:
            raise ValueError(
                f"start={self.start.isoformat()} is too early; readings before 2000 are rejected as too old"
            )

    def _refuse_shares(self) -> None:
        for name in ("protobuf_share", "moving_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} is no share; give a number from 0 to 1")

    @property
    def total(self) -> int:
        """Messages the run sends."""
        if self.events is not None:
            return self.events
        assert self.duration is not None
        seconds = self.duration.total_seconds()
        if self.rate is not None:
            return max(1, round(seconds * self.rate))
        ticks = round(seconds / self.interval_s)
        return max(1, self.fleet.messages(ticks) if self.patterns.gaps else ticks * self.devices)

    @property
    def span(self) -> timedelta:
        """Time from the first reading to the end of the last interval, at most."""
        ticks = self.fleet.ticks(self.total) if self.patterns.gaps else -(-self.total // self.devices)
        return timedelta(seconds=ticks * self.interval_s)

    @property
    def slice(self) -> int:
        """Messages made and sent in one go."""
        return _SLICE if self.rate is None else max(1, min(_SLICE, int(self.rate * _SLICE_S)))

    @property
    def fleet(self) -> Fleet:
        """The devices."""
        return fleet(
            devices=self.devices,
            protobuf_share=self.protobuf_share,
            interval_ms=self.interval_s * 1000,
            seed=self.seed,
            moving_share=self.moving_share,
            weights=self.patterns,
            protobuf_versions=self.protobuf_versions,
        )

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
        named = asdict(self)
        if self.protobuf_versions == (1,):  # a run without the option keeps the name it had before there was one
            del named["protobuf_versions"]
        return hashlib.sha256(repr(sorted(named.items())).encode()).hexdigest()[:8]


class Slice(NamedTuple):
    """Consecutive messages of the run, in columns, in the order they are to be sent."""

    devices: list[int]
    """Numbers in the fleet."""
    message_ids: list[str]
    bodies: list[bytes]
    promises: list[Expected]


def slices(options: SimulationOptions) -> Iterator[Slice]:
    """The run, slice by slice; `options` has its start. How it is sliced changes no message."""
    if options.start is None:
        raise ValueError("the options have no start; use options.starting(now)")
    run, total, size, sent = options.run, options.total, options.slice, 0
    devices: list[int] = []
    bodies: list[bytes] = []
    promises: list[Expected] = []
    for n, body, promise in _Writer(options, round(options.start.timestamp() * 1000)).messages(total):
        devices.append(n)
        bodies.append(body)
        promises.append(promise)
        if len(bodies) == size or sent + len(bodies) == total:
            ids = [f"{run}-{number:010d}" for number in range(sent, sent + len(bodies))]
            yield Slice(devices, ids, bodies, promises)
            sent += len(bodies)
            devices, bodies, promises = [], [], []


Message = tuple[int, bytes, Expected]


class _Writer:
    """The fleet's messages, interval by interval and within an interval device by device."""

    def __init__(self, options: SimulationOptions, start_ms: int) -> None:
        self._fleet = options.fleet
        self._start_ms = start_ms
        self._interval_ms = options.interval_s * 1000
        self._draw = Draw(options.faults)
        self._rng = random.Random(f"{options.seed}/faults")  # noqa: S311 - reproducible, not a secret
        self._good = {readings: faults.good(readings) for readings in range(2, 9)}
        self._spoiled: deque[set[int]] = deque(maxlen=_REMEMBERED)
        """For each of the latest intervals, newest first, the devices that sent no plain good message in it."""

    def messages(self, count: int) -> Iterator[Message]:
        """The first `count`."""
        fleet_, good, start_ms = self._fleet, self._good, self._start_ms
        readings, phases, sample, write = fleet_.readings, fleet_.phases, fleet_.sample, formats.body
        devices, gaps = range(len(fleet_)), fleet_.has_gaps
        # Two streams of numbers: which messages go wrong does not depend on how the others did.
        draw = random.Random(self._rng.getrandbits(64)).random  # noqa: S311 - reproducible, not a secret
        limit = self._draw.limit
        tick = 0
        while True:
            spoiled: set[int] = set()
            at_ms = start_ms + tick * self._interval_ms
            for n in devices:
                if gaps and fleet_.silent(n, tick):
                    spoiled.add(n)
                    continue
                if not count:
                    return
                count -= 1
                if limit and (number := draw()) < limit:
                    fault = self._draw.fault(number)
                    message = None if fault is None else self._faulty(n, tick, fault)
                    if message is not None:
                        spoiled.add(n)
                        yield n, *message
                        continue
                yield n, write(fleet_, n, sample(n, tick, at_ms + phases[n])), good[readings[n]]
            self._spoiled.appendleft(spoiled)
            tick += 1

    def _plain(self, n: int, tick: int, back_ms: int = 0) -> bytes:
        """The good message of an instant; or one recorded `back_ms` before it, of that time."""
        time_ms = self._start_ms + tick * self._interval_ms + self._fleet.phases[n] - back_ms
        return formats.body(self._fleet, n, self._fleet.sample(n, tick, time_ms))

    def _faulty(self, n: int, tick: int, fault: Fault) -> tuple[bytes, Expected] | None:
        """A message that takes the place of the good one; None where there is nothing to make it of."""
        device = self._fleet.device(n)
        if fault in {"duplicate", "conflict"}:
            return self._again(n, tick, contradicting=fault == "conflict")
        if fault == "late":
            return self._plain(n, tick, self._back_ms()), faults.good(device.readings, "late")
        if fault == "corrupt":
            return faults.corrupt(self._plain(n, tick), device.format, self._rng, device.version or 1)
        if fault == "out_of_range":
            return faults.out_of_range(self._plain(n, tick), device, self._rng)
        if fault == "missing_field":
            return faults.missing_field(self._plain(n, tick), device, self._rng)
        return faults.wrong_unit(self._plain(n, tick), device) if device.format == "json" else None

    def _again(self, n: int, tick: int, *, contradicting: bool) -> tuple[bytes, Expected] | None:
        # Only a message that is accepted in full has a repeat with a certain outcome. Repeats go to the same partition
        # after their original, so the original has the smaller position and wins.
        if contradicting and self._fleet.codes[n]:
            return None  # its error code would be said again, which contradicts nothing
        good = [tick - ago for ago, spoiled in enumerate(self._spoiled, 1) if n not in spoiled]
        if not good:
            return None
        then, readings = self._rng.choice(good), self._fleet.readings[n]
        if not contradicting:
            return self._plain(n, then), faults.repeated(readings)
        time_ms = self._start_ms + then * self._interval_ms + self._fleet.phases[n]
        contradicted = self._fleet.sample(n, then, time_ms).contradicted()
        return formats.body(self._fleet, n, contradicted), faults.contradicting(readings)

    def _back_ms(self) -> int:
        """How much earlier than its neighbours a late message is recorded, at an instant that is nothing else's.

        Others lie whole intervals apart; a late one lies a whole number of them back, less as many milliseconds as
        tell the lags apart. So no two share a time, and none is a duplicate by accident.
        """
        lag = self._rng.randrange(len(faults.LATE_HOURS))
        intervals = -(-faults.LATE_HOURS[lag] * 3_600_000 // self._interval_ms)
        return intervals * self._interval_ms - 1 - lag
