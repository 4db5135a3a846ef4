"""One reading of a mapping as columns of its statement.

Belongs here: conditions, sentinels, units, states, flags and the call of the reading rules. Reading n leaves the
statement as `v<n>` (value) and `f<n>`: NULL when accepted, ABSENT when there is nothing to say, else the number of the
rule that fails, with the field as it came in the list `shown`; `g<n>` (flags), `u<n>` (unit), `x<n>` (value_text) and
`c<n>` (channel) only where they are not the same in every row.
Does not: what the readings of an entry share (`compilation`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from canonical import sql
from canonical.decoders.cell import Cell, part_of
from canonical.decoders.conditions import holds
from canonical.spec.part import as_written
from canonical.spec.readings import Channel, NumberFormat, Others, Reading
from canonical.units import Factors
from quality.contracts.flags import Flag
from quality.rules.macros import fault

ABSENT = -1
"""In place of a rule's number: neither a reading nor a reject, because the device sent no value."""
WORDED = ("state", "event")
"""Kinds of metrics whose readings are texts."""
SHOWN = 200
"""Characters of what a message holds that are told."""

CellOf = Callable[[str, NumberFormat | None], Cell]


class ReadingColumns:
    """The columns of one reading, stage by stage."""

    def __init__(
        self,
        number: int,
        reading: Reading,
        factors: Mapping[str, Factors],
        content: Mapping[str, Any],
        cells: CellOf,
    ) -> None:
        self._n = number
        self._reading = reading
        self._factors = factors
        self._metric = content["metrics"][reading.metric]
        self.worded = self._metric["kind"] in WORDED
        dimension = self._metric["dimension"]
        others = [text for text, is_ in content["units"].items() if is_ != dimension and text not in factors]
        self._others = [*others, *(text for text in reading.units if text not in factors)]
        self._cell = cells(reading.path, reading.number) if reading.path else _constant(reading.const)
        self._unit = cells(reading.unit_path, None) if reading.unit_path and not self.worded else None
        self._when = holds(reading.when, cells(reading.when.path, None)) if reading.when else None
        self._channel = reading.channel
        self._channel_cell = None
        if isinstance(reading.channel, Channel):
            self._channel_cell = part_of(cells(reading.channel.path, None), reading.channel.pattern)

    @property
    def names_channel(self) -> bool:
        """Whether the message says the channel."""
        return self._channel_cell is not None

    @property
    def names_unit(self) -> bool:
        """Whether the message says the unit."""
        return self._unit is not None

    def fields(self) -> list[str]:
        """given, number, text, sentinel, unit text; and condition, state and channel where there are such."""
        n, cell = self._n, self._cell
        unit = (
            f"CASE WHEN {self._unit.given} THEN coalesce({self._unit.text}, {self._unit.shown}) END"
            if self._unit
            else sql.text(None)
        )
        columns = [
            f"{cell.given} AS given{n}",
            f"{'NULL::DOUBLE' if self.worded else cell.number} AS number{n}",
            f"{cell.shown} AS shown{n}",
            f"{self._sentinel()} AS sentinel{n}",
            f"{unit} AS unit{n}",
        ]
        if self._when is not None:
            columns.append(f"{self._when} AS when{n}")
        if self.worded:
            columns.append(f"{self._state()} AS state{n}")
        if self._channel_cell is not None and isinstance(self._channel, Channel):
            before, _, behind = self._channel.template.partition("{}")
            named = f"left({self._channel_cell.name}, {SHOWN})"
            columns.append(f"coalesce({sql.text(before)} || {named} || {sql.text(behind)}, '') AS channel{n}")
        return columns

    def _sentinel(self) -> str:
        numbers = [value for value in self._reading.sentinels if not isinstance(value, str)]
        texts = [value for value in self._reading.sentinels if isinstance(value, str)]
        tests = []
        if numbers:
            tests.append(f"coalesce({self._cell.number} IN ({', '.join(map(sql.number, numbers))}), false)")
        if texts:
            tests.append(f"coalesce({self._cell.text} IN ({sql.texts(texts)}), false)")
        return " OR ".join(tests) or "false"

    def _state(self) -> str:
        """The state or the event's name; NULL where the mapping or the catalogue knows none for what is written."""
        written, states = self._cell.written, self._reading.states
        known = self._metric["states"]
        plain = f"nullif(left({written}, {SHOWN}), '')"
        if known:
            plain = f"CASE WHEN {written} IN ({sql.texts(known)}) THEN {written} END"
        if not states:
            return plain
        whens = " ".join(f"WHEN {sql.text(text)} THEN {sql.text(state)}" for text, state in states.items())
        mapped = [f"CASE {written} {whens} END"]
        numbers = {float(text): state for text, state in states.items() if _is_number(text)}
        if numbers:  # 1 and 1.0 are the same
            whens = " ".join(f"WHEN {sql.number(number)} THEN {sql.text(state)}" for number, state in numbers.items())
            mapped.append(f"CASE {self._cell.number} {whens} END")
        if self._reading.text:
            mapped.append(plain)
        return f"coalesce({', '.join(mapped)})" if len(mapped) > 1 else mapped[0]

    def values(self) -> list[str]:
        """The value in the canonical unit, before the sign of zero is taken away."""
        raw = f"number{self._n}"
        if self.worded:
            return [f"NULL::DOUBLE AS raw{self._n}"]
        if self._unit is None:
            return [f"{_converted(raw, self._factors[''])} AS raw{self._n}"]
        whens = " ".join(
            f"WHEN {sql.text(text)} THEN {_converted(raw, factors)}" for text, factors in self._factors.items()
        )
        return [f"CASE unit{self._n} {whens} END AS raw{self._n}"]

    def judged(self) -> list[str]:
        """The number of the rule that fails."""
        n = self._n
        named = self._unit is not None
        reading_fault = fault(
            "reading",
            required=sql.boolean(value=self._reading.required),
            given=f"given{n}",
            metric_known="true",
            worded=sql.boolean(value=self.worded),
            state=f"state{n}" if self.worded else "NULL",
            number=f"number{n}",
            unit_text=f"unit{n}",
            unit_known=f"coalesce(unit{n} IN ({sql.texts(self._factors)}), false)" if named else "true",
            unit_other=f"unit{n} IN ({sql.texts(self._others)})" if named else "false",
            value=f"raw{n}",
            low=sql.number(self._metric["low"]),
            high=sql.number(self._metric["high"]),
        )
        absent = f"sentinel{n}" if self._reading.required else f"sentinel{n} OR NOT given{n}"
        if self._when is not None:
            absent = f"NOT when{n} OR {absent}"
        return [f"CASE WHEN {absent} THEN {ABSENT}::TINYINT ELSE {reading_fault} END AS f{n}"]

    def result(self) -> list[str]:
        """What leaves the statement."""
        n = self._n
        columns = [f"CASE WHEN raw{n} = 0 THEN 0 ELSE raw{n} END AS v{n}", f"f{n}"]  # -0.0 is 0.0
        if self.names_unit:
            columns.append(f"{self._flags()} AS g{n}")
            columns.append(f"CASE WHEN f{n} >= 0 THEN left(unit{n}, {SHOWN}) END AS u{n}")
        columns += [f"state{n} AS x{n}"] if self.worded else []
        columns += [f"channel{n} AS c{n}"] if self.names_channel else []
        return columns

    def constants(self) -> dict[str, str | float | None]:
        """What is the same for every row: of the reading, and for the message of a rule."""
        return {
            "metric": self._reading.metric,
            **({} if isinstance(self._channel, Channel) else {"channel": self._channel}),
            "field": self._reading.path,
            "unit_field": self._reading.unit_path,
            "unit": self._metric["unit"],
            "low": self._metric["low"],
            "high": self._metric["high"],
        }

    @property
    def flags(self) -> int:
        """The flags of every row; more are in `g<n>` where the message names the unit."""
        same_unit = self.worded or self.names_unit or self._reading.unit in {None, self._metric["unit"]}
        return 0 if same_unit else int(Flag.UNIT_CONVERTED)

    def _flags(self) -> str:
        same = [text for text, unit in self._reading.units.items() if unit == self._metric["unit"]]
        return f"(CASE WHEN unit{self._n} IN ({sql.texts(same)}) THEN 0 ELSE {int(Flag.UNIT_CONVERTED)} END)::BIGINT"


