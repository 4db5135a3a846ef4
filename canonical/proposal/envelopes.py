"""Messages of LoRaWAN network servers: what of them is envelope.

Belongs here: how to tell the servers apart, and where each puts device, time, payload and what it decoded itself.
Does not: the payload (`payloads`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Envelope:
    """One server's message: `has` tells it, `decoded` is the object it made of the payload, if it did."""

    name: str
    has: tuple[str, ...]
    device: str
    time: str
    format: str
    payload: str
    encoding: Literal["base64", "hex"]
    decoded: tuple[str, ...]
    port: str
    counter: str


ENVELOPES: tuple[Envelope, ...] = (
    Envelope(
        name="The Things Stack",
        has=("end_device_ids.dev_eui", "uplink_message"),
        device="end_device_ids.dev_eui",
        time="received_at",
        format="iso",
        payload="uplink_message.frm_payload",
        encoding="base64",
        decoded=("uplink_message.decoded_payload",),
        port="uplink_message.f_port",
        counter="uplink_message.f_cnt",
    ),
    Envelope(
        name="ChirpStack",
        has=("deviceInfo.devEui",),
        device="deviceInfo.devEui",
        time="time",
        format="iso",
        payload="data",
        encoding="base64",
        decoded=("object",),
        port="fPort",
        counter="fCnt",
    ),
    Envelope(
        name="ChirpStack 3",
        has=("devEUI", "fCnt", "rxInfo"),
        device="devEUI",
        time="rxInfo[0].time",
        format="iso",
        payload="data",
        encoding="base64",
        decoded=("object",),
        port="fPort",
        counter="fCnt",
    ),
    Envelope(
        name="LORIOT",
        has=("cmd", "EUI", "ts"),
        device="EUI",
        time="ts",
        format="epoch_ms",
        payload="data",
        encoding="hex",
        decoded=("decoded.data", "decoded"),
        port="port",
        counter="fcnt",
    ),
)


def envelope_of(documents: Sequence[Any]) -> Envelope | None:
    """The server whose messages these are; None where it is none of them."""
    return next(
        (
            envelope
            for envelope in ENVELOPES
            if documents and all(at(document, path) is not None for document in documents for path in envelope.has)
        ),
        None,
    )


def at(document: Any, path: str) -> Any:
    """What stands at a path of keys and places; None where nothing does."""
    for part in path.replace("[", ".[").split("."):
        if part.startswith("["):
            place = int(part[1:-1])
            document = document[place] if isinstance(document, list) and place < len(document) else None
        else:
            document = document.get(part) if isinstance(document, dict) else None
    return document
