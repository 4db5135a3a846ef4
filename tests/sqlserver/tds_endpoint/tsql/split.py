"""A batch as statements: T-SQL needs no semicolon between them, so their first words and what may follow decide.

Belongs here: where a statement ends, and the blocks (IF, WHILE, BEGIN, TRY) statements stand in.
Does not: what a statement does (`session`), or whether SQL Server takes it (`rules`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tds_endpoint.errors import refused
from tds_endpoint.tsql.lexer import Token

STARTERS = frozenset(
    [
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "MERGE",
        "DROP",
        "CREATE",
        "ALTER",
        "EXEC",
        "EXECUTE",
        "IF",
        "WHILE",
        "BEGIN",
        "END",
        "ELSE",
        "DECLARE",
        "SET",
        "USE",
        "COMMIT",
        "ROLLBACK",
        "TRUNCATE",
        "PRINT",
        "RETURN",
        "THROW",
        "RAISERROR",
        "GRANT",
        "REVOKE",
        "DENY",
        "SAVE",
        "BREAK",
        "CONTINUE",
        "WAITFOR",
        "GOTO",
    ]
)
SET_OPERATORS = {"UNION", "ALL", "EXCEPT", "INTERSECT"}


@dataclass(frozen=True)
class Plain:
    """A statement that is no block."""

    tokens: tuple[Token, ...]

    @property
    def keyword(self) -> str:
        """Its first word."""
        return self.tokens[0].upper


@dataclass(frozen=True)
class If:
    """IF … ELSE …."""

    condition: tuple[Token, ...]
    then: Statement
    otherwise: Statement | None


@dataclass(frozen=True)
class While:
    """WHILE …."""

    condition: tuple[Token, ...]
    body: Statement


@dataclass(frozen=True)
class Block:
    """BEGIN … END; with a handler when it is BEGIN TRY … END TRY BEGIN CATCH … END CATCH."""

    statements: tuple[Statement, ...] = field(default=())
    handler: tuple[Statement, ...] | None = None


Statement = Plain | If | While | Block


class _Splitter:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def word(self, ahead: int = 0) -> str:
        index = self.at + ahead
        return self.tokens[index].upper if 0 <= index < len(self.tokens) else ""

    def until(self, *ends: str) -> tuple[Statement, ...]:
        """Statements up to one of these words."""
        found: list[Statement] = []
        while self.at < len(self.tokens):
            if self.word() == ";":
                self.at += 1
            elif self.word() in ends:
                break
            else:
                found.append(self.statement())
        return tuple(found)

    def statement(self) -> Statement:
        while self.word() == ";":
            self.at += 1
        if self.word() == "IF":
            return self._if()
        if self.word() == "WHILE":
            self.at += 1
            return While(self._condition(), self.statement())
        if self.word() == "BEGIN" and self.word(1) not in {"TRAN", "TRANSACTION", "DISTRIBUTED"}:
            return self._block()
        if self.at >= len(self.tokens):
            raise refused("end of batch")
        return self._plain()

    def _if(self) -> If:
        self.at += 1
        condition = self._condition()
        then = self.statement()
        mark = self.at
        while self.word() == ";":
            self.at += 1
        if self.word() == "ELSE":
            self.at += 1
            return If(condition, then, self.statement())
        self.at = mark
        return If(condition, then, None)

    def _block(self) -> Block:
        self.at += 1
        if self.word() != "TRY":
            statements = self.until("END")
            self._expect("END")
            return Block(statements)
        self.at += 1
        statements = self.until("END")
        for word in ("END", "TRY"):
            self._expect(word)
        while self.word() == ";":
            self.at += 1
        for word in ("BEGIN", "CATCH"):
            self._expect(word)
        handler = self.until("END")
        for word in ("END", "CATCH"):
            self._expect(word)
        return Block(statements, handler)

    def _expect(self, word: str) -> None:
        if self.word() != word:
            raise refused(self.tokens[self.at].text if self.at < len(self.tokens) else word)
        self.at += 1

    def _condition(self) -> tuple[Token, ...]:
        start, depth, cases = self.at, 0, 0
        while self.at < len(self.tokens):
            word = self.word()
            if depth == 0 and not cases and word in STARTERS:
                break
            depth += (word == "(") - (word == ")")
            cases += (word == "CASE") - (word == "END" and cases > 0)
            self.at += 1
        return tuple(self.tokens[start : self.at])

    def _plain(self) -> Plain:
        """Up to the next first word that this statement cannot contain."""
        start = self.at
        first = self.word()
        allowed = self._follows(first)
        whole = first in {"CREATE", "ALTER"} and self._body_is_rest()
        depth = cases = 0
        self.at += 1
        while self.at < len(self.tokens):
            word = self.word()
            if not whole and depth == 0 and not cases:
                if word == ";":
                    break
                if word in STARTERS and not self._belongs(first, word, allowed):
                    break
            depth += (word == "(") - (word == ")")
            if word == "CASE":
                cases += 1
            elif word == "END" and cases:
                cases -= 1
            self.at += 1
        end = self.at
        while end > start + 1 and self.tokens[end - 1].text == ";":
            end -= 1
        return Plain(tuple(self.tokens[start:end]))

    def _body_is_rest(self) -> bool:
        """Views, procedures and functions go on to the end of the batch."""
        words = {self.word(ahead) for ahead in range(1, 4)}
        return bool(words & {"VIEW", "PROCEDURE", "PROC", "FUNCTION", "TRIGGER"})

    def _follows(self, first: str) -> list[str]:
        """First words a statement may hold once, outside brackets."""
        if first == "WITH":
            return ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "SET"]
        if first == "INSERT":
            return ["SELECT", "EXEC", "EXECUTE"]
        if first == "UPDATE":
            return ["SET"]
        if first == "ALTER":
            return ["ALTER", "DROP", "SET"]
        return []

    def _belongs(self, first: str, word: str, allowed: list[str]) -> bool:  # noqa: C901, PLR0911 - a table of cases, one branch each
        previous = self.word(-1)
        if first == "MERGE":
            return True
        if word == "SELECT" and previous in SET_OPERATORS:
            return True
        if first in {"GRANT", "REVOKE", "DENY"}:
            return not any(token.upper == "ON" for token in self.tokens[self.at - 8 : self.at])
        if word == "IF":
            return self.word(1) == "EXISTS" and first in {"DROP", "ALTER"}
        if first in {"CREATE", "ALTER"} and previous == "ON" and word in {"DELETE", "UPDATE"}:
            return True
        if word in allowed:
            if first == "INSERT" or word == "SELECT":
                allowed[:] = []
            else:
                allowed.remove(word)
                if first == "WITH" and word == "INSERT":
                    allowed[:] = ["SELECT"]
                elif first == "WITH" and word == "UPDATE":
                    allowed[:] = ["SET"]
                elif first == "ALTER":
                    allowed[:] = []
            return True
        return False


def split(tokens: Sequence[Token]) -> tuple[Statement, ...]:
    """The statements of a batch."""
    splitter = _Splitter(tokens)
    statements = splitter.until("END")
    if splitter.at < len(tokens):
        raise refused("END")
    return statements
