"""One message, step by step: what each line of a mapping did with it.

Belongs here: which mapping took the message and why the others did not, and every stage of its statement for every
reading, in the words of the spec, with the lines they stand in. All values are the compiled mapping's own: its
statement is run on the message, and its inner columns are looked at.
Does not: showing it (`orchestration.cli.mapping_explain`), or computing anything a second way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from canonical import matching
from canonical.canonicaliser import Canonicaliser, Converted
from canonical.compilation import Compiled, Part
from canonical.content import parse
from canonical.examples import unsaid
from canonical.places_of_readings import places_of
from canonical.spec.readings import Others, Reading
from canonical.spec_model import MappingSpec
from canonical.yaml_lines import Lines
from quality.rules.macros import of_stage
from quality.rules.row import Rule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DOCUMENT = 4000
_MOST_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the spec: what it looked at and what came of it."""

    line: int | None
    says: str
    outcome: str = ""
    """`accepted`, `rejected` or `nothing` for readings; empty for steps on the way."""
    index: int | None = None
    details: tuple[str, ...] = ()


@dataclass(slots=True)
class Entry:
    """One record, or one entry of a group: who, when, and its readings."""

    group: str
    line: int | None
    record: int
    steps: list[Step] = field(default_factory=list)
    readings: list[Step] = field(default_factory=list)


