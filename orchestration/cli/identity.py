"""`lakehouse identity`: which lake this is; a restored one gets a new id."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli.show import results


def identity(
    renew: Annotated[
        str | None, typer.Option(help="Give the lake a new id, and say why (after a restore; see docs/runbooks).")
    ] = None,
) -> None:
    """Show the lake's id, or renew it: then Gold and warm load every date again."""
    from lake.store import Lake
    from settings.load import load

    if renew is not None and not renew.strip():
        raise ValueError("--renew wants to know why, e.g. --renew 'restored from the backup of 1 May'")
    lake = Lake.of(load())
    results.print(lake.identity() if renew is None else lake.renew_identity(renew))
