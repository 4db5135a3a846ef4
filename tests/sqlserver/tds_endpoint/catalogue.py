"""The catalogue: SQL Server's system views over what the engine knows, and the little it does not.

Belongs here: the `sys` schema of the database, its views, functions over them, and tables of what the engine lacks.
Does not: functions on values (`tsql.functions`), or statements that change the catalogue (`definitions`).
"""

from __future__ import annotations

import duckdb
from tds_endpoint.tsql.functions import MACROS

# What the engine does not keep: indexes (they would forbid renaming), view texts, descriptions, grants.
KEPT = (
    (
        "CREATE TABLE sys.kept_indexes (schema_name VARCHAR, table_name VARCHAR, index_name VARCHAR, kind VARCHAR, "
        "is_unique BOOLEAN, is_primary BOOLEAN, is_constraint BOOLEAN, columns VARCHAR[], included VARCHAR[], filter VARCHAR)"
    ),
    "CREATE TABLE sys.kept_texts (schema_name VARCHAR, view_name VARCHAR, definition VARCHAR)",
    (
        "CREATE TABLE sys.kept_properties (schema_name VARCHAR, object_name VARCHAR, column_name VARCHAR, name VARCHAR, "
        "value VARCHAR)"
    ),
    "CREATE TABLE sys.kept_grants (permission VARCHAR, schema_name VARCHAR, object_name VARCHAR, grantee VARCHAR)",
    "CREATE TABLE sys.kept_modules (kind VARCHAR, schema_name VARCHAR, name VARCHAR, definition VARCHAR)",
    "CREATE TABLE sys.kept_principals (name VARCHAR, type VARCHAR)",
)
TYPES = (
    ("image", 34, 16), ("text", 35, 16), ("uniqueidentifier", 36, 16), ("date", 40, 3), ("time", 41, 5),
    ("datetime2", 42, 8), ("datetimeoffset", 43, 10), ("tinyint", 48, 1), ("smallint", 52, 2), ("int", 56, 4),
    ("smalldatetime", 58, 4), ("real", 59, 4), ("money", 60, 8), ("datetime", 61, 8), ("float", 62, 8),
    ("bit", 104, 1), ("decimal", 106, 17), ("numeric", 108, 17), ("bigint", 127, 8), ("varbinary", 165, 8000),
    ("varchar", 167, 8000), ("binary", 173, 8000), ("char", 175, 8000), ("nvarchar", 231, 8000), ("nchar", 239, 8000),
    ("xml", 241, -1),
)  # fmt: skip
OWN = "database_name = current_database() AND schema_name NOT IN ('sys', 'main', 'information_schema', 'pg_catalog')"
VIEWS = (
    ("sys.schemas AS SELECT schema_name AS name, CASE schema_name WHEN 'dbo' THEN 1 ELSE ts_number(schema_name) END AS "
    "schema_id, 1 AS principal_id FROM duckdb_schemas() WHERE database_name = current_database() AND schema_name NOT IN "
    "('main', 'pg_catalog', 'information_schema') OR (database_name = 'system' AND schema_name = 'information_schema')"),
    "sys.kept_all AS SELECT schema_name, table_name AS name, 'U' AS kind FROM duckdb_tables() WHERE " + OWN
    + " UNION ALL SELECT schema_name, view_name, 'V' FROM duckdb_views() WHERE NOT internal AND " + OWN,
    ("sys.objects AS SELECT a.name, ts_number(a.schema_name || '.' || a.name) AS object_id, CAST(NULL AS INTEGER) AS "
    "principal_id, s.schema_id, 0 AS parent_object_id, a.kind AS type, CASE a.kind WHEN 'U' THEN 'USER_TABLE' ELSE "
    "'VIEW' END AS type_desc, TIMESTAMP '2026-01-01' AS create_date, TIMESTAMP '2026-01-01' AS modify_date, false AS "
    "is_ms_shipped, a.schema_name AS kept_schema FROM sys.kept_all AS a JOIN sys.schemas AS s ON s.name = a.schema_name "
    "UNION ALL SELECT index_name, ts_number(schema_name || '.' || index_name), NULL, ts_number(schema_name), "
    "ts_number(schema_name || '.' || table_name), CASE WHEN is_primary THEN 'PK' ELSE 'UQ' END, 'CONSTRAINT', "
    "TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-01', false, schema_name FROM sys.kept_indexes WHERE is_constraint"),
    "sys.tables AS SELECT * FROM sys.objects WHERE type = 'U'",
    "sys.views AS SELECT * FROM sys.objects WHERE type = 'V'",
    "sys.all_objects AS SELECT * FROM sys.objects",
    "sys.key_constraints AS SELECT *, 1 AS unique_index_id FROM sys.objects WHERE type IN ('PK', 'UQ')",
    "sys.kept_columns AS SELECT schema_name, table_name, column_name, column_index, is_nullable, column_default, "
    "coalesce(nullif(comment, ''), ts_named(data_type)) AS spelling FROM duckdb_columns() WHERE NOT internal AND " + OWN,
    "sys.types AS SELECT * FROM (VALUES "
    + ", ".join(f"('{name}', {number}, {number}, 4, {size})" for name, number, size in TYPES)
    + ") AS t(name, system_type_id, user_type_id, schema_id, max_length)",
    ("sys.columns AS SELECT ts_number(c.schema_name || '.' || c.table_name) AS object_id, c.column_name AS name, "
    "CAST(c.column_index AS INTEGER) AS column_id, t.system_type_id, t.user_type_id, ts_length(c.spelling, t.max_length) "
    "AS max_length, ts_precision(c.spelling) AS precision, ts_scale(c.spelling) AS scale, CASE WHEN c.spelling LIKE "
    "'%char%' THEN 'SQL_Latin1_General_CP1_CI_AS' END AS collation_name, c.is_nullable, false AS is_identity, false AS "
    "is_computed, false AS is_hidden, false AS is_masked, 0 AS default_object_id, 0 AS generated_always_type, "
    "CAST(NULL AS INTEGER) AS graph_type, c.spelling AS kept_spelling FROM sys.kept_columns AS c JOIN sys.types AS t ON "
    "t.name = regexp_extract(c.spelling, '^\\w+')"),
    ("sys.all_columns AS SELECT * FROM sys.columns UNION ALL SELECT -1, 'graph_type', 1, 56, 56, 4, 10, 0, NULL, true, "
    "false, false, false, false, 0, 0, NULL, 'int'"),
    "sys.masked_columns AS SELECT *, '' AS masking_function FROM sys.columns WHERE false",
    "sys.computed_columns AS SELECT *, '' AS definition FROM sys.columns WHERE false",
    "sys.identity_columns AS SELECT * FROM sys.columns WHERE false",
    ("sys.kept_numbered AS SELECT *, CAST(row_number() OVER (PARTITION BY schema_name, table_name ORDER BY kind, "
    "index_name) AS INTEGER) AS number FROM sys.kept_indexes"),
    ("sys.indexes AS SELECT ts_number(schema_name || '.' || table_name) AS object_id, index_name AS name, number AS "
    "index_id, CAST(CASE kind WHEN 'CLUSTERED' THEN 1 WHEN 'NONCLUSTERED' THEN 2 WHEN 'CLUSTERED COLUMNSTORE' THEN 5 "
    "ELSE 6 END AS UTINYINT) AS type, kind AS type_desc, is_unique, is_primary AS is_primary_key, is_constraint AND NOT "
    "is_primary AS is_unique_constraint, filter IS NOT NULL AS has_filter, filter AS filter_definition, false AS "
    "is_disabled, false AS is_hypothetical, false AS ignore_dup_key, CAST(0 AS UTINYINT) AS fill_factor, 1 AS "
    "data_space_id FROM sys.kept_numbered UNION ALL SELECT object_id, NULL, 0, 0, 'HEAP', false, false, false, false, "
    "NULL, false, false, false, 0, 1 FROM sys.tables"),
    ("sys.kept_keys AS SELECT *, unnest(columns || included) AS column_name, generate_subscripts(columns || included, 1) "
    "AS position, len(columns) AS keys FROM sys.kept_numbered"),
    ("sys.index_columns AS SELECT c.object_id, k.number AS index_id, CAST(k.position AS INTEGER) AS index_column_id, "
    "c.column_id, CAST(CASE WHEN k.position <= k.keys THEN k.position ELSE 0 END AS UTINYINT) AS key_ordinal, CAST(0 AS "
    "UTINYINT) AS partition_ordinal, false AS is_descending_key, k.position > k.keys AS is_included_column, CAST(0 AS "
    "UTINYINT) AS column_store_order_ordinal FROM sys.kept_keys AS k JOIN sys.columns AS c ON c.object_id = "
    "ts_number(k.schema_name || '.' || k.table_name) AND lower(c.name) = lower(k.column_name)"),
    ("sys.extended_properties AS SELECT CAST(1 AS UTINYINT) AS class, ts_number(p.schema_name || '.' || p.object_name) AS "
    "major_id, coalesce(c.column_id, 0) AS minor_id, p.name, p.value FROM sys.kept_properties AS p LEFT JOIN sys.columns "
    "AS c ON c.object_id = ts_number(p.schema_name || '.' || p.object_name) AND lower(c.name) = lower(p.column_name)"),
    "sys.sql_modules AS SELECT ts_number(schema_name || '.' || view_name) AS object_id, definition FROM sys.kept_texts",
    ("sys.database_principals AS SELECT 'dbo' AS name, 1 AS principal_id, 'S' AS type, 'SQL_USER' AS type_desc UNION ALL "
    "SELECT name, ts_number(name), type, 'ROLE' FROM sys.kept_principals"),
    ("sys.databases AS SELECT current_database() AS name, 5 AS database_id, 'SQL_Latin1_General_CP1_CI_AS' AS "
    "collation_name, CAST(160 AS UTINYINT) AS compatibility_level, true AS is_read_committed_snapshot_on, CAST(1 AS "
    "UTINYINT) AS snapshot_isolation_state"),
    ("sys.database_permissions AS SELECT CAST(1 AS UTINYINT) AS class, ts_number(schema_name || '.' || object_name) AS "
    "major_id, 0 AS minor_id, permission AS permission_name, ts_number(grantee) AS grantee_principal_id, 'G' AS state, "
    "'GRANT' AS state_desc FROM sys.kept_grants"),
    ("sys.foreign_keys AS SELECT name, object_id, parent_object_id, 0 AS referenced_object_id, schema_id FROM sys.objects "
    "WHERE false"),
    ("sys.partitions AS SELECT object_id, index_id, 1 AS partition_number, CAST(0 AS BIGINT) AS rows, CAST(0 AS UTINYINT) "
    "AS data_compression, 'NONE' AS data_compression_desc FROM sys.indexes"),
    ("sys.security_policies AS SELECT name, ts_number(schema_name || '.' || name) AS object_id, "
    "ts_number(schema_name) AS schema_id, true AS is_enabled FROM sys.kept_modules WHERE kind = 'SECURITY POLICY'"),
    ("sys.sql_expression_dependencies AS SELECT 0 AS referencing_id, 0 AS referenced_id, '' AS referenced_database_name, '' AS "
    "referenced_schema_name, '' AS referenced_entity_name WHERE false"),
    ("sys.information_schema_tables AS SELECT current_database() AS table_catalog, kept_schema AS table_schema, name AS "
    "table_name, CASE type WHEN 'U' THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type FROM sys.objects WHERE type IN "
    "('U', 'V')"),
    ("sys.information_schema_views AS SELECT current_database() AS table_catalog, kept_schema AS table_schema, name AS "
    "table_name, ts_object_definition(object_id) AS view_definition FROM sys.views"),
    ("sys.information_schema_schemata AS SELECT current_database() AS catalog_name, name AS schema_name, 'dbo' AS "
    "schema_owner FROM sys.schemas"),
    ("sys.information_schema_columns AS SELECT current_database() AS table_catalog, o.kept_schema AS table_schema, o.name "
    "AS table_name, c.name AS column_name, c.column_id AS ordinal_position, CASE WHEN c.is_nullable THEN 'YES' ELSE 'NO' "
    "END AS is_nullable, t.name AS data_type, CASE WHEN t.name LIKE '%char' OR t.name LIKE '%binary' THEN CASE WHEN "
    "t.name LIKE 'n%' AND c.max_length > 0 THEN c.max_length // 2 ELSE c.max_length END END AS character_maximum_length, "
    "CASE WHEN c.precision > 0 THEN c.precision END AS numeric_precision, CASE WHEN c.precision > 0 THEN c.scale END AS "
    "numeric_scale, CASE WHEN t.name LIKE 'date%' THEN c.scale END AS datetime_precision, c.collation_name FROM "
    "sys.columns AS c JOIN sys.objects AS o ON o.object_id = c.object_id JOIN sys.types AS t ON t.user_type_id = "
    "c.user_type_id"),
)  # fmt: skip
BEFORE = (
    "ts_number(x) AS CAST(1000000 + hash(lower(x)) % 2000000000 AS INTEGER)",
    "ts_size(x) AS regexp_extract(x, '\\((\\w+)', 1)",
    ("ts_length(x, n) AS CAST(CASE WHEN ts_size(x) = 'max' THEN -1 WHEN x LIKE 'n%char%' THEN 2 * CAST(ts_size(x) AS "
    "INTEGER) WHEN x LIKE '%char%' OR x LIKE '%binary%' THEN CAST(ts_size(x) AS INTEGER) ELSE n END AS INTEGER)"),
    ("ts_precision(x) AS CAST(CASE WHEN x LIKE 'decimal%' OR x LIKE 'numeric%' THEN CAST(ts_size(x) AS INTEGER) WHEN x = "
    "'float' THEN 53 WHEN x = 'real' THEN 24 WHEN x = 'int' THEN 10 WHEN x = 'bigint' THEN 19 WHEN x = 'smallint' THEN 5 "
    "WHEN x = 'tinyint' THEN 3 WHEN x = 'bit' THEN 1 ELSE 0 END AS UTINYINT)"),
    ("ts_scale(x) AS CAST(CASE WHEN x LIKE 'decimal%' OR x LIKE 'numeric%' THEN CAST(regexp_extract(x, ',\\s*(\\d+)', 1) AS "
    "INTEGER) WHEN x LIKE 'datetime2%' OR x LIKE 'time%' OR x LIKE 'datetimeoffset%' THEN CAST(ts_size(x) AS INTEGER) "
    "ELSE 0 END AS UTINYINT)"),
    ("ts_named(x) AS CASE x WHEN 'INTEGER' THEN 'int' WHEN 'BIGINT' THEN 'bigint' WHEN 'SMALLINT' THEN 'smallint' WHEN "
    "'UTINYINT' THEN 'tinyint' WHEN 'BOOLEAN' THEN 'bit' WHEN 'DOUBLE' THEN 'float' WHEN 'FLOAT' THEN 'real' WHEN 'DATE' "
    "THEN 'date' WHEN 'TIMESTAMP' THEN 'datetime2(6)' WHEN 'TIME' THEN 'time(6)' WHEN 'UUID' THEN 'uniqueidentifier' WHEN "
    "'BLOB' THEN 'varbinary(8000)' WHEN 'HUGEINT' THEN 'bigint' WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'datetimeoffset(6)' "
    "WHEN 'VARCHAR' THEN 'nvarchar(4000)' ELSE CASE WHEN x LIKE 'DECIMAL%' THEN lower(x) ELSE 'nvarchar(4000)' END END"),
    "ts_plain(x) AS regexp_replace(x, '[\\[\\]\"]', '', 'g')",
    ("ts_qualified(x) AS CASE WHEN ts_plain(x) LIKE '%.%.%' THEN regexp_replace(ts_plain(x), '^[^.]*\\.', '') WHEN "
    "ts_plain(x) LIKE '%.%' THEN ts_plain(x) ELSE 'dbo.' || ts_plain(x) END"),
    ("ts_object_definition(i) AS (SELECT any_value(definition) FROM sys.kept_texts WHERE ts_number(schema_name || '.' || "
    "view_name) = i)"),
)  # fmt: skip
AFTER = (
    ("ts_object_id(x) AS (SELECT any_value(object_id) FROM (SELECT object_id FROM sys.objects WHERE object_id = "
    "ts_number(ts_qualified(x)) UNION ALL SELECT ts_number(table_name) FROM duckdb_tables() WHERE temporary AND "
    "lower(table_name) = lower(regexp_extract(ts_plain(x), '#.*')) UNION ALL SELECT -1 WHERE lower(ts_plain(x)) = "
    "'sys.all_columns')), (x, k) AS (SELECT any_value(object_id) FROM (SELECT object_id FROM sys.objects WHERE object_id "
    "= ts_number(ts_qualified(x)) AND type = trim(k) UNION ALL SELECT ts_number(table_name) FROM duckdb_tables() WHERE "
    "temporary AND k = 'U' AND lower(table_name) = lower(regexp_extract(ts_plain(x), '#.*'))))"),
    "ts_object_name(i) AS (SELECT any_value(name) FROM sys.objects WHERE object_id = i)",
    "ts_object_schema_name(i) AS (SELECT any_value(kept_schema) FROM sys.objects WHERE object_id = i)",
    "ts_schema_id(x) AS (SELECT any_value(schema_id) FROM sys.schemas WHERE lower(name) = lower(x)), () AS 1",
    "ts_schema_name(i) AS (SELECT any_value(name) FROM sys.schemas WHERE schema_id = i), () AS 'dbo'",
    "ts_type_name(i) AS (SELECT any_value(name) FROM sys.types WHERE user_type_id = i)",
    ("ts_col_length(t, c) AS (SELECT any_value(max_length) FROM sys.columns WHERE object_id = "
    "ts_number(ts_qualified(t)) AND lower(name) = lower(c))"),
    "ts_col_name(i, n) AS (SELECT any_value(name) FROM sys.columns WHERE object_id = i AND column_id = n)",
    ("ts_indexproperty(i, x, p) AS (SELECT any_value(index_id) FROM sys.indexes WHERE object_id = i AND lower(name) = "
    "lower(x))"),
    "ts_db_name() AS current_database()", ("ts_db_id() AS 5, (x) AS CASE WHEN lower(x) = lower(current_database()) THEN "
    "5 END"),
    "ts_suser_sname() AS 'dbo'", "ts_suser_name() AS 'dbo'", "ts_user_name() AS 'dbo', (i) AS 'dbo'",
    "ts_original_login() AS 'dbo'", "ts_host_name() AS 'client'", "ts_app_name() AS 'client'",
    ("ts_serverproperty(x) AS CASE lower(x) WHEN 'babelfish' THEN NULL WHEN 'engineedition' THEN '3' WHEN 'productversion' THEN '16.0.4135.4' WHEN "
    "'productmajorversion' THEN '16' WHEN 'edition' THEN 'Developer Edition (64-bit)' WHEN 'collation' THEN "
    "'SQL_Latin1_General_CP1_CI_AS' END"),
    ("ts_databasepropertyex(d, x) AS CASE lower(x) WHEN 'collation' THEN 'SQL_Latin1_General_CP1_CI_AS' WHEN 'status' "
    "THEN 'ONLINE' END"),
    "ts_has_perms_by_name(a, b, c) AS 1", "ts_is_rolemember(x) AS CASE WHEN x = 'db_owner' THEN 1 ELSE 0 END",
    ("ts_database_principal_id(x) AS (SELECT any_value(principal_id) FROM sys.database_principals WHERE lower(name) = "
    "lower(x)), () AS 1"), "ts_is_member(x) AS 1",
    "ts_checksum(x) AS CAST(hash(x) % 2147483647 AS INTEGER)",
)  # fmt: skip


def create(connection: duckdb.DuckDBPyConnection, database: str, *, babelfish: bool = False) -> None:
    """An empty database with its catalogue."""
    connection.execute(f"ATTACH ':memory:' AS \"{database}\"")
    connection.execute(f'USE "{database}"')
    connection.execute("CREATE SCHEMA dbo; CREATE SCHEMA sys")
    at_home(connection, database)
    for table in KEPT:
        connection.execute(table)
    for macro in (*MACROS, *BEFORE):
        connection.execute(f"CREATE MACRO sys.{macro}")
    for view in VIEWS:
        connection.execute(f"CREATE VIEW {view}")
    for macro in AFTER:
        told = macro.replace("'babelfish' THEN NULL", "'babelfish' THEN '1'") if babelfish else macro
        connection.execute(f"CREATE MACRO sys.{told}")


def at_home(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """A session's settings: dbo first, then the catalogue's functions."""
    quoted = database.replace('"', '""')
    connection.execute(f"""SET search_path = '"{quoted}".dbo,"{quoted}".sys'""")
    connection.execute("SET TimeZone = 'UTC'")