@dataclass(slots=True)
class Explanation:
    """All there is to say of one message."""

    mapping: str | None
    matching: list[dict[str, Any]]
    decoded: list[Step]
    documents: list[str]
    entries: list[Entry]
    readings: list[dict[str, Any]]
    rejects: list[dict[str, Any]]
    unmapped: tuple[str, ...]

    def data(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        return asdict(self)


def explain(event: pa.Table, canonicaliser: Canonicaliser, lines: Mapping[str, Lines]) -> Explanation:
    """What becomes of one event (a table of one row); `lines` are those of the spec files, by mapping."""
    converted = canonicaliser.convert(event)
    content = parse(canonicaliser.content)
    taken = next(iter(canonicaliser.taken(event)), None)
    found = Explanation(
        mapping=taken[0].spec.id if taken else None,
        matching=matching.tests(event, canonicaliser, lines, taken[0].spec.id if taken else None),
        decoded=[],
        documents=[],
        entries=[],
        readings=_rows(converted.readings),
        rejects=_rows(converted.rejects),
        unmapped=unsaid(event, canonicaliser) if taken else (),
    )
    if taken:
        mapping, source = taken
        _Tracer(mapping, lines.get(mapping.spec.id), canonicaliser, converted, content).trace(source, found)
    return found


class _Tracer:
    """The statements of one mapping, run on one message with all their columns."""

    def __init__(
        self,
        mapping: Compiled,
        lines: Lines | None,
        canonicaliser: Canonicaliser,
        converted: Converted,
        content: Mapping[str, Any],
    ) -> None:
        rules = [Rule(**rule) for rule in content["rules"]]
        self._mapping = mapping
        self._lines = lines
        self._run = canonicaliser.run
        self._metrics = content["metrics"]
        self._factors = next(m["factors"] for m in content["mappings"] if m["spec"]["id"] == mapping.spec.id)
        self._event_rules = of_stage("event", rules)
        self._readings = {row["index"]: row for row in converted.readings.to_pylist()}
        self._rejects = {row["index"]: row for row in converted.rejects.to_pylist()}
        self._places = places_of(mapping.spec)

    def trace(self, source: pa.Table, found: Explanation) -> None:
        """Fill decode, documents and entries."""
        mapping, spec = self._mapping, self._mapping.spec
        records = source if mapping.bodies is None else mapping.bodies.read(source, self._run)
        found.decoded, found.documents = self._decoded(spec, records)
        slots = sum(len(part.readings) for part in mapping.parts)
        spare = spec.decode.many and mapping.parts[0].depth > 0
        if mapping.bodies is not None and "body_fault" in records.column_names:
            sound = [row is None for row in records.column("body_fault").to_pylist()]
            records = records.filter(pa.array(sound, pa.bool_()))
        for part in mapping.parts:
            rows = self._run(part.traced, part.decoder.prepare(records)).to_pylist()
            numbers = _numbers(rows, part, many=spec.decode.many)
            for number, row in list(zip(numbers, rows, strict=True))[:_MOST_ENTRIES]:
                found.entries.append(self._entry(part, row, number, slots + spare, grouped=part.group.each is not None))

    def _line(self, *path: str | int) -> int | None:
        return self._lines.of(path) if self._lines else None

    def _decoded(self, spec: MappingSpec, records: pa.Table) -> tuple[list[Step], list[str]]:
        texts = []
        if "document" in records.column_names:
            texts = [text[:_MOST_DOCUMENT] for text in records.column("document").to_pylist() if text is not None]
        count = "" if not spec.decode.many else f", {len(records)} records"
        steps = [Step(self._line("decode"), f"read as {spec.decode.format}{count}")]
        if "body_fault" in records.column_names:
            faults = [(n, f, d) for n, (f, d) in enumerate(zip(records.column("body_fault").to_pylist(),
                      records.column("body_detail").to_pylist(), strict=True)) if f]  # fmt: skip
            for number, fault, detail in faults[:20]:
                where = f"record {number}: " if spec.decode.many else ""
                steps.append(
                    Step(self._line("decode"), f"{where}{fault}" + (f": {detail}" if detail else ""), "rejected")
                )
        return steps, texts[:20]

    def _entry(self, part: Part, row: Mapping[str, Any], number: int, slots: int, *, grouped: bool) -> Entry:
        group = part.group
        place = next((n for n, records in enumerate(self._mapping.spec.records) if records.each == group.each), None)
        at: tuple[str | int, ...] = ("records", place) if grouped and place is not None else ()
        entry = Entry(group.each or "", self._line(*at) if at else None, number)
        entry.steps = [*self._device(group, row, at), *self._time(group, row, at), *self._discriminator(group, row, at)]
        if row["fault"] is not None:
            rule = self._event_rules[row["fault"]]
            says = self._reason(rule.code, number, slots, group.first)
            entry.steps.append(Step(None, f"{rule.code}: {says}", "rejected"))
        for offset in range(len(part.readings)):
            entry.readings.append(
                self._reading(group.first + offset, row, number * slots, dead=row["fault"] is not None)
            )
        return entry

    def _reason(self, code: str, number: int, slots: int, first: int) -> str:
        for index in (-1, number * slots + first, number * slots + slots - 1):
            row = self._rejects.get(index)
            if row is not None and row["reason"] == code:
                return str(row["message"])
        return next((row["message"] for row in self._rejects.values() if row["reason"] == code), code)

    def _device(self, group: Any, row: Mapping[str, Any], at: tuple[str | int, ...]) -> Iterator[Step]:
        own = at if "device" in group.own else ()
        line = self._line(*own, "device")
        field_ = group.device.field
        said = f"{field_} is {_quoted(row['named_device'])}" if field_ else "the payload does not name it"
        hub = f"the hub says {_quoted(row['envelope_device'])}" if row["envelope_device"] else "the hub names none"
        word = (
            "a gateway, so the payload's word counts"
            if group.device.gateway
            else "the hub's word counts if there is one"
        )
        yield Step(line, f"device: {said}; {hub}; {word} -> {row['device_id'] or 'nobody'}")

    def _time(self, group: Any, row: Mapping[str, Any], at: tuple[str | int, ...]) -> Iterator[Step]:
        own = at if "time" in group.own else ()
        line = self._line(*own, "time")
        moment = "no time" if row["recorded_us"] is None else _moment(row["recorded_us"])
        if row["from_envelope"]:
            why = f"{group.time.field} says none" if group.time.field else "the payload has none"
            yield Step(line, f"time: {why}, so the hub's counts -> {moment}")
            return
        formats = ", ".join(group.time.tried)
        zone = f" in {group.time.zone}" if group.time.zone else ""
        yield Step(line, f"time: {group.time.field} is {row['time_text']}, read as {formats}{zone} -> {moment}")

    def _discriminator(self, group: Any, row: Mapping[str, Any], at: tuple[str | int, ...]) -> Iterator[Step]:
        if group.discriminator is None:
            return
        own = at if "discriminator" in group.own else ()
        named = group.discriminator.path or f"property {group.discriminator.property}"
        yield Step(self._line(*own, "discriminator"), f"discriminator: {named} -> {_quoted(row['discriminator'])}")

    def _reading(self, n: int, row: Mapping[str, Any], base: int, *, dead: bool) -> Step:
        slot = self._mapping.spec.slots[n]
        line = self._line(*self._places[n])
        if isinstance(slot, Others):
            return self._others(slot, n, row, base, line)
        steps = list(self._steps(slot, n, row))
        index = base + n
        head = slot.metric + (
            f" ({row[f'channel{n}']})" if f"channel{n}" in row else f" ({slot.channel})" if slot.channel else ""
        )
        if dead:
            return Step(line, head, "nothing", index, (*steps, "the whole record is rejected"))
        if (accepted := self._readings.get(index)) is not None:
            value = accepted["value"] if accepted["value"] is not None else accepted["value_text"]
            unit = "" if accepted["unit"] in {None, "", "dimensionless"} else f" {accepted['unit']}"
            return Step(line, head, "accepted", index, (*steps, f"accepted: {_number(value)}{unit}"))
        if (refused := self._rejects.get(index)) is not None:
            return Step(
                line, head, "rejected", index, (*steps, f"rejected as {refused['reason']}: {refused['message']}")
            )
        return Step(line, head, "nothing", index, (*steps, "neither a reading nor a reject"))

    def _steps(self, slot: Reading, n: int, row: Mapping[str, Any]) -> Iterator[str]:
        """What is true of one field, in the order in which it is asked; it ends where the answer is settled."""
        if slot.when is not None and not row[f"when{n}"]:
            yield f"when: {slot.when.path} is not so"
            return
        where = slot.path or "const"
        if not row[f"given{n}"]:
            yield f"{where} is not there" + ("" if slot.required else ", and need not be")
            return
        yield f"{where} is {row[f'shown{n}']}"
        if row[f"sentinel{n}"]:
            yield "that is a sentinel: the device says that it has no value"
            return
        if f"state{n}" in row:
            yield f"as a state: {_quoted(row[f'state{n}'])}" if row[f"state{n}"] is not None else "it is no known state"
            return
        number = row[f"number{n}"]
        if number is None:
            yield "it is no number"
            return
        unit_text = ""
        if slot.unit_path is not None:
            unit_text = row[f"unit{n}"]
            yield f"its unit, {slot.unit_path}, is {_quoted(unit_text)}"
        factors = self._factors[n].get(unit_text if slot.unit_path else "")
        if factors is not None:
            yield from _conversion(slot, (number, row[f"raw{n}"]), factors, unit_text, self._metrics[slot.metric])

    def _others(self, slot: Others, n: int, row: Mapping[str, Any], base: int, line: int | None) -> Step:
        refused = self._rejects.get(base + n)
        head = "other names"
        if refused is None:
            return Step(line, head, "nothing", base + n, ("the name is one of the mapping's",))
        return Step(
            line, head, "rejected", base + n, (f"{slot.metric_path} is {row[f'shown{n}']}", str(refused["message"]))
        )


def _conversion(
    slot: Reading,
    numbers: tuple[float, float | None],
    factors: Sequence[float],
    unit_text: str,
    metric: Mapping[str, Any],
) -> Iterator[str]:
    """The arithmetic as it is done, where it does something, and the range that is asked for."""
    number, raw = numbers
    times, plus, over = factors
    unit = slot.unit if slot.unit is not None else slot.units.get(unit_text)
    if (times, plus, over) != (1, 0, 1):
        parts = [f"{_number(number)} * {_number(times)}"] if times != 1 else [_number(number)]
        parts += [f"{'+' if plus > 0 else '-'} {_number(abs(plus))}"] if plus else []
        text = " ".join(parts)
        text = (
            f"({text}) / {_number(over)}" if over != 1 and plus else f"{text} / {_number(over)}" if over != 1 else text
        )
        factor = (
            ""
            if slot.scale == 1 and slot.offset == 0
            else f", scale {_number(slot.scale)} offset {_number(slot.offset)}"
        )
        yield f"{unit or 'its unit'}{factor} to {metric['unit']}: {text} = {_number(raw)}"
    low, high = metric["low"], metric["high"]
    if low is not None or high is not None:
        yield f"range: {_number(low) if low is not None else 'any'} to {_number(high) if high is not None else 'any'}"


def _numbers(rows: Sequence[Mapping[str, Any]], part: Part, *, many: bool) -> list[int]:
    """The number of each record in its message, as `several_records` counts."""
    names = ["record", *(f"i{level}" for level in range(1, part.depth + 1))]
    if not rows or "record" not in rows[0]:
        return [0] * len(rows)
    if part.depth == 0:
        return [row["record"] for row in rows]
    if part.depth == 1 and not many:
        return [row["i1"] for row in rows]
    order = sorted(range(len(rows)), key=lambda n: [rows[n][name] for name in names])
    numbers = [0] * len(rows)
    for number, place in enumerate(order):
        numbers[place] = number
    return numbers


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=lambda row: row["index"])


def _moment(us: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=us)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return f"{us} µs since 1970"


def _quoted(text: str | None) -> str:
    return "nothing" if text is None else f"'{text}'"


def _number(value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return "nothing" if value is None else f"'{value}'"
    return f"{value:.15g}"
