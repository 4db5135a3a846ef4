"""`lakehouse mapping explain`: one message, and what each line of its mapping did with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from orchestration.cli.show import JSON, emit, legible, printable, results

if TYPE_CHECKING:
    import pyarrow as pa

    from canonical.explanation import Entry, Explanation, Step
    from canonical.spec_model import MappingSpec
    from canonical.yaml_lines import Lines
    from settings.model import Settings

_STYLE = {"accepted": "green", "rejected": "bold red", "nothing": "dim", "": ""}
_MOST_ENTRIES = 50


def explain(
    message: Annotated[
        str, typer.Argument(help="A file with one message, `-` for stdin, or an event: hub/partition/epoch/sequence.")
    ],
    mapping: Annotated[
        Path | None, typer.Option(help="A spec file that is not in force yet; it is put among those that are.")
    ] = None,
    content_type: Annotated[str | None, typer.Option(help="Media type of a message from a file.")] = None,
    schema_ref: Annotated[str | None, typer.Option("--schema", help="Schema of a message from a file.")] = None,
    device: Annotated[str | None, typer.Option(help="Device that the hub names, for a message from a file.")] = None,
    property_: Annotated[
        list[str] | None, typer.Option("--property", help="name=value of a message from a file; may be repeated.")
    ] = None,
    hex_: Annotated[bool, typer.Option("--hex", help="The file holds bytes written in hexadecimal.")] = False,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Show which mapping takes one message, and for each line of it what it read, converted, accepted or refused."""
    from canonical.canonicaliser import Canonicaliser
    from canonical.explanation import explain as explained
    from settings.load import load

    settings = load()
    specs, lines, chosen = _specs(settings.specs, mapping)
    if is_event_name(message):
        event = event_of_lake(settings, message)
    else:
        properties = [tuple(one.split("=", 1)) for one in property_ or []]
        if wrong := [one for one in properties if len(one) != 2]:
            raise ValueError(f"--property {wrong[0][0]!r}: write name=value")
        body = sys.stdin.buffer.read() if message == "-" else Path(message).read_bytes()
        event = _event(body, hex_, content_type, schema_ref, device, properties, chosen)
    found = explained(event, Canonicaliser.of(specs), lines)
    if json_:
        emit(found.data())
        return
    _show(found, event.column("body")[0].as_py() or b"")


def _specs(folder: Path | None, mapping: Path | None) -> tuple[list[MappingSpec], dict[str, Lines], MappingSpec | None]:
    """The specs in force with one file in its place, and where each says what."""
    from canonical.specs import FOLDER, load_spec
    from canonical.yaml_lines import read_yaml

    files = sorted((folder or FOLDER).glob("*.yaml"))
    loaded = {(spec := load_spec(file)).id: (spec, file) for file in files}
    chosen = None
    if mapping is not None:
        if not mapping.exists() and str(mapping) in loaded:
            chosen = loaded[str(mapping)][0]
        else:
            chosen = load_spec(mapping)
            loaded[chosen.id] = (chosen, mapping)
    lines = {id_: read_yaml(file)[1] for id_, (_, file) in loaded.items()}
    return [spec for spec, _ in loaded.values()], lines, chosen


def is_event_name(text: str) -> bool:
    """Whether an argument names an event of the lake rather than a file."""
    return text.count("/") >= 3 and not Path(text).exists() and all(part.isdigit() for part in text.split("/")[-2:])


def event_of_lake(settings: Settings, name: str) -> pa.Table:
    """One event of the lake, as Silver reads it."""
    from canonical.outcome import EVENTS_SCHEMA
    from lake.store import Lake
    from orchestration.trace import is_event, why_absent
    from quality.contracts.tables import BRONZE_TELEMETRY

    here = is_event(name)
    lake = Lake.of(settings)
    if lake.exists(BRONZE_TELEMETRY):
        found = lake.rows(BRONZE_TELEMETRY, columns=EVENTS_SCHEMA.names, where=here)
        if found.num_rows:
            return found.slice(0, 1)
    raise ValueError(why_absent(settings, name))


