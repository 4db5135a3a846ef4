"""When a reading was taken, as SQL: from the text or the number in the message to microseconds of UTC.

Belongs here: the formats of times, several tried in order, local clocks, and what stands for no time.
Does not: which times are acceptable (`quality.rules.row`), or the changes of zones (`zones`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from canonical import sql
from canonical.decoders.cell import Cell
from canonical.spec.identity import Time
from canonical.spec.readings import NumberFormat
from canonical.zones import Changes, to_utc

_YEAR_1, _YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000
_LOCAL = r"[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9][Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,12})?)?"
_ISO = _LOCAL + r"([Zz]|[+-](0[0-9]|1[0-4]):?[0-5][0-9])"
_PER_UNIT = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
_AUTO = (("epoch_s", 100_000_000_000), ("epoch_ms", 100_000_000_000_000), ("epoch_us", 100_000_000_000_000_000))
"""Below this many it is that unit: in each, the years 1970 to after 5000 (and for milliseconds not before 1973)."""

CellOf = Callable[[str, NumberFormat | None], Cell]


def is_number(format_: str) -> bool:
    """Whether the format reads numbers."""
    return format_.startswith(("epoch_", "age_"))


def is_local(format_: str) -> bool:
    """Whether texts of the format name no offset."""
    return format_ == "iso_local" or ("%" in format_ and "%z" not in format_)


class Moment:
    """The columns that come from the time of a group."""

    def __init__(self, time: Time, cells: CellOf, offsets: Changes | None) -> None:
        self._time = time
        manner = NumberFormat() if time.quoted else None
        self._cells = [cells(path, manner) for path in time.paths]
        self._offsets = offsets or ((0, 0),)

    def fields(self) -> list[str]:
        """time_given, time_text, what is read (time_words and time_digits) and from_envelope."""
        if not self._cells:
            return ["false AS time_given", "NULL::VARCHAR AS time_text", "true AS from_envelope"]
        given = self._given()
        formats = self._time.tried
        made = [f"{given} AS time_given", f"{self._shown()} AS time_text"]
        if any(not is_number(format_) for format_ in formats):
            made.append(f"CASE WHEN {given} THEN {self._words()} END AS time_words")
        if any(is_number(format_) for format_ in formats):
            made.append(f"CASE WHEN {given} THEN {self._cells[0].digits} END AS time_digits")
        return [*made, f"{'false' if self._time.fallback is None else f'NOT {given}'} AS from_envelope"]

    def _given(self) -> str:
        given = " OR ".join(cell.given for cell in self._cells)
        if len(self._cells) > 1:
            given = f"({given})"
        unset = self._time.unset
        if not unset:
            return given
        tests = [f"coalesce({self._as_written()} IN ({sql.texts(unset)}), false)"]
        numbers = [float(text) for text in unset if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)]
        if numbers and len(self._cells) == 1:
            tests.append(f"coalesce({self._cells[0].number} IN ({', '.join(map(sql.number, numbers))}), false)")
        return f"({given} AND NOT ({' OR '.join(tests)}))"

    def _as_written(self) -> str:
        return " || ' ' || ".join(cell.written for cell in self._cells)

    def _words(self) -> str:
        if len(self._cells) > 1:
            return self._as_written()
        # 20261121 may be a date to a pattern, but a number is no ISO time.
        patterns = any("%" in format_ for format_ in self._time.tried)
        return self._cells[0].written if patterns else self._cells[0].text

    def _shown(self) -> str:
        if len(self._cells) == 1:
            return self._cells[0].shown
        return f"concat_ws(' ', {', '.join(cell.written for cell in self._cells)})"

    def moment(self) -> str:
        """Microseconds since 1970 of the payload's time, anywhere in time; NULL where it cannot be read."""
        if not self._cells:
            return "NULL::BIGINT"
        reads = [(_read(format_), is_local(format_)) for format_ in self._time.tried]
        if not any(local for _, local in reads):
            return reads[0][0] if len(reads) == 1 else f"coalesce({', '.join(read for read, _ in reads)})"
        in_utc = [self._in_utc(read) if local else read for read, local in reads]
        if len(reads) == 1:
            return in_utc[0]
        # The first format that reads the text decides, also where the local clock skipped that time.
        whens = " ".join(
            f"WHEN {read} IS NOT NULL THEN {value}" for (read, _), value in zip(reads, in_utc, strict=True)
        )
        return f"CASE {whens} END"

    def _in_utc(self, local: str) -> str:
        if len(self._offsets) == 1 and self._offsets[0][1] == 0:
            return local
        tree = to_utc("t", self._offsets, later=self._time.ambiguous == "later")
        return f"list_transform([{local}], lambda t: {tree})[1]"

    def recorded(self) -> str:
        """The moment where it is in the calendar; the hub's where the payload has none and the mapping allows it."""
        within = f"CASE WHEN moment >= {_YEAR_1} AND moment < {_YEAR_10000} THEN moment END"
        fallback = self._time.fallback
        return within if fallback is None else f"CASE WHEN from_envelope THEN enqueued_us ELSE {within} END"


def _read(format_: str) -> str:
    """SQL: microseconds, of UTC or of the local clock."""
    if format_ == "iso":
        matches = f"regexp_full_match(time_words, {sql.text(_ISO)})"
        return f"CASE WHEN {matches} THEN epoch_us(try_cast(upper(time_words) AS TIMESTAMPTZ)) END"
    if format_ == "iso_local":
        matches = f"regexp_full_match(time_words, {sql.text(_LOCAL)})"
        return f"CASE WHEN {matches} THEN epoch_us(try_cast(upper(time_words) AS TIMESTAMP)) END"
    if "%" in format_:
        return f"epoch_us(try_strptime(time_words, {sql.text(format_)}))"
    # Exact decimals, because a double of seconds is off by a microsecond; digits past the ninth only cost.
    cut = "regexp_replace(time_digits, '(\\.[0-9]{9})[0-9]+', '\\1')"
    exact = f"try_cast(CASE WHEN length(time_digits) > 20 THEN {cut} ELSE time_digits END AS DECIMAL(28, 9))"
    if format_ == "epoch_auto":
        whens = " ".join(f"WHEN abs({exact}) < {below} THEN {_scaled(exact, unit)}" for unit, below in _AUTO)
        return f"CASE {whens} ELSE {_scaled(exact, 'epoch_ns')} END"
    if format_.startswith("age_"):
        return f"enqueued_us - {_scaled(exact, format_.replace('age_', 'epoch_'))}"
    return _scaled(exact, format_)


def _scaled(exact: str, unit: str) -> str:
    if unit == "epoch_ns":  # the engine would divide decimals as doubles
        return f"try_cast(try_cast(floor({exact}) AS HUGEINT) // 1000 AS BIGINT)"
    return f"try_cast(floor({exact} * {_PER_UNIT[unit]}) AS BIGINT)"


def zones_of(times: Sequence[Time]) -> set[str]:
    """The zones whose changes have to be known."""
    return {time.zone for time in times if time.zone is not None}


Zones = Mapping[str, Changes]
