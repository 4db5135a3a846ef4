"""`lakehouse mapping test`: the examples of specs, what was expected beside what came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from orchestration.cli.show import JSON, emit, printable, results, table, verdict

if TYPE_CHECKING:
    from canonical.examples import Compared, ExampleResult


def test(
    what: Annotated[
        str | None, typer.Argument(help="A spec file, a folder of specs, or a mapping's id; default: all in force.")
    ] = None,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Run the examples of specs; show every difference, expected beside found. Exit code 1 where there is one."""
    found = [_tested(file) for file in _files(what)]
    good = all(entry["error"] is None and all(one["passed"] for one in entry["examples"]) for entry in found)
    if json_:
        emit({"passed": good, "specs": [{key: part for key, part in entry.items() if key != "ran"} for entry in found]})
    else:
        for entry in found:
            _show(entry)
    if not good:
        raise typer.Exit(1)


def _files(what: str | None) -> list[Path]:
    """The files to test."""
    from canonical.specs import FOLDER
    from settings.load import load

    folder = load().specs or FOLDER
    if what is None:
        return _in(folder)
    path = Path(what)
    if path.is_dir():
        return _in(path)
    if path.exists() or path.suffix in {".yaml", ".yml"}:
        return [path]
    by_id = [file for file in _in(folder) if f"id: {what}" in file.read_text(encoding="utf-8").splitlines()]
    if not by_id:
        raise ValueError(
            f"no mapping has the id {what!r} in {folder}, and there is no such file: lakehouse mapping list"
        )
    return by_id


def _in(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise ValueError(f"no mapping specs (*.yaml) in {folder}")
    return files


def _tested(file: Path) -> dict[str, Any]:
    """One spec: an error where it does not load, else its examples with their lines."""
    from canonical.examples import run_examples
    from canonical.specs import SpecError, load_spec
    from canonical.yaml_lines import read_yaml

    try:
        spec = load_spec(file)
        ran = run_examples(spec)
    except SpecError as error:
        return {"file": str(file), "id": None, "error": str(error), "examples": [], "ran": []}
    lines = read_yaml(file)[1]
    examples = [
        {
            "name": result.name,
            "line": lines.of(("examples", place, "name")),
            "passed": result.passed,
            "differences": [difference for row in result.rows for difference in _differences(row)],
            "unmapped_fields": list(result.drift),
        }
        for place, result in enumerate(ran)
    ]
    return {"file": str(file), "id": spec.id, "error": None, "examples": examples, "ran": ran}


def _differences(row: Compared) -> Iterator[dict[str, Any]]:
    """Column by column what was expected and what came; `column` is None where a whole row is missing or too many."""
    from canonical.examples import in_short

    head = {"kind": row.kind, "index": row.index}
    if row.expected is None or row.found is None:
        if not row.same:
            found = in_short(row.found) if row.found else row.instead or None
            yield {**head, "column": None, "expected": row.expected, "found": found}
        return
    for name in row.columns:
        yield {**head, "column": name, "expected": row.expected[name], "found": row.found.get(name, "(no such column)")}


def _show(entry: Mapping[str, Any]) -> None:
    if entry["error"] is not None:
        results.print(Text.assemble(verdict(good=False, says=("", "ERROR")), f" {entry['file']}"))
        for line in str(entry["error"]).splitlines():
            results.print(Text(f"    {printable(line)}"))
        return
    if not entry["examples"]:
        results.print(Text.assemble(("no examples", "yellow"), f" {entry['id']}: add some, they are the spec's tests"))
    for one, ran in zip(entry["examples"], entry["ran"], strict=True):
        results.print(
            Text.assemble(verdict(good=one["passed"], says=("ok", "DIFFERS")), f" {entry['id']}: {one['name']}")
        )
        if not one["passed"]:
            _differs(entry, one, ran)


def _differs(entry: Mapping[str, Any], one: Mapping[str, Any], ran: ExampleResult) -> None:
    """What is wrong with one example, side by side, and how much of it is right."""
    rows = [
        (
            f"{d['kind']} {d['index']}" + (f" {d['column']}" if d["column"] else ""),
            _side(d["expected"]),
            _side(d["found"]),
        )
        for d in one["differences"]
    ]
    if rows:
        table(f"  {entry['file']} line {one['line']}", ("", "expected", "found"), rows)
    for name in one["unmapped_fields"]:
        results.print(
            Text(f"  field '{printable(name)}' is neither mapped nor ignored. Map it, or list it under `ignore`.")
        )
    same = sum(row.same for row in ran.rows)
    results.print(Text(f"  {same} of {len(ran.rows)} rows are as expected", "dim"))


def _side(value: Any) -> Text:
    if value is None:
        return Text("(nothing)", "dim")
    if isinstance(value, Mapping):
        return Text(printable(", ".join(f"{name}={part}" for name, part in value.items())))
    return Text(printable(str(value)))
