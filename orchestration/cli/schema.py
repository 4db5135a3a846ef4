"""`lakehouse schema …`: versions of message schemas, mapping specs and table contracts."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from orchestration.cli.show import JSON, emit, people, results, table, verdict

if TYPE_CHECKING:
    from canonical.compatibility.registered import Registered

app = typer.Typer(no_args_is_help=True)

_GIT_SECONDS = 30
_KINDS = {"protobuf": "message", "json_schema": "JSON Schema", "mapping": "mapping", "table": "table"}


@app.command("list")
def list_(json_: Annotated[bool, JSON] = False) -> None:
    """Everything that has versions, and whether it is published as it is."""
    from canonical.compatibility.published import published
    from canonical.compatibility.registered import registered

    before, rows = published(), []
    for one in registered().values():
        known = before.get(one.name)
        state = "new" if known is None else "published" if known.data == one.data else "changed"
        rows.append((one.name, _KINDS[one.kind], one.version, state, one.sha256[:12]))
    names = ("name", "kind", "version", "state", "hash")
    if json_:
        emit([dict(zip(names, row, strict=True)) for row in rows])
    else:
        table("Schemas", names, rows)


@app.command("check")
def check() -> None:
    """Refuse what would break readers or senders of a published version; exit code 1 where something would."""
    from canonical.compatibility import published
    from canonical.compatibility.registered import registered

    judged = published.check(registered(), published.published())
    for says in judged.refused:
        results.print(Text.assemble(verdict(good=False, says=("", "REFUSED")), f" {says}"))
    if judged.refused:
        people.print(f"{len(judged.refused)} changes are refused.")
        raise typer.Exit(1)
    if judged.waiting:
        people.print(f"compatible, not recorded yet: {', '.join(judged.waiting)}; record: lakehouse schema publish")
    else:
        people.print("All is as it was published.")


@app.command("publish")
def publish(
    accept: Annotated[
        list[str] | None, typer.Option(help="Name of a thing whose breaking change or end is accepted.")
    ] = None,
) -> None:
    """Record what is there now as published; nothing is recorded while something is refused."""
    from canonical.compatibility import published
    from canonical.compatibility.registered import registered

    now = registered()
    judged = published.check(now, published.published(), accept or ())
    if judged.refused:
        raise ValueError("\n".join(("not published:", *judged.refused)))
    published.RECORD.write_text(published.written(now))
    people.print(f"recorded: {', '.join(judged.waiting) or 'nothing new'} ({published.RECORD})")


@app.command("diff")
def diff(
    old: Annotated[
        str,
        typer.Argument(
            help="A name from `list` (as it is now), NAME@published, NAME@REVISION of git, or a file: a mapping spec "
            "(.yaml) or a JSON Schema (.json)."
        ),
    ],
    new: Annotated[str, typer.Argument(help="The same; what OLD became.")],
    json_: Annotated[bool, JSON] = False,
) -> None:
    """What changed between two versions, in words; what breaks readers or senders is marked."""
    from canonical.compatibility.registered import compared

    before, after = _found(old), _found(new)
    changes = compared(before, after)
    if json_:
        emit([{"says": change.says, "breaks": change.breaks} for change in changes])
        return
    for change in changes:
        results.print(Text(("BREAKS  " if change.breaks else "        ") + change.sentence))
    broken = sum(bool(change.breaks) for change in changes)
    people.print(f"{old} → {new}: {len(changes)} changes, {broken} of them break." if changes else "No change.")


def _found(reference: str) -> Registered:
    from canonical.compatibility.published import RECORD, published, read
    from canonical.compatibility.registered import Registered, of_spec, registered

    path = Path(reference)
    if path.suffix in {".yaml", ".yml"}:
        from canonical.specs import load_spec

        return of_spec(load_spec(path))
    if path.suffix == ".json":
        import json

        return Registered("json_schema", path.name.removesuffix(".json"), json.loads(path.read_text()))
    name, _, version = reference.partition("@")
    if not version:
        things = registered()
    elif version == "published":
        things = published()
    else:
        things = read(_at_revision(version, RECORD))
    if name not in things:
        raise ValueError(f"no '{name}'{f' at {version}' if version else ''}; there are {', '.join(things)}")
    return things[name]


def _at_revision(revision: str, file: Path) -> str:
    """A committed file as it was; ValueError where git does not know it."""
    command = ["git", "show", "--end-of-options", f"{revision}:./{file.name}"]
    try:
        done = subprocess.run(
            command, cwd=file.parent, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False
        )
    except FileNotFoundError:
        raise ValueError(f"git is needed to look at revision '{revision}'") from None
    if done.returncode:
        raise ValueError(f"git has no {file.name} at '{revision}': {done.stderr.strip()}")
    return done.stdout
