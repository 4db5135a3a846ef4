"""When a spec applies.

Belongs here: content type, schema, properties and the shape of a JSON body.
Does not: choosing between specs (`canonical.routing`).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictBool, field_validator

from canonical.spec.part import FieldPath, Part, as_written

MediaType = Annotated[str, Field(pattern=r"^[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+$")]


class Match(Part):
    """When a spec applies; all that is given must hold.

    `patterns` are searched in properties. `has`, `lacks` and `equals` look into a JSON object: fields that are there,
    that are not, and that are written so. With `detect`, protobuf events without any schema reference are looked at,
    and those whose fields are this version's are taken too (`canonical.decoders.protobuf_detection`).
    """

    content_type: tuple[MediaType, ...] = Field(min_length=1)
    schema_ref: str | None = None
    properties: dict[str, str] = Field(default_factory=dict)
    patterns: dict[str, str] = Field(default_factory=dict)
    has: tuple[FieldPath, ...] = ()
    lacks: tuple[FieldPath, ...] = ()
    equals: dict[FieldPath, str] = Field(default_factory=dict)
    detect: StrictBool = False

    @field_validator("equals", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        return {key: as_written(text) for key, text in value.items()} if isinstance(value, dict) else value

    @property
    def named(self) -> set[str]:
        """The properties that are looked at."""
        return {*self.properties, *self.patterns}

    @property
    def shape(self) -> tuple[str, ...]:
        """The fields that are looked at."""
        return (*self.has, *self.lacks, *self.equals)
