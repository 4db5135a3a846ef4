"""The language of entity mapping specs: how the rows of a kind of file become versions of one entity, as data.

Belongs here: the shape of a spec, as Pydantic models. Words that mapping specs of messages have too mean the same.
Does not: whether the entity and the columns it names exist (`checks`), or how it runs (`reading`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import date
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic import model_validator as model_check

READER = 1
"""Raised when the same spec and bytes would give other rows: part of every digest."""

Format = Literal["csv", "excel", "json", "ndjson", "parquet"]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Texts = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
]
"""Several texts; a single one is short for a list of it."""
_SPACES = re.compile(r"[\s\u00a0\u2007\u202f\ufeff]+")


def plain(text: str) -> str:
    """A header or a word as it is compared: blanks of any kind are one, none at the ends, case does not count."""
    return _SPACES.sub(" ", text).strip().casefold()


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Match(_Part):
    """Which files: of these feeds, with these columns and without those, and where `path` is found in the path.

    A column that has had several names is a list of them: any of them will do.
    """

    feed: Texts = Field(min_length=1)
    columns: tuple[Annotated[Texts, Field(min_length=1)], ...] = Field(min_length=1)
    lacks: Texts = ()
    path: str | None = None

    def header(self, texts: Iterable[str]) -> bool:
        """Whether a row of texts is the header of such a file."""
        found = {plain(text) for text in texts}
        if any(plain(name) in found for name in self.lacks):
            return False
        return all(any(plain(name) in found for name in names) for names in self.columns)


class Decode(_Part):
    """How the bytes become rows of texts; gzip is undone first.

    The header is the first row, of the first `look_in`, that has every column of `match`; what is above it is no row.
    `sheet` names sheets of a workbook, or where `rows` lie in a JSON document.
    """

    formats: tuple[Format, ...] = Field(("csv",), min_length=1)
    charset: str = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    look_in: Annotated[int, Field(ge=1, le=100)] = 20
    sheet: Texts = ()
    rows: str | None = None


class Number(_Part):
    """How numbers are written; `strip` are signs written before or behind them."""

    decimal: Literal[".", ","] = "."
    thousands: tuple[Annotated[str, Field(min_length=1, max_length=1)], ...] = ()
    strip: Texts = ()


class Effective(_Part):
    """From when the rows hold: the first source that says it. `{1}` in `template` is a group of `path`."""

    path: str | None = None
    template: str = "{1}"
    column: str | None = None
    fixed: date | None = None

    @model_check(mode="after")
    def _one_source(self) -> Effective:
        if sum(source is not None for source in (self.path, self.column, self.fixed)) != 1:
            raise ValueError("give one of path, column and fixed")
        return self


class Condition(_Part):
    """A test of one field of a row as it came; `column` is a header text."""

    column: Texts = Field(min_length=1)
    matches: str | None = None
    is_: Texts = Field((), alias="is")
    blank: bool | None = None

    @model_check(mode="after")
    def _one_test(self) -> Condition:
        if sum((self.matches is not None, bool(self.is_), self.blank is not None)) != 1:
            raise ValueError("give one of matches, is and blank")
        return self


class Skip(_Part):
    """Rows that are no records: all conditions hold. They are counted, never silently dropped."""

    reason: Literal["subtotal", "excluded"]
    when: tuple[Condition, ...] = Field(min_length=1)


class Made(_Part):
    """One column of the entity: `from` names the headers it may have, the first that the file has counts.

    Where the field is blank, `path` (its group 1, found in the file's path) and then `const` say it. `template` is
    made of other columns, `{name}`; `effective: year` is the year of the effective date. `terms` translates words; any
    other is `other`, or where that is not given, what `otherwise` says.
    """

    name: Identifier
    from_: Texts = Field((), alias="from")
    path: str | None = None
    const: str | int | float | bool | None = None
    template: str | None = None
    effective: Literal["year"] | None = None
    terms: dict[str, str | bool] = Field(default_factory=dict)
    other: str | bool | None = None
    otherwise: Literal["reject", "null", "keep"] = "reject"
    sentinels: Texts = ()
    case: Literal["lower", "upper"] | None = None
    formats: tuple[str, ...] = ("iso",)
    zone: str = "UTC"
    low: float | None = None
    high: float | None = None
    required: bool = False

    @model_check(mode="after")
    def _has_a_source(self) -> Made:
        read = bool(self.from_) or self.path is not None or self.const is not None
        if sum((read, self.template is not None, self.effective is not None)) != 1:
            raise ValueError("give from (with path or const for blanks), or template, or effective")
        if self.other is not None and not self.terms:
            raise ValueError("other goes with terms")
        if len({plain(word) for word in self.terms}) != len(self.terms):
            raise ValueError("terms: two words differ in nothing but case or blanks")
        return self


class Example(_Part):
    """A file and what must become of it; only the columns that are named are compared."""

    name: str
    path: str
    body: str | None = None
    body_base64: str | None = None
    rows: tuple[dict[str, Any], ...] = ()
    rejects: tuple[dict[str, Any], ...] = ()
    skipped: dict[str, int] = Field(default_factory=dict)
    effective_at: AwareDatetime | None = None
    unmapped: Texts = ()
    """Columns that the file brings and the spec does not know, where an example is about that."""

    @model_check(mode="after")
    def _one_body(self) -> Example:
        if (self.body is None) == (self.body_base64 is None):
            raise ValueError("give one of body and body_base64")
        return self


class EntitySpec(_Part):
    """One kind of file and what its rows say of one entity."""

    id: Identifier
    version: Annotated[int, Field(ge=1)]
    entity: Identifier
    description: str
    match: Match
    decode: Decode = Decode()
    number: Number = Number()
    sentinels: Texts = ()
    effective: tuple[Effective, ...] = ()
    snapshot: Literal["full", "partial"] = "partial"
    """`full`: what a later file does not name has ceased to be."""
    scope: str | None = None
    """Name of the whole that a full snapshot is of; mappings with the same name speak of the same whole."""
    priority: int = 0
    """Of two that speak of one key and date, the higher counts."""
    skip_rows: tuple[Skip, ...] = ()
    columns: tuple[Made, ...] = Field(min_length=1)
    ignore: Texts = ()
    examples: tuple[Example, ...] = ()

    @property
    def whole(self) -> str:
        """Name of what a full snapshot is the whole of."""
        return self.scope or self.id

    def column(self, name: str) -> Made | None:
        """The column of that name, where the spec makes it."""
        return next((column for column in self.columns if column.name == name), None)

    def ignores(self, header: str) -> bool:
        """Whether a header is one that nobody wants; patterns with `*`."""
        return any(fnmatchcase(plain(header), plain(pattern)) for pattern in self.ignore)

    @property
    def digest(self) -> str:
        """Names what the spec says, its words and examples apart, and the reader that runs it."""
        said = self.model_dump(mode="json", by_alias=True, exclude={"description", "examples"})
        return hashlib.sha256(json.dumps([READER, said], sort_keys=True).encode()).hexdigest()[:16]
