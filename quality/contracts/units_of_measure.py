"""How the world writes our canonical units.

Belongs here: pint's name of each canonical unit to its symbol, its QUDT unit and its SenML symbol, where they have one.
Does not: conversion (`canonical.units`), which asks pint.
"""

from __future__ import annotations

from dataclasses import dataclass

QUDT = "http://qudt.org/vocab/unit/"


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: as people write it, as QUDT names it, and as SenML (RFC 8428, RFC 8798 and the IANA registry) does."""

    symbol: str
    qudt: str | None = None
    senml: str | None = None


UNITS: dict[str, Unit] = {
    "dimensionless": Unit("", "UNITLESS", "/"),
    "percent": Unit("%", "PERCENT", "/100"),
    "ppm": Unit("ppm", "PPM", "ppm"),
    "ppb": Unit("ppb", "PPB"),
    "degC": Unit("°C", "DEG_C", "Cel"),
    "K": Unit("K", "K", "K"),
    "Pa": Unit("Pa", "PA", "Pa"),
    "hPa": Unit("hPa", "HectoPA", "hPa"),
    "kPa": Unit("kPa", "KiloPA"),
    "g/m**3": Unit("g/m³", "GM-PER-M3"),
    "mg/m**3": Unit("mg/m³", "MilliGM-PER-M3"),
    "ug/m**3": Unit("µg/m³", "MicroGM-PER-M3", "ug/m3"),
    "Bq/m**3": Unit("Bq/m³", "BQ-PER-M3"),
    "lux": Unit("lx", "LUX", "lx"),
    "W/m**2": Unit("W/m²", "W-PER-M2", "W/m2"),
    "umol/m**2/s": Unit("µmol/m²/s", "MicroMOL-PER-M2-SEC"),
    "dB": Unit("dB", "DeciB", "dB"),
    "dBm": Unit("dBm", "DeciB_M", "dBm"),
    "V": Unit("V", "V", "V"),
    "A": Unit("A", "A", "A"),
    "W": Unit("W", "W", "W"),
    "kW": Unit("kW", "KiloW", "kW"),
    "VA": Unit("VA", "V-A", "VA"),
    "var": Unit("var", "V-A_Reactive", "var"),
    "Hz": Unit("Hz", "HZ", "Hz"),
    "kWh": Unit("kWh", "KiloW-HR", "kWh"),
    "kvarh": Unit("kvarh", "KiloV-A_Reactive-HR", "kvarh"),
    "Ah": Unit("Ah", "A-HR", "Ah"),
    "ohm": Unit("Ω", "OHM", "Ohm"),
    "uS/cm": Unit("µS/cm", "MicroS-PER-CentiM"),
    "uT": Unit("µT", "MicroT"),
    "m": Unit("m", "M", "m"),
    "mm": Unit("mm", "MilliM", "mm"),
    "km": Unit("km", "KiloM", "km"),
    "m**3": Unit("m³", "M3", "m3"),
    "m**3/h": Unit("m³/h", "M3-PER-HR"),
    "m/s": Unit("m/s", "M-PER-SEC", "m/s"),
    "mm/s": Unit("mm/s", "MilliM-PER-SEC"),
    "mm/h": Unit("mm/h", "MilliM-PER-HR", "mm/h"),
    "m/s**2": Unit("m/s²", "M-PER-SEC2", "m/s2"),
    "deg": Unit("°", "DEG"),
    "deg/s": Unit("°/s", "DEG-PER-SEC"),
    "rpm": Unit("1/min", "REV-PER-MIN"),
    "kg": Unit("kg", "KiloGM", "kg"),
    "s": Unit("s", "SEC", "s"),
}
"""Every canonical unit of the metric catalogue."""
