"""`bin` over datetimes, exact to the microsecond.

The KQL library bins in floating-point seconds: right for today's minutes, wrong for bins below a microsecond's
reach of a double, and the slowest part of an aggregation. DuckDB's `time_bucket` does it in integers. Importing this
module replaces the library's rendering of `bin` and `floor`.
"""

from __future__ import annotations

import datetime as dt
import re

from duckdb_kql import ir, params, translate
from duckdb_kql.errors import KqlUnsupportedError

_DAY_MICROSECONDS = 86_400_000_000
_library_bin = translate.render_bin


def _microseconds(node: ir.Literal, rendered: str) -> int:
    text = str(node.value)
    span = params.parse_timespan(text) or params.parse_timespan(re.sub(r"^.*'(.*)'$", r"\1", rendered))
    if span is None or span.total_seconds() <= 0:
        raise KqlUnsupportedError("bin", hint=f"`{text}` is not a positive timespan")
    return int(span // dt.timedelta(microseconds=1))


def render_bin(node: ir.FunctionCall) -> str:
    """SQL of `bin(value, size)`; anything but a datetime and a literal timespan is the library's."""
    size = node.args[1] if len(node.args) == 2 else None
    if not (isinstance(size, ir.Literal) and size.kind == "timespan"):
        return str(_library_bin(node, name=node.name.lower()))
    if translate._is_timespan_expr(node.args[0]):  # noqa: SLF001 - the library has no public name for it
        return str(_library_bin(node, name=node.name.lower()))
    step = _microseconds(size, translate.render_expr(size))
    if _DAY_MICROSECONDS % step:
        raise KqlUnsupportedError(
            "bin", hint="a datetime bin must divide a day: the service counts other bins from another origin"
        )
    value = translate.render_expr(node.args[0])
    return f"time_bucket(to_microseconds({step}), {value}, TIMESTAMP '1970-01-01')"


def install() -> None:
    """Make the library render `bin` and `floor` this way, for the whole process."""
    for name in ("bin", "floor"):
        translate._SPECIAL_FORMS[name] = render_bin  # noqa: SLF001 - a table of data, the library's own hook
