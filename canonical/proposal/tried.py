"""A draft run over its own samples: examples with what they give, and a count of what all samples give.

Belongs here: events made of samples, dropping what cannot be compiled, and expectations in the words of examples.
Does not: the draft (`compose`), or running examples of a spec that is there (`canonical.examples`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from canonical.canonicaliser import EVENTS_SCHEMA, Canonicaliser
from canonical.proposal.draft import Draft, Ignored, Said
from canonical.proposal.envelopes import at
from canonical.proposal.masked import Mask, identities_in
from canonical.proposal.rows import Rows, rows_of
from canonical.proposal.samples import MOST_MESSAGES, Samples, SamplesError, read_samples
from canonical.spec_checks import problems_of
from canonical.spec_model import MappingSpec

_EXAMPLES = 2
_FAR = datetime(2099, 12, 31, tzinfo=UTC)
_NO_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_NOBODY = "device-1"


def compilable(draft: Draft) -> MappingSpec:
    """The draft as a spec; refused readings become ignored fields. Raises: SamplesError where none is left."""
    for _ in range(200):
        try:
            spec = MappingSpec.model_validate(draft.spec())
        except ValidationError as error:
            raise SamplesError(f"the samples lead to a spec that is refused: {error.errors()[0]['msg']}") from error
        problems = problems_of(spec)
        if not problems:
            return spec
        place, says = problems[0]
        readings = draft.readings
        at = place[1] if len(place) > 1 and place[0] == "readings" else None
        if len(place) > 3 and place[0] == "records":
            readings, at = draft.records[place[1]].readings, place[3]
        if not isinstance(at, int):
            raise SamplesError(f"the samples lead to a spec that is refused: {says}")
        refused = readings.pop(at)
        draft.ignore.append(Ignored(refused.data.get("path", "?"), says, unmapped=True))
        draft.records = [group for group in draft.records if group.readings]
    raise SamplesError("the samples lead to a spec with too many refused readings")


def add_examples(draft: Draft, samples: Samples, rows: Rows | None, *, mask: bool) -> dict[str, Any]:
    """Put the first samples into the draft as examples; gives what all samples together become."""
    spec = compilable(draft)
    canonicaliser = Canonicaliser.of([spec])
    bodies = _bodies(samples, rows)
    keys = any(part.device and str(part.device.data.get("path")).endswith("@key") for part in draft.records)
    known = _identities(draft, samples, rows, keys=keys) if mask else set()
    hidden = Mask(known, _positions(draft) if mask else (), keys=keys)
    for number, body in enumerate(bodies[:_EXAMPLES], start=1):
        example = _example(samples, rows, body, hidden, spec)
        example["name"] = f"sample {number}"
        draft.examples.append(_expected(example, canonicaliser, spec, samples.charset))
    return _totals(canonicaliser, spec, samples, rows, bodies)


def events_of(spec: MappingSpec, files: Sequence[bytes]) -> pa.Table:
    """The messages of sample files as events that the spec's envelope matches."""
    decode = spec.decode
    samples = read_samples(files, whole=decode.many and not decode.format.startswith("senml"))
    rows = None
    if samples.format == "csv" and not samples.many:
        rows = rows_of("\n".join(body.decode(samples.charset) for body in samples.messages), MOST_MESSAGES)
    extra: dict[str, Any] = {"device_id": None if spec.device.path else _NOBODY}
    if rows is not None and rows.header:
        extra["properties"] = {"csv-header": rows.header}
    return _events(spec, _bodies(samples, rows), _FAR, extra)


def _bodies(samples: Samples, rows: Rows | None) -> list[bytes]:
    if rows is None or samples.many:
        return samples.messages
    return [line.encode(samples.charset) for line in rows.lines]


def _example(samples: Samples, rows: Rows | None, body: bytes, hidden: Mask, spec: MappingSpec) -> dict[str, Any]:
    example: dict[str, Any] = {}
    if spec.device.path is None and spec.device.named_by is None and not _entries_name_devices(spec):
        example["device_id"] = _NOBODY
    if rows is not None and rows.header and not samples.many:
        example["properties"] = {"csv-header": rows.header}
    if samples.format in {"cbor", "senml_cbor", "binary"}:
        return example | {"body_hex": body.hex()}
    if rows is not None:
        lines = body.decode(samples.charset).splitlines()
        text = hidden.text("\n".join(lines[:4] if samples.many else lines))
    elif samples.format == "ndjson":
        lines = [line for line in body.decode(samples.charset).splitlines() if line.strip()][:3]
        text = "\n".join(hidden.body(line.encode(), "utf-8") for line in lines)
    else:
        text = hidden.body(body, samples.charset)
    if samples.charset != "utf-8" and not text.isascii():
        return example | {"body_hex": text.encode(samples.charset).hex()}
    return example | {"body": text}


def _entries_name_devices(spec: MappingSpec) -> bool:
    return any(part.device and part.device.path for part in spec.records) and not spec.readings


