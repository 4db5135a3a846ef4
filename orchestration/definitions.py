"""Dagster's entry point, named by `workspace.yaml`."""

from __future__ import annotations

import dagster as dg

from orchestration.build import build_defs
from settings.load import load


@dg.definitions
def defs() -> dg.Definitions:
    """The code location; built when Dagster loads it, not at import."""
    return build_defs(load())
