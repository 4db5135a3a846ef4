"""Reading command text word by word, never mistaking the inside of a string for syntax.

Belongs here: quotes, comments, brackets, names, property lists.
Does not: what any command means.
"""

from __future__ import annotations

import re

from local_azure.kusto.errors import InvalidSyntaxError

_STRING = r"""@'(?:''|[^'])*'|@"(?:""|[^"])*"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|```.*?```"""
_SKIP = re.compile(r"(?:\s+|//[^\n]*)+")
_TOKEN = re.compile(rf"(?P<string>[hH]?(?:{_STRING}))|(?P<comment>//[^\n]*)|(?P<pipe><\|)|(?P<other>.)", re.DOTALL)
_STRING_AT = re.compile(rf"[hH]?(?P<literal>{_STRING})", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPEN = {"(": ")", "[": "]", "{": "}"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "0": "\0"}


def string_value(literal: str) -> str:
    """The text a KQL string literal stands for."""
    text = literal[1:] if literal[0] in "hH" else literal
    if text.startswith("```"):
        return text[3:-3]
    if text.startswith("@"):
        quote = text[1]
        return text[2:-1].replace(quote * 2, quote)
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1])


def split_top(text: str, separator: str) -> list[str]:
    """`text` cut at `separator` (`,`, `|` or `;`) outside strings, comments, brackets and `<|`."""
    parts, start, depth = [], 0, 0
    for match in _TOKEN.finditer(text):
        sign = match["other"]
        if sign is None:
            continue
        if sign in _OPEN:
            depth += 1
        elif sign in _OPEN.values():
            depth -= 1
        elif sign == separator and depth == 0:
            parts.append(text[start : match.start()])
            start = match.end()
    parts.append(text[start:])
    return parts


def depth_at_line_starts(text: str) -> list[int]:
    """Where the lines of `text` start that do not begin inside brackets, strings or blanks."""
    starts, depth, fresh = [], 0, True
    for match in _TOKEN.finditer(text):
        sign = match["other"]
        if sign is None:
            fresh = False
            continue
        if sign == "\n":
            fresh = True
            continue
        if fresh and not sign.isspace():
            if depth == 0:
                starts.append(match.start())
            fresh = False
        if sign in _OPEN:
            depth += 1
        elif sign in _OPEN.values():
            depth -= 1
    return starts


class Scanner:
    """A position in a command, moved forward by asking for what should come next."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self._skip()

    def _skip(self) -> None:
        if match := _SKIP.match(self.text, self.position):
            self.position = match.end()

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.position)
        if match:
            self.position = match.end()
            self._skip()
        return match

    def fail(self, expected: str) -> InvalidSyntaxError:
        """The error that names what was expected and what was found."""
        found = self.text[self.position : self.position + 40].split("\n")[0] or "the end of the command"
        return InvalidSyntaxError(f"expected {expected}, found `{found}` in `{self.text.strip()[:80]}`")

    @property
    def at_end(self) -> bool:
        """Whether only blanks and comments are left (a last `;` is allowed)."""
        return self.text[self.position :].strip() in ("", ";")

    def expect_end(self) -> None:
        """Refuse trailing text: ignoring a part of a command could change what it does."""
        if not self.at_end:
            raise self.fail("the end of the command")

    def peek(self, literal: str) -> bool:
        """Whether `literal` comes next, a word matched whole and without case."""
        end = self.position + len(literal)
        if self.text[self.position : end].lower() != literal.lower():
            return False
        return not (literal[-1].isalnum() and end < len(self.text) and re.match(r"[\w\-]", self.text[end]))

    def accept(self, literal: str) -> bool:
        """Step over `literal` when it comes next."""
        if not self.peek(literal):
            return False
        self.position += len(literal)
        self._skip()
        return True

    def accept_words(self, *words: str) -> bool:
        """Step over all `words` or over none."""
        start = self.position
        for word in words:
            if not self.accept(word):
                self.position = start
                return False
        return True

    def expect(self, literal: str) -> None:
        """Step over `literal`, or fail saying so."""
        if not self.accept(literal):
            raise self.fail(f"`{literal}`")

    def word(self) -> str:
        """A keyword, in lower case; dashes belong to it."""
        match = self._take(_WORD)
        if not match:
            raise self.fail("a keyword")
        return match[0].lower()

    def at_name(self) -> bool:
        """Whether an entity name comes next."""
        return self.text[self.position : self.position + 1] == "[" or bool(_NAME.match(self.text, self.position))

    def name(self) -> str:
        """An entity name: bare, or quoted as `['name']`."""
        if self.accept("["):
            value = self.string()
            self.expect("]")
            return value
        match = self._take(_NAME)
        if not match:
            raise self.fail("a name")
        return match[0]

    def literal(self) -> str:
        """One string literal as its text."""
        match = self._take(_STRING_AT)
        if not match:
            raise self.fail("a string in quotes")
        return string_value(match["literal"])

    def string(self) -> str:
        """A string literal, or several set side by side, as their text."""
        parts = []
        while match := self._take(_STRING_AT):
            parts.append(string_value(match["literal"]))
        if not parts:
            raise self.fail("a string in quotes")
        return "".join(parts)

    def enclosed(self, opening: str) -> str:
        """The text inside the bracket pair that starts here."""
        if not self.peek(opening):
            raise self.fail(f"`{opening}`")
        depth = 0
        for match in _TOKEN.finditer(self.text, self.position):
            if match["other"] == opening:
                depth += 1
            elif match["other"] == _OPEN[opening]:
                depth -= 1
                if depth == 0:
                    inside = self.text[self.position + 1 : match.start()]
                    self.position = match.end()
                    self._skip()
                    return inside
        raise self.fail(f"a closing `{_OPEN[opening]}`")

    def properties(self) -> dict[str, str]:
        """`with (name = value, ...)` when it comes next: names in lower case, values as text."""
        if not self.accept("with"):
            return {}
        found: dict[str, str] = {}
        for part in split_top(self.enclosed("("), ","):
            inner = Scanner(part)
            if inner.at_end:
                continue
            key = inner.word()
            inner.expect("=")
            found[key] = inner.value()
        return found

    def value(self) -> str:
        """A property value: a string, a word, a number or a call such as `datetime(...)`; the rest of the text."""
        if _STRING_AT.match(self.text, self.position):
            text = self.string()
            self.expect_end()
            return text
        text = self.rest().strip()
        if not text:
            raise self.fail("a value")
        return text

    def names(self) -> list[str]:
        """`(A, B, ...)` as entity names."""
        found = []
        for part in split_top(self.enclosed("("), ","):
            inner = Scanner(part)
            found.append(inner.name())
            inner.expect_end()
        return found

    def rest(self) -> str:
        """Everything that is left."""
        text = self.text[self.position :]
        self.position = len(self.text)
        return text
