"""Units: which texts are units, what they measure, and exact factors between them.

Belongs here: everything asked of pint. Factors are computed once, as fractions, when mappings are compiled; the
result is part of the digest, so a later pint changes no reading silently.
Does not: applying factors to columns (`compilation`).
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from math import lcm
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pint

KNOWN: dict[str, str] = {
    **{unit: unit for unit in ("degC", "degF", "K", "degR", "percent", "ppm", "ppb", "dimensionless")},
    **{unit: unit for unit in ("Pa", "hPa", "kPa", "MPa", "bar", "mbar", "psi", "mmHg", "inHg", "atm")},
    **{
        unit: unit for unit in ("V", "mV", "kV", "A", "mA", "ohm", "W", "kW", "MW", "VA", "Wh", "kWh", "MWh", "J", "kJ")
    },
    **{unit: unit for unit in ("lx", "lux", "lm", "cd", "Hz", "kHz", "MHz", "rpm", "dB", "dBm")},
    **{unit: unit for unit in ("m", "mm", "cm", "km", "inch", "ft", "m/s", "km/h", "mph", "m/s**2")},
    **{unit: unit for unit in ("ms", "s", "min", "h", "g", "kg", "L", "mL", "m**3", "m**3/h", "L/min", "deg", "rad")},
    **{unit: unit for unit in ("ug/m**3", "mg/m**3", "W/m**2", "S", "uS/cm", "T", "uT")},
    **{
        unit: unit for unit in ("var", "kvar", "kvarh", "kVA", "MVA", "mW", "mWh", "GWh", "MJ", "GJ", "Ah", "mAh", "uA")
    },
    **{unit: unit for unit in ("ng/m**3", "g/m**3", "kg/m**3", "umol/m**2/s", "Bq/m**3", "uW/cm**2", "klux", "day")},
    **{
        unit: unit
        for unit in ("mm/h", "mm/s", "inch/h", "deg/s", "rad/s", "knot", "mS/cm", "dS/m", "mT", "standard_gravity")
    },
    **{unit: unit for unit in ("L/s", "L/h", "m**3/s", "ft**3/min", "ft**3", "gallon", "lb", "mg", "kohm", "Mohm")},
    "%": "percent",
    "%RH": "percent",
    "°C": "degC",
    "℃": "degC",
    "C": "degC",
    "°F": "degF",
    "℉": "degF",
    "F": "degF",
    "µg/m³": "ug/m**3",
    "μg/m³": "ug/m**3",
    "mg/m³": "mg/m**3",
    "g/m³": "g/m**3",
    "W/m²": "W/m**2",
    "m/s²": "m/s**2",
    "m³": "m**3",
    "m³/h": "m**3/h",
    "Bq/m³": "Bq/m**3",
    "µS/cm": "uS/cm",
    "µmol/m²/s": "umol/m**2/s",
    "Ω": "ohm",
    "kΩ": "kohm",
    "°": "deg",
    "cfm": "ft**3/min",
    "gn": "standard_gravity",
    "inH2O": "inch_water",
    "inWC": "inch_water",
}
"""Texts devices write for units, and pint's name. A unit in a payload is known only if it is here or in the mapping."""

_LOGARITHMIC = frozenset({"dB", "dBm"})
"""Nothing else is converted to them: dBm would be watts by a logarithm, and dB a ratio of anything."""
_EXACT = 2**53
_NAME = re.compile(r"[A-Za-z_]+(\*\*[1-9])?([*/][A-Za-z_]+(\*\*[1-9])?)*")

Factors = tuple[int | float, int | float, int | float]
"""(times, plus, over): canonical = (value * times + plus) / over. Integers a double holds exactly where possible."""


@cache
def _registry() -> pint.UnitRegistry[Any]:
    import pint as pint_  # noqa: PLC0415 - slow to import, and only compiling a mapping needs it

    registry: pint.UnitRegistry[Any] = pint_.UnitRegistry(non_int_type=Fraction)
    registry.define("ppb = 1e-9")
    registry.define("var = volt * ampere")
    registry.define("varh = var * hour")
    # The conventional inch of water, in which air in ducts is measured; pint's own name of it has digits.
    registry.define("inch_water = 249.08891 * pascal")
    return registry


@cache
def dimension(unit: str) -> str:
    """What a unit measures, such as `[length]^3 [time]^-1` (empty for pure numbers); ValueError where it is no unit."""
    import pint as pint_  # noqa: PLC0415 - see above

    unit = KNOWN.get(unit, unit)
    if unit in _LOGARITHMIC:
        return f"[{unit}]"
    if not _NAME.fullmatch(unit):  # pint drops what it does not understand: 'degF?' would be a unit
        raise ValueError(f"{unit!r} is not a unit")
    try:
        powers = _registry().Unit(unit).dimensionality
    except pint_.errors.PintError as error:
        raise ValueError(f"{unit!r} is not a unit") from error
    return " ".join(f"{name}^{Fraction(str(powers[name]))}" for name in sorted(powers))


def factors(unit: str, canonical: str, scale: float | str = 1.0, offset: float = 0.0) -> Factors:
    """How to come from a raw value to the canonical unit: first value * scale + offset, then the conversion."""
    times, plus = _affine(unit, canonical)
    scaled, shifted = Fraction(str(scale)), Fraction(repr(offset))
    slope, intercept = scaled * times, shifted * times + plus
    over = lcm(slope.denominator, intercept.denominator)
    whole = (int(slope * over), int(intercept * over), over)
    if all(abs(number) < _EXACT for number in whole):
        return whole
    return float(slope), float(intercept), 1


@cache
def _affine(unit: str, canonical: str) -> tuple[Fraction, Fraction]:
    """Slope and intercept of a conversion, exact: identity, ratio or ratio with offset are all the units we take."""
    unit = KNOWN.get(unit, unit)
    if unit == canonical:
        return Fraction(1), Fraction(0)
    quantity = _registry().Quantity
    zero, one = (Fraction(quantity(Fraction(n), unit).to(canonical).magnitude) for n in (0, 1))
    return one - zero, zero