def _event(
    body: bytes,
    hex_: bool,
    content_type: str | None,
    schema_ref: str | None,
    device: str | None,
    properties: list[tuple[str, ...]],
    chosen: MappingSpec | None,
) -> pa.Table:
    """A message as an event; what the command line does not say is what the mapping matches."""
    import pyarrow as pa

    from canonical.outcome import EVENTS_SCHEMA
    from settings.clock import now

    if hex_:
        try:
            body = bytes.fromhex(body.decode("ascii"))
        except ValueError:
            raise ValueError("the message is not written in hexadecimal") from None
    given = dict(chosen.match.properties) if chosen else {}
    row = {
        "hub": "message",
        "partition_id": "0",
        "epoch": 0,
        "sequence_number": 0,
        "enqueued_at": now(),
        "device_id": device,
        "content_type": content_type or (chosen.match.content_type[0] if chosen else "application/json"),
        "content_encoding": None,
        "schema_ref": schema_ref or (chosen.match.schema_ref if chosen else None),
        "properties": list((given | dict(properties)).items()),  # type: ignore[arg-type]  # pairs, as checked
        "body": body,
    }
    return pa.Table.from_pylist([row], schema=EVENTS_SCHEMA)


def _show(found: Explanation, body: bytes) -> None:
    _matching(found)
    results.print(Text("message", "bold"))
    results.print(Text(f"  {len(body):,} bytes: {legible(body[:400])}"))
    for step in found.decoded:
        _step(step)
    for entry in found.entries[:_MOST_ENTRIES]:
        _entry(entry)
    if len(found.entries) > _MOST_ENTRIES:
        results.print(Text(f"… {len(found.entries) - _MOST_ENTRIES:,} more entries; --json has them all"))
    for row in found.rejects:
        if row["index"] == -1:
            results.print(
                Text.assemble(("rejected", "bold red"), printable(f" as a whole, {row['reason']}: {row['message']}"))
            )
    if found.unmapped:
        results.print(Text("fields that no line reads or ignores (drift)", "bold"))
        for name in found.unmapped:
            results.print(Text(f"  {printable(name)}"))
    results.print(Text(f"result: {len(found.readings)} readings, {len(found.rejects)} rejects", "bold"))


def _matching(found: Explanation) -> None:
    results.print(Text(f"mapping: {found.mapping or 'none takes the message'}", "bold"))
    for one in found.matching:
        if one["chosen"]:
            for test in one["tests"]:
                results.print(Text(f"  {_at(test['line'])}{printable(test['says'])}"))
            continue
        failed = [test for test in one["tests"] if not test["holds"]]
        why = one.get("why_not") or "; ".join(f"not so: {test['says']}" for test in failed)
        if len(failed) < len(one["tests"]) or found.mapping is None:
            results.print(Text(f"  not {one['mapping']}: {printable(why)}", "dim"))


def _entry(entry: Entry) -> None:
    title = f"record {entry.record}" if not entry.group else f"{entry.group}, entry {entry.record}"
    results.print(Text(f"{_at(entry.line).strip()} {title}".strip(), "bold"))
    for step in entry.steps:
        _step(step)
    for step in entry.readings:
        if (
            step.outcome == "nothing"
            and len(entry.readings) > 1
            and step.details
            and step.details[0].startswith("when:")
        ):
            continue  # a triple has one line a name; the others are not what the message says
        _step(step)


def _step(step: Step) -> None:
    results.print(Text.assemble("  ", _at(step.line), (printable(step.says), _STYLE[step.outcome])))
    for number, detail in enumerate(step.details):
        last = number == len(step.details) - 1 and step.outcome
        results.print(Text(f"            {printable(detail)}", _STYLE[step.outcome] if last else ""))


def _at(line: int | None) -> str:
    return "" if line is None else f"line {line:<4} "
