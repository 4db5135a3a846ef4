"""What comes beside the text of a request: options and query parameters."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from local_azure.kusto.errors import InvalidSyntaxError

_TIMESPAN = re.compile(r"(?:(?P<days>\d+)\.)?(?P<h>\d+):(?P<m>\d+):(?P<s>\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Properties:
    """Options by lower-case name, parameters by name as sent."""

    options: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)

    def having(self, settings: dict[str, str | None]) -> Properties:
        """These properties with the `set` statements of the query on top."""
        if not settings:
            return self
        texts = {name.lower(): True if value is None else value for name, value in settings.items()}
        return replace(self, options=self.options | texts)

    def flag(self, name: str) -> bool:
        """Whether a boolean option is on."""
        value = self.options.get(name, False)
        return value is True or str(value).lower() in ("true", "1")

    def number(self, name: str) -> int | None:
        """An integer option, or None when it is not given."""
        value = self.options.get(name)
        if value is None:
            return None
        try:
            return int(str(value).removeprefix("long(").removesuffix(")"))
        except ValueError:
            raise InvalidSyntaxError(f"option {name} must be a whole number, not `{value}`") from None

    @property
    def timeout_seconds(self) -> float | None:
        """`servertimeout` in seconds, unless there is none or `norequesttimeout` lifts it."""
        match = _TIMESPAN.search(str(self.options.get("servertimeout", "")))
        if not match or self.flag("norequesttimeout"):
            return None
        return int(match["days"] or 0) * 86400 + int(match["h"]) * 3600 + int(match["m"]) * 60 + float(match["s"])


def parse(raw: Any) -> Properties:
    """The `properties` member of a request: the SDK sends JSON inside a string, other clients an object."""
    if raw is None or raw == "":
        return Properties()
    try:
        value = json.loads(raw) if isinstance(raw, str) else raw
        options, parameters = value.get("Options") or {}, value.get("Parameters") or {}
        return Properties({str(k).lower(): v for k, v in options.items()}, dict(parameters))
    except (ValueError, AttributeError):
        raise InvalidSyntaxError("`properties` must be an object with Options and Parameters") from None
