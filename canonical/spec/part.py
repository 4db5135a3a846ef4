"""What all parts of a spec share.

Belongs here: the strict base model and the types of names and places.
Does not: any part.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

MAX_BODY_BYTES = 262_144

FieldPath = Annotated[str, Field(min_length=1, pattern=r'^[^"\\*]+$')]
"""A place in the payload: keys joined by dots, `[n]` for the nth element; a column name in CSV.

In a group of records: relative to the entry; `$.x` from the root, `^.x` from the entry around, `@key`, `@index`,
`@value` of the entry itself, and `[@index]` for the element at the entry's place in a list that runs beside it.
"""
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Part(BaseModel):
    """A part of a spec: unknown words are errors, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def as_written(value: Any) -> Any:
    """What YAML made of a scalar, as the text a device would write: true is `true`, 1 is `1`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
