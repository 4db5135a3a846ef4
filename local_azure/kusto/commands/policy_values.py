"""A policy as it is written in a command, and as `.show` gives it back: always a JSON document.

Belongs here: the short forms (`hot = 31d`, `softdelete = 7d recoverability = disabled`, `(a asc, b desc)`), and what
`.alter-merge` keeps of the policy before.
Does not: where policies are kept (`policies`).
"""

from __future__ import annotations

import json
import re
from typing import Any

from local_azure.kusto.errors import InvalidSyntaxError
from local_azure.kusto.scan import Scanner, split_top

_SPAN = re.compile(r"(?P<number>\d+)(?P<unit>d|h|m|s)")
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def written(policy: str, scanner: Scanner) -> Any:
    """The document that the rest of an `.alter … policy` command stands for."""
    if scanner.text[scanner.position :][:1] in ("'", '"', "@", "`"):
        text = scanner.string()
        scanner.expect_end()
        try:
            return json.loads(text)
        except ValueError as error:
            raise InvalidSyntaxError(f"the {policy} policy is not JSON: {error}") from error
    if policy == "roworder":
        return _row_order(scanner)
    text = scanner.rest().strip().rstrip(";")
    if text.lower() in ("true", "false", "null"):
        return None if text.lower() == "null" else {"IsEnabled": text.lower() == "true"}
    pairs = dict(re.findall(r"(\w+)\s*=\s*(\S+)", text))
    match policy, {key.lower(): value for key, value in pairs.items()}:
        case "caching", {"hot": hot}:
            return {name: {"Value": _span(hot)} for name in ("DataHotSpan", "IndexHotSpan")}
        case "retention", {**parts} if parts and parts.keys() <= {"softdelete", "recoverability"}:
            told = {"SoftDeletePeriod": _span(parts["softdelete"])} if "softdelete" in parts else {}
            if "recoverability" in parts:
                told["Recoverability"] = parts["recoverability"].title()
            return told
    raise InvalidSyntaxError(f"expected a {policy} policy, found `{text[:60] or 'the end of the command'}`")


def merged(before: Any, value: Any) -> Any:
    """What `.alter-merge` leaves: the policy before with the properties that are named now."""
    return before | value if isinstance(before, dict) and isinstance(value, dict) else value


def _row_order(scanner: Scanner) -> Any:
    order = []
    for part in split_top(scanner.enclosed("("), ","):
        inner = Scanner(part)
        name = inner.name()
        descending = inner.accept("desc")
        if not descending:
            inner.accept("asc")
        inner.expect_end()
        order.append({"ColumnName": name, "Order": "Descending" if descending else "Ascending"})
    scanner.expect_end()
    return {"RowOrder": order}


def _span(text: str) -> str:
    match = _SPAN.fullmatch(text.strip("()"))
    if not match:
        raise InvalidSyntaxError(f"`{text}` is no timespan such as 31d")
    days, seconds = divmod(int(match["number"]) * _SECONDS[match["unit"]], 86400)
    return f"{days}.{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
