"""The functions of T-SQL: which there are, and what each means in the engine.

Belongs here: names SQL Server knows, those that take a date part, and macros that give the engine their meaning.
Does not: where in a statement a function stands (`rewrite`), or catalogue functions (`catalogue`).
"""

from __future__ import annotations

DATE_PARTS = {
    "year": "year", "yyyy": "year", "yy": "year", "quarter": "quarter", "qq": "quarter", "q": "quarter",
    "month": "month", "mm": "month", "m": "month", "dayofyear": "dayofyear", "dy": "dayofyear", "y": "dayofyear",
    "day": "day", "dd": "day", "d": "day", "week": "week", "wk": "week", "ww": "week", "weekday": "weekday",
    "dw": "weekday", "hour": "hour", "hh": "hour", "minute": "minute", "mi": "minute", "n": "minute",
    "second": "second", "ss": "second", "s": "second", "millisecond": "millisecond", "ms": "millisecond",
    "microsecond": "microsecond", "mcs": "microsecond", "nanosecond": "nanosecond", "ns": "nanosecond",
    "iso_week": "iso_week", "isowk": "iso_week", "isoww": "iso_week", "tzoffset": "tzoffset", "tz": "tzoffset",
}  # fmt: skip
TAKES_PART = frozenset(["dateadd", "datediff", "datediff_big", "datepart", "datename", "datetrunc"])
# The engine means the same by these.
SAME = frozenset(
    [
        "count",
        "min",
        "max",
        "coalesce",
        "nullif",
        "row_number",
        "rank",
        "dense_rank",
        "ntile",
        "lag",
        "lead",
        "first_value",
        "last_value",
        "cume_dist",
        "percent_rank",
        "abs",
        "floor",
        "ceiling",
        "power",
        "sqrt",
        "exp",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "degrees",
        "radians",
        "upper",
        "lower",
        "ltrim",
        "rtrim",
        "trim",
        "replace",
        "reverse",
        "concat",
        "concat_ws",
        "greatest",
        "least",
        "string_agg",
        "percentile_cont",
        "percentile_disc",
        "iif",
        "choose",
        "cast",
        "try_cast",
        "convert",
        "try_convert",
        "parse",
        "try_parse",
        "grouping",
        "grouping_id",
        "translate",
        "exists",
        "in",
        "any",
        "some",
        "all",
        "values",
    ]
)
# A macro `ts_<name>` says what these mean.
OURS = frozenset(
    [
        "isnull",
        "len",
        "charindex",
        "substring",
        "left",
        "right",
        "hashbytes",
        "eomonth",
        "datefromparts",
        "getdate",
        "sysutcdatetime",
        "sysdatetime",
        "sysdatetimeoffset",
        "getutcdate",
        "sum",
        "avg",
        "stdev",
        "stdevp",
        "var",
        "varp",
        "count_big",
        "log",
        "log10",
        "square",
        "sign",
        "pi",
        "atn2",
        "round",
        "newid",
        "stuff",
        "replicate",
        "space",
        "str",
        "ascii",
        "char",
        "nchar",
        "unicode",
        "patindex",
        "day",
        "month",
        "year",
        "isnumeric",
        "isdate",
        "quotename",
        "object_id",
        "object_name",
        "object_definition",
        "object_schema_name",
        "schema_id",
        "schema_name",
        "db_name",
        "db_id",
        "suser_sname",
        "suser_name",
        "user_name",
        "type_name",
        "type_id",
        "serverproperty",
        "databasepropertyex",
        "indexproperty",
        "columnproperty",
        "objectproperty",
        "col_length",
        "col_name",
        "has_perms_by_name",
        "error_number",
        "error_message",
        "error_severity",
        "error_state",
        "error_line",
        "error_procedure",
        "xact_state",
        "isjson",
        "json_value",
        "datetime2fromparts",
        "datetimefromparts",
        "timefromparts",
        "datalength",
        "difference",
        "checksum",
        "binary_checksum",
        "format",
        "string_split",
        "generate_series",
        "original_login",
        "host_name",
        "app_name",
        "is_rolemember",
        "is_member",
        "session_context",
        "switchoffset",
        "todatetimeoffset",
        "fn_listextendedproperty",
        "ident_current",
        "scope_identity",
        "current_transaction_id",
        "formatmessage",
        "string_escape",
        "stats_date",
        "sp_executesql",
        "dm_exec_describe_first_result_set",
        "rand",
        "cot",
        "database_principal_id",
    ]
)
# The names of types stand before a bracket as well.
TYPES = frozenset(
    [
        "varchar",
        "nvarchar",
        "char",
        "nchar",
        "varbinary",
        "binary",
        "decimal",
        "numeric",
        "dec",
        "float",
        "real",
        "datetime2",
        "time",
        "datetimeoffset",
        "character",
        "int",
        "bigint",
    ]
)
NILADIC = {"current_timestamp": "ts_getdate()", "current_user": "'dbo'", "session_user": "'dbo'", "user": "'dbo'"}
# Arguments of these are moments, whatever their type: a date, a text, a number of days since 1900.
OF_MOMENTS = frozenset(
    ["datediff", "datediff_big", "datepart", "datename", "year", "month", "day", "eomonth", "format"]
)

