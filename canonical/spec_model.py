"""The language of mapping specs: how one kind of message becomes readings, as data.

Belongs here: the shape of a spec, as Pydantic models.
Does not: reading files (`specs`), whether the metrics, units and schemas it names exist (`spec_checks`), or how it runs
(`compilation`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr
from pydantic import model_validator as model_check

MAX_BODY_BYTES = 262_144

FieldPath = Annotated[str, Field(min_length=1, pattern=r'^[^"\\*$]+$')]
"""A place in the payload: keys joined by dots, `[n]` for the nth element; a column name in CSV."""
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Match(_Part):
    """When a spec applies; all that is given must hold."""

    content_type: tuple[Annotated[str, Field(pattern=r"^[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+$")], ...] = Field(
        min_length=1
    )
    schema_ref: str | None = None
    properties: dict[str, str] = Field(default_factory=dict)


class JsonDecode(_Part):
    """One JSON object a message."""

    format: Literal["json"]


class CsvDecode(_Part):
    """One row a message; with `header`, property `csv-header` holds the file's header line and says the order."""

    format: Literal["csv"]
    columns: tuple[str, ...] = Field(min_length=1)
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."
    header: bool = False


class ProtobufDecode(_Part):
    """One message of a registered schema."""

    format: Literal["protobuf"]
    message: str = Field(alias="schema")


Decode = Annotated[JsonDecode | CsvDecode | ProtobufDecode, Field(discriminator="format")]


class SourceTemplate(_Part):
    """A device source taken from a property: where `pattern` is found, `{1}` in `template` is its first group."""

    property: str
    pattern: str
    template: str
    otherwise: str | None = None


class Device(_Part):
    """Who measured. The id is `<source>:<native id>`; a gateway speaks for others than itself."""

    source: str | SourceTemplate
    path: FieldPath | None = None
    gateway: bool = False


class Time(_Part):
    """When it was measured; `fallback: envelope` takes the hub's time where the payload has none."""

    path: FieldPath | None = None
    format: Literal["iso", "epoch_s", "epoch_ms", "epoch_us"] = "iso"
    fallback: Literal["envelope"] | None = None
    earliest: AwareDatetime | None = None
    ahead_hours: Annotated[float, Field(ge=0)] | None = None

    @model_check(mode="after")
    def _has_a_source(self) -> Time:
        if self.path is None and self.fallback is None:
            raise ValueError("give a path, or `fallback: envelope`")
        return self


class Discriminator(_Part):
    """What tells two messages of one instant apart: a field, or a property such as `sys.message_id`."""

    path: FieldPath | None = None
    property: str | None = None

    @model_check(mode="after")
    def _one_source(self) -> Discriminator:
        if (self.path is None) == (self.property is None):
            raise ValueError("give either path or property")
        return self


class Reading(_Part):
    """One field that is a reading: value = field * scale + offset, in `unit` or in the unit `unit_path` names.

    A sentinel is how the device says that it has no value: it makes neither a reading nor a reject.
    """

    metric: str
    path: FieldPath
    channel: str = ""
    unit: str | None = None
    unit_path: FieldPath | None = None
    units: dict[str, str] = Field(default_factory=dict)
    required: bool = True
    sentinels: tuple[StrictInt | StrictFloat | StrictStr, ...] = ()
    scale: float = 1.0
    offset: float = 0.0

    @model_check(mode="before")
    @classmethod
    def _units_as_list(cls, data: Any) -> Any:
        """`units: [degC, degF]` is short for each text naming itself."""
        if isinstance(data, dict) and isinstance(data.get("units"), list):
            return {**data, "units": {str(unit): unit for unit in data["units"]}}
        return data

    @model_check(mode="after")
    def _one_unit(self) -> Reading:
        if (self.unit is None) == (self.unit_path is None):
            raise ValueError("give either unit, or unit_path with units")
        if (self.unit_path is None) != (not self.units):
            raise ValueError("unit_path and units go together")
        return self


class Expectation(_Part):
    """What an example must give; only the columns that are named are compared."""

    readings: tuple[dict[str, Any], ...] = ()
    rejects: tuple[dict[str, Any], ...] = ()


class Example(_Part):
    """One event with what must become of it. Content type, schema and properties default to those of `match`."""

    name: str
    enqueued_at: AwareDatetime
    body: str | None = None
    body_hex: str | None = None
    body_base64: str | None = None
    device_id: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    schema_ref: str | None = None
    properties: dict[str, str] = Field(default_factory=dict)
    expect: Expectation

    @model_check(mode="after")
    def _one_body(self) -> Example:
        if sum(body is not None for body in (self.body, self.body_hex, self.body_base64)) != 1:
            raise ValueError("give one of body, body_hex and body_base64")
        return self


class MappingSpec(_Part):
    """One kind of message and what its fields are."""

    id: Identifier
    version: Annotated[int, Field(ge=1)]
    description: str
    match: Match
    decode: Decode
    device: Device
    time: Time
    discriminator: Discriminator | None = None
    readings: tuple[Reading, ...] = Field(min_length=1, max_length=1000)
    ignore: tuple[str, ...] = ()
    interval: Annotated[str, Field(pattern=r"^[1-9][0-9]*(\.[0-9]+)?(s|m|h)$")] | None = None
    max_body_bytes: Annotated[int, Field(gt=0)] = MAX_BODY_BYTES
    examples: tuple[Example, ...] = ()

    @property
    def interval_s(self) -> float | None:
        """Declared seconds between two messages of one device."""
        if self.interval is None:
            return None
        return float(self.interval[:-1]) * {"s": 1, "m": 60, "h": 3600}[self.interval[-1]]

    @property
    def has_header(self) -> bool:
        """Whether a file of such rows begins with a line that names its columns."""
        return isinstance(self.decode, CsvDecode) and self.decode.header

    @property
    def paths(self) -> set[str]:
        """Every place in the payload that the spec reads."""
        named = [self.device.path, self.time.path, self.discriminator.path if self.discriminator else None]
        named += [reading.path for reading in self.readings] + [reading.unit_path for reading in self.readings]
        return {path for path in named if path is not None}


def instant_us(moment: datetime) -> int:
    """Microseconds since 1970, exactly (a float of seconds would not be)."""
    delta = moment - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
