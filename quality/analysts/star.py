"""The marts as a star: what every renderer of this package reads.

Belongs here: the dataclasses, and the questions that are asked of them.
Does not: where they come from (`manifest`), or how they are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quality.contracts.model import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a mart; `type` is DuckDB's word, without a length."""

    name: str
    type: str
    says: str
    null: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A fact's key and the dimension it leads to."""

    fact: str
    column: str
    dimension: str
    key: str
    active: bool = True
    """Whether it is the one by which the dimension filters; a second link to the same dimension is not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """A test of dbt on a mart: its name, the column it is on, and what it asks."""

    name: str
    column: str | None
    arguments: dict[str, object]
    says: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mart:
    """A table analysts read."""

    name: str
    says: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    date_column: str | None
    """By which dates of it are replaced; None for what is made anew whole."""
    guards: tuple[Guard, ...]
    rows: tuple[Table, ...]
    """Contracts of the tables that its rows come from."""
    lookups: tuple[Table, ...]
    """Contracts of the tables that tell which version of a device or site a row belongs to."""
    seeded: bool
    """Whether the metric catalogue is among what it is made of."""
    reports: tuple[str, ...]

    @property
    def is_fact(self) -> bool:
        """Whether it is a fact; a dimension otherwise."""
        return self.name.startswith("fct_")

    def column(self, name: str) -> Column:
        """The column of that name; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """An example query: its number and name as the file has them, the question, and the statement."""

    file: str
    asks: str
    sql: str
    marts: tuple[str, ...]

    @property
    def number(self) -> int:
        """Its number, from 1."""
        return int(self.file.split("-", 1)[0])


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A report that reads the marts, as dbt's exposures tell of it."""

    name: str
    label: str
    says: str
    marts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Star:
    """All marts, how they hang together, and what is asked of them."""

    marts: tuple[Mart, ...]
    links: tuple[Link, ...]
    questions: tuple[Question, ...]
    reports: tuple[Report, ...]

    @property
    def facts(self) -> Sequence[Mart]:
        """By name."""
        return [mart for mart in self.marts if mart.is_fact]

    @property
    def dimensions(self) -> Sequence[Mart]:
        """By name."""
        return [mart for mart in self.marts if not mart.is_fact]

    def mart(self, name: str) -> Mart:
        """The mart of that name; KeyError where there is none."""
        for mart in self.marts:
            if mart.name == name:
                return mart
        raise KeyError(f"there is no mart {name!r}")

    def links_of(self, name: str) -> list[Link]:
        """Links of a fact, in the order of its columns; those that lead to it, of a dimension."""
        return [link for link in self.links if name in (link.fact, link.dimension)]

    def questions_of(self, name: str) -> list[Question]:
        """Example queries that read the mart."""
        return [question for question in self.questions if name in question.marts]
