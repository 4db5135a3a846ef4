"""A session: batches run statement by statement, and what each leaves in the reply.

Belongs here: control of flow, variables, SET options, transactions statements, the order of DONE tokens.
Does not: queries and changes of data (`queries`), definitions (`definitions`), procedures (`procedures`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import duckdb
from tds_endpoint import catalogue, tokens
from tds_endpoint.declared import Declared, of_duck
from tds_endpoint.errors import SqlError, of_engine, refused
from tds_endpoint.locks import ApplicationLocks
from tds_endpoint.options import Options
from tds_endpoint.transactions import Transactions
from tds_endpoint.tsql import rules, translate
from tds_endpoint.tsql.lexer import Token, lexed
from tds_endpoint.tsql.rewrite import Rewriter, literal
from tds_endpoint.tsql.split import Block, If, Plain, Statement, While, split

VERSION_TEXT = "Microsoft SQL Server 2022 (RTM-CU14) - 16.0.4135.4 (X64), spoken by a test endpoint over DuckDB"
LOOPS = 10_000


@dataclass
class Variable:
    """A declared variable."""

    declared: Declared
    value: Any = None


@dataclass
class Scope:
    """What a batch or a called text sees."""

    variables: dict[str, Variable] = field(default_factory=dict)
    in_procedure: bool = False
    caught: SqlError | None = None


class Returned(Exception):  # noqa: N818 - leaving a batch is no error
    """RETURN."""


class Session:
    """One connection's session."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, database: str, options: Options, locks: ApplicationLocks
    ) -> None:
        self.connection = connection
        self.database = database
        self.options = options
        self.locks = locks
        self.reply = bytearray()
        self.rowcount = 0
        self.format_only = False
        self.abort_on_error = False
        self.interrupted = threading.Event()
        self.handles: dict[int, str] = {}
        self._pending: tuple[int, int, int | None] | None = None
        self.transactions = Transactions(connection, self.tell)
        catalogue.at_home(connection, database)

    # -- the reply ---------------------------------------------------------------------------------------------

    def tell(self, token: bytes) -> None:
        """Add to the reply; the DONE before it then has more behind it."""
        self._flush(tokens.MORE)
        self.reply += token

    def done(self, scope: Scope, count: int | None = None, status: int = 0) -> None:
        """A statement's end; its token waits to know whether it is the last."""
        self._flush(tokens.MORE)
        self._pending = (tokens.DONE_IN_PROCEDURE if scope.in_procedure else tokens.DONE, status, count)

    def _flush(self, more: int) -> None:
        if self._pending is not None:
            token, status, count = self._pending
            self.reply += tokens.done(token, status | more, count)
            self._pending = None

    def take_reply(self, *, final: bytes = b"") -> bytes:
        """All that was said, ended properly."""
        if final:
            self._flush(tokens.MORE)
        elif self._pending is None:
            self._pending = (tokens.DONE, 0, None)
        self._flush(0)
        reply, self.reply = bytes(self.reply) + final, bytearray()
        return reply

    # -- running -----------------------------------------------------------------------------------------------

    def run(self, text: str, scope: Scope) -> bool:
        """A batch; False when it failed, and the reply says how."""
        try:
            self.run_text(text, scope)
        except Returned:
            return True
        except SqlError as error:
            self.failed(error, scope)
            return False
        return True

    def failed(self, error: SqlError, scope: Scope) -> None:
        """The error in the reply; a transaction the error ends is rolled back first."""
        ends = (self.abort_on_error and error.severity != 15) or error.number == 1205  # 15: it did not compile
        if self.transactions.count and (ends or self.transactions.is_dead()):
            self.transactions.rollback()
        self.tell(tokens.error(error.number, error.severity, error.text))
        self.done(scope, status=tokens.ERROR)

    def run_text(self, text: str, scope: Scope) -> None:
        """A text of statements, within the batch that called it."""
        found = lexed(text)
        rules.check_batch(found, self.options)
        statements = split(found)
        rules.check_order(statements)
        for statement in statements:
            self.statement(statement, scope, text)

    def statement(self, statement: Statement, scope: Scope, text: str) -> None:
        """One statement or block."""
        if self.interrupted.is_set():
            raise SqlError(3617, "Operation cancelled by user.", 11)
        if isinstance(statement, Block):
            self._block(statement, scope, text)
        elif isinstance(statement, If):
            if self.holds(statement.condition, scope):
                self.statement(statement.then, scope, text)
            elif statement.otherwise is not None:
                self.statement(statement.otherwise, scope, text)
        elif isinstance(statement, While):
            for _ in range(LOOPS):
                if not self.holds(statement.condition, scope):
                    return
                self.statement(statement.body, scope, text)
            raise SqlError(50000, f"WHILE ran {LOOPS} times; the endpoint stops there")
        else:
            self._plain(statement, scope, text)

    def _block(self, block: Block, scope: Scope, text: str) -> None:
        if block.handler is None:
            for statement in block.statements:
                self.statement(statement, scope, text)
            return
        try:
            for statement in block.statements:
                self.statement(statement, scope, text)
        except SqlError as error:
            if self.transactions.count and self.transactions.is_dead():
                self.transactions.rollback()
            before, scope.caught = scope.caught, error
            for statement in block.handler:
                self.statement(statement, scope, text)
            scope.caught = before

    def _plain(self, statement: Plain, scope: Scope, text: str) -> None:
        from tds_endpoint import control, definitions, procedures, queries

        keyword = statement.keyword
        self.transactions.begin_implicitly(keyword)
        try:
            for handlers in (control.HANDLERS, definitions.HANDLERS, queries.HANDLERS):
                if handler := handlers.get(keyword):
                    handler(self, statement.tokens, scope, text)
                    return
            if keyword in {"EXEC", "EXECUTE"} or statement.tokens[0].upper.startswith("SP_"):
                procedures.execute(self, statement.tokens, scope)
                return
        except duckdb.Error as error:
            raise of_engine(error) from error
        raise refused(statement.tokens[0].text)

    # -- expressions -------------------------------------------------------------------------------------------

    def rewritten(self, parts: Sequence[Token], scope: Scope) -> str:
        """Tokens of a statement, with the values of variables in it."""
        from tds_endpoint import first_result

        def describe(argument: Sequence[Token]) -> str:
            return first_result.as_table(self, str(self.evaluate(argument, scope)[1] or ""))

        return Rewriter(lambda name: self._value_of(name, scope), describe).text(parts)

    def _value_of(self, name: str, scope: Scope) -> str:
        lower = name.lower()
        if lower.startswith("@@"):
            known: dict[str, str] = {
                "@@rowcount": str(self.rowcount), "@@trancount": str(self.transactions.count), "@@spid": "51",
                "@@version": f"'{VERSION_TEXT}'", "@@servername": f"'{tokens.SERVER}'", "@@error": "0",
                "@@datefirst": "7", "@@language": "'us_english'", "@@identity": "NULL", "@@fetch_status": "-1",
                "@@microsoftversion": "268439591", "@@options": "5496", "@@procid": "0", "@@nestlevel": "0",
                "@@xact_state": str(min(self.transactions.count, 1)), "@@error_line": "1", "@@error_state": "1",
                "@@error_procedure": "NULL", "@@error_number": "NULL", "@@error_message": "NULL",
                "@@error_severity": "NULL",
            }  # fmt: skip
            if (caught := scope.caught) is not None:
                said = caught.text.replace("'", "''")
                known["@@error_number"], known["@@error_severity"] = str(caught.number), str(caught.severity)
                known["@@error_message"] = f"'{said}'"
            if lower not in known:
                raise refused(name)
            return known[lower]
        variable = scope.variables.get(lower)
        if variable is None:
            raise SqlError(137, f'Must declare the scalar variable "{name}".', 15)
        return literal(variable.declared, variable.value)

    def query(self, parts: Sequence[Token], scope: Scope) -> duckdb.DuckDBPyConnection:
        """A query's result in the engine."""
        tree = translate.reshaped(translate.parsed(self.rewritten(parts, scope)))
        try:
            return self.connection.execute(translate.engine_sql(tree))
        except duckdb.Error as error:
            raise of_engine(error) from error

    def evaluate(self, parts: Sequence[Token], scope: Scope) -> tuple[Declared, Any]:
        """The value of an expression, and the type it has."""
        result = self.query([*lexed("SELECT"), *parts], scope)
        kind, row = str(result.description[0][1]), result.fetchone()
        return of_duck(kind), row[0] if row else None

    def holds(self, condition: Sequence[Token], scope: Scope) -> bool:
        """Whether a condition is true."""
        case = [*lexed("CASE WHEN"), *condition, *lexed("THEN 1 ELSE 0 END")]
        return bool(self.evaluate(case, scope)[1])

    def typed(self, declared: Declared, value: Any) -> Any:
        """A value as its variable's type keeps it."""
        if value is None:
            return None
        text = translate.engine_sql(translate.reshaped(translate.parsed(f"SELECT {literal(declared, value)}")))
        try:
            row = self.connection.execute(text).fetchone()
        except duckdb.Error as error:
            raise of_engine(error) from error
        value = row[0] if row else None
        return value[: declared.characters] if declared.characters and isinstance(value, str) else value

    def reset(self) -> None:
        """As a pool hands the connection on: no transaction, no temporary tables, default settings."""
        if self.transactions.count:
            self.transactions.rollback()
        self.transactions.implicit = self.format_only = self.abort_on_error = False
        self.handles.clear()
        self.locks.leave(self)
        named = self.connection.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
        for (name,) in named:
            self.connection.execute(f'DROP TABLE IF EXISTS temp."{name}"')
        self.tell(tokens.connection_reset())

    def close(self) -> None:
        """The end of the session."""
        self.locks.leave(self)
        with suppress(duckdb.Error):
            self.connection.close()
