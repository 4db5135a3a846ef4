"""Why a mapping takes a message or does not: each test of its `match` by itself.

Belongs here: asking the tests one by one, for a person.
Does not: choosing (`routing`), which asks them all at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from canonical import sql
from canonical.canonicaliser import Canonicaliser
from canonical.decoders.conditions import is_one_of
from canonical.decoders.json_objects import raw_cell
from canonical.paths import place
from canonical.spec.match import Match
from canonical.yaml_lines import Lines

Test = tuple[tuple[str | int, ...], str, str]
"""Where it stands, what it says, and the SQL that asks it of `source`."""


def tests(
    event: pa.Table, canonicaliser: Canonicaliser, lines: Mapping[str, Lines], chosen: str | None
) -> list[dict[str, Any]]:
    """Each mapping with its tests and whether each holds; the chosen one first, then the nearest."""
    found = []
    for spec in canonicaliser.specs:
        asked = list(_tests(spec.match))
        row = canonicaliser.run(
            f"SELECT {', '.join(sql_ for _, _, sql_ in asked)} FROM source", _source(event)
        ).to_pylist()[0]
        answers = list(row.values())
        where = lines.get(spec.id)
        held = [
            {"line": where.of(at) if where else None, "says": says, "holds": bool(answer)}
            for (at, says, _), answer in zip(asked, answers, strict=True)
        ]
        matched = all(one["holds"] for one in held)
        entry: dict[str, Any] = {"mapping": spec.id, "matched": matched, "chosen": spec.id == chosen, "tests": held}
        if matched and spec.id != chosen:
            entry["why_not"] = "it matches too, but another asks for more, or has the smaller id"
        found.append(entry)
    return sorted(
        found, key=lambda one: (not one["chosen"], not one["matched"], sum(not t["holds"] for t in one["tests"]))
    )


def _source(event: pa.Table) -> pa.Table:
    (row,) = event.to_pylist()
    names = ("content_type", "schema_ref", "body")
    columns = {name: pa.array([row[name]], event.schema.field(name).type) for name in names}
    properties: dict[str, str | None] = {}
    for key, value in row["properties"] or []:
        properties.setdefault(key, value)
    columns["property_keys"] = pa.array([list(properties)], pa.list_(pa.string()))
    columns["property_values"] = pa.array([list(properties.values())], pa.list_(pa.string()))
    return pa.table(columns)


def _property(name: str) -> str:
    return f"property_values[list_position(property_keys, {sql.text(name)})]"


def _tests(match: Match) -> Iterator[Test]:
    media = "nullif(lower(trim(split_part(content_type, ';', 1))), '')"
    yield (
        ("match", "content_type"),
        f"content type is {' or '.join(match.content_type)}",
        f"coalesce({media} IN ({sql.texts(match.content_type)}), false) AS t0",
    )
    number = 0
    plain: list[tuple[tuple[str | int, ...], str, str]] = []
    if match.schema_ref is not None:
        plain.append(
            (("match", "schema_ref"), f"schema is '{match.schema_ref}'", f"schema_ref = {sql.text(match.schema_ref)}")
        )
    for name, value in match.properties.items():
        plain.append(
            (("match", "properties", name), f"property {name} is '{value}'", f"{_property(name)} = {sql.text(value)}")
        )
    for name, pattern in match.patterns.items():
        test = f"regexp_matches({_property(name)}, {sql.text(pattern)})"
        plain.append((("match", "patterns", name), f"property {name} is like '{pattern}'", test))
    document = "try_cast(try(decode(body)) AS JSON)"

    def cell(path: str) -> Any:
        return raw_cell(f"(json_extract({document}, {sql.text(place(path, 0).json)})::VARCHAR)")

    plain += [(("match", "has", n), f"has {path}", cell(path).given) for n, path in enumerate(match.has)]
    plain += [
        (("match", "lacks", n), f"has no {path}", f"NOT {cell(path).given}") for n, path in enumerate(match.lacks)
    ]
    plain += [
        (("match", "equals", path), f"{path} is {value}", is_one_of(cell(path), (value,)))
        for path, value in match.equals.items()
    ]
    for number, (at, says, test) in enumerate(plain, start=1):
        yield at, says, f"coalesce({test}, false) AS t{number}"