_PARTED = []
for _part, _unit in (
    ("year", "to_years({})"), ("quarter", "to_months(3 * ({}))"), ("month", "to_months({})"),
    ("week", "to_days(7 * ({}))"), ("day", "to_days({})"), ("dayofyear", "to_days({})"), ("weekday", "to_days({})"),
):  # fmt: skip
    _step = _unit.format("CAST(n AS INTEGER)")
    _PARTED.append(
        f"ts_dateadd_{_part}(n, x DATE) AS CAST(x + {_step} AS DATE), (n, x TIMESTAMP) AS x + {_step}, "
        f"(n, x TIMESTAMP WITH TIME ZONE) AS x + {_step}, (n, x VARCHAR) AS CAST(x AS TIMESTAMP) + {_step}, "
        f"(n, x INTEGER) AS TIMESTAMP '1900-01-01' + to_days(x) + {_step}"
    )
for _part, _unit in (
    ("hour", "to_hours(CAST(n AS BIGINT))"), ("minute", "to_minutes(CAST(n AS BIGINT))"),
    ("second", "to_seconds(CAST(n AS BIGINT))"), ("millisecond", "to_milliseconds(CAST(n AS BIGINT))"),
    ("microsecond", "to_microseconds(CAST(n AS BIGINT))"),
):  # fmt: skip
    _PARTED.append(
        f"ts_dateadd_{_part}(n, x TIMESTAMP) AS x + {_unit}, (n, x TIMESTAMP WITH TIME ZONE) AS x + {_unit}, "
        f"(n, x TIME) AS x + {_unit}, (n, x VARCHAR) AS CAST(x AS TIMESTAMP) + {_unit}, "
        f"(n, x DATE) AS CAST(error('tds:9810:The datepart {_part} is not supported by date function dateadd for data "
        f"type date.') AS TIMESTAMP)"
    )
# Weeks of DATEDIFF begin on Sunday, whatever DATEFIRST says.
_DIFFERENCES = {
    "year": "date_diff('year', {a}, {b})", "quarter": "date_diff('quarter', {a}, {b})",
    "month": "date_diff('month', {a}, {b})", "day": "date_diff('day', {a}, {b})",
    "dayofyear": "date_diff('day', {a}, {b})", "weekday": "date_diff('day', {a}, {b})",
    "week": "date_diff('day', date_trunc('week', {a} + to_days(1)), date_trunc('week', {b} + to_days(1))) // 7", "hour": "date_diff('hour', {a}, {b})",
    "minute": "date_diff('minute', {a}, {b})", "second": "date_diff('second', {a}, {b})",
    "millisecond": "date_diff('millisecond', {a}, {b})", "microsecond": "date_diff('microsecond', {a}, {b})",
    "nanosecond": "1000 * date_diff('microsecond', {a}, {b})",
}  # fmt: skip
for _part, _difference in _DIFFERENCES.items():
    _body = _difference.format(a="a", b="b")
    _PARTED.append(f"ts_datediff_{_part}(a, b) AS CAST({_body} AS INTEGER)")
    _PARTED.append(f"ts_datediff_big_{_part}(a, b) AS CAST({_body} AS BIGINT)")
