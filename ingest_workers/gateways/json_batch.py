"""A JSON array of events, with each body cut out as the sender wrote it.

Reading a body and writing it again would change it: 21.50 becomes 21.5, a name that is there twice is there once. So
the array is read item by item, and a body is the text between its first and its last character.
Belongs here: the cutting. Does not: what an item must hold (`framing`).
"""

from __future__ import annotations

import json
from json.decoder import scanstring  # type: ignore[attr-defined]  # the reader of strings that json itself uses
from typing import Any, NamedTuple

_SPACE = " \t\n\r"
_scan = json.JSONDecoder(parse_int=float).scan_once  # type: ignore[attr-defined]  # documented by its source alone
"""Numbers are only stepped over: as float, because Python refuses to read an integer of 5,000 digits."""


class NotAnArrayError(ValueError):
    """The text is no JSON array of objects."""


class Value(NamedTuple):
    """A member of an item: what it says and how it was written."""

    value: Any
    text: str


class TooManyItemsError(ValueError):
    """The array has more items than were asked for."""


def items(text: str, most: int) -> list[dict[str, Value]]:
    """The objects of the array, members with their text.

    Raises: NotAnArrayError with the place of the fault; TooManyItemsError at the item after `most`.
    """
    try:
        return _items(text, most)
    except StopIteration as stopped:
        raise NotAnArrayError(f"a value is expected at character {stopped.value}") from None
    except json.JSONDecodeError as problem:
        raise NotAnArrayError(f"{problem.msg} at character {problem.pos}") from None
    except RecursionError:
        raise NotAnArrayError("a value is nested too deeply") from None


def _items(text: str, most: int) -> list[dict[str, Value]]:
    found: list[dict[str, Value]] = []
    at = _after(text, _skip(text, 0), "[")
    if text[at : at + 1] == "]":
        at += 1
    else:
        while True:
            if len(found) == most:
                raise TooManyItemsError
            item, at = _object(text, at)
            found.append(item)
            at = _skip(text, at)
            if text[at : at + 1] == "]":
                at += 1
                break
            at = _after(text, at, ",")
    if _skip(text, at) != len(text):
        raise NotAnArrayError(f"something follows the array at character {at}")
    return found


def _object(text: str, at: int) -> tuple[dict[str, Value], int]:
    members: dict[str, Value] = {}
    at = _after(text, at, "{")
    if text[at : at + 1] == "}":
        return members, at + 1
    while True:
        name, at = scanstring(text, _after(text, at, '"', space=False))
        start = _after(text, _skip(text, at), ":")
        try:
            value, at = _scan(text, start)
        except StopIteration:
            raise NotAnArrayError(f"a value is expected at character {start}") from None
        if name in members:
            raise NotAnArrayError(f"{name!r} is there twice before character {at}")
        members[name] = Value(value, text[start:at])
        at = _skip(text, at)
        if text[at : at + 1] == "}":
            return members, at + 1
        at = _after(text, at, ",")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _after(text: str, at: int, wanted: str, *, space: bool = True) -> int:
    """The place after a character that must be there, and the space that may follow it."""
    if text[at : at + 1] != wanted:
        raise NotAnArrayError(f"{wanted!r} is expected at character {at}")
    return _skip(text, at + 1) if space else at + 1
