"""SenML packs (RFC 8428) in JSON and CBOR to lists of resolved records, all packs of a batch at once.

Belongs here: base name, time, unit, value and sum carried from record to record and added, and what makes a pack none.
A resolved record is {"n", "u", "v" or "vs" or "vb" or "vd", "s", "t", "time"}, without what is not there:

- `n` is base name and name joined; `u` the unit, or the base unit; `v` and `s` have their bases added.
- `t` is base time plus time, in seconds as sent. `time` says the same so that a mapping can read it: from 2**28 on a
  time is absolute, and `time` is an ISO text; below it is relative to now, and `time` is a number, the seconds ago.
  A mapping says `time: {path: time, formats: [iso, age_s], fallback: envelope}`; a record without any time has none.
- Sums are exact where both parts are decimals of at most 12 digits behind the point, else as doubles add.

A record of base fields only is none of the list. A pack is bad (`invalid_senml`) when it is no list of objects, a
record has no name or no value or two values, a base field, name, unit or time is of another type than it must be, its
version is above 10, or a key ends with `_`, which says that it must be understood. A value of the wrong type spoils
its record only: whoever reads the field says so. Other keys, `ut` among them, are left out.
Does not: CBOR itself (`cbor_documents`), units and metrics (the mapping).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from canonical import sql
from canonical.decoders.cbor_documents import FAULT as INVALID_CBOR
from canonical.decoders.cbor_documents import decoded, each_document, encoded
from canonical.decoders.json_objects import broken
from canonical.engine import Engine

FAULT = "invalid_senml"
_LABELS = {
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
"""CBOR's whole numbers for the keys of JSON."""
_NUMBERS = ("bt", "bv", "bs", "t", "s")
_TEXTS = ("bn", "bu", "n", "u")
_VALUES = ("v", "vs", "vb", "vd")
_KEYS = ("bver", *_NUMBERS, *_TEXTS, *_VALUES)
_PLACE = {key: place for place, key in enumerate(_KEYS, start=1)}
_VERSION = 10
_NOT_FINITE = {"nan": "NaN", "-nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_ABSOLUTE_FROM = 268_435_456
_LAST_YEAR = 253_402_300_800


class SenmlDocuments:
    """Documents of SenML packs: the list of resolved records, or a fault. One instance per thread."""

    def __init__(self, *, cbor: bool) -> None:
        self._cbor = cbor
        self._engine = Engine()
        self._statement = _statement()

    def documents(self, bodies: pa.Array) -> tuple[pa.Array, pa.Array]:
        """JSON text per body, a list, and the fault; a null body gives neither."""
        if self._cbor:
            texts, faults = each_document(bodies, lambda body: encoded(_labelled(decoded(body))), INVALID_CBOR)
            bodies = texts.cast(pa.binary())
        else:
            faults = pa.nulls(len(bodies), pa.string())
        source = pa.table({"row": pa.array(range(len(bodies)), pa.int64()), "body": bodies, "undecoded": faults})
        result = self._engine.run(self._statement, source)
        columns = [result.column(name).cast(pa.string()) for name in ("document", "fault")]
        return tuple(
            pa.concat_arrays(column.chunks) if len(result) else pa.array([], pa.string()) for column in columns
        )


def _labelled(pack: Any) -> Any:
    """A pack with the keys of JSON; what is no pack stays as it is."""
    if not isinstance(pack, list | tuple):
        return pack
    return [
        {_LABELS.get(key, key) if type(key) is int else key: value for key, value in record.items()}
        if hasattr(record, "items")
        else record
        for record in pack
    ]


def _statement() -> str:
    """A SELECT over `source` (row, body, undecoded): document and fault, in the order of the rows."""
    paths = sql.texts(f"$.{key}" for key in _KEYS)
    carried = ", ".join(
        f"last_value({_raw(key)} IGNORE NULLS) OVER upwards AS {key}" for key in ("bn", "bt", "bu", "bv", "bs")
    )
    values = " + ".join(f"({_raw(key)} IS NOT NULL)::INTEGER" for key in _VALUES)
    return f"""
WITH texts AS (
    SELECT row, body, undecoded, try(decode(body)) AS text FROM source
),
packs AS (
    SELECT row, text, CASE WHEN undecoded IS NOT NULL THEN undecoded WHEN body IS NULL THEN NULL
        WHEN text IS NULL THEN 'invalid_utf8'
        WHEN try_cast(text AS JSON) IS NULL OR ({broken("text")}) THEN 'invalid_json'
        WHEN json_type(text) <> 'ARRAY' THEN {sql.text(FAULT)} END AS fault,
    FROM texts
),
entries AS (
    SELECT row, unnest(entries) AS entry, unnest(range(0, len(entries))) AS place
    FROM (SELECT row, json_extract(text, '$[*]') AS entries FROM packs WHERE text IS NOT NULL AND fault IS NULL)
),
fields AS (
    SELECT row, place, entry, json_type(entry) = 'OBJECT' AS sound,
        CASE WHEN json_type(entry) = 'OBJECT' THEN json_extract(entry, [{paths}])::VARCHAR[] END AS f
    FROM entries
),
based AS (
    SELECT row, place, entry, sound, f, {values} AS values, {carried} FROM fields
    WINDOW upwards AS (PARTITION BY row ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
resolved AS (
    SELECT row, place, entry, f, values, sound AND ({_typed()}) AS sound,
        values = 0 AND {_raw("s")} IS NULL AS empty,
        coalesce(bn->>'$', '') || coalesce({_raw("n")}->>'$', '') AS name,
        coalesce({_raw("u")}, bu) AS unit, coalesce({_sum("bt", _raw("t"))}, bt) AS t,
        {_sum("bv", _raw("v"))} AS v, {_sum("bs", _raw("s"))} AS s
    FROM based
),
judged AS (
    SELECT row, place, empty AND sound AND ({_any(("bver", "bn", "bt", "bu", "bv", "bs"))}) AS base_only,
        coalesce(sound AND values <= 1 AND (NOT empty OR base_only) AND (base_only OR name <> ''), false) AS sound,
        {_record()} AS record
    FROM (SELECT *, try_cast(t AS DOUBLE) AS seconds FROM resolved)
),
lists AS (
    SELECT row, bool_and(sound) AS sound,
        '[' || coalesce(string_agg(record, ',' ORDER BY place) FILTER (NOT base_only), '') || ']' AS list
    FROM judged GROUP BY row
)
SELECT CASE WHEN text IS NOT NULL AND packs.fault IS NULL AND coalesce(sound, true) THEN coalesce(list, '[]') END
    AS document,
    CASE WHEN packs.fault IS NOT NULL THEN packs.fault WHEN NOT sound THEN {sql.text(FAULT)} END AS fault
FROM packs LEFT JOIN lists USING (row) ORDER BY row"""


def _raw(key: str) -> str:
    return f"f[{_PLACE[key]}]"


def _any(keys: tuple[str, ...]) -> str:
    return " OR ".join(f"{_raw(key)} IS NOT NULL" for key in keys)


def _typed() -> str:
    """Whether the fields of a record are of the types they must be."""
    tests = [f"coalesce(isfinite(try_cast({_raw(key)} AS DOUBLE)), {_raw(key)} IS NULL)" for key in _NUMBERS]
    tests += [f"coalesce(starts_with({_raw(key)}, '\"'), true)" for key in _TEXTS]
    tests.append(f"coalesce(try_cast({_raw('bver')} AS INTEGER) BETWEEN 1 AND {_VERSION}, {_raw('bver')} IS NULL)")
    tests.append("len(list_filter(json_keys(entry), lambda key: ends_with(key, '_'))) = 0")
    return " AND ".join(tests)


def _sum(base: str, number: str) -> str:
    """Two raw JSON numbers added, as raw JSON; what has no base stays as it is."""
    exact = [f"try_cast({part} AS DECIMAL(38, 12))" for part in (base, number)]
    # Compared at 18 digits, where one from 1e20 on has no room: compared as it is, it would fail the whole batch.
    same = [
        f"try_cast({cast} AS DECIMAL(38, 18)) = try_cast({part} AS DECIMAL(38, 18))"
        for cast, part in zip(exact, (base, number), strict=True)
    ]
    added = f"rtrim(rtrim(({exact[0]} + {exact[1]})::VARCHAR, '0'), '.')"
    double = f"(try_cast({base} AS DOUBLE) + try_cast({number} AS DOUBLE))::VARCHAR"
    named = " ".join(f"WHEN '{engine}' THEN '{json}'" for engine, json in _NOT_FINITE.items())
    doubles = f"CASE {double} {named} ELSE {double} END"
    return (
        f"CASE WHEN {base} IS NULL THEN {number} WHEN {number} IS NULL THEN NULL "
        f"WHEN {' AND '.join(same)} THEN {added} ELSE coalesce({doubles}, {number}) END"
    )


def _record() -> str:
    """A resolved record as JSON text."""
    ago = "CASE WHEN starts_with(t, '-') THEN t[2:] WHEN seconds = 0 THEN '0' ELSE '-' || t END"
    moment = "make_timestamp(try_cast(floor(try_cast(t AS DECIMAL(38, 9)) * 1000000) AS BIGINT))"
    iso = f"strftime({moment}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    time = (
        f"CASE WHEN seconds < {_ABSOLUTE_FROM} THEN {ago} "
        f"WHEN seconds < {_LAST_YEAR} THEN '\"' || {iso} || '\"' ELSE '\"' || t || '\"' END"
    )
    parts = [
        "'{\"n\":' || to_json(name)",
        "coalesce(',\"u\":' || unit, '')",
        "coalesce(',\"v\":' || v, '')",
        *(f"coalesce(',\"{key}\":' || {_raw(key)}, '')" for key in ("vs", "vb", "vd")),
        "coalesce(',\"s\":' || s, '')",
        f"coalesce(',\"t\":' || t || ',\"time\":' || {time}, '')",
        "'}'",
    ]
    return " || ".join(parts)
