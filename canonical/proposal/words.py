"""Names of fields as words: how vendors abbreviate what they measure.

Belongs here: splitting a name, and what its parts usually stand for, quantities and units apart.
Does not: which metric a field is (`quantities`).
"""

from __future__ import annotations

import re
import unicodedata

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BRACKETED = re.compile(r"[\[(]\s*([^\])]+?)\s*[\])]")
_PARTICLES = re.compile(r"pm_?(1|2[._]?5|4|10)(?![0-9])", re.IGNORECASE)

SYNONYMS: dict[str, tuple[str, ...]] = {
    "t": ("temperature",), "tmp": ("temperature",), "temp": ("temperature",), "temperatur": ("temperature",),
    "temperatura": ("temperature",), "tair": ("air", "temperature"), "tc": ("temperature",), "ta": ("temperature",),
    "airtemp": ("air", "temperature"), "ambient": ("air",), "room": ("air",), "indoor": ("air",),
    "h": ("humidity",), "hum": ("humidity",), "humi": ("humidity",), "humid": ("humidity",), "rh": ("humidity",),
    "feuchte": ("humidity",), "luftfeuchte": ("humidity",), "umidita": ("humidity",), "umidità": ("humidity",),
    "humedad": ("humidity",), "humidite": ("humidity",), "ur": ("humidity",),
    "p": ("pressure",), "press": ("pressure",), "pres": ("pressure",), "baro": ("pressure",), "druck": ("pressure",),
    "barometer": ("pressure",), "barometric": ("pressure",), "atm": ("pressure",), "luftdruck": ("pressure",),
    "pressione": ("pressure",), "bar": ("pressure",),
    "b": ("battery",), "bat": ("battery",), "batt": ("battery",), "vbat": ("battery", "voltage"),
    "vbatt": ("battery", "voltage"), "vcc": ("battery", "voltage"), "vdd": ("battery", "voltage"),
    "batterie": ("battery",), "batv": ("battery", "voltage"), "supply": ("supply", "battery"), "akku": ("battery",),
    "batteria": ("battery",), "soc": ("battery", "level"), "charge": ("battery", "level"),
    "volt": ("voltage",), "volts": ("voltage",), "u": ("voltage",), "spannung": ("voltage",),
    "lux": ("light", "illuminance"), "lx": ("light", "illuminance"), "lum": ("light", "illuminance"),
    "luminosity": ("light", "illuminance"), "illum": ("light", "illuminance"), "luminance": ("light", "illuminance"),
    "brightness": ("light", "illuminance"), "light": ("light", "illuminance"), "als": ("light", "illuminance"),
    "illuminance": ("light", "illuminance"), "licht": ("light", "illuminance"), "helligkeit": ("light", "illuminance"),
    "carbondioxide": ("co2",), "ch4": ("methane",), "c6h6": ("benzene",), "hcho": ("formaldehyde",),
    "ozone": ("o3",), "ammonia": ("nh3",), "eco2": ("co2",), "co": ("co", "carbon", "monoxide"),
    "voc": ("tvoc", "voc"), "tvoc": ("tvoc", "voc"), "iaq": ("air", "quality"),
    "lat": ("latitude",), "lon": ("longitude",), "lng": ("longitude",), "long": ("longitude",),
    "alt": ("altitude",), "elevation": ("altitude",),
    "rssi": ("signal", "strength", "rssi"), "snr": ("signal", "noise", "snr"), "lqi": ("link", "quality"),
    "linkquality": ("link", "quality"), "signal": ("signal", "strength"),
    "pwr": ("power",), "watt": ("power",), "watts": ("power",), "leistung": ("power",), "potenza": ("power",),
    "nrg": ("energy",), "kwh": ("energy",), "consumption": ("energy",), "energie": ("energy",),
    "amps": ("current",), "amp": ("current",), "curr": ("current",), "strom": ("current",), "i": ("current",),
    "freq": ("frequency",), "noise": ("sound", "noise"), "spl": ("sound", "noise"), "sound": ("sound", "noise"),
    "occ": ("occupancy",), "presence": ("occupancy",), "occupied": ("occupancy",), "pir": ("motion", "occupancy"),
    "movement": ("motion",), "motion": ("motion", "occupancy"), "moving": ("motion",), "people": ("occupant", "count"),
    "door": ("door", "contact"), "window": ("window", "contact"), "reed": ("contact",), "contact": ("contact",),
    "open": ("contact", "open"), "opened": ("contact", "open"), "closed": ("contact",), "leak": ("water", "leak"),
    "flood": ("water", "leak"), "smoke": ("smoke",), "tamper": ("tamper",), "vibration": ("vibration",),
    "relay": ("switch", "relay"), "switch": ("switch", "relay"), "onoff": ("switch",), "power": ("power",),
    "flow": ("flow",), "level": ("level",), "dist": ("distance",), "soil": ("soil",), "moist": ("moisture",),
    "wind": ("wind",), "gust": ("wind", "gust"), "rain": ("rain",), "precip": ("rain", "precipitation"),
    "uv": ("uv", "index"), "uvi": ("uv", "index"), "dew": ("dew",), "dewpoint": ("dew", "point"),
    "out": ("outdoor",), "outside": ("outdoor",), "external": ("outdoor",), "ext": ("outdoor",), "od": ("outdoor",),
    "set": ("setpoint",), "target": ("setpoint",), "sp": ("setpoint",), "setpt": ("setpoint",),
    "vwc": ("soil", "moisture"),
    "water": ("water",), "counter": ("count",), "cnt": ("count",), "pulses": ("pulse", "count"),
    "pulse": ("pulse", "count"),
    "speed": ("speed",), "rpm": ("speed",), "err": ("error",), "fault": ("error",), "error": ("error",),
}  # fmt: skip
"""What a word of a field's name usually stands for, in the words metrics are named by."""

