"""What the endpoint is like: a SQL Server, or a compatible server that lacks some of it.

Belongs here: switches, and the faults a test asks for.
Does not: how a lacking feature is refused (`tsql.rules`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Options:
    """What is supported."""

    columnstore: bool = True
    label: bool = True
    create_or_alter: bool = True
    merge: bool = True
    describe: bool = True
    row_level_security: bool = True
    utf8_collation: bool = True
    """Without it the server says of itself that it is Babelfish."""


COMPATIBLE = Options(**dict.fromkeys((each.name for each in fields(Options)), False))


def without(names: list[str]) -> Options:
    """A server that lacks these."""
    known = {each.name for each in fields(Options)}
    if unknown := set(names) - known:
        raise SystemExit(f"no such feature: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    return Options(**dict.fromkeys(names, False))
