"""Declared types: T-SQL spelling, wire type and the engine's type for each.

Belongs here: `varchar(50)` ↔ `DataType` ↔ DuckDB's type, and which declared type a DuckDB result is given.
Does not: bytes (`datatypes`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tds_endpoint import datatypes as dt

SPELLING = re.compile(r"^\s*\[?(?:sys\]?\.\[?)?(\w+)\]?\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?\s*$", re.IGNORECASE)
TWO_WORDS = {"double precision": "float"}
ALIASES = {
    "integer": "int", "dec": "decimal", "character": "char", "sysname": "nvarchar", "text": "varchar",
    "ntext": "nvarchar", "rowversion": "binary", "timestamp": "binary", "sql_variant": "nvarchar",
}  # fmt: skip
DUCK = {
    "tinyint": "UTINYINT", "smallint": "SMALLINT", "int": "INTEGER", "bigint": "BIGINT", "bit": "BOOLEAN",
    "float": "DOUBLE", "real": "FLOAT", "date": "DATE", "time": "TIME", "datetime": "TIMESTAMP",
    "datetime2": "TIMESTAMP", "smalldatetime": "TIMESTAMP", "datetimeoffset": "TIMESTAMP WITH TIME ZONE",
    "uniqueidentifier": "UUID", "varbinary": "BLOB", "binary": "BLOB", "image": "BLOB", "money": "DECIMAL(19,4)",
    "smallmoney": "DECIMAL(10,4)", "xml": "VARCHAR", "varchar": "VARCHAR", "nvarchar": "VARCHAR",
    "char": "VARCHAR", "nchar": "VARCHAR",
}  # fmt: skip
NAMES = {**DUCK, **ALIASES, "decimal": "", "numeric": ""}


@dataclass(frozen=True)
class Declared:
    """A type as T-SQL spells it."""

    name: str
    size: int | None = None  # None: the default of the context; -1: max
    scale: int | None = None

    def __str__(self) -> str:
        if self.name in dt.TEXTS:
            return f"{self.name}({'max' if self.size == -1 else self.size or 1})"
        if self.name in {"decimal", "numeric"}:
            return f"{self.name}({self.size or 18},{self.scale or 0})"
        if self.name in {"datetime2", "time", "datetimeoffset"}:
            return f"{self.name}({7 if self.size is None else self.size})"
        return self.name

    @property
    def duck(self) -> str:
        """The engine's type."""
        if self.name in {"decimal", "numeric"}:
            return f"DECIMAL({self.size or 18},{self.scale or 0})"
        return DUCK[self.name]

    @property
    def wire(self) -> dt.DataType:
        """The type on the wire."""
        name = self.name
        if name in dt.INTEGERS:
            return dt.DataType(dt.INTN, dt.INTEGERS[name])
        if name in dt.TEXTS:
            width = 2 if name.startswith("n") else 1
            return dt.DataType(dt.TEXTS[name], dt.MAX if self.size == -1 else width * (self.size or 1))
        if name in {"decimal", "numeric"}:
            precision = self.size or 18
            length = 5 if precision <= 9 else 9 if precision <= 19 else 13 if precision <= 28 else 17
            return dt.DataType(dt.DECIMALN, length, precision, self.scale or 0)
        if name in {"money", "smallmoney"}:
            return dt.DataType(dt.DECIMALN, 13, 19, 4)
        scale = 7 if self.size is None else self.size
        return {
            "bit": dt.DataType(dt.BITN, 1),
            "real": dt.DataType(dt.FLTN, 4),
            "float": dt.DataType(dt.FLTN, 8),
            "date": dt.DataType(dt.DATEN),
            "time": dt.DataType(dt.TIMEN, scale=scale),
            "datetime": dt.DataType(dt.DATETIMN, 8),
            "smalldatetime": dt.DataType(dt.DATETIMN, 8),
            "datetime2": dt.DataType(dt.DATETIME2N, scale=scale),
            "datetimeoffset": dt.DataType(dt.DATETIMEOFFSETN, scale=scale),
            "uniqueidentifier": dt.DataType(dt.GUID, 16),
            "xml": dt.DataType(dt.NVARCHAR, dt.MAX),
            "image": dt.DataType(dt.VARBINARY, dt.MAX),
        }[name]

    @property
    def characters(self) -> int | None:
        """The bound of a text, if it has one."""
        return self.size if self.name in {"varchar", "nvarchar", "char", "nchar"} and self.size != -1 else None


