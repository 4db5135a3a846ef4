"""Readings: which field is which metric, and how it is written.

Belongs here: one reading, name and value pairs, conditions, channels, states and the manner of numbers.
Does not: what surrounds them (`records`, `spec_model`), or whether the metrics exist (`canonical.spec_checks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    ValidationError,
    field_validator,
)
from pydantic import model_validator as model_check

from canonical.spec.part import FieldPath, Part, as_written

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr
Sentinel = StrictInt | StrictFloat | StrictStr
Ratio = Annotated[str, Field(pattern=r"^-?[0-9]+/[1-9][0-9]*$")]
"""A factor that no decimal is: `100/254`."""


class When(Part):
    """A reading is there only where a field is so: written as one of `is`, as none of `not`, or there at all.

    With `pattern` only the part of the field in its first group is looked at.
    """

    path: FieldPath
    pattern: str | None = None
    is_: tuple[str, ...] = Field(default=(), alias="is")
    not_: tuple[str, ...] = Field(default=(), alias="not")
    given: bool | None = None

    @field_validator("is_", "not_", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        several = value if isinstance(value, list | tuple) else [value]
        return [as_written(text) for text in several]

    @model_check(mode="after")
    def _says_something(self) -> When:
        if not self.is_ and not self.not_ and self.given is None:
            raise ValueError("say `is`, `not` or `given`")
        return self


class Channel(Part):
    """A channel that the message names; `{}` in `template` is what it says, or what the group in `pattern` finds."""

    path: FieldPath
    pattern: str | None = None
    template: Annotated[str, Field(pattern=r"^[^{}]*\{\}[^{}]*$")] = "{}"


class NumberFormat(Part):
    """How numbers are written in texts. In JSON a text is a number only where this says so."""

    decimal: Literal[".", ","] = "."
    thousands: tuple[Annotated[str, Field(min_length=1, max_length=1)], ...] = ()
    strip: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    quoted: bool = True

    @field_validator("thousands", "strip", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_check(mode="after")
    def _signs_differ(self) -> NumberFormat:
        if self.decimal in self.thousands:
            raise ValueError(f"'{self.decimal}' cannot be both decimal sign and thousands sign")
        if wrong := [sign for sign in self.thousands if sign.isalnum() or sign in "+-"]:
            raise ValueError(f"'{wrong[0]}' cannot be a thousands sign")
        return self


class Written(Part):
    """What a field of a reading is like, whichever metric it is."""

    unit: str | None = None
    unit_path: FieldPath | None = None
    units: dict[str, str] = Field(default_factory=dict)
    required: bool = True
    sentinels: tuple[Sentinel, ...] = ()
    scale: float | Ratio = 1.0
    offset: float = 0.0
    channel: str | Channel = ""
    states: dict[str, str] = Field(default_factory=dict)
    text: bool = False
    number: NumberFormat | None = None

    @model_check(mode="before")
    @classmethod
    def _units_as_list(cls, data: Any) -> Any:
        """`units: [degC, degF]` is short for each text naming itself."""
        if isinstance(data, dict) and isinstance(data.get("units"), list):
            return {**data, "units": {str(unit): unit for unit in data["units"]}}
        return data

    @field_validator("states", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return {as_written(text): as_written(text) for text in value}
        return {as_written(key): as_written(to) for key, to in value.items()} if isinstance(value, dict) else value

    @property
    def worded(self) -> bool:
        """Whether it gives a text: only then it needs no unit."""
        return bool(self.states) or self.text

    def _check_unit(self) -> None:
        if self.unit is not None and self.unit_path is not None:
            raise ValueError("give either unit, or unit_path with units")
        if (self.unit_path is None) != (not self.units):
            raise ValueError("unit_path and units go together")
        if self.text and self.number is not None:
            raise ValueError("`text` and `number` exclude each other")


class Reading(Written):
    """One field that is a reading: value = field * scale + offset, in `unit` or in the unit `unit_path` names.

    A sentinel is how the device says that it has no value: it makes neither a reading nor a reject. `const` is for
    messages that say something by being there. Metrics of kind state or event take `states` or `text`, and no unit.
    """

    metric: str
    path: FieldPath | None = None
    const: Scalar | None = None
    when: When | None = None

    @model_check(mode="after")
    def _one_value(self) -> Reading:
        if (self.path is None) == (self.const is None):
            raise ValueError("give either path or const")
        self._check_unit()
        return self

    @property
    def paths(self) -> set[str]:
        """The fields it looks at."""
        named = [self.path, self.unit_path, self.when.path if self.when else None]
        named.append(self.channel.path if isinstance(self.channel, Channel) else None)
        return {path for path in named if path is not None}


class Others(Part):
    """Stands for names that no metric has: each is rejected as `unknown_metric`. It gives no reading."""

    path: FieldPath
    metric_path: FieldPath
    metric_pattern: str | None = None
    names: tuple[str, ...]

    @property
    def paths(self) -> set[str]:
        """The fields it looks at."""
        return {self.path, self.metric_path}


class NamedMetric(Written):
    """One name of a triple, with what is particular about it."""

    metric: str
    path: FieldPath | None = None


class Triple(Written):
    """Name and value pairs: the metric is what the field `metric_path` says, or the group in `metric_pattern` of it.

    It stands for one reading a name. Each keeps those of `units` that measure what its metric measures.
    """

    path: FieldPath
    metric_path: FieldPath
    metric_pattern: str | None = None
    metrics: dict[str, NamedMetric] = Field(min_length=1)
    others: Literal["ignore", "reject"] = "reject"

    @field_validator("metrics", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {as_written(name): {"metric": is_} if isinstance(is_, str) else is_ for name, is_ in value.items()}

    @model_check(mode="after")
    def _fits_together(self) -> Triple:
        self._check_unit()
        try:
            _ = self.readings
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
        return self

    @property
    def readings(self) -> tuple[Reading | Others, ...]:
        """What it stands for, in the order of the names."""
        shared = self.model_dump(include=set(Written.model_fields), exclude_unset=True, by_alias=True)
        made: list[Reading | Others] = []
        for name, named in self.metrics.items():
            own = named.model_dump(exclude_unset=True, by_alias=True)
            if "unit" in own:  # a name with a unit of its own does not look at the message's
                shared_here = {key: value for key, value in shared.items() if key not in {"unit_path", "units"}}
            else:
                shared_here = shared
            when = {"path": self.metric_path, "pattern": self.metric_pattern, "is": [name]}
            made.append(Reading.model_validate({"path": self.path, **shared_here, **own, "when": when}))
        if self.others == "reject":
            names, pattern = tuple(self.metrics), self.metric_pattern
            made.append(Others(path=self.path, metric_path=self.metric_path, metric_pattern=pattern, names=names))
        return tuple(made)


def _kind(data: Any) -> str:
    named = data.get("metric_path") if isinstance(data, dict) else getattr(data, "metric_path", None)
    return "<reading>" if named is None else "<triple>"


AnyReading = Annotated[Annotated[Reading, Tag("<reading>")] | Annotated[Triple, Tag("<triple>")], Discriminator(_kind)]
"""One entry of `readings`; the tags are no part of a file, so they are left out of errors."""

Slot = Reading | Others
"""One place in the numbering of a spec's readings."""


def expanded(readings: tuple[Reading | Triple, ...]) -> tuple[Slot, ...]:
    """Readings with each triple taken apart."""
    slots: list[Slot] = []
    for reading in readings:
        slots += reading.readings if isinstance(reading, Triple) else [reading]
    return tuple(slots)
