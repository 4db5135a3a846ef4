"""Local clocks: the changes of a zone's offset, and local times to UTC.

Belongs here: the changes of a zone as numbers, taken from the time zone data base when a mapping is compiled (they are
part of the digest, so that a later data base changes no reading silently), and the SQL that applies them.
Does not: reading times (`times`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

Changes = Sequence[Sequence[int]]
"""Seconds since 1970 from which an offset (in seconds) holds, in order; the first holds for all time before."""

FIRST_YEAR, LAST_YEAR = 1999, 2051
_SECOND = 1_000_000


class NoZoneError(ValueError):
    """There is no zone of this name."""


@cache
def known() -> frozenset[str]:
    """Names of all zones; reading them takes a walk through the time zone data base."""
    return frozenset(available_timezones())


@cache
def changes(zone: str) -> tuple[tuple[int, int], ...]:
    """The offsets of a zone in the years in which readings are taken."""
    try:
        clock = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise NoZoneError(f"there is no time zone '{zone}'") from error
    at = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    found = [(int(at.timestamp()), _offset(clock, at))]
    while at.year < LAST_YEAR:
        later = at + timedelta(days=7)  # no zone has changed twice within a week since 1999
        if _offset(clock, later) != found[-1][1]:
            exact = _change(clock, int(at.timestamp()), int(later.timestamp()))
            found.append((exact, _offset(clock, datetime.fromtimestamp(exact, UTC))))
        at = later
    return tuple(found)


def _offset(clock: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(clock).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _change(clock: ZoneInfo, before: int, after: int) -> int:
    """The first second of the new offset."""
    old = _offset(clock, datetime.fromtimestamp(before, UTC))
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(clock, datetime.fromtimestamp(middle, UTC)) == old:
            before = middle
        else:
            after = middle
    return after


def to_utc(local: str, offsets: Changes, *, later: bool) -> str:
    """SQL: microseconds of a local clock as UTC, NULL for a time that the clock skips; `local` is read often."""
    pieces: list[tuple[int, int | None]] = []
    (_, offset), *rest = offsets
    last = offset
    for at, new in rest:
        low, high = sorted((at + last, at + new))
        between = None if new > last else (new if later else last)
        pieces += [(low, last), (high, between)]
        last = new
    return _tree(local, pieces, last)


def _tree(local: str, pieces: Sequence[tuple[int, int | None]], last: int | None) -> str:
    """Nested CASEs, so that a row takes few comparisons: each piece holds below its bound."""
    if not pieces:
        return "NULL::BIGINT" if last is None else f"{local} - {last * _SECOND}::BIGINT"
    middle = len(pieces) // 2
    bound, offset = pieces[middle]
    below, above = _tree(local, pieces[:middle], offset), _tree(local, pieces[middle + 1 :], last)
    return f"CASE WHEN {local} < {bound * _SECOND}::BIGINT THEN {below} ELSE {above} END"
