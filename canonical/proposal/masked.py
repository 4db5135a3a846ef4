"""Samples as examples: shorter, and without the identities of real devices.

Belongs here: replacing identities by others of the same form, always the same for the same, and cutting long lists.
Does not: which fields are identities (`identity`), or what the examples give (`tried`).
"""

from __future__ import annotations

import hashlib
import json
import re
import string
from collections.abc import Collection
from typing import Any

from canonical.proposal.fields import is_identity
from canonical.proposal.times import moment_of

_LONG_LIST = 6
_KEPT = 3
_TIME = re.compile(r"(19|20)\d\d[-/]?\d\d|\d{1,2}([-:]\d{1,2}){1,2}(\d\d)?$")
_HEX = frozenset("0123456789abcdef")


class Mask:
    """Replaces identities; numbers at `places` (keys of positions) are rounded to tenths of a degree."""

    def __init__(self, known: Collection[str], places: Collection[str] = (), *, keys: bool = False) -> None:
        """With `keys` the keys of objects are identities too."""
        self._known = {text for text in known if is_identity(text)}
        self._places = frozenset(places)
        self._keys = keys

    def text(self, text: str) -> str:
        """A text with every known identity in it replaced."""
        for known in sorted(self._known, key=len, reverse=True):
            if known in text:
                text = text.replace(known, pseudonym(known))
        return text

    def document(self, value: Any, key: str = "") -> Any:
        """A document, shortened."""
        if isinstance(value, dict):
            return {
                self.text(name) if self._keys else name: self.document(below, name) for name, below in value.items()
            }
        if isinstance(value, list):
            kept = value[:_KEPT] if len(value) > _LONG_LIST or any(isinstance(e, dict) for e in value) else value
            return [self.document(element, key) for element in kept]
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int) and not isinstance(value, bool) and str(value) in self._known:
            return int(pseudonym(str(value)))
        if isinstance(value, float) and key in self._places:
            return round(value, 1)
        return value

    def body(self, body: bytes, charset: str) -> str:
        """A message of JSON as the text of an example."""
        document = self.document(json.loads(body.decode(charset)))
        return json.dumps(document, ensure_ascii=False, separators=(", ", ": "))


def pseudonym(text: str) -> str:
    """A text of the same form: digits for digits, letters for letters, what is between them kept."""
    stream = hashlib.sha256(text.encode()).digest() * (1 + len(text) // 32)
    only_hex = {c for c in text.lower() if c.isalnum()} <= _HEX
    made = []
    for place, (character, byte) in enumerate(zip(text, stream, strict=False)):
        if character.isdigit():
            made.append(str(1 + byte % 9) if place == 0 else str(byte % 10))
        elif character.isascii() and character.isalpha() and only_hex:
            letter = "abcdef"[byte % 6]
            made.append(letter.upper() if character.isupper() else letter)
        elif character.isascii() and character.isalpha() and place >= len(text) - 4:
            letter = string.ascii_lowercase[byte % 26]
            made.append(letter.upper() if character.isupper() else letter)
        else:
            made.append(character)
    return "".join(made)


def identities_in(value: Any, *, keys: bool) -> set[str]:
    """Texts that look like identities in a document, or in several; with `keys` also keys of objects."""
    if isinstance(value, dict):
        named = {str(key) for key, below in value.items() if keys and isinstance(below, dict) and is_identity(str(key))}
        return named.union(*(identities_in(below, keys=keys) for below in value.values()))
    if isinstance(value, list):
        return set[str]().union(*(identities_in(element, keys=keys) for element in value))
    return {value} if isinstance(value, str) and is_identity(value) and not _says_when(value) else set()


def _says_when(text: str) -> bool:
    """Times and counts look like identities, and may not change."""
    return bool(_TIME.match(text)) or (text.isdigit() and (len(text) < 8 or moment_of(text, "epoch_auto") is not None))
