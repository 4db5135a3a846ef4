"""Which field names the device, and which numbers the messages.

Belongs here: choosing by name and by what the values look like.
Does not: times (`times`) or measurements (`readings`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from canonical.proposal.fields import Field, is_identity

_DEVICE: dict[str, float] = {
    **dict.fromkeys(
        ("deviceid", "devid", "deveui", "deviceeui", "serial", "serialnumber", "serialno", "imei", "seriennummer"), 10
    ),
    **dict.fromkeys(("device", "dev", "mac", "macaddress", "nodeid", "thingid", "hwid", "eui", "sn", "devsn"), 9.5),
    **dict.fromkeys(
        (
            "node",
            "thing",
            "meterid",
            "stationid",
            "unitid",
            "sensorid",
            "matricola",
            "numeroserie",
            "clientid",
            "uid",
            "udid",
        ),
        9,
    ),
    **dict.fromkeys(("station", "meter", "devicename", "addr", "address", "tagid", "probeid", "moteid", "mote"), 8),
    **dict.fromkeys(("id", "uuid", "ident", "identifier", "bn", "gerät", "geraet", "dispositivo", "appareil"), 7),
    **dict.fromkeys(("sensor", "probe", "source", "name", "tag", "label", "zone", "room", "slave", "unit", "site"), 5),
    **dict.fromkeys(("gateway", "gatewayid", "gw", "gwid", "hub", "hubid", "bridge", "controller", "concentrator"), 4),
}
_GATEWAY = frozenset(name for name, score in _DEVICE.items() if score == 4)
_SEQUENCE = frozenset(
    (
        "seq",
        "seqno",
        "seqnum",
        "seqnr",
        "sequence",
        "sequencenumber",
        "fcnt",
        "fcntup",
        "framecounter",
        "framecount",
        "frame",
        "packet",
        "packetno",
        "counter",
        "cnt",
        "msgno",
        "msgcount",
        "msgnr",
        "messagenumber",
        "nr",
        "n",
    )
)
_MESSAGE = frozenset(("messageid", "msgid", "mid", "packetid", "eventid", "msg", "guid", "correlationid", "rowid"))
_HOUSEKEEPING = frozenset(
    (
        "fw",
        "firmware",
        "firmwareversion",
        "fwversion",
        "version",
        "ver",
        "hw",
        "hardware",
        "hwversion",
        "model",
        "type",
        "vendor",
        "manufacturer",
        "brand",
        "product",
        "proto",
        "protocol",
        "schema",
        "ip",
        "ssid",
        "topic",
        "name",
        "location",
        "site",
        "room",
        "building",
        "floor",
        "tags",
        "label",
        "description",
        "msgtype",
        "messagetype",
        "region",
        "country",
        "zone",
        "tz",
        "timezone",
        "crc",
        "checksum",
        "signature",
        "hash",
        "token",
        "port",
        "fport",
    )
)
_LEAST = 5.0


def name_of(field: Field) -> str:
    """The last key of a path, letters and digits only."""
    return re.sub(r"[\W_]+", "", field.leaf.lower())


def devices_in(fields: Iterable[Field], taken: Collection[str] = ()) -> list[tuple[float, Field]]:
    """Fields that can name a device, best first."""
    found = []
    for field in fields:
        if field.path in taken or field.path.startswith("@") or not field.always:
            continue
        texts = [value for value in field.given if isinstance(value, str) and value.strip()]
        whole = [value for value in field.given if isinstance(value, int) and not isinstance(value, bool)]
        if len(texts) + len(whole) < len(field.given):
            continue
        score = _DEVICE.get(name_of(field), 0.0)
        if score == 0:
            continue
        score += 0.5 * all(is_identity(str(value)) for value in field.given) - 0.3 * field.path.count(".")
        if score >= _LEAST or is_gateway(field):
            found.append((score, field))
    return sorted(found, key=lambda pair: -pair[0])


def is_gateway(field: Field) -> bool:
    """Whether a field names what passes messages on rather than what measured."""
    return name_of(field) in _GATEWAY


def is_strong(field: Field) -> bool:
    """Whether a field can hardly be anything but a device's identity."""
    return _DEVICE.get(name_of(field), 0.0) >= 9 or (
        _DEVICE.get(name_of(field), 0.0) >= 7 and all(is_identity(str(value)) for value in field.given)
    )


def numbering_in(fields: Iterable[Field], taken: Collection[str]) -> Field | None:
    """The field that numbers or names messages: each value once."""
    for field in fields:
        name = name_of(field)
        if field.path in taken or name not in _SEQUENCE | _MESSAGE or not field.always:
            continue
        if name in _MESSAGE or all(isinstance(value, int) or str(value).isdigit() for value in field.given):
            return field
    return None


def is_housekeeping(field: Field) -> bool:
    """Whether a field describes the device or the message and measures nothing."""
    return name_of(field) in _HOUSEKEEPING
