"""What the engine refuses and the language service lets through.

Belongs here: rules over one text, each told with the character it is about. The engine's own pages are the source:
"Create materialized view" (query argument, supported aggregation functions) and "Materialized views limitations".
Does not: names and types, which the language service knows (`service`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from quality.kql.masked import Part, masked, split

AGGREGATES = frozenset(
    {"count", "countif", "dcount", "dcountif", "min", "max", "avg", "avgif", "sum", "sumif", "arg_max", "arg_min",
     "take_any", "take_anyif", "hll", "make_set", "make_list", "make_bag", "percentile", "percentiles", "tdigest"}
)  # fmt: skip
"""All that a materialized view can keep up to date."""
_OF_THE_CLOCK = re.compile(r"\b(now|ago|ingestion_time|current_principal|rand|new_guid)\s*\(")
_OPERATORS = frozenset(
    {"where", "extend", "project", "project-away", "project-keep", "project-rename", "parse", "filter"}
)
"""What may stand before the summarize. The engine takes a few more; none of them has been needed."""
_ELSEWHERE = re.compile(r"\b(cluster|database|external_table|externaldata|materialized_view)\s*\(")
_AGGREGATE = re.compile(r"(?:\w+\s*=\s*|\([^)]*\)\s*=\s*)?(?P<name>\w+)\s*\(")
_TAGS_WHERE = re.compile(r"\bextents\s+where\s+tags\b", re.IGNORECASE)


@dataclass(frozen=True)
class Broken:
    """A rule that a text breaks: what, and at which character."""

    says: str
    start: int


def of_view(query: str, source: str, swapped: Collection[str], functions: Collection[str]) -> Iterator[Broken]:
    """Why the engine would not keep a view with this query over `source`.

    `swapped`: tables whose extents are replaced, over which there can be no view; `functions`: our stored ones.
    """
    text = masked(query)
    if source in swapped:
        yield Broken(f"{source} is swapped by extents, and no view can be over such a table", 0)
    first, *operators = split(text, "|")
    if first.text != source:
        yield Broken(f"the query of the view must begin with {source}, its source", first.start)
    yield from _of_words(text, functions)
    summarizing = [part for part in operators if _operator(part) == "summarize"]
    if len(summarizing) != 1:
        yield Broken(f"a view has exactly one summarize, and this has {len(summarizing)}", first.start)
    elif operators[-1] is not summarizing[0]:
        yield Broken("the summarize must be the last operator of a view", operators[-1].start)
    for part in operators:
        if _operator(part) == "summarize":
            yield from _of_summarize(part)
        elif _operator(part) not in _OPERATORS:
            yield Broken(f"`{_operator(part)}` has no place in a view", part.start)


def _operator(part: Part) -> str:
    found = re.match(r"[\w-]+", part.text)
    return found[0] if found else ""


def _of_words(text: str, functions: Collection[str]) -> Iterator[Broken]:
    for found in _OF_THE_CLOCK.finditer(text):
        yield Broken(f"{found[1]}() is another each time: a view cannot depend on it", found.start())
    for found in _ELSEWHERE.finditer(text):
        yield Broken(f"a view cannot look into {found[1]}(…)", found.start())
    for found in re.finditer(r"\b(\w+)\s*\(", text):
        if found[1] in functions:
            yield Broken(f"a view may call no stored function; {found[1]} is one", found.start())


def _of_summarize(part: Part) -> Iterator[Broken]:
    inside = part.text[len("summarize") :]
    begin = part.start + len("summarize")
    by = re.search(r"\bby\b", inside)
    if not by:
        yield Broken("a view needs a `by`: without one there is nothing to keep it for", part.start)
    for column in split(inside[: by.start()] if by else inside, ",", begin):
        found = _AGGREGATE.match(column.text)
        if not found:
            yield Broken(f"`{column.text[:40]}` is no aggregate", column.start)
        elif found["name"] not in AGGREGATES:
            yield Broken(f"{found['name']}() is not among the aggregates of a view", column.start)
        elif _end_of_call(column.text, found.end() - 1) != len(column.text):
            yield Broken(
                f"`{column.text[:60]}` computes with an aggregate; keep the aggregates and compute when asking",
                column.start,
            )
        elif found["name"] in {"arg_max", "arg_min", "take_any"} and re.search(r"\*\s*\)$", column.text):
            yield Broken("`*` ends the view when its source gets a column: name the columns", column.start)


def _end_of_call(text: str, bracket: int) -> int:
    depth = 0
    for position in range(bracket, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position + 1
    return -1


def of_command(text: str) -> Iterator[Broken]:
    """What holds of every command."""
    for found in _TAGS_WHERE.finditer(masked(text)):
        yield Broken(
            "write `extents | where Tags …`: without the pipe it is not read inside other commands", found.start()
        )