_EXTRACTED = {
    "year": "year", "quarter": "quarter", "month": "month", "dayofyear": "dayofyear", "day": "day", "hour": "hour",
    "minute": "minute", "iso_week": "week",
}  # fmt: skip
for _part, _function in _EXTRACTED.items():
    _PARTED.append(f"ts_datepart_{_part}(x) AS CAST({_function}(x) AS INTEGER)")
_PARTED += [
    f"ts_datetrunc_{_part}(x DATE) AS CAST(date_trunc('{_part}', x) AS DATE), (x TIMESTAMP) AS "
    f"date_trunc('{_part}', x), (x) AS date_trunc('{_part}', CAST(x AS TIMESTAMP))"
    for _part in ("year", "quarter", "month", "day", "hour", "minute", "second", "millisecond")
]

MACROS: tuple[str, ...] = (
    ("ts_moment(x TIMESTAMP) AS x, (x DATE) AS CAST(x AS TIMESTAMP), (x VARCHAR) AS CAST(x AS TIMESTAMP), "
    "(x TIMESTAMP WITH TIME ZONE) AS x AT TIME ZONE 'UTC', (x INTEGER) AS TIMESTAMP '1900-01-01' + to_days(x), "
    "(x TIME) AS DATE '1900-01-01' + x, (x) AS CAST(x AS TIMESTAMP)"),
    *_PARTED,
    "ts_datepart_second(x) AS CAST(second(x) AS INTEGER)",
    "ts_datepart_millisecond(x) AS CAST(millisecond(x) % 1000 AS INTEGER)",
    "ts_datepart_microsecond(x) AS CAST(microsecond(x) % 1000000 AS INTEGER)",
    # DATEFIRST is 7 under us_english: Sunday is day 1.
    "ts_datepart_weekday(x) AS CAST(dayofweek(x) + 1 AS INTEGER)",
    ("ts_datepart_week(x) AS CAST(1 + (dayofyear(x) - 1 + dayofweek(date_trunc('year', x))) // 7 "
    "AS INTEGER)"),
    "ts_datename_month(x) AS monthname(x)",
    "ts_datename_weekday(x) AS dayname(x)",
    "ts_datename_year(x) AS CAST(year(x) AS VARCHAR)",
    "ts_datename_quarter(x) AS CAST(quarter(x) AS VARCHAR)",
    "ts_datename_day(x) AS CAST(day(x) AS VARCHAR)",
    ("ts_datetrunc_week(x DATE) AS x - CAST(dayofweek(x) AS INTEGER), (x) AS date_trunc('day', x) - "
    "to_days(CAST(dayofweek(x) AS INTEGER))"),
    "ts_datetrunc_iso_week(x DATE) AS CAST(date_trunc('week', x) AS DATE), (x) AS date_trunc('week', x)",
    "ts_year(x) AS CAST(year(x) AS INTEGER)", "ts_month(x) AS CAST(month(x) AS INTEGER)",
    "ts_day(x) AS CAST(day(x) AS INTEGER)",
    "ts_add(a VARCHAR, b VARCHAR) AS a || b, (a, b) AS a + b",
    "ts_divide(a INTEGER, b INTEGER) AS CAST(a // b AS INTEGER), (a BIGINT, b BIGINT) AS a // b, (a, b) AS a / b",
    "ts_is_whole(x) AS typeof(x) IN ('UTINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT')",
    "ts_divide_aggregates(a, b) AS CASE WHEN ts_is_whole(a) AND ts_is_whole(b) THEN trunc(a / b) ELSE a / b END",
    "ts_integer_aggregates(x) AS CAST(CASE WHEN ts_is_whole(x) THEN x ELSE trunc(x) END AS INTEGER)",
    "ts_bigint_aggregates(x) AS CAST(CASE WHEN ts_is_whole(x) THEN x ELSE trunc(x) END AS BIGINT)",
    "ts_integer(x DOUBLE) AS CAST(trunc(x) AS INTEGER), (x) AS CAST(x AS INTEGER)",
    "ts_bigint(x DOUBLE) AS CAST(trunc(x) AS BIGINT), (x) AS CAST(x AS BIGINT)",
    "ts_isnull(a, b) AS coalesce(a, b)",
    "ts_len(x) AS length(rtrim(CAST(x AS VARCHAR), ' '))",
    "ts_datalength(x VARCHAR) AS strlen(x), (x BLOB) AS octet_length(x)",
    ("ts_charindex(a, b) AS CAST(strpos(lower(b), lower(a)) AS INTEGER), (a, b, s) AS CAST(CASE WHEN "
    "strpos(substring(lower(b), s), lower(a)) = 0 THEN 0 ELSE strpos(substring(lower(b), s), lower(a)) + s - 1 END "
    "AS INTEGER)"),
    ("ts_substring(x, s, n) AS CASE WHEN s + n <= 1 THEN '' ELSE substring(CAST(x AS VARCHAR), greatest(s, 1), "
    "n + least(s - 1, 0)) END"),
    "ts_left(x, n) AS left(CAST(x AS VARCHAR), CAST(n AS BIGINT))",
    "ts_right(x, n) AS right(CAST(x AS VARCHAR), CAST(n AS BIGINT))",
    "ts_stuff(x, s, n, y) AS substring(x, 1, s - 1) || coalesce(y, '') || substring(x, s + n)",
    "ts_replicate(x, n) AS repeat(CAST(x AS VARCHAR), CAST(n AS BIGINT))", "ts_space(n) AS repeat(' ', n)",
    "ts_ascii(x) AS ascii(x)", "ts_unicode(x) AS unicode(x)", "ts_char(n) AS chr(n)", "ts_nchar(n) AS chr(n)",
    ("ts_hashbytes(a, x BLOB) AS unhex(CASE lower(a) WHEN 'md5' THEN md5(x) WHEN 'sha1' THEN sha1(x) ELSE sha256(x) "
    "END), (a, x VARCHAR) AS unhex(CASE lower(a) WHEN 'md5' THEN md5(x) WHEN 'sha1' THEN sha1(x) ELSE sha256(x) END)"),
    ("ts_eomonth(x) AS last_day(CAST(x AS DATE)), (x, n) AS last_day(CAST(x + "
    "to_months(CAST(n AS INTEGER)) AS DATE))"),
    "ts_datefromparts(y, m, d) AS make_date(CAST(y AS BIGINT), CAST(m AS BIGINT), CAST(d AS BIGINT))",
    "ts_datetime2fromparts(y, m, d, h, i, s, f, p) AS make_timestamp(y, m, d, h, i, s + f / power(10, p))",
    "ts_datetimefromparts(y, m, d, h, i, s, f) AS make_timestamp(y, m, d, h, i, s + f / 1000.0)",
    "ts_getdate() AS CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)",
    "ts_sysdatetime() AS CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)",
    "ts_sysutcdatetime() AS CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)",
    "ts_getutcdate() AS CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)",
    "ts_sysdatetimeoffset() AS now()",
    ("ts_sum(x INTEGER) AS CAST(sum(x) AS INTEGER), (x BIGINT) AS CAST(sum(x) AS BIGINT), (x BOOLEAN) AS "
    "sum(CAST(error('tds:8117:Operand data type bit is invalid for sum operator.') AS INTEGER)), (x) AS sum(x)"),
    "ts_avg(x INTEGER) AS CAST(trunc(avg(x)) AS INTEGER), (x BIGINT) AS CAST(trunc(avg(x)) AS BIGINT), (x) AS avg(x)",
    "ts_stdev(x) AS stddev_samp(x)", "ts_stdevp(x) AS stddev_pop(x)", "ts_var(x) AS var_samp(x)",
    "ts_varp(x) AS var_pop(x)", "ts_count_big(x) AS count(x)",
    "ts_log(x) AS ln(x), (x, b) AS log(b, x)", "ts_log10(x) AS log10(x)", "ts_square(x) AS CAST(x AS DOUBLE) * x",
    "ts_sign(x) AS sign(x)", "ts_pi() AS pi()", "ts_atn2(a, b) AS atan2(a, b)", "ts_rand() AS random()",
    ("ts_round(x, n) AS round(x, CAST(n AS INTEGER)), (x, n, t) AS CASE WHEN t = 0 THEN round(x, CAST(n AS INTEGER)) "
    "ELSE trunc(x * power(10, n)) / power(10, n) END"),
    "ts_newid() AS uuid()",
    "ts_isnumeric(x) AS CASE WHEN TRY_CAST(x AS DOUBLE) IS NULL THEN 0 ELSE 1 END",
    "ts_isdate(x) AS CASE WHEN TRY_CAST(x AS TIMESTAMP) IS NULL THEN 0 ELSE 1 END",
    "ts_isjson(x) AS CASE WHEN json_valid(x) THEN 1 ELSE 0 END",
    "ts_json_value(x, p) AS json_extract_string(x, p)",
    "ts_quotename(x) AS '[' || replace(x, ']', ']]') || ']', (x, q) AS q || replace(x, q, q || q) || q",
    ("ts_format(x, f) AS strftime(x, replace(replace(replace(replace(replace(replace(f, 'yyyy', '%Y'), "
    "'MM', '%m'), 'dd', '%d'), 'HH', '%H'), 'mm', '%M'), 'ss', '%S'))"),
    "ts_patindex(p, x) AS CASE WHEN x ILIKE p THEN 1 ELSE 0 END",
    # CONVERT's styles for dates and bytes as text.
    "ts_style_2(x BLOB) AS hex(x), (x) AS CAST(x AS VARCHAR)", "ts_style_1(x BLOB) AS '0x' || hex(x)",
    "ts_style_0(x) AS CAST(x AS VARCHAR)", "ts_style_3(x) AS CAST(x AS VARCHAR)",
    "ts_style_23(x) AS strftime(x, '%Y-%m-%d')", "ts_style_112(x) AS strftime(x, '%Y%m%d')",
    "ts_style_103(x) AS strftime(x, '%d/%m/%Y')", "ts_style_101(x) AS strftime(x, '%m/%d/%Y')",
    "ts_style_108(x) AS strftime(x, '%H:%M:%S')", ("ts_style_20(x) AS strftime(x, "
    "'%Y-%m-%d %H:%M:%S')"),
    "ts_style_120(x) AS strftime(x, '%Y-%m-%d %H:%M:%S')",
    "ts_style_121(x) AS strftime(x, '%Y-%m-%d %H:%M:%S.%f')",
    "ts_style_126(x) AS strftime(x, '%Y-%m-%dT%H:%M:%S.%f')",
    "ts_style_127(x) AS strftime(x, '%Y-%m-%dT%H:%M:%S.%fZ')",
    ("ts_fits(x, n, c) AS CASE WHEN length(CAST(x AS VARCHAR)) > n AND length(rtrim(CAST(x AS VARCHAR))) > n THEN "
    "error('tds:2628:String or binary data would be truncated in column ''' || c || '''. Truncated value: ''' || "
    "left(CAST(x AS VARCHAR), n) || '''.') ELSE left(CAST(x AS VARCHAR), n) END"),
)  # fmt: skip
