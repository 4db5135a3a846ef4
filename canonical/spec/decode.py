"""How bytes become fields.

Belongs here: the formats, and payloads that lie as text inside a JSON envelope.
Does not: layouts of bytes (`canonical.layout_model`), or decoding (`canonical.decoders`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool
from pydantic import model_validator as model_check

from canonical.layout_model import Layout
from canonical.spec.part import FieldPath, Part
from canonical.spec.readings import When

Charset = Literal["utf-8", "latin-1", "cp1252"]
PayloadName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class PayloadLayout(Part):
    """A layout for those messages where `when` holds and each of `patterns` is found in its property."""

    when: When | None = None
    patterns: dict[str, str] = Field(default_factory=dict)
    layout: Layout


class Payload(Part):
    """Bytes written as text in a field of the envelope; what they hold appears as an object called `name`.

    They are CBOR, or what a layout says; of several `layouts` the first whose `when` and `patterns` hold.
    """

    path: FieldPath
    encoding: Literal["base64", "hex"] = "base64"
    name: PayloadName = "payload"
    format: Literal["layout", "cbor"] = "layout"
    layout: Layout | None = None
    layouts: tuple[PayloadLayout, ...] = ()

    @model_check(mode="after")
    def _one_layout(self) -> Payload:
        given = (self.layout is not None) + bool(self.layouts)
        if given != (self.format == "layout"):
            raise ValueError("give either layout or layouts, or `format: cbor` and none")
        return self

    @property
    def named(self) -> set[str]:
        """The properties that are looked at."""
        return {name for case in self.cases for name in case.patterns}

    @property
    def cases(self) -> tuple[PayloadLayout, ...]:
        """All layouts, with their conditions."""
        return (PayloadLayout(layout=self.layout),) if self.layout is not None else self.layouts


class JsonDecode(Part):
    """One JSON object a message, a list of them in an array, or one a line (`ndjson`)."""

    format: Literal["json", "ndjson", "json_array"]
    charset: Charset = "utf-8"
    payload: Payload | None = None

    @property
    def many(self) -> bool:
        """Whether a message is a list of records."""
        return self.format != "json"


class SenmlDecode(Part):
    """A SenML pack (RFC 8428): a list of records, base fields resolved."""

    format: Literal["senml_json", "senml_cbor"]

    @property
    def many(self) -> bool:
        """Always a list."""
        return True


class CborDecode(Part):
    """One CBOR map a message, read like the JSON object it stands for; or a list of them."""

    format: Literal["cbor"]
    rows: Literal["one", "many"] = "one"

    @property
    def many(self) -> bool:
        """Whether a message is a list of records."""
        return self.rows == "many"


class BinaryDecode(Part):
    """Bytes that a layout describes."""

    format: Literal["binary"]
    layout: Layout

    @property
    def many(self) -> bool:
        """Never a list; arrays in a layout are taken apart by `records`."""
        return False


class CsvDecode(Part):
    """Rows of named columns: one a message, or `rows: many`.

    `header: true` says that property `csv-header` holds the file's header line and with it the order; `first_line`
    that the body begins with it. Delimiter `whitespace` is any run of blanks and tabs. With `blank: ignore` a row of
    nothing but empty fields is no row. A logger's file may begin with `skip` lines that say something else, and may
    have `skip_below_header` lines of units and the like between its header and its rows.
    """

    format: Literal["csv"]
    columns: tuple[str, ...] = Field(min_length=1)
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | Literal["whitespace"] = ","
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    decimal: Literal[".", ","] = "."
    header: bool | Literal["first_line"] = False
    rows: Literal["one", "many"] = "one"
    blank: Literal["reject", "ignore"] = "reject"
    charset: Charset = "utf-8"
    skip: Annotated[int, Field(ge=0, le=1000)] = 0
    skip_below_header: Annotated[int, Field(ge=0, le=1000)] = 0

    @model_check(mode="after")
    def _lines(self) -> CsvDecode:
        if self.header == "first_line" and self.rows == "one":
            raise ValueError("`header: first_line` needs `rows: many`")
        if self.skip and self.rows == "one":
            raise ValueError("`skip` needs `rows: many`: a message of one row has no line before it")
        if self.skip_below_header and self.header != "first_line":
            raise ValueError("`skip_below_header` needs `header: first_line`; without a header `skip` does it")
        return self

    @property
    def many(self) -> bool:
        """Whether a message is a list of rows."""
        return self.rows == "many"


class ProtobufDecode(Part):
    """One message of a registered schema.

    With `documents: true` it is read as the JSON object of its fields, at about twice the cost, so that `records` can
    take its lists apart.
    """

    format: Literal["protobuf"]
    message: str = Field(alias="schema")
    documents: StrictBool = False

    @property
    def many(self) -> bool:
        """Never a list."""
        return False


Decode = Annotated[
    JsonDecode | SenmlDecode | CborDecode | BinaryDecode | CsvDecode | ProtobufDecode, Field(discriminator="format")
]


def reads_documents(decode: Any) -> bool:
    """Whether messages come to JSON documents, so that paths and groups of records work."""
    if isinstance(decode, ProtobufDecode):
        return decode.documents
    return isinstance(decode, JsonDecode | SenmlDecode | CborDecode | BinaryDecode)
