"""Statements that steer a batch: variables, settings, transactions, messages.

Belongs here: DECLARE, SET, USE, BEGIN/COMMIT/ROLLBACK TRANSACTION, PRINT, THROW, RAISERROR, RETURN, WAITFOR.
Does not: statements that read or write tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tds_endpoint import tokens
from tds_endpoint.declared import parse
from tds_endpoint.errors import SqlError, refused
from tds_endpoint.session import Returned, Scope, Session, Variable
from tds_endpoint.tsql.lexer import TEXT, VARIABLE, Token, arguments, joined

Handler = Callable[[Session, Sequence[Token], Scope, str], None]
# Settings that change nothing a client can see here.
IGNORED = frozenset(
    [
        "NOCOUNT",
        "QUOTED_IDENTIFIER",
        "ANSI_NULLS",
        "ANSI_WARNINGS",
        "ANSI_PADDING",
        "ANSI_NULL_DFLT_ON",
        "ARITHABORT",
        "CONCAT_NULL_YIELDS_NULL",
        "NUMERIC_ROUNDABORT",
        "TEXTSIZE",
        "LOCK_TIMEOUT",
        "DATEFORMAT",
        "DATEFIRST",
        "LANGUAGE",
        "TRANSACTION",
        "ROWCOUNT",
        "DEADLOCK_PRIORITY",
        "STATISTICS",
        "CURSOR_CLOSE_ON_COMMIT",
        "CONTEXT_INFO",
        "ANSI_DEFAULTS",
        "NO_BROWSETABLE",
        "IDENTITY_INSERT",
        "ARITHIGNORE",
    ]
)


def declare(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """DECLARE @name type [= expression], …."""
    for each in arguments(parts[1:]):
        if not each or each[0].kind != VARIABLE:
            raise refused(each[0].text if each else "DECLARE")
        rest = each[2:] if len(each) > 1 and each[1].upper == "AS" else each[1:]
        equals = next((index for index, token in enumerate(rest) if token.text == "="), len(rest))
        kind = parse(joined(rest[:equals]))
        if kind is None:
            raise SqlError(2715, f"Cannot find data type {joined(rest[:equals])}.")
        variable = Variable(kind)
        if equals < len(rest):
            variable.value = session.typed(kind, session.evaluate(rest[equals + 1 :], scope)[1])
        scope.variables[each[0].text.lower()] = variable


def set_(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """SET @name = expression, or a setting."""
    if parts[1].kind == VARIABLE:
        variable = scope.variables.get(parts[1].text.lower())
        if variable is None:
            raise SqlError(137, f'Must declare the scalar variable "{parts[1].text}".', 15)
        value = parts[3:] if parts[2].text == "=" else [parts[1], parts[2], *parts[3:]]
        variable.value = session.typed(variable.declared, session.evaluate(value, scope)[1])
        return
    name, on = parts[1].upper, parts[-1].upper == "ON"
    if name == "IMPLICIT_TRANSACTIONS":
        session.transactions.implicit = on
    elif name == "XACT_ABORT":
        session.abort_on_error = on
    elif name == "FMTONLY":
        session.format_only = on
    elif name not in IGNORED:
        raise SqlError(195, f"'{parts[1].text}' is not a recognized SET option.", 15)
    session.done(scope)


def use(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """USE database; there is only one."""
    name = parts[1].value
    if name.lower() != session.database.lower():
        raise SqlError(911, f"Database '{name}' does not exist. Make sure that the name is entered correctly.")
    session.tell(tokens.database_changed(session.database, session.database))
    session.tell(tokens.info(5701, f"Changed database context to '{session.database}'."))
    session.done(scope)


def begin(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """BEGIN TRANSACTION."""
    session.transactions.begin()
    session.done(scope)


def commit(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """COMMIT."""
    session.transactions.commit()
    session.done(scope)


def rollback(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """ROLLBACK."""
    session.transactions.rollback()
    session.done(scope)


def print_(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """PRINT."""
    session.tell(tokens.info(0, str(session.evaluate(parts[1:], scope)[1] or " ")))


def return_(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """RETURN."""
    raise Returned


def throw(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """THROW, again or anew."""
    if len(parts) == 1:
        if scope.caught is None:
            raise SqlError(10704, "To rethrow an error, a THROW statement must be used inside a CATCH block.", 15)
        raise scope.caught
    number, message, _state = arguments(parts[1:])
    raise SqlError(int(session.evaluate(number, scope)[1]), str(session.evaluate(message, scope)[1]))


def raiserror(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """RAISERROR: 1205 and the like are raised as themselves, so that a test can order a deadlock."""
    message, severity, *_ = arguments(parts[2:-1])
    said = session.evaluate(message, scope)[1]
    level = int(session.evaluate(severity, scope)[1])
    number = said if isinstance(said, int) else 50000
    if level <= 10:
        session.tell(tokens.info(number, str(said)))
        return
    raise SqlError(number, str(said), level)


def waitfor(session: Session, parts: Sequence[Token], scope: Scope, text: str) -> None:
    """WAITFOR DELAY, which an attention ends."""
    if parts[1].upper != "DELAY" or parts[2].kind != TEXT:
        raise refused(parts[1].text)
    hours, minutes, seconds = parts[2].value.split(":")
    if session.interrupted.wait(int(hours) * 3600 + int(minutes) * 60 + float(seconds)):
        raise SqlError(3617, "Operation cancelled by user.", 11)
    session.done(scope)


HANDLERS: dict[str, Handler] = {
    "DECLARE": declare,
    "SET": set_,
    "USE": use,
    "BEGIN": begin,
    "COMMIT": commit,
    "ROLLBACK": rollback,
    "PRINT": print_,
    "RETURN": return_,
    "THROW": throw,
    "RAISERROR": raiserror,
    "WAITFOR": waitfor,
}
