"""Principals: who may do what. Kept and shown; nobody is asked for a token here."""

from __future__ import annotations

from local_azure.kusto.commands.context import Context, Reply, columns
from local_azure.kusto.errors import InvalidSyntaxError
from local_azure.kusto.scan import Scanner, split_top

_ROLES = ("admins", "ingestors", "monitors", "unrestrictedviewers", "users", "viewers")
_KINDS = {"aaduser": "AAD User", "aadgroup": "AAD Group", "aadapp": "AAD Application"}
_SHAPE = columns(
    Role="string",
    PrincipalType="string",
    PrincipalDisplayName="string",
    PrincipalObjectId="string",
    PrincipalFQN="string",
    Notes="string",
)


def _listing(context: Context) -> Reply:
    with context.store.read() as cursor:
        kept = cursor.execute("SELECT role, fqn, notes FROM kx.principals ORDER BY role, fqn").fetchall()
    rows = []
    for role, fqn, notes in kept:
        kind, _, identity = fqn.partition("=")
        named = f"Database {context.database} {role.removesuffix('s').title()}"
        rows.append((named, _KINDS[kind], identity, identity.partition(";")[0], fqn, notes))
    return Reply(_SHAPE, list(rows))


def _named(context: Context, scanner: Scanner) -> tuple[str, list[str], str]:
    """Role, principals, notes."""
    context.store.check_database(scanner.name())
    role = scanner.word()
    if role not in _ROLES:
        raise scanner.fail(f"a role ({', '.join(_ROLES)})")
    principals = []
    for part in split_top(scanner.enclosed("("), ","):
        inner = Scanner(part)
        fqn = inner.string()
        inner.expect_end()
        if fqn.partition("=")[0] not in _KINDS or not fqn.partition("=")[2]:
            raise InvalidSyntaxError(f"'{fqn}' is no principal such as aadgroup=<id>;<tenant>")
        principals.append(fqn)
    notes = "" if scanner.at_end else scanner.string()
    scanner.expect_end()
    return role, principals, notes


def add(context: Context, scanner: Scanner) -> Reply:
    """`.add database D viewers ('aadgroup=…', …) 'notes'`: one who has the role keeps it."""
    role, principals, notes = _named(context, scanner)
    with context.store.write() as transaction:
        for fqn in principals:
            transaction.cursor.execute("DELETE FROM kx.principals WHERE role = ? AND fqn = ?", [role, fqn])
            transaction.cursor.execute("INSERT INTO kx.principals VALUES (?, ?, ?)", [role, fqn, notes])
    return _listing(context)


def drop(context: Context, scanner: Scanner) -> Reply:
    """`.drop database D viewers ('aadgroup=…', …)`."""
    role, principals, _ = _named(context, scanner)
    with context.store.write() as transaction:
        for fqn in principals:
            transaction.cursor.execute("DELETE FROM kx.principals WHERE role = ? AND fqn = ?", [role, fqn])
    return _listing(context)


def show(context: Context, scanner: Scanner) -> Reply:
    """`.show database D principals`, from `principals` on."""
    scanner.expect("principals")
    scanner.expect_end()
    return _listing(context)