class OtherNames:
    """The columns of the names in a triple that no metric has: a reject each, never a reading."""

    worded = names_channel = names_unit = False
    flags = 0

    def __init__(self, number: int, others: Others, cells: CellOf) -> None:
        self._n = number
        self._others = others
        self._name = cells(others.metric_path, None)
        self._value = cells(others.path, None)

    def fields(self) -> list[str]:
        """The name, and whether a metric of the mapping has it."""
        n, name = self._n, part_of(self._name, self._others.metric_pattern)
        known = f"coalesce({name.written} IN ({sql.texts(self._others.names)}), NOT {self._value.given})"
        return [f"{known} AS known{n}", f"{self._name.shown} AS shown{n}"]

    def values(self) -> list[str]:
        """None."""
        return []

    def judged(self) -> list[str]:
        """The number of the rule on names."""
        plain = dict.fromkeys(("number", "state", "unit_text", "value", "low", "high"), "NULL")
        truths = dict.fromkeys(("given", "unit_known"), "true")
        lies = dict.fromkeys(("required", "worded", "unit_other", "metric_known"), "false")
        reading_fault = fault("reading", **plain, **truths, **lies)
        return [f"CASE WHEN known{self._n} THEN {ABSENT}::TINYINT ELSE {reading_fault} END AS f{self._n}"]

    def result(self) -> list[str]:
        """A fault and the name; no value."""
        return [f"NULL::DOUBLE AS v{self._n}", f"f{self._n}"]

    def constants(self) -> dict[str, str | float | None]:
        """Where the name stands."""
        return {"field": self._others.metric_path}


def _constant(value: Any) -> Cell:
    """A field that is always there and always the same."""
    text = sql.text(as_written(value))
    number = "NULL::DOUBLE" if isinstance(value, bool | str) else sql.number(value)
    return Cell(given="true", number=number, digits=text, text=text, name=text, shown=text, written=text)


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False


def _converted(raw: str, factors: Factors) -> str:
    """SQL: (raw * times + plus) / over, without the steps that do nothing, so that equal units keep every bit."""
    times, plus, over = factors
    scaled = raw if times == 1 else f"{raw} * {sql.number(times)}"
    shifted = scaled if plus == 0 else f"({scaled} + {sql.number(plus)})"
    return shifted if over == 1 else f"{shifted} / {sql.number(over)}"
