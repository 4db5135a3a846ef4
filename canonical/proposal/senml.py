"""SenML packs: how their names divide into a device and what it measures.

Belongs here: the resolved records of samples, by the decoder of the mapping, and the patterns that divide names.
Does not: resolving (`canonical.decoders.senml`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from canonical.decoders.senml import SenmlDocuments
from canonical.proposal.fields import Group, is_identity
from canonical.proposal.samples import SamplesError

TIME: dict[str, Any] = {"path": "time", "formats": ["iso", "age_s"], "fallback": "envelope"}
"""Absolute and relative times, as the decoder gives them."""
_SEPARATORS = ":/._-"


@dataclass(frozen=True, slots=True)
class Names:
    """Patterns whose first group is the device, and the quantity; None where a name is only the one or the other."""

    device: str | None
    metric: str | None
    has_device: bool
    has_metric: bool
    unsure: tuple[str, ...] = ()


def records_of(bodies: Sequence[bytes], *, cbor: bool) -> list[dict[str, Any]]:
    """All records of all packs, base fields resolved. Raises: SamplesError where a pack is none."""
    texts, faults = SenmlDocuments(cbor=cbor).documents(pa.array(bodies, pa.binary()))
    broken = [place for place, fault in enumerate(faults.to_pylist()) if fault]
    if broken:
        raise SamplesError(f"message {broken[0] + 1} of the samples is no SenML pack")
    return [record for text in texts.to_pylist() for record in json.loads(text)]


def names_of(packs: Iterable[Sequence[dict[str, Any]]]) -> Names:
    """How the names of these packs divide, seen by what their senders put into the base name."""
    bases, owns = set(), set()
    for pack in packs:
        base = ""
        for record in pack:
            base = str(record.get("bn", base))
            if record.keys() & {"v", "vs", "vb", "vd", "s"}:
                bases.add(base)
                owns.add(str(record.get("n", "")))
    if bases == {""}:
        return _without_base(owns)
    if owns == {""}:
        said = "the names say only the device; units tell what is measured"
        return Names(None, None, has_device=True, has_metric=False, unsure=(said,))
    ends = {base[-1] for base in bases if base}
    if len(ends) == 1 and (end := ends.pop()) in _SEPARATORS and not any(end in own for own in owns):
        sign = re.escape(end)
        return Names(f"^(.+){sign}[^{sign}]+$", f"([^{sign}]+)$", has_device=True, has_metric=True)
    listed = "|".join(re.escape(own) for own in sorted(owns, key=len, reverse=True) if own)
    said = "nothing parts device and quantity in the names, so the quantities seen are listed; another one is rejected"
    return Names(f"^(.+?)(?:{listed})$", f"({listed})$", has_device=True, has_metric=True, unsure=(said,))


def _without_base(owns: set[str]) -> Names:
    """Names written whole: divided at the last separator that all of them have."""
    for sign in _SEPARATORS:
        if all(sign in own.strip(sign) for own in owns):
            tails = {own.rpartition(sign)[2] for own in owns}
            if not any(map(is_identity, tails)):
                escaped = re.escape(sign)
                return Names(f"^(.+){escaped}[^{escaped}]+$", f"([^{escaped}]+)$", has_device=True, has_metric=True)
    if any(map(is_identity, owns)) or all(any(sign in own for sign in ":/") for own in owns):
        said = "the names say only the device; units tell what is measured"
        return Names(None, None, has_device=True, has_metric=False, unsure=(said,))
    said = "the names say only what is measured, so the hub's name of the sender counts"
    return Names(None, None, has_device=False, has_metric=True, unsure=(said,))


def shorten(group: Group, names: Names) -> None:
    """In the fields of the records: only the part of each name that says what is measured."""
    name = group.fields.get("n")
    if name is None or names.metric is None:
        return
    pattern = re.compile(names.metric)
    name.values = [found.group(1) if (found := pattern.search(str(value))) else value for value in name.values]
