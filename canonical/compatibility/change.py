"""One difference between two versions, as a sentence.

Belongs here: the sentence, and whether it breaks those who read or write the other version.
Does not: finding differences (one module a kind of thing), or what is done about them (`published`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """`says` is one sentence without a full stop; `breaks` tells why it is refused, empty where it is harmless."""

    says: str
    breaks: str = ""

    @property
    def sentence(self) -> str:
        """Both, for a person."""
        return f"{self.says}: {self.breaks}" if self.breaks else self.says


def breaking(changes: Iterable[Change]) -> list[Change]:
    """Those that may not happen to what others rely on."""
    return [change for change in changes if change.breaks]
