"""What a digest stands for: everything that decides how an event becomes rows, as one canonical JSON text.

Belongs here: specs in parsed form, the metrics they use, conversion factors, rules and their parameters, decoder
version. Compiling reads nothing else: a stored content gives the same rows under a later catalogue, rule set or pint.
Does not: storing it (`assets.silver`), or running it (`compilation`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from canonical import units, zones
from canonical.schemas.registry import SCHEMAS
from canonical.spec.readings import Reading
from canonical.spec_checks import problems_of
from canonical.spec_model import MappingSpec
from canonical.specs import SpecError
from quality.contracts.metrics import BY_NAME
from quality.rules.row import AHEAD_HOURS, EARLIEST, RULES

DECODER = 2
"""Raised whenever this package would give other rows for the same content."""


def content_of(specs: Sequence[MappingSpec]) -> str:
    """The content of these specs under today's catalogue and rules. SpecError where a spec cannot be compiled."""
    problems = [f"mapping '{spec.id}': {says}" for spec in specs for _, says in problems_of(spec)]
    ids = [spec.id for spec in specs]
    problems += [f"mapping '{twin}' is there twice" for twin in sorted({i for i in ids if ids.count(i) > 1})]
    if not specs:
        problems.append("no mapping specs: nothing could be read")
    if problems:
        raise SpecError("\n".join(problems))
    metrics = {metric for spec in specs for metric in spec.metrics}
    readings = [slot for spec in specs for slot in spec.slots if isinstance(slot, Reading)]
    named_by_device = any(reading.unit_path for reading in readings)
    clocks = {group.time.zone for spec in specs for group in spec.groups if group.time.zone is not None}
    return _canonical(
        {
            "decoder": DECODER,
            "limits": {"earliest": EARLIEST, "ahead_hours": AHEAD_HOURS},
            "mappings": [_mapping(spec) for spec in sorted(specs, key=lambda spec: spec.id)],
            "metrics": {
                metric.name: {
                    "unit": metric.unit,
                    "dimension": units.dimension(metric.unit),
                    "low": metric.low,
                    "high": metric.high,
                    "kind": metric.kind,
                    "states": list(metric.states),
                }
                for metric in (BY_NAME[name] for name in sorted(metrics))
            },
            "rules": [asdict(rule) for rule in RULES],
            "schemas": sorted(SCHEMAS),
            "units": {text: units.dimension(unit) for text, unit in units.KNOWN.items()} if named_by_device else {},
            "zones": {zone: zones.changes(zone) for zone in sorted(clocks)},
        }
    )


def digest_of(content: str) -> str:
    """16 hex digits of its SHA-256."""
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def parse(content: str) -> dict[str, Any]:
    """A content as data; ValueError where it was made for another decoder version."""
    data: dict[str, Any] = json.loads(content)
    if data.get("decoder") != DECODER:
        raise ValueError(
            f"digest {digest_of(content)} needs decoder version {data.get('decoder')}, this program has {DECODER}. "
            "Run the release that wrote it."
        )
    return data


def spec_of(entry: Mapping[str, Any]) -> MappingSpec:
    """The spec of one entry of `mappings`."""
    return MappingSpec.model_validate({**entry["spec"], "description": ""})


def _mapping(spec: MappingSpec) -> dict[str, Any]:
    # What explains or tests a spec does not change what it does; nor does a word that says what goes without saying.
    explains = {"description", "examples", "alert_share"}
    dumped = spec.model_dump(mode="json", by_alias=True, exclude=explains, exclude_defaults=True)
    return {"spec": dumped, "factors": [_factors(slot) if isinstance(slot, Reading) else {} for slot in spec.slots]}


def _factors(reading: Reading) -> dict[str, units.Factors]:
    """Text of the unit (empty where the spec says it) to the factors to the canonical unit.

    Only those that measure what the metric measures: name and value pairs share the units of all their metrics.
    """
    metric = BY_NAME[reading.metric]
    if metric.kind in {"state", "event"}:
        return {}
    named = {"": reading.unit} if reading.unit else reading.units
    measures = units.dimension(metric.unit)
    return {
        text: units.factors(str(unit), metric.unit, reading.scale, reading.offset)
        for text, unit in sorted(named.items())
        if units.dimension(str(unit)) == measures
    }


def _canonical(data: dict[str, Any]) -> str:
    # Keys stay as they come: the names of a triple are numbered in the order of the file.
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
