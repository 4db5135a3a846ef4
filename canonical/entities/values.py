"""Texts to typed values, as SQL: what a column of a spec says about one field.

Belongs here: one column's text, its value, and the reason code where the text has no such value.
Does not: rows (`reading`), or which headers a file has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from canonical import sql
from canonical.entities.model import Made, Number, plain
from quality.contracts.model import Type

SQL_TYPES: dict[Type, str] = {
    "string": "varchar", "double": "double", "long": "bigint", "boolean": "boolean", "date": "date",
    "timestamp": "timestamptz",
}  # fmt: skip
_BLANKS = r"[\s\x{00A0}\x{2007}\x{202F}\x{FEFF}]+"
_ISO = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?"
_ZONED = rf"{_ISO} ?(Z|[+-]\d{{2}}(:?\d{{2}})?)"
_DAY = r"\d{4}-\d{2}-\d{2}"
_EPOCHS = {"epoch_s": (1_000_000, r"-?\d{1,11}(\.\d*)?"), "epoch_ms": (1_000, r"-?\d{1,14}(\.\d*)?")}
_TIMES = "'0001-01-02 00:00:00+00'::timestamptz", "'9999-12-31 00:00:00+00'::timestamptz"
"""Instants that every reader of the tables has a value for."""
_YES, _NO = ("true", "yes", "y", "1"), ("false", "no", "n", "0")


def tidy(text: str) -> str:
    """SQL: a text with blanks of any kind as single spaces, none at its ends; null where nothing is left."""
    return f"nullif(trim(regexp_replace({text}, {sql.text(_BLANKS)}, ' ', 'g')), '')"


@dataclass(frozen=True, slots=True)
class Typed:
    """SQL of one column: `text` as read, `value`, and `fault`, a reason code or null."""

    text: str
    value: str
    fault: str


def text_of(field: str | None, made: Made, sentinels: tuple[str, ...], from_path: str | None) -> str:
    """SQL: the text that a column is made of; `field` and `from_path` are its columns in the file and from the path."""
    parts = []
    if field is not None:
        unset = sql.texts(plain(word) for word in (*sentinels, *made.sentinels))
        tidied = tidy(field)
        parts.append(f"case when lower({tidied}) in ({unset}) then null else {tidied} end")
    if from_path is not None:
        parts.append(from_path)
    if made.const is not None:
        parts.append(sql.text(str(made.const).lower() if isinstance(made.const, bool) else str(made.const)))
    found = f"coalesce({', '.join(parts)})" if len(parts) > 1 else (parts[0] if parts else sql.text(None))
    return f"{made.case}({found})" if made.case else found


def typed(text: str, made: Made, kind: Type, number: Number) -> Typed:
    """SQL of the value; `text` is a column name that holds `text_of`."""
    word, unknown = _translated(text, made)
    value, fault = _of_kind(word, made, kind, number)
    return Typed(text, value, f"case when {text} is null then null {unknown} {fault} end")


def _translated(text: str, made: Made) -> tuple[str, str]:
    """SQL of the word in our language, and the branch of its fault."""
    if not made.terms:
        return text, ""
    ours = {plain(word): str(term).lower() if isinstance(term, bool) else term for word, term in made.terms.items()}
    branches = " ".join(f"when {sql.text(word)} then {sql.text(term)}" for word, term in ours.items())
    other = text if made.otherwise == "keep" else "null"
    if made.other is not None:
        other = sql.text(str(made.other).lower() if isinstance(made.other, bool) else made.other)
    unknown = ""
    if made.other is None and made.otherwise == "reject":
        unknown = f"when lower({text}) not in ({sql.texts(ours)}) then 'unknown_term'"
    return f"(case when {text} is null then null else case lower({text}) {branches} else {other} end end)", unknown


def _of_kind(word: str, made: Made, kind: Type, number: Number) -> tuple[str, str]:
    match kind:
        case "string":
            return word, "else null"
        case "boolean":
            low = f"lower({word})"
            value = f"case when {low} in ({sql.texts(_YES)}) then true when {low} in ({sql.texts(_NO)}) then false end"
            return value, f"when {word} is not null and ({value}) is null then 'not_a_boolean'"
        case "date" | "timestamp":
            instant = _instant(word, made)
            value = instant
            if kind == "date":
                zone = sql.text(made.zone)
                day = f"regexp_full_match({word}, {sql.text(_DAY)})"
                whole = f"case when {day} and {word} >= '0001' then try_cast({word} as date) end"
                value = f"coalesce({whole}, cast(timezone({zone}, {instant}) as date))"
            return value, f"when {word} is not null and ({value}) is null then 'bad_time'"
        case _:
            return _number(word, made, kind, number)


def _number(word: str, made: Made, kind: Type, number: Number) -> tuple[str, str]:
    bare = word
    for sign in number.strip:
        bare = f"replace({bare}, {sql.text(sign)}, '')"
    bare = f"trim({bare})" if number.strip else bare
    point = re.escape(number.decimal)
    whole = r"\d+"
    if number.thousands:
        # A blank between thousands is a single space by now, whichever it was.
        between = "".join(re.escape(" " if not sign.strip() else sign) for sign in number.thousands)
        whole = rf"(\d{{1,3}}([{between}]\d{{3}})+|\d+)"
    pattern = rf"[+-]?({whole}({point}\d*)?|{point}\d+)([eE][+-]?\d+)?|[+-]?(?i:nan|inf|infinity)"
    digits = bare
    for sign in number.thousands:
        digits = f"replace({digits}, {sql.text(' ' if not sign.strip() else sign)}, '')"
    digits = f"replace({digits}, {sql.text(number.decimal)}, '.')" if number.decimal != "." else digits
    double = f"try_cast(case when regexp_full_match({bare}, {sql.text(pattern)}) then {digits} end as double)"
    limits = "".join(
        f" when {double} {sign} {sql.number(limit)} then '{code}'"
        for limit, sign, code in ((made.low, "<", "below_range"), (made.high, ">", "above_range"))
        if limit is not None
    )
    fault = (
        f"when {word} is not null and {double} is null then 'not_a_number' "
        f"when not isfinite({double}) then 'not_finite'"
    )
    if kind == "double":
        return double, fault + limits
    exact = (
        f"coalesce(try_cast({digits} as bigint), case when isfinite({double}) then try_cast({double} as bigint) end)"
    )
    return exact, f"{fault} when {double} <> trunc({double}) or abs({double}) >= 9e18 then 'not_whole'{limits}"


def _instant(word: str, made: Made) -> str:
    zone = sql.text(made.zone)
    tried = []
    for shape in made.formats:
        if shape == "iso":
            tried.append(
                f"case when regexp_full_match({word}, {sql.text(_ZONED)}) then try_cast({word} as timestamptz) "
                f"when regexp_full_match({word}, {sql.text(_ISO)}) "
                f"then timezone({zone}, try_cast({word} as timestamp)) end"
            )
        elif shape in _EPOCHS:
            factor, pattern = _EPOCHS[shape]
            micros = f"cast(try_cast({word} as decimal(30, 6)) * {factor} as bigint)"
            tried.append(
                f"case when regexp_full_match({word}, {sql.text(pattern)}) "
                f"then timezone('UTC', make_timestamp({micros})) end"
            )
        elif "%z" in shape:
            tried.append(f"try_strptime({word}, {sql.text(shape)})")
        else:
            tried.append(f"timezone({zone}, try_strptime({word}, {sql.text(shape)}))")
    found = f"coalesce({', '.join(tried)})"
    return f"case when {found} >= {_TIMES[0]} and {found} < {_TIMES[1]} then {found} end"
