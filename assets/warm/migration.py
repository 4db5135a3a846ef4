"""Staging follows its contracts: what to create, what to add, and what no statement can mend.

Belongs here: the comparison of a table as it is with its contract, for either engine.
Does not: DDL (`quality.contracts.duckdb`, `quality.contracts.sqlserver`) or running it (the engines).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from quality.contracts.model import Column, Table


class StagingDriftError(RuntimeError):
    """The warm database was made from another version of the contracts."""


@dataclass(frozen=True)
class Found:
    """A column as the database describes it, its type in the words of the contract's renderer."""

    name: str
    type: str
    null: bool


def missing_columns(
    table: Table, name: str, found: Iterable[Found], type_of: Callable[[Column], str], remedy: str
) -> tuple[Column, ...]:
    """Columns the contract has gained and the table can simply be given: they may be null.

    Order is no difference, because rows are inserted by name. Raises: StagingDriftError for anything else, with each
    difference in words and the `remedy`.
    """
    held = {column.name: column for column in found}
    differences = [f"column {extra} is in no contract" for extra in held if extra not in table.names]
    added: list[Column] = []
    for column in table.columns:
        there = held.get(column.name)
        if there is None:
            if column.null:
                added.append(column)
            else:
                differences.append(f"column {column.name} is missing, and may not be null")
            continue
        if there.type != type_of(column):
            differences.append(f"column {column.name} is {there.type}, not {type_of(column)}")
        if there.null != column.null:
            says = ("may be null", "may not") if there.null else ("may not be null", "may")
            differences.append(f"column {column.name} {says[0]}, by contract it {says[1]}")
    if differences:
        raise StagingDriftError(f"{name} was made from another contract: {'; '.join(differences)}. {remedy}")
    return tuple(added)
