"""Commands about tables: create, extend, drop, clear."""

from __future__ import annotations

from dataclasses import replace

from local_azure.kusto import catalogue, extents
from local_azure.kusto.catalogue import EXTENT, Table
from local_azure.kusto.commands.context import Context, Reply, columns
from local_azure.kusto.errors import EntityExistsError, SemanticError
from local_azure.kusto.kql_types import Column, scalar_type
from local_azure.kusto.scan import Scanner, split_top
from local_azure.kusto.store import Transaction

_SCHEMA = columns(TableName="string", Schema="string", DatabaseName="string", Folder="string", DocString="string")
_DROPPED = columns(TableName="string", DatabaseName="string", Folder="string", DocString="string")


def parse_columns(text: str) -> tuple[Column, ...]:
    """`a: string, ['b c']: long` as columns."""
    found = []
    for part in split_top(text, ","):
        scanner = Scanner(part)
        name = scanner.name()
        scanner.expect(":")
        found.append(Column(name, scalar_type(scanner.word())))
        scanner.expect_end()
    folded = [column.name.casefold() for column in found]
    if len(set(folded)) != len(folded):
        raise SemanticError("two columns have the same name, or names that differ only in case")
    if any(f'"{column.name}"' == EXTENT for column in found):
        raise SemanticError(f"a column cannot be named {EXTENT}")
    return tuple(found)


def _declared(scanner: Scanner) -> Table:
    name = scanner.name()
    found = parse_columns(scanner.enclosed("("))
    properties = scanner.properties()
    scanner.expect_end()
    return Table(name, found, properties.get("folder", ""), properties.get("docstring", ""))


def _reply(context: Context, *tables: Table) -> Reply:
    return Reply(_SCHEMA, [(t.name, t.csl_schema, context.database, t.folder, t.docstring) for t in tables])


def create(context: Context, scanner: Scanner) -> Reply:
    """`.create table T (...)`: the same again changes nothing, another schema is refused."""
    wanted = _declared(scanner)
    with context.store.write() as transaction:
        there = transaction.catalogue.tables.get(wanted.name)
        if there:
            if there.columns != wanted.columns:
                raise EntityExistsError(f"Table '{wanted.name}' already exists with schema ({there.csl_schema}).")
            return _reply(context, there)
        refuse_twin(transaction.catalogue, wanted.name)
        catalogue.create_table(transaction.cursor, wanted)
        transaction.reload()
    return _reply(context, wanted)


def create_merge(context: Context, scanner: Scanner) -> Reply:
    """`.create-merge table T (...)`: create, or add the columns that are missing."""
    wanted = _declared(scanner)
    with context.store.write() as transaction:
        there = transaction.catalogue.tables.get(wanted.name)
        if there is None:
            refuse_twin(transaction.catalogue, wanted.name)
            catalogue.create_table(transaction.cursor, wanted)
            transaction.reload()
            made = wanted
        else:
            made = _merge(there, wanted, transaction)
    return _reply(context, made)


def alter_merge(context: Context, scanner: Scanner) -> Reply:
    """`.alter-merge table T (...)`: add the columns that are missing to a table that exists."""
    wanted = _declared(scanner)
    with context.store.write() as transaction:
        made = _merge(transaction.catalogue.table(wanted.name), wanted, transaction)
    return _reply(context, made)


def alter(context: Context, scanner: Scanner) -> Reply:
    """`.alter table T (...)`: exactly these columns in this order; `.alter table T docstring|folder "..."`."""
    start = scanner.position
    name = scanner.name()
    for word in ("docstring", "folder"):
        if scanner.accept(word):
            text = scanner.string()
            scanner.expect_end()
            with context.store.write() as transaction:
                there = transaction.catalogue.table(name)
                made = replace(there, docstring=text) if word == "docstring" else replace(there, folder=text)
                catalogue.put_table(transaction.cursor, made)
                transaction.reload()
            return _reply(context, made)
    scanner.position = start
    wanted = _declared(scanner)
    with context.store.write() as transaction:
        there = transaction.catalogue.table(wanted.name)
        _refuse_other_types(there, wanted)
        made = replace(wanted, folder=wanted.folder or there.folder, docstring=wanted.docstring or there.docstring)
        catalogue.rebuild_table(transaction.cursor, there, made)
        transaction.reload()
    return _reply(context, made)


def _refuse_other_types(there: Table, wanted: Table) -> None:
    types = {column.name: column.type for column in there.columns}
    for column in wanted.columns:
        if types.get(column.name, column.type) != column.type:
            raise SemanticError(
                f"column '{column.name}' of '{there.name}' is {types[column.name]} and cannot become {column.type}"
            )


def _merge(there: Table, wanted: Table, transaction: Transaction) -> Table:
    types = {column.name: column.type for column in there.columns}
    folded = {column.name.casefold(): column.name for column in there.columns}
    _refuse_other_types(there, wanted)
    added = []
    for column in wanted.columns:
        if column.name in types:
            continue
        if column.name.casefold() in folded:
            raise SemanticError(f"column '{column.name}' differs from '{folded[column.name.casefold()]}' only in case")
        added.append(column)
    described = replace(there, folder=wanted.folder or there.folder, docstring=wanted.docstring or there.docstring)
    if not added and described == there:
        return there
    made = catalogue.add_columns(transaction.cursor, described, tuple(added))
    transaction.reload()
    return made


def refuse_twin(known: catalogue.Catalogue, name: str) -> None:
    """Refuse a name that DuckDB could not tell from one that is there."""
    for other in known.tables:
        if other.casefold() == name.casefold() and other != name:
            raise EntityExistsError(
                f"Table '{name}' differs from '{other}' only in case; the local endpoint has one of them."
            )


def drop(context: Context, scanner: Scanner) -> Reply:
    """`.drop table T [ifexists]`, `.drop tables (A, B) [ifexists]`; answers with the tables that are left."""
    names = scanner.names() if scanner.peek("(") else [scanner.name()]
    if_exists = scanner.accept("ifexists")
    scanner.expect_end()
    with context.store.write() as transaction:
        for name in names:
            if if_exists and name not in transaction.catalogue.tables:
                continue
            catalogue.drop_table(transaction.cursor, transaction.catalogue.table(name))
        transaction.reload()
        left = list(transaction.catalogue.tables.values())
    return Reply(_DROPPED, [(t.name, context.database, t.folder, t.docstring) for t in left])


def clear(context: Context, scanner: Scanner) -> Reply:
    """`.clear table T data`."""
    name = scanner.name()
    scanner.expect("data")
    scanner.expect_end()
    with context.store.write() as transaction:
        table = transaction.catalogue.table(name)
        extents.drop(transaction, extents.listing(transaction.cursor, [table.name]))
    return Reply(columns(Status="string"), [("Succeeded",)])
