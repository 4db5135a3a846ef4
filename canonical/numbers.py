"""Numbers as people and programs write them in texts, read strictly.

Belongs here: decimal sign, thousands signs, units written behind, as SQL over a text.
Does not: numbers that are numbers already (`decoders`), or what they mean.
"""

from __future__ import annotations

import re

from canonical import sql
from canonical.spec.readings import NumberFormat

_BLANKS = " \t\u00a0\u202f\u2009"
_KIN = {" ": _BLANKS, "'": "'\u2019"}
"""Signs that people mean alike: a blank is also one that may not break, or a narrow one."""
_NOT_FINITE = "(?i:nan|inf|infinity)"


def digits_of(text: str, manner: NumberFormat) -> str:
    """SQL: the number in plain digits, NULL where the text is none. `1.234` is 1234 only if dots are thousands."""
    bare = f"trim({text}, {sql.text(_BLANKS)})"
    if manner.strip:
        units = "|".join(re.escape(unit) for unit in manner.strip)
        bare = f"regexp_replace({bare}, {sql.text(f'[{_BLANKS}]*(?:{units})$')}, '')"
    bare = f"replace({bare}, '\u2212', '-')"  # the minus sign of typesetters
    groups = [f"[{re.escape(_KIN.get(sign, sign))}]" for sign in manner.thousands]
    whole = "|".join([*(f"[0-9]{{1,3}}(?:{group}[0-9]{{3}})+" for group in groups), "[0-9]+"])
    point = re.escape(manner.decimal)
    pattern = rf"[+-]?(?:(?:{whole})(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?{_NOT_FINITE}"
    plain = bare
    for sign in manner.thousands:
        for kin in _KIN.get(sign, sign):
            plain = f"replace({plain}, {sql.text(kin)}, '')"
    if manner.decimal != ".":
        plain = f"replace({plain}, {sql.text(manner.decimal)}, '.')"
    return f"CASE WHEN regexp_full_match({bare}, {sql.text(pattern)}) THEN {plain} END"
