"""KQL text to DuckDB SQL, with its result columns, once per text and catalogue.

Belongs here: the cache of texts, parameter binding, `set` statements, `render`.
Does not: texts that differ in a value (`shapes`), running anything beyond asking DuckDB for the types of the result.
"""

from __future__ import annotations

import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import duckdb
import duckdb_kql
from duckdb_kql import params
from duckdb_kql.lower import lower
from duckdb_kql.parser import parse

from local_azure.kusto import datetime_bins
from local_azure.kusto.catalogue import Catalogue
from local_azure.kusto.errors import InvalidSyntaxError, SemanticError
from local_azure.kusto.kql_types import Column, kql_type
from local_azure.kusto.names_check import check_names
from local_azure.kusto.scan import split_top
from local_azure.kusto.shapes import Shapes

datetime_bins.install()
# The names of a query are checked before it is translated: the same text twice in a row, whose parsing takes longest.
sys.modules["duckdb_kql.lower"].parse = lru_cache(maxsize=1)(parse)  # type: ignore[attr-defined]  # the library's own

_CACHED = 512
_SET = re.compile(r"\s*set\s+(?P<name>\w+)\s*(?:=\s*(?P<value>.+?))?\s*$", re.DOTALL)
# Statements about the request, not the answer: taken out before the library sees the query.
REQUEST_OPTIONS = frozenset(
    {"notruncation", "truncationmaxrecords", "truncationmaxsize", "servertimeout", "norequesttimeout",
     "maxmemoryconsumptionperiterator", "max_memory_consumption_per_query_per_node", "query_language",
     "deferpartialqueryfailures", "best_effort", "queryconsistency"}
)  # fmt: skip
_RENDER = re.compile(r"^\s*render\s+(\w+)")


@dataclass(frozen=True)
class Translated:
    """SQL with the DuckDB and KQL types of its columns; `declarations` are the query's parameters."""

    sql: str
    columns: tuple[Column, ...]
    duckdb_types: tuple[str, ...]
    declarations: tuple[Any, ...] = ()
    slots: frozenset[str] = frozenset()
    constants: tuple[tuple[str, Any], ...] = ()

    def bind(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values for the SQL's placeholders."""
        texts = {d.name: d.type for d in self.declarations}
        typed = {name: from_literal(value, texts.get(name, "")) for name, value in values.items()}
        bound, missing = params.bind(list(self.declarations), typed)
        if missing:
            raise SemanticError(f"query parameter without a value or a default: {', '.join(missing)}")
        return dict(self.constants) | {slot: value for slot, value in bound.items() if slot in self.slots}


def from_literal(value: Any, kind: str) -> Any:
    """A parameter value as sent (text holding a KQL literal, or a JSON scalar) as the declared type."""
    if not isinstance(value, str) or kind in ("string", "dynamic", ""):
        return value if kind != "string" or isinstance(value, str) else str(value)
    text = value.strip()
    if call := re.fullmatch(rf"(?:{kind}|date|time|double|int64)\s*\(\s*(.*?)\s*\)", text, re.DOTALL):
        text = call[1].strip("'\"")
    if text.lower() == "null":
        return None
    try:
        if kind in ("int", "long"):
            return int(text, 0)
        if kind == "real":
            return float(text.replace("+inf", "inf"))
        if kind == "bool":
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
    except (KeyError, ValueError):
        raise InvalidSyntaxError(f"query parameter value `{value}` is not a {kind} literal") from None
    return text


def split_settings(text: str) -> tuple[dict[str, str | None], str]:
    """Leading `set` statements about the request, and the query without them."""
    settings: dict[str, str | None] = {}
    kept = []
    for statement in split_top(text, ";"):
        match = _SET.match(statement) if "set" in statement else None
        if match and match["name"] in REQUEST_OPTIONS:
            settings[match["name"]] = match["value"]
        else:
            kept.append(statement)
    return settings, ";".join(kept) if settings else text


def visualization(text: str) -> str | None:
    """What `| render` asks for, or None."""
    match = _RENDER.match(split_top(text, "|")[-1])
    return match[1] if match else None


class Translator:
    """Translates through the KQL library. One at a time: its parser takes milliseconds and keeps state."""

    def __init__(self) -> None:
        self._cache: OrderedDict[tuple[Any, ...], Translated] = OrderedDict()
        self._shapes = Shapes()
        self._lock = threading.Lock()
        self._functions: tuple[int, Any] = (-1, {})

    def _parsed(self, catalogue: Catalogue) -> Any:
        """Stored functions and views as the library parsed them; a catalogue changes more rarely than it is asked."""
        if self._functions[0] != catalogue.version:
            parsed = duckdb_kql.stored_functions.parse_functions(catalogue.definitions)
            self._functions = (catalogue.version, parsed)
        return self._functions[1]

    def translate(
        self,
        text: str,
        catalogue: Catalogue,
        cursor: duckdb.DuckDBPyConnection,
        *,
        extra: Mapping[str, Sequence[Column]] | None = None,
        query_now: Any = None,
    ) -> Translated:
        """SQL for `text`. `extra` names further tables the cursor can see, with their columns."""
        more = extra or {}
        key = (text, catalogue.version, tuple((name, tuple(columns)) for name, columns in more.items()))
        cacheable = query_now is None
        with self._lock:
            if cacheable and (hit := self._cache.get(key)):
                self._cache.move_to_end(key)
                return hit
            schema = catalogue.schema | {name: [column.name for column in columns] for name, columns in more.items()}

            def anew(text: str) -> Translated:
                try:
                    functions = self._parsed(catalogue)
                    check_names(lower(text, None, functions), schema)
                    made = duckdb_kql.to_sql(
                        text, schema=schema, functions=functions, allow_write=False, query_now=query_now
                    )
                except (AssertionError, RecursionError, IndexError, KeyError) as error:
                    raise SemanticError(f"the query could not be translated ({error!r})") from error
                return _typed(made, cursor)

            translated = self._shapes.translate(text, key[1:], anew) if cacheable else anew(text)
            if cacheable:
                self._cache[key] = translated
                while len(self._cache) > _CACHED:
                    self._cache.popitem(last=False)
            return translated


def _typed(made: Any, cursor: duckdb.DuckDBPyConnection) -> Translated:
    """The translation with the types DuckDB gives its columns, found by binding and not by running."""
    declarations = tuple(getattr(made, "declarations", None) or ())
    declared = {declaration.slot for declaration in declarations}
    constants = tuple((slot, value) for slot, value in made.parameters.items() if slot not in declared)
    placeholders = {slot: None for slot in made.slots if slot in declared} | dict(constants)
    relation = cursor.sql(str(made), params=placeholders) if placeholders else cursor.sql(str(made))
    types = tuple(str(kind) for kind in relation.types)
    return Translated(
        sql=str(made),
        columns=tuple(Column(name, kql_type(kind)) for name, kind in zip(relation.columns, types, strict=True)),
        duckdb_types=types,
        declarations=declarations,
        slots=frozenset(made.slots),
        constants=constants,
    )