def parse(spelling: str) -> Declared | None:
    """`varchar(50)` and its like; None when it is no type."""
    found = SPELLING.match(TWO_WORDS.get(" ".join(spelling.lower().split()), spelling))
    if not found or found[1].lower() not in NAMES:
        return None
    name, size, scale = found[1].lower(), found[2], found[3]
    if name in {"text", "ntext"}:
        size = "max"
    if name == "sysname":
        size = "128"
    name = ALIASES.get(name, name)
    if name == "float" and size and int(size) <= 24:
        return Declared("real")
    if name == "float":
        return Declared("float")
    number = None if size is None else -1 if size.lower() == "max" else int(size)
    return Declared(name, number, int(scale) if scale else None)


def of_duck(kind: str) -> Declared:  # noqa: PLR0911 - a table of cases, one branch each
    """What a result of the engine is called when nothing says more."""
    kind = kind.upper()
    if found := re.match(r"DECIMAL\((\d+),\s*(\d+)\)", kind):
        return Declared("decimal", int(found[1]), int(found[2]))
    simple = {
        "BOOLEAN": "bit", "TINYINT": "smallint", "UTINYINT": "tinyint", "SMALLINT": "smallint", "INTEGER": "int",
        "USMALLINT": "int", "BIGINT": "bigint", "UINTEGER": "bigint", "HUGEINT": "bigint", "UBIGINT": "bigint",
        "FLOAT": "real", "DOUBLE": "float", "DATE": "date", "UUID": "uniqueidentifier", '"NULL"': "int",
    }  # fmt: skip
    if kind in simple:
        return Declared(simple[kind])
    if kind.startswith("TIMESTAMP WITH") or kind == "TIMESTAMPTZ":
        return Declared("datetimeoffset", 6)
    if kind.startswith("TIMESTAMP"):
        return Declared("datetime2", 6)
    if kind.startswith("TIME"):
        return Declared("time", 6)
    if kind == "BLOB":
        return Declared("varbinary", 8000)
    return Declared("nvarchar", 4000)


def of_wire(kind: dt.DataType) -> Declared:  # noqa: PLR0911 - a table of cases, one branch each
    """The declared type of a parameter."""
    token = kind.token
    if token == dt.INTN:
        return Declared({1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"}[kind.length])
    if token in {dt.DECIMALN, dt.NUMERICN}:
        return Declared("decimal", kind.precision, kind.scale)
    if token in dt.TEXTS.values():
        name = next(name for name, code in dt.TEXTS.items() if code == token)
        width = 2 if name.startswith("n") else 1
        return Declared(name, -1 if kind.is_max else max(kind.length // width, 1))
    if token in {dt.TIMEN, dt.DATETIME2N, dt.DATETIMEOFFSETN}:
        names = {dt.TIMEN: "time", dt.DATETIME2N: "datetime2", dt.DATETIMEOFFSETN: "datetimeoffset"}
        return Declared(names[token], kind.scale)
    if token == dt.FLTN:
        return Declared("float" if kind.length == 8 else "real")
    if token == dt.XML:
        return Declared("nvarchar", -1)
    simple = {dt.BITN: "bit", dt.DATEN: "date", dt.GUID: "uniqueidentifier", dt.DATETIMN: "datetime"}
    return Declared({**simple, dt.MONEYN: "money", dt.NULL: "int"}[token])
