"""Payloads of bytes without a description: the little that can be known, as a layout to be finished.

Belongs here: the layout that fits all samples best, the names that types of the IPSO registry bear in many vendors'
payloads, and the documents that the layout gives.
Does not: taking payloads apart (`items`), or decoding by a layout (`canonical.decoders.layout`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter

from canonical.decoders.layout import LayoutDocuments
from canonical.layout_model import Layout
from canonical.proposal.draft import Said
from canonical.proposal.items import Tiling, tilings
from canonical.proposal.samples import SamplesError

Known = tuple[str, str, float]
"""Name, type, scale."""

IPSO: dict[int, Known] = {
    0x00: ("digital_input", "uint8", 1),
    0x01: ("digital_output", "uint8", 1),
    0x02: ("analog_input", "int16", 0.01),
    0x03: ("analog_output", "int16", 0.01),
    0x65: ("illuminance_lux", "uint16", 1),
    0x66: ("presence", "uint8", 1),
    0x67: ("temperature_c", "int16", 0.1),
    0x68: ("humidity_pct", "uint8", 0.5),
    0x73: ("barometric_pressure_hpa", "uint16", 0.1),
    0x74: ("voltage_v", "uint16", 0.01),
    0x75: ("battery_pct", "uint8", 1),
    0x78: ("percentage", "uint8", 1),
    0x7D: ("co2_ppm", "uint16", 1),
    0x80: ("power_w", "uint16", 1),
    0x82: ("distance_mm", "uint32", 1),
    0x83: ("energy_wh", "uint32", 1),
    0x84: ("direction", "uint16", 1),
}
"""Object types of the IPSO registry less 3200, as Cayenne LPP and many others lead their items with."""
_SIZES = {"uint8": 1, "int16": 2, "uint16": 2, "uint32": 4}
_BY_LENGTH = {1: "uint8", 2: "int16", 4: "int32"}
_LIKELY = {"temperature_c": (-40, 85), "barometric_pressure_hpa": (500, 1100), "co2_ppm": (200, 10000)}
_MOST_FIXED = 64


def payload_of(bodies: Sequence[bytes]) -> tuple[list[dict[str, Any]], Said]:
    """What the bodies hold, as far as it can be told, and the layout that says so."""
    lengths = {kind: _SIZES[known[1]] for kind, known in IPSO.items()}
    found = tilings(bodies, lengths)
    said = _tlv(bodies, found) if found else _fixed(bodies)
    layout: Layout = TypeAdapter(Layout).validate_python(said.data)
    texts, faults = LayoutDocuments(layout).documents(pa.array(bodies, pa.binary()))
    if faults.null_count < len(faults):
        raise SamplesError("no layout was found that reads all samples; are they of one kind, and whole?")
    return [json.loads(text) for text in texts.to_pylist()], said


def _tlv(bodies: Sequence[bytes], found: Tiling) -> Said:
    order, why = _byte_order(bodies, found)
    unsure = [
        f"the payloads can be taken apart as items led by {' and '.join(found.keys)}; the vendor's manual knows better",
        *why,
    ]
    items: list[dict[str, Any]] = []
    kinds = [kind for _, kind in found.lengths]
    for (channel, kind), length in sorted(found.lengths.items()):
        known = IPSO.get(kind) if found.by_registry else None
        name = known[0] if known else f"type_{kind:02x}"
        if kinds.count(kind) > 1:
            name = f"ch{channel}_{name}"
        item: dict[str, Any] = {"channel": channel} if "channel" in found.keys else {}
        item["type"] = kind
        if found.prefixed:
            item["fields"] = [_unknown_field(name, length)]
        elif known:
            item["fields"] = [{"name": name, "type": known[1]} | ({"scale": known[2]} if known[2] != 1 else {})]
        else:
            item["fields"] = [_unknown_field(name, length)]
        items.append(item)
        if not known:
            at = f"channel {channel} type 0x{kind:02x}" if "channel" in found.keys else f"type 0x{kind:02x}"
            unsure.append(f"{at}: {length} bytes of unknown meaning; give name, type and scale by the manual")
    layout: dict[str, Any] = {"kind": "tlv", "byte_order": order, "keys": list(found.keys)}
    if found.prefixed:
        layout["length"] = {"prefix": "uint8"}
    return Said(layout | {"items": items}, unsure)


def _unknown_field(name: str, length: int) -> dict[str, Any]:
    return {"name": name, "type": _BY_LENGTH.get(length, f"hex({length})")}


def _byte_order(bodies: Sequence[bytes], found: Tiling) -> tuple[str, list[str]]:
    """The order under which the known quantities are likely."""
    scores = {"big": 0, "little": 0}
    for body in bodies:
        for _, kind, data in found.items(body):
            known = IPSO.get(kind) if found.by_registry else None
            if known is None or known[0] not in _LIKELY:
                continue
            low, high = _LIKELY[known[0]]
            for order in scores:
                value = int.from_bytes(data, order, signed=known[1].startswith("int"))  # type: ignore[arg-type]  # the two orders there are
                scores[order] += low <= value * known[2] <= high
    if scores["big"] == scores["little"]:
        return "big", ["whether the high byte comes first (byte_order: big) cannot be told from the samples"]
    order = max(scores, key=lambda name: scores[name])
    return order, [f"byte_order {order}: only so temperatures and the like are plausible"]


def _fixed(bodies: Sequence[bytes]) -> Said:
    """One field a byte: somebody with the manual joins them."""
    shortest = min(map(len, bodies))
    if shortest > _MOST_FIXED:
        raise SamplesError(f"the payloads have {shortest} bytes and more, and nothing in them can be told apart")
    same = {len(body) for body in bodies} == {shortest}
    unsure = [
        (
            "nothing tells the fields of these bytes apart: each byte is a field now. Join them by the vendor's "
            "manual, for example {name: temperature, at: 0, type: int16, scale: 0.1}"
        )
    ]
    if not same:
        unsure.append(f"the payloads are of different lengths; only the first {shortest} bytes of each are read")
    fields = [{"name": f"byte_{place}", "at": place, "type": "uint8"} for place in range(shortest)]
    length = {"length": shortest} if same else {"min_length": shortest}
    return Said({"kind": "fixed", "byte_order": "big", **length, "fields": fields}, unsure)