UNITS: dict[str, str] = {
    "c": "degC", "degc": "degC", "celsius": "degC", "cel": "degC", "°c": "degC", "centigrade": "degC", "℃": "degC",
    "f": "degF", "degf": "degF", "fahrenheit": "degF", "°f": "degF", "far": "degF", "k": "K", "kelvin": "K",
    "pct": "percent", "percent": "percent", "perc": "percent", "%": "percent", "%rh": "percent", "prh": "percent",
    "pa": "Pa", "hpa": "hPa", "kpa": "kPa", "mpa": "MPa", "mbar": "mbar", "mb": "mbar", "psi": "psi", "mmhg": "mmHg",
    "inhg": "inHg", "bara": "bar", "v": "V", "mv": "mV", "volt": "V", "volts": "V", "millivolts": "mV",
    "millivolt": "mV", "a": "A", "ma": "mA", "amps": "A", "w": "W", "kw": "kW", "mw": "MW", "watts": "W",
    "wh": "Wh", "kwh": "kWh", "mwh": "MWh", "lx": "lx", "lux": "lx", "lumen": "lm", "ppm": "ppm", "ppb": "ppb",
    "hz": "Hz", "khz": "kHz", "db": "dB", "dba": "dB", "dbm": "dBm", "rpm": "rpm", "m": "m", "mm": "mm", "cm": "cm",
    "km": "km", "meters": "m", "ms": "ms", "sec": "s", "s": "s", "seconds": "s", "min": "min", "minutes": "min",
    "m/s": "m/s", "mps": "m/s", "kmh": "km/h", "kph": "km/h", "km/h": "km/h", "mph": "mph", "l/min": "L/min",
    "lpm": "L/min", "m3/h": "m**3/h", "m3": "m**3", "m³": "m**3", "m³/h": "m**3/h", "l": "L", "deg": "deg",
    "degrees": "deg", "g": "g", "kg": "kg", "ug/m3": "ug/m**3", "µg/m³": "ug/m**3", "μg/m³": "ug/m**3",
    "µg/m3": "ug/m**3", "μg/m3": "ug/m**3", "ugm3": "ug/m**3", "microg/m^3": "ug/m**3", "mg/m3": "mg/m**3",
    "mg/m^3": "mg/m**3", "mgm3": "mg/m**3", "w/m2": "W/m**2", "wm2": "W/m**2", "us/cm": "uS/cm", "µs/cm": "uS/cm",
    "bar": "bar", "mg/m³": "mg/m**3", "w/m²": "W/m**2", "ohm": "ohm", "j": "J",
}  # fmt: skip
"""How a unit is written in a name or beside a value, in lower case, and pint's name."""

