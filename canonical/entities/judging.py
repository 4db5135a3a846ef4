"""Rows of texts to rows of an entity, as one statement: values, keys, and the first thing that is wrong with a row.

Belongs here: the SQL over one sheet by one spec.
Does not: the SQL of one field (`values`), or which sheet and which spec (`reading`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb
import pyarrow as pa

from canonical import sql
from canonical.entities.model import EntitySpec, Made, plain
from canonical.entities.values import SQL_TYPES, text_of, tidy, typed
from quality.contracts.arrow import ARROW
from quality.contracts.entities import ENTITY_BY_NAME, Entity
from quality.contracts.entity_tables import ENTITY_CODES

VERDICT = pa.schema(
    [
        ("file_no", pa.int32()), ("row_number", pa.int64()),
        ("reason", pa.string()), ("at_fault", pa.string()), ("found", pa.string()),
        ("says", pa.string()), ("raw", pa.string()), ("entity_key", pa.string()), ("attribute_hash", pa.string()),
        ("effective_at", pa.timestamp("us", tz="UTC")),
    ]
)  # fmt: skip
"""What every row has beside the columns of its entity; `reason` is empty where nothing is wrong with it."""
_CUT = 200
_WORDS = 100


def schema_of(entity: Entity) -> pa.Schema:
    """Columns of the rows of an entity: its own, all nullable here, and the verdict."""
    own = [pa.field(column.name, ARROW[column.type]) for column in entity.columns]
    return pa.schema([*own, *VERDICT])


def places_of(header: Sequence[str]) -> dict[str, int]:
    """Where each column is, by its header as compared; of two of one name the first."""
    places: dict[str, int] = {}
    for place, text in enumerate(header):
        places.setdefault(plain(text), place)
    return places


def lay_out(db: duckdb.DuckDBPyConnection, spec: EntitySpec, header: Sequence[str]) -> None:
    """From relations `given` and `broken` to `judged`: the columns of the entity and every row's verdict.

    `given` has rows of sheets with this header: file_no, row_number and c0, c1, …; what the file's path says, which is
    the same for all rows of a file: file_at, and `p_<column>` for each column with a `path`. `broken` is as in `sheet`,
    with file_no.
    """
    entity = ENTITY_BY_NAME[spec.entity]
    kinds = {column.name: column.type for column in entity.columns}
    cells = [sql.name(f"c{place}") for place in range(len(header))]
    places = places_of(header)
    texts, values, templates = [], [], []
    for made in spec.columns:
        text, value, fault = (sql.name(f"{prefix}_{made.name}") for prefix in "tvf")
        if made.template is not None or made.effective is not None:
            templates.append(made)
            continue
        at = next((places[plain(name)] for name in made.from_ if plain(name) in places), None)
        cell = None if at is None else sql.name(f"c{at}")
        from_path = sql.name(f"p_{made.name}") if made.path else None
        texts.append(f"{text_of(cell, made, spec.sentinels, from_path)} as {text}")
        shown = typed(text, made, kinds[made.name], spec.number)
        values += [f"{shown.value} as {value}", f"{shown.fault} as {fault}"]
    listed = ", ".join(cells)
    blank = f"{tidy(f'concat({listed})')} is null"
    db.execute(
        f"""
        create or replace temp table texts as
        select file_no, file_at, row_number, {_skipped(spec, places, blank)} as skip, to_json([{listed}]) as raw,
            {", ".join(texts) or "null as nothing"} from given
        """
    )
    inner = f"(select *, {', '.join(values) or 'null as nothing_more'} from texts)"
    inner = f"(select *, {_effective(spec)} as effective_at from {inner})"
    for made in templates:
        inner = f"(select *, {_composed(made)} as {_value(made.name)} from {inner})"
    made_here = {made.name for made in spec.columns}
    own = ", ".join(
        f"cast({_value(c.name) if c.name in made_here else 'null'} as {SQL_TYPES[c.type]}) as {sql.name(c.name)}"
        for c in entity.columns
    )
    key = " || '/' || ".join(f"cast({_value(name)} as varchar)" for name in entity.key)
    digest = ", ".join(
        f"coalesce(cast({_value(c.name)} as varchar), chr(30))" if c.name in made_here else "chr(30)"
        for c in entity.attributes
    )
    db.execute(
        f"""
        create or replace temp table judged as
        with verdict as (select *, {_reason(spec, entity)} as why from {inner})
        select file_no, row_number, why.reason, why.field as at_fault, left(why.value, {_CUT}) as found,
            {_message()} as says, cast(raw as varchar) as raw, {key} as entity_key,
            left(sha256(concat_ws(chr(31), {digest})), 32) as attribute_hash, effective_at, {own}
        from verdict
        union all by name
        select file_no, row_number, 'invalid_row' as reason, message as says, raw from broken
        """
    )


def _value(name: str) -> str:
    return sql.name(f"v_{name}")


def _skipped(spec: EntitySpec, places: dict[str, int], blank: str) -> str:
    """SQL: why a row is no record; null where it is one."""
    branches = [f"when {blank} then 'blank'"]
    for skip in spec.skip_rows:
        tests = []
        for condition in skip.when:
            at = next((places[plain(name)] for name in condition.column if plain(name) in places), None)
            cell = tidy(sql.name(f"c{at}")) if at is not None else sql.text(None)
            if condition.blank is not None:
                tests.append(f"({cell} is null) = {sql.boolean(value=condition.blank)}")
            elif condition.is_:
                tests.append(f"coalesce(lower({cell}) in ({sql.texts(map(plain, condition.is_))}), false)")
            else:
                tests.append(f"coalesce(regexp_matches({cell}, {sql.text(condition.matches)}), false)")
        branches.append(f"when {' and '.join(tests)} then '{skip.reason}'")
    return f"case {' '.join(branches)} end"


def _effective(spec: EntitySpec) -> str:
    """SQL: from when a row holds; the sources in the order of the spec, those of the file together."""
    tried: list[str] = []
    for source in spec.effective:
        if source.column is None:
            value = "file_at"
        elif _is_date(spec, source.column):
            value = f"timezone('UTC', cast({_value(source.column)} as timestamp))"
        else:
            value = _value(source.column)
        if value not in tried:
            tried.append(value)
    return f"coalesce({', '.join(tried)})"


def _is_date(spec: EntitySpec, name: str) -> bool:
    return any(column.name == name and column.type == "date" for column in ENTITY_BY_NAME[spec.entity].columns)


def _composed(made: Made) -> str:
    if made.effective is not None:
        return "cast(extract(year from effective_at) as bigint)"
    parts = re.split(r"\{(\w+)\}", made.template or "")
    said = [f"cast({_value(part)} as varchar)" if odd % 2 else sql.text(part) for odd, part in enumerate(parts) if part]
    return " || ".join(said)


def _reason(spec: EntitySpec, entity: Entity) -> str:
    """SQL: the first thing that is wrong with a row, as {reason, field, value}; reason is empty where nothing is."""
    made = {one.name: one for one in spec.columns}
    needed = {column.name for column in entity.columns if not column.null}

    def said(code: str, name: str | None, value: str = "null") -> str:
        return f"{{'reason': {code}, 'field': {sql.text(name)}, 'value': cast({value} as varchar)}}"

    branches = [f"when skip is not null then {said('skip', None)}"]
    for one in spec.columns:
        if one.template is None and one.effective is None:
            fault, text = sql.name(f"f_{one.name}"), sql.name(f"t_{one.name}")
            branches.append(f"when {fault} is not null then {said(fault, one.name, text)}")
    # A key made of others is blank because they are: name what is blank in the file.
    blank = [n for n in entity.key if made[n].template is None] or list(entity.key)
    blank = [*blank, *(n for n in entity.key if n not in blank)]
    of_key = {part for name in entity.key for part in re.findall(r"\{(\w+)\}", made[name].template or "")}
    blank = [*sorted(of_key, key=list(made).index), *blank]
    branches += [
        f"when {_value(n)} is null then {said(sql.text('missing_key'), n)}"
        for n in dict.fromkeys(blank)
        if made[n].effective is None
    ]
    branches.append(f"when effective_at is null then {said(sql.text('no_effective_date'), None)}")
    branches += [
        f"when {_value(one.name)} is null then {said(sql.text('missing_field'), one.name)}"
        for one in spec.columns
        if (one.required or one.name in needed) and one.name not in blank
    ]
    return f"case {' '.join(branches)} else {said(sql.text(''), None)} end"


def _message() -> str:
    says = " ".join(f"when {sql.text(code)} then {sql.text(reason.says)}" for code, reason in ENTITY_CODES.items())
    return (
        f"concat(case when why.field is not null then concat(why.field, "
        f"case when why.value is not null then concat(' is ''', left(why.value, {_CUT}), '''') else '' end, ': ') "
        f"else '' end, case why.reason {says} else '' end)"
    )


def unknown_terms(db: duckdb.DuckDBPyConnection, spec: EntitySpec) -> dict[int, dict[str, int]]:
    """Words without a translation in columns that are null for them, by file: the vocabulary has moved on."""
    found: dict[int, dict[str, int]] = {}
    for made in spec.columns:
        if not made.terms or made.other is not None or made.otherwise != "null":
            continue
        text = sql.name(f"t_{made.name}")
        known = sql.texts(plain(word) for word in made.terms)
        rows = db.execute(
            f"select file_no, {text}, count(*) from texts where skip is null and lower({text}) not in ({known}) "
            f"group by file_no, {text} qualify row_number() over (partition by file_no order by {text}) <= {_WORDS} "
            "order by file_no"
        ).fetchall()
        for number, word, count in rows:
            found.setdefault(number, {})[f"{made.name}: {word}"] = int(count)
    return found
