"""`lakehouse mapping new`: a spec proposed from sample messages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from orchestration.cli.show import JSON, emit, number, people, printable

if TYPE_CHECKING:
    from canonical.proposal.propose import Proposal


def new(
    samples: Annotated[
        list[str],
        typer.Argument(
            help="Files of messages (JSON, JSON lines, CSV, SenML, CBOR, bytes as hex or base64), or events of the "
            "lake: hub/partition/epoch/sequence."
        ),
    ],
    id_: Annotated[str | None, typer.Option("--id", help="Id of the mapping; default: the first file's name.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write <id>.yaml to; default: stdout.")] = None,
    content_type: Annotated[str | None, typer.Option(help="The media type the sender names.")] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Each file is one message, also where it holds many rows.")
    ] = False,
    keep_identities: Annotated[
        bool, typer.Option("--keep-identities", help="Leave device ids and places in the examples as they are.")
    ] = False,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Propose a mapping spec from sample messages. It loads and its examples pass; read what it is unsure of."""
    from canonical.proposal.propose import id_from, propose

    name = id_ or id_from(Path(samples[0]).name.partition(".")[0])
    bodies = [_body(sample) for sample in samples]
    proposal = propose(bodies, name, content_type=content_type, whole=whole, mask=not keep_identities)
    if out is not None:
        file = out / f"{proposal.id}.yaml"
        if file.exists():
            raise ValueError(f"{file} is there already; give another --id, or move it away")
        out.mkdir(parents=True, exist_ok=True)
        file.write_text(proposal.text, encoding="utf-8")
    if json_:
        emit(
            {
                "id": proposal.id,
                "spec": proposal.text,
                "unsure": proposal.unsure,
                "unmapped": proposal.unmapped,
                **proposal.gives,
            }
        )
        return
    if out is None:
        sys.stdout.write(proposal.text)
    _tell(proposal, out)


def _body(sample: str) -> bytes:
    """A file's bytes, or the body of an event of the lake as it was before compression."""
    from canonical.compression import decompressed
    from canonical.spec_model import MAX_BODY_BYTES
    from orchestration.cli.mapping_explain import event_of_lake, is_event_name
    from settings.load import load

    if not is_event_name(sample):
        return Path(sample).read_bytes()
    bodies, _ = decompressed(event_of_lake(load(), sample), MAX_BODY_BYTES)
    return bytes(bodies[0].as_py())


def _tell(proposal: Proposal, out: Path | None) -> None:
    """What the samples become, and what to look at, on stderr."""
    people.print(Text(f"{proposal.gives['messages']:,} messages give:"))
    for row in proposal.gives["readings"]:
        span = "" if row["low"] is None else f"{number(row['low'])} to {number(row['high'])} {row['unit']}"
        people.print(Text(f"  {row['metric']:<32} {row['readings']:>8,}  {printable(span)}".rstrip()))
    for reason, count in proposal.gives["rejects"].items():
        people.print(Text(f"  rejected as {reason}: {count:,}", "yellow"))
    counts = f"{len(proposal.unsure)} doubts and {len(proposal.unmapped)} fields without a metric"
    people.print(Text(f"{counts}; see `unsure` and `unmapped?` in the file."))
    if out is not None:
        people.print(f"Next: lakehouse mapping test {out / (proposal.id + '.yaml')}")
