"""`.execute database script`: several commands, one after another, each for itself."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from local_azure.kusto.commands.context import Context, Reply, columns
from local_azure.kusto.errors import InvalidSyntaxError, KustoError, as_kusto_error
from local_azure.kusto.scan import Scanner, depth_at_line_starts

_SHAPE = columns(OperationId="guid", CommandType="string", CommandText="string", Result="string", Reason="string")
_KNOWN = {"continueonerrors", "throwonerrors"}


def statements(text: str) -> list[str]:
    """The commands of a script: each begins with a dot at the start of a line, outside brackets and strings."""
    starts = [start for start in depth_at_line_starts(text) if text[start] == "."]
    if not starts or not Scanner(text[: starts[0]]).at_end:
        raise InvalidSyntaxError(
            "a database script is a list of commands that each begin with a dot at the start of a line"
        )
    return [text[a:b].strip() for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


def execute(context: Context, scanner: Scanner, run: Callable[[Context, str], Reply]) -> Reply:
    """Run the commands in order; the first failure ends the script unless `ContinueOnErrors` is set."""
    scanner.accept("database")
    scanner.expect("script")
    properties = scanner.properties()
    if unknown := properties.keys() - _KNOWN:
        raise InvalidSyntaxError(f"a database script has no property {', '.join(sorted(unknown))}")
    scanner.expect("<|")
    rows: list[tuple[object, ...]] = []
    failed = False
    for text in statements(scanner.rest()):
        kind = text.split("\n", 1)[0].split("(", 1)[0].strip()[:60]
        if failed and properties.get("continueonerrors", "").lower() != "true":
            rows.append((uuid.uuid4(), kind, text, "Skipped", "an earlier command failed"))
            continue
        try:
            run(context, text)
        except Exception as error:
            told: KustoError = as_kusto_error(error)
            if properties.get("throwonerrors", "").lower() == "true":
                raise told from error
            rows.append((uuid.uuid4(), kind, text, "Failed", str(told)))
            failed = True
        else:
            rows.append((uuid.uuid4(), kind, text, "Completed", ""))
    return Reply(_SHAPE, rows)
