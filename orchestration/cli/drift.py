"""`lakehouse mapping drift`: fields that are new, gone, or of another type."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from orchestration.cli.show import JSON, emit, people, printable, results


def drift(
    mapping: Annotated[str | None, typer.Option(help="Only this mapping.")] = None,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """What payloads hold beyond or against their mapping, field by field, with the first event of each."""
    from assets.silver.drift import drifts
    from canonical.specs import load_specs
    from lake.store import Lake
    from settings.load import load

    settings = load()
    specs = load_specs(settings.specs)
    if mapping is not None and mapping not in {spec.id for spec in specs}:
        raise ValueError(f"no mapping '{mapping}'; there are {', '.join(spec.id for spec in specs)}")
    found = drifts(Lake.of(settings), specs, mapping)
    if json_:
        emit([{**asdict(each), "says": each.sentence, "next": each.next} for each in found])
        return
    for each in found:
        results.print(Text.assemble((f"{each.policy:10} ", "dim"), printable(each.sentence)))
        results.print(Text(f"{'':10} → {each.next}; the bytes: lakehouse trace {each.event}"))
    if not found:
        people.print(f"Nothing drifts{f' in {mapping}' if mapping else ''}.", markup=False)
