"""A proposal put together: groups of records, who, when, what.

Belongs here: the order of guesses, and what one part of a message means for another (a device that is an entry of an
array, a time that all entries share).
Does not: single guesses (the modules beside this one), the text (`written`), the examples (`tried`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from canonical.proposal.draft import Draft, Ignored, Said
from canonical.proposal.entries import add_group, own_devices, settle, time_of
from canonical.proposal.enveloped import interval_in, left_alone, measured_in
from canonical.proposal.envelopes import Envelope, envelope_of
from canonical.proposal.fields import Field, Group, columns_of, groups_of
from canonical.proposal.identity import devices_in, is_gateway, numbering_in
from canonical.proposal.payloads import payload_of
from canonical.proposal.readings import Manner, readings_of
from canonical.proposal.rows import Rows
from canonical.proposal.samples import Samples, SamplesError
from canonical.proposal.senml import TIME, names_of, records_of, shorten
from canonical.proposal.times import Moments, interval_of, times_in

_LISTS = ("json_array", "ndjson")


def composed(id_: str, samples: Samples, rows: Rows | None, content_type: str | None) -> Draft:
    """The draft of a spec for these messages, without examples. Raises: SamplesError where nothing is a reading."""
    documents = rows.records() if rows else _documents(samples)
    decode = _decode(samples, rows)
    envelope = envelope_of(documents) if samples.format == "json" else None
    if envelope is not None:
        documents = measured_in(documents, envelope, decode)
    elif samples.format == "binary":
        documents, layout = payload_of(samples.messages)
        decode.data["layout"] = layout.data
        decode.unsure += layout.unsure
    groups = [columns_of(documents)] if rows else groups_of(documents)
    manner = Manner(cells=rows is not None, decimal=rows.decimal if rows else ".", root=None)
    if samples.format.startswith("senml"):
        draft = _senml(id_, groups[0], decode, manner, samples)
    else:
        draft = _main(id_, groups, decode, manner, envelope=envelope, samples=samples)
    if "layout" in decode.data or "payload" in decode.data or (rows is not None and rows.header is None):
        _stand_in(draft)
    draft.match = _match(id_, content_type or samples.content_type, samples, draft, groups)
    draft.notes += [*samples.unsure, *(rows.unsure if rows else ())]
    if not draft.readings and not draft.records:
        raise SamplesError(
            "no field of the samples looks like a metric of the catalogue; the fields are "
            + (
                ", ".join(ignored.path for ignored in draft.ignore[:20])
                or "none: is the first line no header? (`skip`)"
            )
        )
    return draft


def _stand_in(draft: Draft) -> None:
    """Numbers that nobody has named become raw inputs, to be given a metric, where nothing else is read."""
    if draft.readings or draft.records:
        return
    for ignored in [one for one in draft.ignore if one.unmapped]:
        name = ignored.path.rpartition(".")[2]
        data = {
            "metric": "analog_input",
            "channel": name,
            "path": ignored.path,
            "unit": "dimensionless",
            "required": False,
        }
        doubt = f"what {name} measures only the vendor's manual says: put metric and unit in place of analog_input"
        draft.readings.append(Said(data, [doubt]))
        draft.ignore.remove(ignored)


def _documents(samples: Samples) -> list[Any]:
    if samples.format == "binary":
        return []
    if samples.format.startswith("senml"):
        return records_of(samples.messages, cbor=samples.format == "senml_cbor")
    documents = samples.documents()
    if samples.format in _LISTS:
        documents = [record for document in documents for record in document]
    if not all(isinstance(document, dict) for document in documents):
        raise SamplesError("not all messages are objects")
    return documents


def _decode(samples: Samples, rows: Rows | None) -> Said:
    data: dict[str, Any] = {"format": samples.format}
    unsure = []
    if rows is not None:
        data |= {"columns": list(rows.columns)}
        data |= {"delimiter": rows.delimiter} if rows.delimiter != "," else {}
        data |= {"decimal": ","} if rows.decimal == "," else {}
        if samples.many:
            data |= {"rows": "many"} | ({"header": "first_line"} if rows.header else {})
        elif rows.header:
            data["header"] = True
            unsure.append(
                "each row is a message, with the file's first line in property csv-header, as `lakehouse replay` sends "
                "them. Rows without that property: take `header` away. Whole files: run this again with --whole"
            )
    if samples.charset != "utf-8":
        data["charset"] = samples.charset
        unsure.append(f"the bytes are no UTF-8; {samples.charset} reads them")
    return Said(data, unsure)


def _main(
    id_: str, groups: Sequence[Group], decode: Said, manner: Manner, *, envelope: Envelope | None, samples: Samples
) -> Draft:
    root, *inner = groups
    moments: Moments | None = None
    if envelope is not None:
        device, gateway = Said({"path": envelope.device, "source": id_, "gateway": True}), False
        device.unsure.append(f"a {envelope.name} message, so one connection speaks for many devices")
        time = Said({"path": envelope.time, "format": envelope.format, "fallback": "envelope"})
        taken: set[str] = set()
    else:
        times = times_in(root.fields.values())
        moments = times[0] if times else None
        device, gateway, taken = _device(id_, root, inner, moments)
        time = time_of(moments)
        taken |= set(moments.paths) if moments else set()
    draft = Draft(id_, f"Messages of {id_}, proposed from samples.", Said({}), decode, device, time)
    number = None if envelope else numbering_in(root.fields.values(), taken)
    if number is not None:
        taken.add(number.path)
        draft.discriminator = _discriminator(root, number, moments, device)
        if draft.discriminator is None:
            draft.ignore.append(
                Ignored(number.path, f"numbers the messages; `discriminator: {{path: {number.path}}}` if two of one "
                        "instant can differ")
            )  # fmt: skip
    found = readings_of(root, taken, manner)
    draft.readings = found.readings
    draft.ignore += found.ignored
    for group in inner:
        add_group(draft, group, root, manner, gateway=gateway)
    settle(draft)
    if envelope is not None:
        draft.ignore = left_alone(samples, envelope, draft)
        draft.interval = interval_in(samples, envelope)
    elif moments is not None:
        draft.interval = _interval(root, moments, device.data.get("path"))
    return draft


def _senml(id_: str, root: Group, decode: Said, manner: Manner, samples: Samples) -> Draft:
    """SenML says itself which field is what; only its names have to be divided."""
    names = names_of(samples.documents())
    shorten(root, names)
    device = Said({"source": id_, "gateway": True} if names.has_device else {"source": id_}, list(names.unsure))
    if names.has_device:
        device.data["path"] = "n"
        device.data |= {"pattern": names.device} if names.device else {}
        device.unsure.append("take `gateway` away if each device has a connection of its own")
    taken = {"time", "t", "s"} | (set() if names.has_metric else {"n"})
    found = readings_of(root, taken, manner)
    for said in found.readings:
        if "metric_path" in said.data and names.metric:
            said.data = {"path": said.data["path"], "metric_path": "n", "metric_pattern": names.metric} | said.data
        if said.data.get("metric_path") is None and not names.has_metric:
            said.data["required"] = False
    draft = Draft(id_, f"SenML packs of {id_}, proposed from samples.", Said({}), decode, device, Said(dict(TIME)))
    draft.readings = found.readings
    draft.ignore = [ignored for ignored in found.ignored if ignored.unmapped]
    return draft


def _device(id_: str, root: Group, inner: Sequence[Group], moments: Moments | None) -> tuple[Said, bool, set[str]]:
    """Who measured, whether entries have devices of their own, and the path that is used up."""
    taken = set(moments.paths) if moments else set()
    found = devices_in(root.fields.values(), taken)
    own = [group for group in inner if own_devices(group, found)]
    if own:
        path = found[0][1].path if found else None
        said = Said({"path": path, "source": id_, "gateway": True} if path else {"source": id_, "gateway": True})
        return said, True, {path} if path else set()
    if not found:
        doubt = "no field names the device, so the hub's name of the sender counts"
        return Said({"source": id_}, [doubt]), False, set()
    best = found[0][1]
    others = [field.path for _, field in found[1:3]]
    unsure = [f"could also be {' or '.join(others)}"] if others else []
    data: dict[str, Any] = {"path": best.path, "source": id_}
    if is_gateway(best):
        unsure.append("this names what passes messages on; is there nothing that names the sensor?")
    unsure.append("add `gateway: true` if one connection sends for several devices")
    return Said(data, unsure), False, {best.path}


def _discriminator(root: Group, number: Field, moments: Moments | None, device: Said) -> Said | None:
    """Only where two messages of one device bear the same time: elsewhere it would hide that one came twice."""
    if moments is None:
        return None
    named = root.fields.get(device.data.get("path", ""))
    who = named.values if named else [""] * len(moments.moments)
    seen = list(zip(who, moments.moments, strict=False))
    if len(set(seen)) == len(seen):
        return None
    return Said({"path": number.path}, ["two samples of one device bear the same time; this tells them apart"])


def _match(id_: str, content_type: str, samples: Samples, draft: Draft, groups: Sequence[Group]) -> Said:
    data: dict[str, Any] = {"content_type": [content_type]}
    if samples.format == "json":
        always = [said.data["path"] for said in draft.readings if said.data.get("required", True)]
        time = draft.time.data
        named = [draft.device.data.get("path"), time.get("path") if "unset" not in time else None, *always[:2]]
        decoded = draft.decode.data.get("payload", {}).get("path")
        if decoded:
            named = [draft.device.data.get("path"), decoded]
        named += [group.each.split("[")[0] for group in draft.records[:1] if "[*]" in group.each and not always]
        data["has"] = [path for path in dict.fromkeys(named) if path]
        if data["has"]:
            doubt = (
                "told from other messages of this content type by these fields; a schema name in the envelope is "
                "surer: schema_ref"
            )
            return Said(data, [doubt])
        del data["has"]
    doubt = (
        f"takes every {content_type} that no other mapping names more closely; if the sender can name a schema, add "
        f"`schema_ref: {id_}`"
    )
    return Said(data, [doubt])


def _interval(root: Group, moments: Moments, device: str | None) -> str | None:
    named = root.fields.get(device or "")
    who = [str(value) for value in named.values] if named else [""] * len(moments.moments)
    pairs: list[tuple[str, datetime]] = [
        (name, moment.astimezone(UTC)) for name, moment in zip(who, moments.moments, strict=False) if moment
    ]
    return interval_of(pairs)
