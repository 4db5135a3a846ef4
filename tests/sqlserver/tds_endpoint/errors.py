"""Errors with SQL Server's numbers, and which of them an error of the engine is.

Belongs here: the number, severity and wording a driver sees.
Does not: when a statement is refused before it runs (`tsql.rules`).
"""

from __future__ import annotations

import re

import duckdb


class SqlError(Exception):
    """What SQL Server would say."""

    def __init__(self, number: int, text: str, severity: int = 16) -> None:
        super().__init__(text)
        self.number = number
        self.text = text
        self.severity = severity


def missing(name: str) -> SqlError:
    """208."""
    return SqlError(208, f"Invalid object name '{name}'.")


def refused(near: str) -> SqlError:
    """102."""
    return SqlError(102, f"Incorrect syntax near '{near}'.", 15)


DEADLOCK = (
    "Transaction (Process ID 51) was deadlocked on lock resources with another process and has been chosen as the "
    "deadlock victim. Rerun the transaction."
)
# The first that matches says what it is; groups of the pattern fill the text.
KNOWN: tuple[tuple[str, int, int, str], ...] = (
    (r"tds:(\d+):(.*)", 0, 16, "{1}"),
    (r"Table with name (\S+) does not exist", 208, 16, "Invalid object name '{0}'."),
    (r"View with name (\S+) does not exist", 208, 16, "Invalid object name '{0}'."),
    (r"Schema with name (\S+) does not exist", 208, 16, "Invalid object name '{0}'."),
    (r"Referenced table \"(\S+)\" not found", 4104, 16, 'The multi-part identifier "{0}" could not be bound.'),
    (r"Table \"(\S+)\" does not have a column named \"([^\"]+)\"", 207, 16, "Invalid column name '{1}'."),
    (r"Table \"(\S+)\" does not have a column with name \"([^\"]+)\"", 207, 16, "Invalid column name '{1}'."),
    (r"Referenced column \"([^\"]+)\" (?:was )?not found", 207, 16, "Invalid column name '{0}'."),
    (r"Referenced update column (\S+) not found", 207, 16, "Invalid column name '{0}'."),
    (r"Ambiguous reference to column name \"([^\"]+)\"", 209, 16, "Ambiguous column name '{0}'."),
    (r"column \"([^\"]+)\" must appear in the GROUP BY", 8120, 16,
     ("Column '{0}' is invalid in the select list because it is not contained in either an aggregate function or the "
     "GROUP BY clause.")),
    (r"(?:Scalar|Aggregate|Table) Function with name \"?(?:ts_)?(\w+)\"? does not exist", 195, 15,
     "'{0}' is not a recognized built-in function name."),
    (r"(?:Table|View) with name \"?([^\"]+?)\"? already exists", 2714, 16,
     "There is already an object named '{0}' in the database."),
    (r"Schema with name \"?([^\"]+?)\"? already exists", 2714, 16,
     "There is already an object named '{0}' in the database."),
    (r"NOT NULL constraint failed: (\S+)\.(\S+)", 515, 16,
     "Cannot insert the value NULL into column '{1}', table '{0}'; column does not allow nulls. INSERT fails."),
    (r"CHECK constraint failed on table (\S+)", 547, 16,
     'The INSERT statement conflicted with a CHECK constraint on table "{0}".'),
    (r"(?:Duplicate key|duplicate key) \"?(.*?)\"? violates", 2627, 14,
     "Violation of PRIMARY KEY constraint. Cannot insert duplicate key in object. The duplicate key value is ({0})."),
    (r"(?:write-write conflict|Conflict on|Transaction conflict|Could not commit because of conflict)", 1205, 13,
     DEADLOCK),
    (r"Division by zero", 8134, 16, "Divide by zero error encountered."),
    (r"Could not convert string '(.*?)' to (?:DATE|TIME)", 241, 16,
     "Conversion failed when converting date and/or time from character string."),
    (r"(?:timestamp field|date field|time field)", 241, 16,
     "Conversion failed when converting date and/or time from character string."),
    (r"Could not convert string '(.*?)' to (?:U?INT|U?BIGINT|SMALLINT|TINYINT)", 245, 16,
     "Conversion failed when converting the varchar value '{0}' to data type int."),
    (r"Could not convert string", 8114, 16, "Error converting data type varchar to numeric."),
    (r"(?:out of range|Overflow|overflow)", 8115, 16, "Arithmetic overflow error converting expression."),
    (r"values were supplied|column count|has (\d+) columns but (\d+) values", 213, 16,
     "Column name or number of supplied values does not match table definition."),
    (r"Set operations can only apply to expressions with the same number", 205, 16,
     ("All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in "
     "their target lists.")),
    (r"More than one row returned by a subquery", 512, 16,
     ("Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or "
     "when the subquery is used as an expression.")),
    (r"syntax error at or near \"(.*?)\"", 102, 15, "Incorrect syntax near '{0}'."),
    (r"INTERRUPT", 3617, 11, "Operation cancelled by user."),
)  # fmt: skip


def of_engine(error: duckdb.Error) -> SqlError:
    """The error SQL Server would give; what is not known is a 50000 that quotes the engine."""
    text = str(error)
    for pattern, number, severity, wording in KNOWN:
        if found := re.search(pattern, text, re.DOTALL):
            groups = [group or "" for group in found.groups()]
            return SqlError(number or int(groups[0]), wording.format(*groups).strip(), severity)
    return SqlError(50000, f"The endpoint's engine says: {text}")
