"""Which field says when, and in which format.

Belongs here: trying formats on the values of a field, and choosing among fields that could be the time.
Does not: laying out fields (`fields`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from canonical.proposal.fields import Field

_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_EPOCHS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000, "epoch_ns": 1_000_000_000}
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?( ?(Z|[+-]\d\d(:?\d\d)?))?", re.IGNORECASE)
_NUMBER = re.compile(r"\d{9,19}(\.\d+)?")
_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%y", "%d.%m.%y")
_WORDED_DAYS = ("%d %b %Y", "%d-%b-%Y", "%b %d %Y", "%d %B %Y")
_CLOCKS = ("%H:%M:%S", "%H:%M", "%H.%M.%S", "%H.%M", "%H:%M:%S.%f", "%I:%M:%S %p", "%I:%M %p")
_TEXTS = (
    *(f"{day}{between}{clock}" for day in (*_DAYS, *_WORDED_DAYS) for clock in _CLOCKS for between in (" ", "T")),
    *("%Y%m%d%H%M%S", "%Y%m%dT%H%M%S", "%Y%m%d %H%M%S", "%Y%m%dT%H%M%SZ", "%a, %d %b %Y %H:%M:%S GMT"),
)
_SWAPPED = {"%d/%m": "%m/%d", "%d-%m": "%m-%d"}
_TRIED = 50

_MEASURED = {
    "recorded", "measured", "observed", "sampled", "sample", "measurement", "observation", "event", "reading",
    "phenomenon",
}  # fmt: skip
_NAMES = {
    "time", "timestamp", "ts", "datetime", "date", "at", "utc", "epoch", "when", "tstamp", "t", "dt", "clock", "zeit",
    "data", "ora", "fecha", "hora", "heure", "datum", "uhrzeit", "recordedat", "measuredat", "observedat", "eventtime",
}  # fmt: skip
_LATER = {"received", "receive", "sent", "server", "published", "created", "updated", "gateway", "ingest", "upload"}


@dataclass(frozen=True, slots=True)
class Moments:
    """A field, or a date and a time of day, that says when; `read` gives the moment of each value in order."""

    paths: tuple[str, ...]
    format: str
    score: int
    unset: tuple[Any, ...]
    unsure: tuple[str, ...]
    moments: tuple[datetime | None, ...]
    quoted: bool = False
    """Numbers in quotes."""

    @property
    def zoned(self) -> bool:
        """Whether the values say themselves which zone they are in."""
        return self.format.startswith("epoch") or self.format == "iso" or self.format.endswith(("GMT", "SZ"))


def times_in(fields: Iterable[Field]) -> list[Moments]:
    """The fields that can be read as times, the likeliest first."""
    everything = list(fields)
    found = [moments for field in everything if (moments := _of(field)) is not None]
    found += _dates_and_clocks(everything)
    return sorted(found, key=lambda moments: -moments.score)


def _of(field: Field) -> Moments | None:
    words = _words(field.leaf)
    named = bool(words & _NAMES) or bool(words & _MEASURED and "at" in words)
    score = 4 * named + 2 * bool(words & _MEASURED) - 2 * bool(words & _LATER) + field.always - field.path.count(".")
    values = field.given
    unset = tuple(dict.fromkeys(value for value in values if _means_unset(value)))
    values = [value for value in values if value not in unset]
    if not values:
        return None
    tried = values[:_TRIED]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in tried):
        return _numeric(field, tried, unset, score, named=named)
    if not all(isinstance(value, str) for value in tried):
        return None
    if all(_NUMBER.fullmatch(value) for value in tried):
        return _numeric(field, [float(value) for value in tried], unset, score, named=named)
    return _textual(field, tried, unset, score + 3)


def _numeric(
    field: Field, values: Sequence[float], unset: tuple[Any, ...], score: int, *, named: bool
) -> Moments | None:
    for name, over in _EPOCHS.items():
        if all(_EARLIEST.timestamp() <= value / over < _LATEST.timestamp() for value in values):
            # A number of that size is hardly anything else, unless it is a large identifier.
            if not named and (over == 1 and len(set(values)) == 1 and len(values) > 1):
                return None
            return Moments((field.path,), name, score + 1, unset, (), _read(field, name), bool(field.texts))
    return None


def _textual(field: Field, values: Sequence[str], unset: tuple[Any, ...], score: int) -> Moments | None:
    if all(_ISO.fullmatch(value) for value in values):
        zones = [bool(re.search(r"(Z|[+-]\d\d(:?\d\d)?)$", value[16:], re.IGNORECASE)) for value in values]
        unsure: tuple[str, ...] = ()
        if any(zones) and not all(zones):
            unsure = ("some times have a zone and some have none",)
        name = "iso" if any(zones) else "iso_local"
        return Moments((field.path,), name, score, unset, unsure, _read(field, name))
    for name in _TEXTS:
        if all(_parsed(value, name) for value in values):
            unsure = ()
            head = next((swap for swap in _SWAPPED if name.startswith(swap)), None)
            if head and all(_parsed(value, name.replace(head, _SWAPPED[head], 1)) for value in values):
                other = name.replace(head, _SWAPPED[head], 1)
                unsure = (f"no day above the 12th is among the samples: it may be month first, {other}",)
            return Moments((field.path,), name, score, unset, unsure, _read(field, name))
    return None


def _dates_and_clocks(fields: Sequence[Field]) -> list[Moments]:
    """A date in one field and the time of day in the next: the language joins them with a blank."""
    found = []
    for field in fields:
        days = [value for value in field.given if isinstance(value, str)][:_TRIED]
        day = next((d for d in ("%Y-%m-%d", *_DAYS) if days and all(_parsed(v, d) for v in days)), None)
        if day is None:
            continue
        for other in fields:
            clocks = [value for value in other.given if isinstance(value, str)][:_TRIED]
            clock = next((c for c in _CLOCKS if clocks and all(_parsed(v, c) for v in clocks)), None)
            if clock is None or other is field:
                continue
            name = f"{day} {clock}"
            joined = [f"{a} {b}" for a, b in zip(field.values, other.values, strict=False)]
            moments = tuple(_parsed(value, name) for value in joined)
            swap = next((head for head in _SWAPPED if day.startswith(head)), None)
            swapped = day.replace(swap, _SWAPPED[swap], 1) if swap else ""
            both = bool(swap) and all(_parsed(value, swapped) for value in days)
            says = (f"no day above the 12th is among the samples: it may be month first, {swapped} {clock}",)
            found.append(Moments((field.path, other.path), name, 8, (), says if both else (), moments))
    return found


def interval_of(moments: Sequence[tuple[str, datetime]]) -> str | None:
    """The usual time between two messages of one device, as specs write it; None where too few were seen."""
    by_device: dict[str, list[datetime]] = {}
    for device, moment in moments:
        by_device.setdefault(device, []).append(moment)
    gaps: list[float] = []
    for times in by_device.values():
        ordered = sorted(set(times))
        gaps += [(after - before).total_seconds() for before, after in itertools.pairwise(ordered)]
    if len(gaps) < 2:
        return None
    usual = sorted(gaps)[len(gaps) // 2]
    for size, unit in ((3600, "h"), (60, "m"), (1, "s")):
        count = round(usual / size)
        if count >= 1 and abs(usual - count * size) <= max(0.05 * usual, 0.5):
            return f"{count}{unit}"
    return None


def _read(field: Field, name: str) -> tuple[datetime | None, ...]:
    return tuple(moment_of(value, name) for value in field.values)


def moment_of(value: Any, name: str) -> datetime | None:
    """The moment a value says, read in a format; what has no zone is taken as UTC. None where it cannot be read.

    `epoch_auto` is any count since 1970 that comes to this century.
    """
    if name == "epoch_auto":
        found = (moment_of(value, each) for each in _EPOCHS)
        return next((moment for moment in found if moment and _EARLIEST <= moment < _LATEST), None)
    try:
        if name in _EPOCHS:
            return datetime.fromtimestamp(0, UTC) + timedelta(seconds=float(value) / _EPOCHS[name])
        if name in {"iso", "iso_local"}:
            moment = datetime.fromisoformat(str(value).replace(",", ".").replace("z", "Z"))
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError):
        return None
    return _parsed(str(value), name)


def _parsed(value: str, name: str) -> datetime | None:
    try:
        return datetime.strptime(value.strip(), name).replace(tzinfo=UTC)
    except ValueError:
        return None


def _means_unset(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip() in {"", "0"} or value.startswith(("1970-01-01", "0001-01-01", "0000-00-00"))
    return bool(value == 0)


def _words(name: str) -> set[str]:
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    parts = [part.lower() for part in re.split(r"[\W_]+", split) if part]
    return {*parts, "".join(parts)}
