"""Who measured and what tells messages apart, as SQL.

Belongs here: the columns that come from device and discriminator of a group.
Does not: which of the names counts when they differ (`quality.rules.row`), or when it was measured (`times`).
"""

from __future__ import annotations

from collections.abc import Mapping

from canonical import sql
from canonical.decoders.cell import part_of
from canonical.reading_columns import CellOf
from canonical.spec.identity import Device, Discriminator, SourceTemplate


def properties_of(device: Device, discriminator: Discriminator | None) -> set[str]:
    """The properties that identities are taken from."""
    templates = (device.source, device.named_by)
    named = {template.property for template in templates if isinstance(template, SourceTemplate)}
    return named | ({discriminator.property} if discriminator and discriminator.property else set())


def device_fields(device: Device, cells: CellOf, properties: Mapping[str, str]) -> list[str]:
    """named_device (the payload's word) and source."""
    named = sql.text(None)
    if device.path:
        named = part_of(cells(device.path, None), device.pattern).name
    elif device.named_by:
        named = _from_property(device.named_by, properties)
    if device.case:
        named = f"{device.case}({named})"
    source = device.source
    filled = _from_property(source, properties) if isinstance(source, SourceTemplate) else sql.text(source)
    return [f"{named} AS named_device", f"{filled} AS source"]


def _from_property(template: SourceTemplate, properties: Mapping[str, str]) -> str:
    column, pattern = properties[template.property], sql.text(template.pattern)
    found = f"coalesce(regexp_matches({column}, {pattern}), false)"
    filled = _filled(template.template, column, pattern)
    return f"CASE WHEN {found} THEN {filled} ELSE {sql.text(template.otherwise)} END"


def _filled(template: str, column: str, pattern: str) -> str:
    """A template such as `room-{1}` as SQL: texts and groups, joined."""
    parts = []
    for piece in template.replace("{", "\0{").replace("}", "}\0").split("\0"):
        if piece.startswith("{"):
            parts.append(f"regexp_extract({column}, {pattern}, {int(piece[1:-1])})")
        elif piece:
            parts.append(sql.text(piece))
    return " || ".join(parts)


def native(device: Device) -> str:
    """Whose word counts: the hub's, unless a gateway speaks for its devices."""
    return "payload_device, envelope_device" if device.gateway else "envelope_device, payload_device"


def enveloped(device: Device) -> str:
    """The hub's word for the device, its letters folded like the payload's."""
    return f"{device.case}(envelope_name)" if device.case else "envelope_name"


def not_blank(name: str) -> str:
    """The name, or NULL where it is nothing but blanks."""
    return f"CASE WHEN {name} <> '' AND (NOT starts_with({name}, ' ') OR trim({name}) <> '') THEN {name} END"


def discriminator_field(discriminator: Discriminator | None, cells: CellOf, properties: Mapping[str, str]) -> str:
    """What tells two messages of one instant apart; empty where nothing does."""
    if discriminator is None:
        return "''"
    if discriminator.path is not None:
        return f"coalesce({cells(discriminator.path, None).name}, '')"
    return f"coalesce({properties[str(discriminator.property)]}, '')"
