"""T-SQL text as tokens, each with its place in the text.

Belongs here: what a word, a quoted name, a string, a variable and an operator look like.
Does not: what they mean together (`split`, `rules`, `rewrite`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tds_endpoint.errors import SqlError

WORD, NAME, TEXT, NUMBER, VARIABLE, SIGN, BINARY = "word", "name", "text", "number", "variable", "sign", "binary"
PATTERN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*)
  | (?P<comment>/\*)
  | (?P<text>[Nn]?'(?:[^']|'')*')
  | (?P<name>\[(?:[^\]]|\]\])*\]|"(?:[^"]|"")*")
  | (?P<variable>@@?[\w$#@]+)
  | (?P<binary>0[xX][0-9a-fA-F]*)
  | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<word>\#{1,2}\w[\w$#@]*|[^\W\d][\w$#@]*)
  | (?P<sign><=|>=|<>|!=|!<|!>|\+=|-=|\*=|/=|::|\|\||[-+*/%=<>(),.;&|^~:?{}\\!$])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        """The word in capitals; a quoted name is never a keyword."""
        return self.text.upper() if self.kind in {WORD, SIGN} else ""

    @property
    def value(self) -> str:
        """The name or the string without its quotes."""
        if self.kind == NAME:
            close = self.text[-1]
            return self.text[1:-1].replace(close * 2, close)
        if self.kind == TEXT:
            return self.text[self.text.index("'") + 1 : -1].replace("''", "'")
        return self.text


def _comment_end(text: str, start: int) -> int:
    """T-SQL's comments nest."""
    depth, position = 1, start + 2
    while depth:
        found = re.compile(r"/\*|\*/").search(text, position)
        if found is None:
            raise SqlError(113, "Missing end comment mark '*/'.", 15)
        depth += 1 if found[0] == "/*" else -1
        position = found.end()
    return position


def lexed(text: str) -> list[Token]:
    """All tokens, without blanks and comments."""
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = PATTERN.match(text, position)
        if match is None:
            if text[position] in "'\"[":
                raise SqlError(105, f"Unclosed quotation mark after the character string '{text[position + 1 :]}'.", 15)
            raise SqlError(102, f"Incorrect syntax near '{text[position]}'.", 15)
        kind = str(match.lastgroup)
        if kind == "comment":
            position = _comment_end(text, position)
            continue
        position = match.end()
        if kind != "space":
            found.append(Token(kind, match[0], match.start(), match.end()))
    return found


def joined(parts: Sequence[Token | str]) -> str:
    """Text of tokens again, single blanks between them."""
    return " ".join(part if isinstance(part, str) else part.text for part in parts)


def closing(parts: Sequence[Token], opening: int) -> int:
    """Where the bracket opened here is closed."""
    depth = 0
    for index in range(opening, len(parts)):
        if parts[index].text == "(":
            depth += 1
        elif parts[index].text == ")":
            depth -= 1
            if depth == 0:
                return index
    raise SqlError(102, "Incorrect syntax near '('.", 15)


def arguments(parts: Sequence[Token]) -> list[list[Token]]:
    """A list cut at its outer commas."""
    found: list[list[Token]] = [[]]
    depth = 0
    for part in parts:
        depth += (part.text == "(") - (part.text == ")")
        if part.text == "," and depth == 0:
            found.append([])
        else:
            found[-1].append(part)
    return found if found != [[]] else []
