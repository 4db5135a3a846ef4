"""Groups of records as parts of a draft: entries of arrays and objects, with who and when of their own.

Belongs here: what tells entries apart (a device of their own, a channel, a time), and what they have from the entries
around them.
Does not: finding groups (`fields`), or readings (`readings`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from canonical.proposal.draft import Draft, GroupDraft, Ignored, Said
from canonical.proposal.fields import Field, Group
from canonical.proposal.identity import devices_in, is_gateway, is_strong, name_of
from canonical.proposal.readings import Found, Manner, readings_of
from canonical.proposal.times import Moments, times_in

_LABELS = frozenset(
    {"ch", "channel", "port", "index", "idx", "no", "num", "slot", "position", "probe", "input", "name", "label"}
)
_PAIRED = frozenset({"n", "name", "type", "metric", "key", "parameter"})
_LIKELY_TIME = 3


def add_group(draft: Draft, group: Group, root: Group, manner: Manner, *, gateway: bool) -> None:
    """Add the readings of a group to the draft; a group without any is ignored as a whole."""
    part = GroupDraft(group.each)
    taken, channel = _identified(draft, group, part, gateway=gateway)
    found = readings_of(group, taken, Manner(manner.cells, manner.decimal, root))
    if not found.readings:
        _ignore(draft, group)
        return
    if channel is not None:
        for said in found.readings:
            _channelled(said, channel)
    part.readings = found.readings
    if group.has:
        part.only = {"types": ["object"], "has": [group.has]}
    draft.records.append(part)
    _leave(draft, group, found)


def settle(draft: Draft) -> None:
    """What the message itself says of device and time is not read where each group of entries says it."""
    if draft.readings or not draft.records:
        return
    for name, said in (("device", draft.device), ("time", draft.time)):
        if all(getattr(part, name) is not None for part in draft.records) and said.data.get("path"):
            draft.ignore.append(Ignored(said.data["path"], f"the entries have a {name} of their own"))


def own_devices(group: Group, outer: Sequence[tuple[float, Field]]) -> bool:
    """Whether the entries of a group are devices rather than channels of one."""
    if group.keys:
        return group.keys_are_devices
    inner = devices_in(group.fields.values())
    if not inner:
        return False
    only_gateway = not outer or is_gateway(outer[0][1])
    return is_strong(inner[0][1]) or (only_gateway and inner[0][0] >= 7)


def _identified(
    draft: Draft, group: Group, part: GroupDraft, *, gateway: bool
) -> tuple[set[str], dict[str, Any] | None]:
    """Device, time and channel of the entries, and the fields that these use up."""
    times = [moments for moments in times_in(group.fields.values()) if moments.score > _LIKELY_TIME]
    taken: set[str] = set()
    if times:
        part.time = time_of(times[0])
        taken |= set(times[0].paths)
    around = group.parent if group.parent is not None and group.parent.each else None
    if around is not None:
        _from_around(draft, around, part, gateway=gateway)
    devices = devices_in(group.fields.values(), taken)
    if gateway and group.keys_are_devices:
        doubt = "the keys look like devices; if they are probes of one: channel: {path: '@key'}, and no device here"
        part.device = Said({"path": "@key", "source": draft.id, "gateway": True}, [doubt])
    elif gateway and devices and own_devices(group, ()) and part.device is None:
        part.device = Said({"path": devices[0][1].path, "source": draft.id, "gateway": True})
        taken.add(devices[0][1].path)
    elif group.keys:
        return taken, {"path": "@key"}
    elif devices or not times:
        channel, used = _channel(group, devices, times)
        return taken | used, channel
    return taken, None


def _from_around(draft: Draft, around: Group, part: GroupDraft, *, gateway: bool) -> None:
    """Device and time that the entry around says, for all entries in it."""
    found = devices_in(around.fields.values())
    if gateway and around.keys_are_devices:
        part.device = Said({"path": "^.@key", "source": draft.id, "gateway": True})
    elif gateway and found:
        part.device = Said({"path": f"^.{found[0][1].path}", "source": draft.id, "gateway": True})
    times = [moments for moments in times_in(around.fields.values()) if moments.score > _LIKELY_TIME]
    if times and part.time is None:
        part.time = time_of(times[0])
        key = "path" if "path" in part.time.data else "parts"
        paths = [f"^.{path}" for path in times[0].paths]
        part.time.data[key] = paths[0] if key == "path" else paths


def time_of(moments: Moments | None) -> Said:
    """The `time` of a spec, or of a group."""
    if moments is None:
        doubt = "no field says when, so the time at which the hub took the message counts"
        return Said({"fallback": "envelope"}, [doubt])
    data: dict[str, Any] = {"path": moments.paths[0]} if len(moments.paths) == 1 else {"parts": list(moments.paths)}
    unsure = list(moments.unsure)
    data["format"] = moments.format
    if moments.quoted:
        data["quoted"] = True
    if moments.unset:
        data["unset"] = [str(value) for value in moments.unset]
        data["fallback"] = "envelope"
        unsure.append("messages without a time get the hub's")
    if not moments.zoned:
        data["zone"] = "UTC"
        unsure.append("the times name no zone; UTC was assumed. A place's clock: `zone: Europe/Rome`")
    return Said(data, unsure)


def _channel(
    group: Group, devices: Sequence[tuple[float, Field]], times: Sequence[Moments]
) -> tuple[dict[str, Any] | None, set[str]]:
    """What tells entries apart that share device and time."""
    if devices:
        return {"path": devices[0][1].path}, {devices[0][1].path}
    for one in group.fields.values():
        labels = [value for value in one.given if isinstance(value, str | int) and not isinstance(value, bool)]
        different = len(set(map(str, labels))) > 1 or len(labels) == 1
        if name_of(one) in _LABELS and one.always and len(labels) == len(one.given) and different:
            if name_of(one) in _PAIRED and any(
                name_of(other) in {"v", "value", "val"} for other in group.fields.values()
            ):
                continue
            return {"path": one.path}, {one.path}
    named = any(name_of(one) in _PAIRED for one in group.fields.values())
    return (None if named or times else {"path": "@index"}), set()


def _channelled(said: Said, channel: dict[str, Any]) -> None:
    """The entry's channel; of a metric that an entry has twice, with the channel within the entry behind it."""
    own = said.data.get("channel")
    whole = channel if own is None else {**channel, "template": f"{{}}_{own}"}
    first = {"metric": said.data["metric"]} if "metric" in said.data else {}
    said.data = {**first, "channel": whole, **{key: value for key, value in said.data.items() if key != "channel"}}


def _ignore(draft: Draft, group: Group) -> None:
    at_top = group.each.split("[")[0].removesuffix(".*")
    if any(part.each.startswith(group.each) for part in draft.records) or at_top == "*":
        at_top = group.each
    says = "records without a metric of the catalogue: " + ", ".join(group.fields)[:80]
    draft.ignore.append(Ignored(at_top, says, unmapped=True))


def _leave(draft: Draft, group: Group, found: Found) -> None:
    """Ignored fields of the entries; a field of the message that an entry reads is ignored no more."""
    read = {str(said.data.get("unit_path", "")).removeprefix("$.") for said in found.readings}
    draft.ignore = [ignored for ignored in draft.ignore if ignored.path not in read]
    for one in found.ignored:
        if not one.path.startswith(("@", "$", "^")):
            draft.ignore.append(Ignored(f"{group.each}.{one.path}", one.says, one.unmapped))
