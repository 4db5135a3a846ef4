"""`.set`, `.append`, `.set-or-append`, `.set-or-replace`: the rows of a query become an extent."""

from __future__ import annotations

from local_azure.kusto import catalogue, extents
from local_azure.kusto.catalogue import Table
from local_azure.kusto.commands.context import Context, Reply, columns
from local_azure.kusto.commands.tables import refuse_twin
from local_azure.kusto.errors import EntityExistsError, NotServedError, SemanticError
from local_azure.kusto.extents import Extent, parse_tags
from local_azure.kusto.scan import Scanner
from local_azure.kusto.store import Transaction
from local_azure.kusto.translation import Translated

_REPLY = columns(
    ExtentId="guid",
    OriginalSize="real",
    ExtentSize="real",
    CompressedSize="real",
    IndexSize="real",
    RowCount="long",
)
_KNOWN = {"tags", "ingestifnotexists", "folder", "docstring", "distributed", "recreate_schema", "creationtime"}
_WHOLE = ("int", "long")


def _run(
    context: Context, scanner: Scanner, *, creates: bool, needs_new: bool = False, replaces: bool = False
) -> Reply:
    if scanner.accept("async"):
        raise NotServedError("ingestion from a query in the background (async)")
    name = scanner.name()
    properties = scanner.properties()
    if unknown := properties.keys() - _KNOWN:
        raise NotServedError(f"the ingestion property {', '.join(sorted(unknown))}")
    scanner.expect("<|")
    query = scanner.rest()
    with context.store.write() as transaction:
        there = transaction.catalogue.tables.get(name)
        if there and needs_new:
            raise EntityExistsError(f"Table '{name}' already exists.")
        if not there and not creates:
            there = transaction.catalogue.table(name)
        if there and extents.already_ingested(transaction, there, parse_tags(properties.get("ingestifnotexists"))):
            return Reply(_REPLY)
        translated, values = context.queries.select(query, transaction, context.parameters)
        if there is None or (replaces and properties.get("recreate_schema", "").lower() == "true"):
            there = _create(transaction, there, name, translated, properties)
        _check_columns(there, translated)
        before = extents.listing(transaction.cursor, [there.name]) if replaces else []
        extent = extents.append(transaction, there, translated.sql, values, tags=parse_tags(properties.get("tags")))
        extents.drop(transaction, before)
        context.failpoints.reach("before_append")
    context.failpoints.reach("after_append")
    return Reply(_REPLY, [_row(extent)] if extent else [])


def _row(extent: Extent) -> tuple[object, ...]:
    return (extent.extent_id, float(extent.size), float(extent.size), float(extent.size), 0.0, extent.rows)


def _create(
    transaction: Transaction, there: Table | None, name: str, translated: Translated, properties: dict[str, str]
) -> Table:
    refuse_twin(transaction.catalogue, name)
    if there:
        catalogue.drop_table(transaction.cursor, there)
    made = Table(name, translated.columns, properties.get("folder", ""), properties.get("docstring", ""))
    catalogue.create_table(transaction.cursor, made)
    transaction.reload()
    return made


def _check_columns(table: Table, translated: Translated) -> None:
    """Columns are matched by position and type, not by name, as the service does."""
    wanted, given = table.columns, translated.columns
    fits = len(wanted) == len(given) and all(
        a.type == b.type or (a.type in _WHOLE and b.type in _WHOLE) for a, b in zip(wanted, given, strict=True)
    )
    if not fits:
        raise SemanticError(
            f"Query schema does not match table schema: table '{table.name}' has ({table.csl_schema}), the query "
            f"gives ({','.join(f'{column.name}:{column.type}' for column in given)})."
        )


def set_new(context: Context, scanner: Scanner) -> Reply:
    """`.set T <| query`: the table must not exist."""
    return _run(context, scanner, creates=True, needs_new=True)


def append(context: Context, scanner: Scanner) -> Reply:
    """`.append T <| query`: the table must exist."""
    return _run(context, scanner, creates=False)


def set_or_append(context: Context, scanner: Scanner) -> Reply:
    """`.set-or-append T <| query`."""
    return _run(context, scanner, creates=True)


def set_or_replace(context: Context, scanner: Scanner) -> Reply:
    """`.set-or-replace T <| query`: what was there goes in the same transaction."""
    return _run(context, scanner, creates=True, replaces=True)