def _expected(example: dict[str, Any], canonicaliser: Canonicaliser, spec: MappingSpec, charset: str) -> dict[str, Any]:
    """The example with a time of enqueueing just behind its own times, and with what it then gives."""
    body = bytes.fromhex(example["body_hex"]) if "body_hex" in example else example["body"].encode(charset)
    found = canonicaliser.convert(_events(spec, [body], _FAR, example))
    rows = [*found.readings.column("recorded_at").to_pylist(), *found.rejects.column("recorded_at").to_pylist()]
    moments = [moment for moment in rows if moment is not None and moment != _FAR]
    at = max(moments, default=_NO_TIME).replace(microsecond=0) + timedelta(seconds=2)
    found = canonicaliser.convert(_events(spec, [body], at, example))
    expect: dict[str, Any] = {}
    readings = sorted(found.readings.to_pylist(), key=lambda row: row["index"])
    rejects = sorted(found.rejects.to_pylist(), key=lambda row: row["index"])
    if readings:
        expect["readings"] = list(_rows(readings, ("device_id", "recorded_at", "unit")))
    if rejects:
        expect["rejects"] = [
            {"index": row["index"], "reason": row["reason"]} | ({"field": row["field"]} if row["field"] else {})
            for row in rejects
        ]
    head = {"name": example["name"], "enqueued_at": at}
    return head | {key: value for key, value in example.items() if key != "name"} | {"expect": expect}


def _rows(readings: Sequence[Mapping[str, Any]], once: Sequence[str]) -> Iterable[dict[str, Any]]:
    """What a person checks; device, time and unit where they differ from the row before."""
    before: Mapping[str, Any] = {}
    for row in readings:
        shown = {"index": row["index"], "metric": row["metric"]}
        if row["channel"]:
            shown["channel"] = row["channel"]
        text = row.get("value_text")
        shown |= {"value": row["value"]} if row["value"] is not None else {"value_text": text}
        for name in once:
            if row[name] != before.get(name) or (name == "unit" and row["metric"] != before.get("metric")):
                if name == "unit" and row[name] in {"", "dimensionless"}:
                    continue
                shown[name] = row[name]
        before = row
        yield shown


def _totals(
    canonicaliser: Canonicaliser, spec: MappingSpec, samples: Samples, rows: Rows | None, bodies: Sequence[bytes]
) -> dict[str, Any]:
    """Readings by metric with their span, and rejects by reason, over all samples."""
    extra: dict[str, Any] = {"device_id": None if spec.device.path else _NOBODY}
    if rows is not None and rows.header and not samples.many:
        extra["properties"] = {"csv-header": rows.header}
    found = canonicaliser.convert(_events(spec, bodies, _FAR, extra))
    metrics: dict[str, dict[str, Any]] = {}
    for row in found.readings.to_pylist():
        name = row["metric"] + (f" ({row['channel']})" if row["channel"] else "")
        entry = metrics.setdefault(
            name, {"metric": name, "unit": row["unit"], "readings": 0, "low": None, "high": None}
        )
        entry["readings"] += 1
        if row["value"] is not None:
            entry["low"] = min(row["value"], entry["low"]) if entry["low"] is not None else row["value"]
            entry["high"] = max(row["value"], entry["high"]) if entry["high"] is not None else row["value"]
    reasons: dict[str, int] = {}
    for reason in found.rejects.column("reason").to_pylist():
        reasons[reason] = reasons.get(reason, 0) + 1
    return {"messages": len(bodies), "readings": list(metrics.values()), "rejects": reasons}


def _events(spec: MappingSpec, bodies: Sequence[bytes], at: datetime, example: Mapping[str, Any]) -> pa.Table:
    shared = {
        "hub": "sample",
        "partition_id": "0",
        "epoch": 1,
        "enqueued_at": at,
        "device_id": example.get("device_id"),
        "content_type": spec.match.content_type[0],
        "content_encoding": None,
        "schema_ref": spec.match.schema_ref,
        "properties": list((spec.match.properties | example.get("properties", {})).items()),
    }
    rows = [{**shared, "sequence_number": number, "body": body} for number, body in enumerate(bodies)]
    return pa.Table.from_pylist(rows, schema=EVENTS_SCHEMA)


def _identities(draft: Draft, samples: Samples, rows: Rows | None, *, keys: bool) -> set[str]:
    """Texts in the samples that look like identities, wherever they are."""
    if rows is not None:
        column = draft.device.data.get("path")
        return {record[column] for record in rows.records()} if column else set()
    if samples.format not in {"json", "ndjson", "json_array", "senml_json"}:
        return set()
    documents = samples.documents()
    payload = draft.decode.data.get("payload", {}).get("path")
    bodies = {at(document, payload) for document in documents} if payload else set()
    return identities_in(documents, keys=keys) - bodies


def _positions(draft: Draft) -> set[str]:
    readings: list[Said] = [*draft.readings, *(said for group in draft.records for said in group.readings)]
    return {
        str(said.data.get("path", "")).rpartition(".")[2]
        for said in readings
        if said.data.get("metric") in {"latitude", "longitude"}
    }
