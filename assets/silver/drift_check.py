"""Schema drift as Dagster sees it: a check of the readings that warns and never blocks.

Belongs here: the check, its verdict and what it shows.
Does not: what drifts (`drift`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import dagster as dg

from assets.described import key_of
from assets.silver.drift import Drift, drifts
from canonical.spec_model import MappingSpec
from lake.store import Lake
from quality.contracts.tables import READINGS

NAME = "schema_drift"
_SHOWN = 20


def drift_spec() -> dg.AssetCheckSpec:
    """Payloads hold what their mappings say."""
    return dg.AssetCheckSpec(
        NAME,
        asset=key_of(READINGS),
        blocking=False,
        description="No field is new, gone or of another type whose mapping says `freeze` or `quarantine`; "
        "what may `evolve` is listed. Next: lakehouse mapping drift",
    )


def drift_result(lake: Lake, specs: Iterable[MappingSpec]) -> dg.AssetCheckResult:
    """Warn where something drifts that may not; what may is reported."""
    found = drifts(lake, specs)
    held = [each for each in found if each.policy != "evolve"]
    return dg.AssetCheckResult(
        asset_key=key_of(READINGS),
        check_name=NAME,
        passed=not held,
        severity=dg.AssetCheckSeverity.WARN,
        description=held[0].sentence if held else None,
        metadata={
            "drifting": len(found),
            "held": len(held),
            "fields": dg.MetadataValue.md(_listed([*held, *(each for each in found if each.policy == "evolve")])),
            **({"next": "lakehouse mapping drift"} if found else {}),
        },
    )


def _listed(found: Sequence[Drift]) -> str:
    """The first of them as a list; signs that mean something in Markdown come from devices, so they are quoted."""
    lines = [f"- {each.policy}: {_harmless(each.sentence)}; {each.next}" for each in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"- … and {len(found) - _SHOWN} more: `lakehouse mapping drift`")
    return "\n".join(lines) or "Nothing drifts."


def _harmless(text: str) -> str:
    plain = "".join(sign if sign.isprintable() else "?" for sign in text)
    return "".join(f"\\{sign}" if sign in "\\*_[]<>#|!" else sign for sign in plain)
