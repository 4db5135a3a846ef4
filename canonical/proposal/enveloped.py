"""Envelopes of network servers in a draft: their payloads decoded, and all else of them left alone.

Belongs here: the documents that are left of such messages, and which parts of an envelope nobody reads.
Does not: telling the servers apart (`envelopes`), or layouts (`payloads`).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from canonical.proposal.draft import Draft, Ignored, Said
from canonical.proposal.envelopes import Envelope, at
from canonical.proposal.payloads import payload_of
from canonical.proposal.samples import Samples, SamplesError
from canonical.proposal.times import interval_of, moment_of


def measured_in(documents: Sequence[Any], envelope: Envelope, decode: Said) -> list[Any]:
    """Documents of what was measured only: what the server decoded, or what the payload's bytes hold."""
    for path in envelope.decoded:
        if all(isinstance(at(document, path), dict) for document in documents):
            return [_nested(path, at(document, path)) for document in documents]
    texts = [at(document, envelope.payload) for document in documents]
    if not all(isinstance(text, str) for text in texts):
        raise SamplesError(f"the messages are {envelope.name}'s, but hold no payload at {envelope.payload}")
    bodies = [bytes.fromhex(t) if envelope.encoding == "hex" else base64.b64decode(t) for t in texts]
    payloads, layout = payload_of(bodies)
    decode.data["payload"] = {"path": envelope.payload, "encoding": envelope.encoding, "layout": layout.data}
    decode.unsure += layout.unsure
    return [{"payload": payload} for payload in payloads]


def _nested(path: str, value: Any) -> dict[str, Any]:
    for part in reversed(path.split(".")):
        value = {part: value}
    nested: dict[str, Any] = value
    return nested


def interval_in(samples: Samples, envelope: Envelope) -> str | None:
    """The usual time between two messages of one device."""
    found = [(at(document, envelope.device), at(document, envelope.time)) for document in samples.documents()]
    read = [(str(device), moment_of(time, envelope.format)) for device, time in found]
    return interval_of([(device, moment) for device, moment in read if moment])


def left_alone(samples: Samples, envelope: Envelope, draft: Draft) -> list[Ignored]:
    """Everything of the envelope that is not read, by its first keys: rows of radio metadata are nobody's readings."""
    read = [envelope.device, envelope.time, *(said.data["path"] for said in draft.readings)]
    read += [group.each for group in draft.records]
    read += [draft.decode.data["payload"]["path"]] if "payload" in draft.decode.data else []
    paths: dict[str, None] = {}

    def walk(value: Any, path: str) -> None:
        if not any(one == path or one.startswith((f"{path}.", f"{path}[")) for one in read if path):
            if path:
                paths[path] = None
            else:
                for key, below in value.items():
                    walk(below, key)
        elif isinstance(value, dict) and path not in read:
            for key, below in value.items():
                walk(below, f"{path}.{key}")
        elif path not in read:
            paths[path] = None

    for document in samples.documents():
        for key, below in document.items():
            walk(below, key)
    mine = {one.path: one for one in draft.ignore}
    inside = [one for one in draft.ignore if one.path.startswith("payload.")]
    return [*inside, *(mine.get(path, Ignored(path)) for path in paths)]