_CHEMICAL = {"co2", "no2", "o3", "so2", "nh3", "h2s", "ch4", "pm1", "pm25", "pm4", "pm10", "nox", "nmhc", "c6h6"}
"""Whose digits are part of the name."""
_WEAK_UNITS = {"c", "f", "k", "v", "a", "w", "m", "s", "l", "g", "j", "bar", "lux", "lx", "kwh", "rpm", "volt", "volts"}
"""Too short to be a unit unless they end a name of several words, or the name of a quantity too."""


def plain(text: str) -> str:
    """Lower case, signs for micro alike."""
    return unicodedata.normalize("NFC", text).lower().replace("\u03bc", "\u00b5").strip()


def unit_named(text: str) -> str | None:
    """The unit a text names on its own, as in a unit column; None where it names none."""
    found = UNITS.get(plain(text)) or UNITS.get(plain(text).replace("\u00b5", "\u03bc"))
    return found or {"C": "degC", "F": "degF"}.get(text.strip())


def words_of(name: str) -> tuple[list[str], str | None]:
    """The words of a name as metrics are named, and the unit it ends in or bears in brackets."""
    bracketed = _BRACKETED.search(name)
    unit = unit_named(bracketed.group(1)) if bracketed else None
    bare = _PARTICLES.sub(lambda m: f" pm{m.group(1).replace('_', '').replace('.', '')} ", _BRACKETED.sub(" ", name))
    if unit is None:  # before capitals part words: kW is one
        head, sign, tail = bare.rpartition("_") if "_" in bare else bare.rpartition(" ")
        if sign and len(tail) > 1 and plain(tail) not in SYNONYMS and unit_named(tail):
            bare, unit = head, unit_named(tail)
    tokens = [plain(part) for part in re.split(r"[\W_]+", _CAMEL.sub(" ", bare), flags=re.UNICODE) if part]
    if unit is None and len(tokens) > 1 and unit_named(tokens[-1]):
        unit = unit_named(tokens[-1])
        if tokens[-1] not in SYNONYMS or tokens[-1] in _WEAK_UNITS:
            named = tokens[-1] in SYNONYMS and len(tokens) == 1
            tokens = tokens if named else tokens[:-1]
    elif unit is None and len(tokens) == 1 and tokens[0] not in _WEAK_UNITS:
        tokens, unit = _glued(tokens[0])
    elif unit is None and len(tokens) == 1 and tokens[0] in {"lux", "lx", "kwh", "rpm", "volt", "volts"}:
        unit = unit_named(tokens[0])
    words: list[str] = []
    for token in tokens:
        stem = token.rstrip("0123456789") or token
        if token in _CHEMICAL and token not in SYNONYMS:
            meant: tuple[str, ...] = (token,)
        else:
            # `T1` on its own is a temperature; in `type_b2` the letter says nothing.
            numbered = SYNONYMS.get(stem) if len(stem) > 1 or len(tokens) == 1 else None
            meant = SYNONYMS.get(token) or numbered or ((token,) if token == stem else (token, stem))
        words += [word for word in meant if word not in words]
    return words, unit


def _glued(token: str) -> tuple[list[str], str | None]:
    """`tempf`, `battmv`: a known word with a unit behind it and nothing between."""
    for length in range(len(token) - 1, 1, -1):
        head, tail = token[:length], token[length:]
        if tail in UNITS and head in {*SYNONYMS, "temperature", "humidity", "pressure", "battery", "power"}:
            means = SYNONYMS.get(head, (head,))
            if len(tail) > 1 or (tail in "cfk" and "temperature" in means) or (tail == "v" and "battery" in means):
                return [head], UNITS[tail]
    return [token], unit_named(token) if token in UNITS and token not in SYNONYMS else None
