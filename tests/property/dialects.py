"""The same measurements in every format there is a decoder for: one way of writing each spec of `specs/`.

Belongs here: bytes of a message, where its readings must come out, and a body that cannot be read.
Does not: what becomes of them (`test_silver_is_its_rebuild`).
"""

from __future__ import annotations

import base64
import importlib
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import cbor2
import yaml

SPECS = Path(__file__).with_name("specs")
Measured = Mapping[str, Any]
"""When (t), the temperature (v, or None) and the humidity (w)."""


@dataclass(frozen=True)
class Dialect:
    """How one spec's messages are written.

    `write` takes device, number and measurements. `first` is the index of the first reading, `broken_at` that of the
    reject of `broken`.
    """

    name: str
    write: Callable[[str, int, Sequence[Measured]], bytes]
    broken: bytes
    reason: str
    several: bool = False
    first: int = 0
    broken_at: int = -1
    silent: bool = False
    """Whether no temperature is no record at all, and not one that lacks it."""

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = yaml.safe_load((SPECS / f"{self.name}.yaml").read_text(encoding="utf-8"))
        return spec


def _records(device: str, number: int, measured: Sequence[Measured]) -> list[dict[str, Any]]:
    return [{"d": device, **one, "n": str(number)} for one in measured]


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def _flat(device: str, number: int, measured: Sequence[Measured]) -> bytes:
    return _dumped(_records(device, number, measured)[0])


def _nested(device: str, number: int, measured: Sequence[Measured]) -> bytes:
    return _dumped({"who": {"d": device}, "n": str(number), "rows": list(measured)})


def _lines(device: str, number: int, measured: Sequence[Measured]) -> bytes:
    return b"\n".join(map(_dumped, _records(device, number, measured)))


def _row(device: str, number: int, measured: Sequence[Measured]) -> bytes:
    (one, *_) = measured
    return f'{device},{one["t"]},{"" if one["v"] is None else one["v"]},"{one["w"]}",{number}'.encode()


def _file(device: str, number: int, measured: Sequence[Measured]) -> bytes:
    lines = ["Gerät;Tag;Zeit;v;w;n"]
    for one in measured:
        local = datetime.fromtimestamp(one["t"], UTC).astimezone(ZoneInfo("Europe/Rome"))
        v = "" if one["v"] is None else f"{one['v']},00"
        lines.append(f"{device};{local:%d.%m.%Y;%H:%M:%S};{v};{one['w']},0;{number}")
    return "\n".join(lines).encode("latin-1")


def _telemetry(version: int) -> Callable[[str, int, Sequence[Measured]], bytes]:
    make = importlib.import_module(f"canonical.schemas.telemetry_v{version}_pb2").Telemetry

    def write(device: str, number: int, measured: Sequence[Measured]) -> bytes:
        (one, *_) = measured
        message = make(device=device, time_ms=one["t"] * 1000, temperature=one["v"], humidity=one["w"])
        written: bytes = message.SerializeToString()
        return written

    return write


def _pack(device: str, measured: Sequence[Measured]) -> list[dict[str, Any]]:
    pack: list[dict[str, Any]] = [{"bn": f"{device}:"}]
    for one in measured:
        pack += [{"n": "v", "u": "Cel", "t": one["t"], "v": one["v"]}] if one["v"] is not None else []
        pack += [{"n": "w", "u": "%RH", "t": one["t"], "v": one["w"]}]
    return pack


_LABELS = {"bn": -2, "n": 0, "u": 1, "v": 2, "t": 6}


def _labelled(device: str, number: int, measured: Sequence[Measured]) -> bytes:
    return cbor2.dumps([{_LABELS[key]: value for key, value in record.items()} for record in _pack(device, measured)])


def _fixed(device: str, number: int, measured: Sequence[Measured]) -> bytes:
    (one, *_) = measured
    return device.encode() + struct.pack(">IhBB", one["t"], _tenths(one["v"]), one["w"], number)


def _tenths(v: int | None) -> int:
    return 32767 if v is None else v * 10


