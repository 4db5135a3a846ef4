"""One reading of a mapping as columns of its statement.

Belongs here: sentinels, units, flags and the call of the reading rules. Reading n leaves the statement as `v<n>`
(value), `g<n>` (flags) and `f<n>`: NULL when accepted, ABSENT when there is nothing to say, else the number of the rule
that fails, with `t<n>` (the field as it came) and `u<n>` (its unit).
Does not: what an event's readings share (`compilation`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from canonical import sql
from canonical.decoders.cell import Cell
from canonical.spec_model import Reading
from canonical.units import Factors
from quality.contracts.flags import Flag
from quality.rules.macros import fault

ABSENT = -1
"""In place of a rule's number: neither a reading nor a reject, because the device sent no value."""


class ReadingColumns:
    """The columns of one reading, stage by stage."""

    def __init__(
        self,
        number: int,
        reading: Reading,
        factors: Mapping[str, Factors],
        content: Mapping[str, Any],
        cells: Mapping[str, Cell],
    ) -> None:
        self._n = number
        self._reading = reading
        self._factors = factors
        self._metric = content["metrics"][reading.metric]
        dimension = self._metric["dimension"]
        self._others = [text for text, is_ in content["units"].items() if is_ != dimension and text not in factors]
        self._cell = cells[reading.path]
        self._unit = cells[reading.unit_path] if reading.unit_path else None

    def fields(self) -> list[str]:
        """given, number, text, sentinel and unit text."""
        n, cell = self._n, self._cell
        unit = (
            f"CASE WHEN {self._unit.given} THEN coalesce({self._unit.text}, {self._unit.shown}) END"
            if self._unit
            else sql.text(None)
        )
        return [
            f"{cell.given} AS given{n}",
            f"{cell.number} AS number{n}",
            f"{cell.shown} AS shown{n}",
            f"{self._sentinel()} AS sentinel{n}",
            f"{unit} AS unit{n}",
        ]

    def _sentinel(self) -> str:
        numbers = [value for value in self._reading.sentinels if not isinstance(value, str)]
        texts = [value for value in self._reading.sentinels if isinstance(value, str)]
        tests = []
        if numbers:
            tests.append(f"coalesce({self._cell.number} IN ({', '.join(map(sql.number, numbers))}), false)")
        if texts:
            tests.append(f"coalesce({self._cell.text} IN ({sql.texts(texts)}), false)")
        return " OR ".join(tests) or "false"

    def values(self) -> list[str]:
        """The value in the canonical unit, before the sign of zero is taken away."""
        raw = f"number{self._n}"
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
            number=f"number{n}",
            unit_text=f"unit{n}",
            unit_known=f"coalesce(unit{n} IN ({sql.texts(self._factors)}), false)" if named else "true",
            unit_other=f"unit{n} IN ({sql.texts(self._others)})" if named else "false",
            value=f"raw{n}",
            low=sql.number(self._metric["low"]),
            high=sql.number(self._metric["high"]),
        )
        absent = f"sentinel{n}" if self._reading.required else f"sentinel{n} OR NOT given{n}"
        return [f"CASE WHEN {absent} THEN {ABSENT}::TINYINT ELSE {reading_fault} END AS f{n}"]

    def result(self) -> list[str]:
        """What leaves the statement."""
        n = self._n
        refused = f"CASE WHEN f{n} >= 0 THEN left"
        return [
            f"CASE WHEN raw{n} = 0 THEN 0 ELSE raw{n} END AS v{n}",  # -0.0 is 0.0
            f"{self._flags()} AS g{n}",
            f"f{n}",
            f"{refused}(shown{n}, 200) END AS t{n}",
            f"{refused}(unit{n}, 200) END AS u{n}",
        ]

    def constants(self) -> dict[str, str | float | None]:
        """What the message of a rule may need and is the same for every row."""
        return {
            "metric": self._reading.metric,
            "field": self._reading.path,
            "unit_field": self._reading.unit_path,
            "unit": self._metric["unit"],
            "low": self._metric["low"],
            "high": self._metric["high"],
        }

    def _flags(self) -> str:
        canonical = self._metric["unit"]
        envelope = f"CASE WHEN from_envelope THEN {int(Flag.RECORDED_AT_ENVELOPE)} ELSE 0 END"
        if self._unit is None:
            bits = "0" if self._reading.unit == canonical else f"{int(Flag.UNIT_CONVERTED)}"
        else:
            same = [text for text, unit in self._reading.units.items() if unit == canonical]
            bits = f"CASE WHEN unit{self._n} IN ({sql.texts(same)}) THEN 0 ELSE {int(Flag.UNIT_CONVERTED)} END"
        return f"({envelope} + {bits})::BIGINT"


def _converted(raw: str, factors: Factors) -> str:
    """SQL: (raw * times + plus) / over, without the steps that do nothing, so that equal units keep every bit."""
    times, plus, over = factors
    scaled = raw if times == 1 else f"{raw} * {sql.number(times)}"
    shifted = scaled if plus == 0 else f"({scaled} + {sql.number(plus)})"
    return shifted if over == 1 else f"{shifted} / {sql.number(over)}"
