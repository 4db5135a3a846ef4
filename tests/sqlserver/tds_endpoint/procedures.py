"""Procedures: those drivers call by RPC, and those a batch calls with EXEC.

Belongs here: sp_executesql, sp_prepare and its family, EXEC of a text, sp_rename, what drivers ask of the catalogue.
Does not: statements inside the texts (`session`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from tds_endpoint import procedures_catalogue, tokens
from tds_endpoint.declared import Declared, parse
from tds_endpoint.errors import SqlError, refused
from tds_endpoint.requests import Call, Parameter
from tds_endpoint.rows import return_value
from tds_endpoint.session import Scope, Session, Variable
from tds_endpoint.tsql.lexer import VARIABLE, Token, arguments, closing, joined, lexed

HANDLES = itertools.count(1)
Returned = list[tuple[str, Declared, object]]


def declarations(text: str) -> list[tuple[str, Declared, bool]]:
    """`@P1 int, @P2 nvarchar(50) OUTPUT`: names, types, and which are given back."""
    found = []
    for each in arguments(lexed(text)):
        rest = [token for token in each[1:] if token.upper not in {"AS", "OUTPUT", "OUT", "READONLY"}]
        equals = next((index for index, token in enumerate(rest) if token.text == "="), len(rest))
        kind = parse(joined(rest[:equals]))
        if kind is None:
            raise SqlError(2715, f"Cannot find data type {joined(rest)}.")
        found.append((each[0].text, kind, any(token.upper in {"OUTPUT", "OUT"} for token in each)))
    return found


def run_with(session: Session, text: str, declared: str, given: Sequence[Parameter]) -> tuple[bool, Returned]:
    """A text with parameters, by name or in order."""
    scope = Scope(in_procedure=True)
    listed = declarations(declared) if declared else []
    for index, (name, kind, _) in enumerate(listed):
        match = next((each for each in given if each.name.lower() == name.lower()), None)
        match = match or (given[index] if index < len(given) and not given[index].name else None)
        scope.variables[name.lower()] = Variable(kind, match.value if match else None)
    good = session.run(text, scope)
    return good, [(name, kind, scope.variables[name.lower()].value) for name, kind, out in listed if out]


def _prepared(session: Session, handle: object) -> list[str]:
    text = session.handles.get(int(str(handle)))
    if text is None:
        raise SqlError(8179, f"Could not find prepared statement with handle {handle}.")
    return text.split("\0", 1)


def call(session: Session, request: Call) -> None:
    """An RPC."""
    back: Returned = []
    good = True
    given = list(request.parameters)
    name = request.procedure

    def text_of(index: int) -> str:
        return str(given[index].value or "") if index < len(given) else ""

    try:
        if name == "sp_executesql":
            good, back = run_with(session, text_of(0), text_of(1), given[2:])
        elif name in {"sp_prepexec", "sp_prepare"}:
            handle = next(HANDLES)
            session.handles[handle] = text_of(1) + "\0" + text_of(2)
            back.append((given[0].name, Declared("int"), handle))
            if name == "sp_prepexec":
                good, more = run_with(session, text_of(2), text_of(1), given[3:])
                back += more
        elif name == "sp_execute":
            declared, text = _prepared(session, given[0].value)
            good, back = run_with(session, text, declared, given[1:])
        elif name == "sp_unprepare":
            session.handles.pop(int(given[0].value), None)
        else:
            procedures_catalogue.answer(session, name, given)
    except SqlError as error:
        session.failed(error, Scope(in_procedure=True))
        good = False
    session.tell(tokens.return_status(0 if good else 1))
    for index, (parameter, kind, value) in enumerate(back):
        session.tell(return_value(parameter, kind, value, index))


def execute(session: Session, parts: Sequence[Token], scope: Scope) -> None:  # noqa: C901 - a table of cases, one branch each
    """EXEC ('text'), or EXEC procedure arguments."""
    rest = list(parts[1:]) if parts[0].upper in {"EXEC", "EXECUTE"} else list(parts)
    kept = ""
    if len(rest) > 1 and rest[0].kind == VARIABLE and rest[1].text == "=":
        kept, rest = rest[0].text.lower(), rest[2:]
    if not rest:
        raise refused("EXEC")
    inner = Scope(in_procedure=True, caught=scope.caught)
    if rest[0].text == "(":
        value = session.evaluate(rest[1 : closing(rest, 0)], scope)[1]
        session.run_text(str(value or ""), inner)
        return
    name, at = [rest[0].value], 1
    while at < len(rest) and rest[at].text == ".":
        at += 1
        if at < len(rest) and rest[at].text != ".":
            name.append(rest[at].value)
            at += 1
    given: list[Parameter] = []
    outputs: dict[str, str] = {}
    for each in arguments(rest[at:]):
        out = each[-1].upper in {"OUTPUT", "OUT"}
        body = each[:-1] if out else each
        label = ""
        if len(body) > 2 and body[0].kind == VARIABLE and body[1].text == "=":
            label, body = body[0].text, body[2:]
        kind, value = _argument(session, body, scope)
        given.append(Parameter(label, kind, value, out))
        if out:
            outputs[label.lower() or f"#{len(given)}"] = body[0].text.lower()
    procedure = name[-1].lower()
    if procedure == "sp_executesql":
        _executesql(session, given, outputs, scope)
        return
    status = procedures_catalogue.answer(session, procedure, given)
    if kept in scope.variables:
        scope.variables[kept].value = status


def _argument(session: Session, body: Sequence[Token], scope: Scope) -> tuple[Declared, object]:
    """A bare word is a text."""
    if len(body) == 1 and body[0].kind in {"word", "name"} and body[0].upper not in {"NULL", "DEFAULT"}:
        return Declared("nvarchar", 4000), body[0].value
    if len(body) == 1 and body[0].upper == "DEFAULT":
        return Declared("nvarchar", 4000), None
    return session.evaluate(body, scope)


def _executesql(session: Session, given: list[Parameter], outputs: dict[str, str], scope: Scope) -> None:
    inner = Scope(in_procedure=True, caught=scope.caught)
    listed = declarations(str(given[1].value)) if len(given) > 1 and given[1].value else []
    for index, (name, kind, _) in enumerate(listed):
        match = next((each for each in given[2:] if each.name.lower() == name.lower()), None)
        match = match or (given[index + 2] if index + 2 < len(given) and not given[index + 2].name else None)
        inner.variables[name.lower()] = Variable(kind, match.value if match else None)
    session.run_text(str(given[0].value or ""), inner)
    for label, target in outputs.items():
        if label in inner.variables and target in scope.variables:
            scope.variables[target].value = inner.variables[label].value