def _chirpstack(device: str, number: int, measured: Sequence[Measured]) -> bytes:
    (one, *_) = measured
    items = b"" if one["v"] is None else struct.pack(">Bh", 1, _tenths(one["v"]))
    data = base64.b64encode(items + struct.pack(">BB", 2, one["w"])).decode()
    at = datetime.fromtimestamp(one["t"], UTC).isoformat()
    return _dumped({"time": at, "deviceInfo": {"devEui": device.upper()}, "fCnt": number, "fPort": 1, "data": data})


def _loriot(device: str, number: int, measured: Sequence[Measured]) -> bytes:
    items = [struct.pack("<BBIhB", 1, 0x20, one["t"], _tenths(one["v"]), one["w"]) for one in measured]
    return _dumped(
        {
            "cmd": "rx",
            "EUI": device.upper(),
            "ts": measured[0]["t"] * 1000,
            "fcnt": number,
            "data": b"".join(items).hex(),
        }
    )


def _things_stack(device: str, number: int, measured: Sequence[Measured]) -> bytes:
    (one, *_) = measured
    payload = base64.b64encode(cbor2.dumps({"v": one["v"], "w": one["w"]})).decode()
    at = datetime.fromtimestamp(one["t"], UTC).isoformat()
    uplink = {"received_at": at, "f_cnt": number, "frm_payload": payload}
    return _dumped({"end_device_ids": {"device_id": device}, "uplink_message": uplink})


DIALECTS = tuple(
    sorted(
        [
            Dialect("flat", _flat, b"{", "invalid_json"),
            Dialect("nested", _nested, b'{"n":"0",}', "invalid_json", several=True),
            Dialect("lines", _lines, b'{"d":', "invalid_json", several=True, broken_at=0),
            Dialect("listed", lambda *m: _dumped(_records(*m)), b'[{"d":"a"}', "invalid_json", several=True),
            Dialect("row", _row, b"a,1,2", "invalid_csv"),
            Dialect("file", _file, b"Zeit\na;b", "invalid_csv", several=True, first=2, broken_at=2),
            *(Dialect(f"telemetry_v{v}", _telemetry(v), b"\x0a\xff", "invalid_protobuf") for v in (1, 2, 3)),
            Dialect("pack_json", lambda d, _, m: _dumped(_pack(d, m)), b'[{"n":1}]', "invalid_senml", several=True, silent=True),
            Dialect("pack_cbor", _labelled, b"\x82\xa1", "invalid_cbor", several=True, silent=True),
            Dialect("map", lambda *m: cbor2.dumps(_records(*m)[0]), b"\xa1\x01", "invalid_cbor"),
            Dialect("maps", lambda *m: cbor2.dumps(_records(*m)), b"\x81", "invalid_cbor", several=True),
            Dialect("fixed", _fixed, b"a1234567", "bad_payload"),
            Dialect("chirpstack", _chirpstack, b'{"fPort":1,"data":"AQ=A"}', "bad_payload"),
            Dialect("loriot", _loriot, b'{"EUI":"A","data":"012"}', "bad_payload", several=True),
            Dialect("things_stack", _things_stack, b'{"uplink_message":{"frm_payload":"oQE="}}', "invalid_cbor"),
        ],
        key=lambda dialect: dialect.name,
    )
)  # fmt: skip


def readings_of(dialect: Dialect, measured: Sequence[Measured]) -> list[tuple[int, str, Measured, Any]]:
    """Index, metric, measurement and value (None: it is missing) of all that a message says."""
    found: list[tuple[int, str, Measured, Any]] = []
    if dialect.silent:  # a SenML record holds one name: index is the record's number times the names, plus the name's
        place = 0
        for one in measured:
            for number, (metric, field) in enumerate((("air_temperature", "v"), ("relative_humidity", "w"))):
                if one[field] is not None:
                    found.append((place * 3 + number, metric, one, one[field]))
                    place += 1
        return found
    for place, one in enumerate(measured if dialect.several else measured[:1]):
        at = dialect.first + place * 2
        found += [(at, "air_temperature", one, one["v"]), (at + 1, "relative_humidity", one, one["w"])]
    return found
