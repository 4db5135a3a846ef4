"""`.show` for tables, databases, schemas and the version of the service."""

from __future__ import annotations

import json
from collections.abc import Sequence

from local_azure.kusto import extents
from local_azure.kusto.catalogue import Table
from local_azure.kusto.commands import policies
from local_azure.kusto.commands.context import Context, Reply, columns
from local_azure.kusto.kql_types import Column
from local_azure.kusto.scan import Scanner

_TABLES = columns(TableName="string", DatabaseName="string", Folder="string", DocString="string")
_SCHEMA = columns(TableName="string", Schema="string", DatabaseName="string", Folder="string", DocString="string")


def tables(context: Context, scanner: Scanner) -> Reply:
    """`.show tables [(A, B)] [details]`."""
    known = context.store.catalogue
    names = scanner.names() if scanner.peek("(") else list(known.tables)
    found = [known.tables[name] for name in names if name in known.tables]
    if scanner.accept("details"):
        scanner.expect_end()
        return _details(context, found)
    scanner.expect_end()
    return Reply(_TABLES, [(t.name, context.database, t.folder, t.docstring) for t in found])


def databases(context: Context, scanner: Scanner) -> Reply:
    """`.show databases`."""
    scanner.expect_end()
    shape = columns(
        DatabaseName="string",
        PersistentStorage="string",
        Version="string",
        IsCurrent="bool",
        DatabaseAccessMode="string",
        PrettyName="string",
        DatabaseId="guid",
    )
    nobody = "00000000-0000-0000-0000-000000000000"
    return Reply(shape, [(context.database, "", "v1.0", True, "ReadWrite", "", nobody)])


def version(context: Context, scanner: Scanner) -> Reply:
    """`.show version`; the SDKs read ServiceType."""
    scanner.expect_end()
    shape = columns(
        BuildVersion="string",
        BuildTime="datetime",
        ServiceType="string",
        ProductVersion="string",
        ServiceOffering="string",
    )
    offering = json.dumps({"Type": "Local endpoint for development"})
    return Reply(shape, [("1.0.0.0", "2026-01-01T00:00:00Z", "Engine", "local", offering)])


def _entity(table: Table) -> dict[str, object]:
    return {
        "Name": table.name,
        "Folder": table.folder,
        "DocString": table.docstring,
        "OrderedColumns": [
            {"Name": column.name, "Type": column.net_type, "CslType": column.type} for column in table.columns
        ],
    }


def schema(context: Context, scanner: Scanner) -> Reply:
    """`.show database [D] schema [as json]`, `.show schema`."""
    if not (scanner.peek("schema") or scanner.at_end):
        context.store.check_database(scanner.name())
    scanner.accept("schema")
    as_json = scanner.accept_words("as", "json")
    scanner.expect_end()
    known = context.store.catalogue.tables.values()
    if as_json:
        functions = {
            function.name: {
                "Name": function.name,
                "Body": function.body,
                "Parameters": function.parameters,
                "Folder": function.folder,
                "DocString": function.docstring,
            }
            for function in context.store.catalogue.functions.values()
        }
        views = {view.name: {"Name": view.name} for view in context.store.catalogue.views.values()}
        entities = {
            "Name": context.database,
            "Tables": {t.name: _entity(t) for t in known},
            "MaterializedViews": views,
            "Functions": functions,
        }
        text = json.dumps({"Databases": {context.database: entities}})
        return Reply(columns(DatabaseSchema="string"), [(text,)])
    shape = columns(
        DatabaseName="string",
        TableName="string",
        ColumnName="string",
        ColumnType="string",
        IsDefaultTable="bool",
        IsDefaultColumn="bool",
        PrettyName="string",
        Version="string",
        Folder="string",
        DocString="string",
    )
    rows: list[tuple[object, ...]] = [(context.database, "", "", "", False, False, "", "v1.0", "", "")]
    for table in known:
        rows.append((context.database, table.name, "", "", False, False, "", "", table.folder, table.docstring))
        rows += [
            (context.database, table.name, column.name, column.net_type, False, False, "", "", "", "")
            for column in table.columns
        ]
    return Reply(shape, rows)


def table_schema(context: Context, scanner: Scanner, name: str) -> Reply:
    """`.show table T cslschema`, `.show table T schema as json`, `.show table T` (one row per column)."""
    table = context.store.catalogue.table(name)
    if scanner.accept("cslschema"):
        text = table.csl_schema
    elif scanner.accept_words("schema", "as", "json"):
        text = json.dumps(_entity(table))
    elif scanner.at_end:
        shape = columns(AttributeName="string", AttributeType="string", AttributeKind="string")
        return Reply(shape, [(column.name, column.net_type, "Column") for column in table.columns])
    else:
        raise scanner.fail("cslschema, schema as json, details, extents, policy or ingestion mappings")
    scanner.expect_end()
    return Reply(_SCHEMA, [(table.name, text, context.database, table.folder, table.docstring)])


def details(context: Context, scanner: Scanner, name: str) -> Reply:
    """`.show table T details`, as far as there is something to tell here."""
    scanner.expect("details")
    scanner.expect_end()
    return _details(context, [context.store.catalogue.table(name)])


_POLICIES = {
    "RetentionPolicy": "retention",
    "CachingPolicy": "caching",
    "MergePolicy": "merge",
    "StreamingIngestionPolicy": "streamingingestion",
    "RowOrderPolicy": "roworder",
}


def _details(context: Context, tables: Sequence[Table]) -> Reply:
    shape = (
        *_TABLES,
        Column("TotalExtents", "long"),
        Column("TotalOriginalSize", "real"),
        Column("TotalRowCount", "long"),
        *(Column(name, "string") for name in _POLICIES),
    )
    with context.store.read() as cursor:
        known = policies.of_kind(cursor, "table")
        everything = extents.listing(cursor)
    rows: list[tuple[object, ...]] = []
    for table in tables:
        found = [extent for extent in everything if extent.table == table.name]
        size, count = sum(extent.size for extent in found), sum(extent.rows for extent in found)
        kept = (known.get((table.name, policy), "null") for policy in _POLICIES.values())
        named = (table.name, context.database, table.folder, table.docstring)
        rows.append((*named, len(found), float(size), count, *kept))
    return Reply(shape, rows)
