"""Queries: bins, names, parameters, limits and the shape the aggregate levels have."""

from __future__ import annotations

import datetime as dt
import math
import random
import statistics
from collections import defaultdict
from collections.abc import Callable

import pytest
from duckdb_kql.errors import KqlUnsupportedError

from local_azure.kusto.commands.context import Context
from local_azure.kusto.errors import KustoError, SemanticError, TimedOutError, as_kusto_error
from local_azure.kusto.queries import Limits, Queries
from local_azure.kusto.request_properties import Properties

READINGS = "(device_id:string, metric:string, channel:string, recorded_at:datetime, ordinal:long, value:real)"
LEVEL = """
    let anchors = Readings
        | where recorded_at >= D and recorded_at < D + 1d and isnotnull(value)
        | summarize anchor = min(value) by device_id, metric, channel;
    Readings
    | where recorded_at >= D and recorded_at < D + 1d and isnotnull(value)
    | join kind=inner anchors on device_id, metric, channel
    | extend position = datetime_diff('microsecond', recorded_at, D) * 1000 + ordinal
    | summarize count_ = count(), min_value = min(value), max_value = max(value), avg_value = avg(value),
        spread = stdev(value - anchor), arg_min(position, value), arg_max(position, value)
        by device_id, metric, channel, window_start = bin(recorded_at, 5m)
    | extend stdev_value = iff(count_ < 2, real(null), spread)
    | project device_id, metric, channel, window_start, count_, min_value, max_value, avg_value, stdev_value,
        first_value = value, last_value = value1
"""
DAY = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - DuckDB's moments are naive UTC
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - DuckDB's moments are naive UTC


def wire(moment: dt.datetime) -> str:
    return moment.isoformat() if moment.microsecond == 0 else moment.isoformat() + "0"


def insert(context: Context, rows: list[tuple]) -> None:
    types = ("VARCHAR", "VARCHAR", "VARCHAR", "TIMESTAMP", "BIGINT", "DOUBLE")
    lists = ", ".join(f"unnest(?::{kind}[])" for kind in types)
    with context.store.write() as transaction:
        columns = [list(values) for values in zip(*rows, strict=True)]
        transaction.cursor.execute(f'INSERT INTO kxdata."Readings" SELECT 0, {lists}', columns)


@pytest.fixture
def readings(context: Context, command: Callable) -> list[tuple]:
    command(f".create table Readings {READINGS}")
    source = random.Random(7)
    moments = [DAY + dt.timedelta(microseconds=source.randrange(86_400_000_000)) for _ in range(3000)]
    edges = [0, 1, 299_999_999, 300_000_000, 86_399_999_999, 86_400_000_000, -1]
    moments += [DAY + dt.timedelta(microseconds=edge) for edge in edges]
    rows = [
        (f"d{n % 3}", "t", "" if n % 2 else "a", moment, n % 5, None if n % 50 == 0 else 1e6 + source.random())
        for n, moment in enumerate(moments)
    ]
    insert(context, rows)
    return rows


def expected(rows: list[tuple]) -> dict[tuple, tuple]:
    groups = defaultdict(list)
    for device, metric, channel, moment, ordinal, value in rows:
        if value is not None and DAY <= moment < DAY + dt.timedelta(days=1):
            start = DAY + (moment - DAY) // dt.timedelta(minutes=5) * dt.timedelta(minutes=5)
            groups[device, metric, channel, start.isoformat() + "Z"].append((moment, ordinal, value))
    answer = {}
    for key, found in groups.items():
        values = [value for *_, value in found]
        spread = statistics.stdev(values) if len(values) > 1 else None
        answer[key] = (
            len(values), min(values), max(values), statistics.fmean(values), spread, min(found)[2], max(found)[2]
        )  # fmt: skip
    return answer


def assert_levels(got: list[list], rows: list[tuple]) -> None:
    want = expected(rows)
    assert {tuple(row[:4]) for row in got} == set(want)
    assert len(got) == len(want)
    for row in got:
        count, low, high, mean, spread, first, last = want[tuple(row[:4])]
        assert (row[4], row[5], row[6], row[9], row[10]) == (count, low, high, first, last)
        assert math.isclose(row[7], mean, rel_tol=1e-9)
        assert (row[8] is None) == (spread is None)
        assert spread is None or math.isclose(row[8], spread, rel_tol=1e-6)


def test_a_level_written_as_a_query_equals_an_independent_computation(query: Callable, readings: list[tuple]) -> None:
    assert_levels(query(f"let D = datetime(2026-01-01); {LEVEL}"), readings)


def test_a_level_written_as_a_function_feeds_its_stage(
    command: Callable, query: Callable, readings: list[tuple]
) -> None:
    command(
        f'.create-or-alter function with (folder="levels", docstring="5 min") Readings5mOf(D: datetime) {{ {LEVEL} }}'
    )
    command(
        ".create-merge table Readings5m_stage (device_id:string, metric:string, channel:string, window_start:datetime,"
        " count_:long, min_value:real, max_value:real, avg_value:real, stdev_value:real, first_value:real,"
        " last_value:real)"
    )
    reply = command(
        """.set-or-append Readings5m_stage with (tags='["drop-by:2026-01-01"]') <| Readings5mOf(datetime(2026-01-01))"""
    )
    assert_levels(query("Readings5m_stage"), readings)
    assert reply[0][-1] == len(expected(readings))


@pytest.mark.parametrize(
    ("size", "seconds"), [("1s", 1), ("1m", 60), ("5m", 300), ("15m", 900), ("1h", 3600), ("1d", 86400)]
)
def test_bins_are_exact_to_the_microsecond(
    context: Context, command: Callable, query: Callable, size: str, seconds: int
) -> None:
    command(f".create table Readings {READINGS}")
    source, step = random.Random(seconds), dt.timedelta(seconds=seconds)
    starts = [EPOCH + step * source.randrange(-(10**9) // seconds, 6 * 10**9 // seconds) for _ in range(200)]
    moments = [start + shift for start in starts for shift in (dt.timedelta(0), step - dt.timedelta(microseconds=1))]
    insert(context, [("d", "t", "", moment, 0, 0.0) for moment in moments])
    got = query(f"Readings | project recorded_at, start = bin(recorded_at, {size})")
    assert len(got) == len(moments)
    for text, start in got:
        moment = dt.datetime.fromisoformat(text[:26].rstrip("Z"))
        assert dt.datetime.fromisoformat(start.rstrip("Z")) == EPOCH + (moment - EPOCH) // step * step


def test_bins_of_numbers_and_timespans_are_the_librarys(query: Callable) -> None:
    assert query("print a = bin(7, 5), b = bin(-7, 5), c = bin(7.5, 2.5), d = bin(1d + 3h, 1d)") == [
        [5, -10, 7.5, "1.00:00:00"]
    ]


@pytest.mark.parametrize(("size", "start"), [("5m", "23:55"), ("1h", "23:00"), ("1d", "00:00")])
def test_the_size_of_a_bin_may_be_a_functions_parameter(
    command: Callable, query: Callable, size: str, start: str
) -> None:
    command(".set T <| print at = datetime(2026-01-01 23:59:59.999999)")
    command(".create-or-alter function Level(size: timespan) { T | summarize count() by start = bin(at, size) }")
    assert query(f"Level({size})") == [[f"2026-01-01T{start}:00Z", 1]]


def test_a_bin_that_does_not_divide_a_day_is_refused(command: Callable, query: Callable) -> None:
    command(f".create table Readings {READINGS}")
    with pytest.raises(KqlUnsupportedError, match="must divide a day"):
        query("Readings | summarize count() by bin(recorded_at, 7d)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("readings | count", "there is `Readings`"),
        ("Nope", "named 'Nope'"),
        ("Readings | where Value > 1", "there is `value`"),
        ("Readings | join kind=inner (Readings | extend Z = VALUE) on device_id", "there is `value`"),
        ("let a = Readings | project Ordinal; a", "there is `ordinal`"),
        ("Readings | where device_id in ((nowhere | project x))", "named 'nowhere'"),
        ("Readings | where absent > 1", "absent"),
        ("duckdb_tables", "named 'duckdb_tables'"),
        ("['/etc/passwd']", "named '/etc/passwd'"),
        ("['$command_result']", "named"),
    ],
)
def test_names_must_exist_in_their_exact_case(command: Callable, query: Callable, text: str, message: str) -> None:
    command(f".create table Readings {READINGS}")
    with pytest.raises(Exception, match=r".") as refused:
        query(text)
    assert message in str(as_kusto_error(refused.value))
    assert as_kusto_error(refused.value).permanent


@pytest.mark.parametrize(
    "text",
    [
        "Readings | summarize arg_max(recorded_at, *) by device_id",
        "Readings | join kind=leftouter (Readings | project d = device_id, v = value) on $left.device_id == $right.d",
        "Readings | join kind=leftanti (Readings | where value > 5) on device_id, metric",
        "Readings | lookup (Readings | project device_id, o = ordinal) on device_id",
        "union Readings, (Readings | extend more = 1) | count",
        "union withsource=Source Readings | summarize count() by Source",
        "let T = Readings | where value > 1; let U = T | count; U",
        "let limit_ = toscalar(Readings | summarize max(value)); Readings | where value == limit_",
        "Readings | extend bag = dynamic({'a': [1, 2]}) | mv-expand item = bag.a to typeof(long) | project item",
        "Readings | parse device_id with 'd' number:long | project number",
        "Readings | getschema | project ColumnName, ColumnType",
        "range x from 1 to 5 step 1 | summarize sum(x)",
        "datatable(a:long, b:string)[1, 'x', 2, 'y'] | where b has 'x'",
        "Readings | project-away value | project-rename at = recorded_at | top 3 by at desc",
        "Readings | summarize percentile(value, 95), dcount(device_id), countif(value > 1) by bin(recorded_at, 1h)",
        "Readings | distinct device_id, metric | sort by device_id asc, metric desc | take 2",
        "Readings | where recorded_at between (datetime(2026-01-01) .. 1d) | count",
        "Readings | where recorded_at > ago(1d) | extend x = case(value > 1, 'a', 'b') | render timechart",
        "set notruncation; Readings | take 1",
        "print x = parse_json('{\"a\": 1}').a, t = 1h, n = real(nan)",
    ],
)
def test_a_working_query_is_not_refused_by_the_checks_on_names(command: Callable, query: Callable, text: str) -> None:
    command(f".create table Readings {READINGS}")
    command(".append Readings <| print 'd1', 't', '', datetime(2026-01-01), 1, 2.5")
    assert isinstance(query(text), list)


@pytest.mark.parametrize(
    ("kind", "value", "want"),
    [
        ("datetime", "datetime(2026-01-01 12:00)", "2026-01-01T12:00:00Z"),
        ("datetime", "2026-01-01T12:00:00.123456Z", "2026-01-01T12:00:00.1234560Z"),
        ("long", "42", 42),
        ("long", 42, 42),
        ("long", "long(42)", 42),
        ("real", "1.5", 1.5),
        ("bool", "true", True),
        ("string", "' | project secret", "' | project secret"),
        ("string", "42", "42"),
        ("timespan", "1h", "01:00:00"),
        ("timespan", "time(1.02:03:04)", "1.02:03:04"),
        ("guid", "2cca5844-8f0d-454e-bdad-299e978be5df", "2cca5844-8f0d-454e-bdad-299e978be5df"),
    ],
)
def test_a_parameter_is_a_value_of_its_declared_type(query: Callable, kind: str, value: object, want: object) -> None:
    assert query(f"declare query_parameters(p:{kind}); print x = p", {"p": value}) == [[want]]


def test_parameters_default_and_must_be_declared(query: Callable) -> None:
    text = "declare query_parameters(p:long = 5); print x = p"
    assert (query(text), query(text, {"p": "6"}), query(text)) == ([[5]], [[6]], [[5]])
    with pytest.raises(SemanticError, match="without a value"):
        query("declare query_parameters(p:long); print p")
    with pytest.raises(KustoError, match="not a long literal"):
        query(text, {"p": "six"})


def test_a_cached_translation_does_not_outlive_the_catalogue(command: Callable, query: Callable) -> None:
    command(".create table T (a: long)")
    command(".append T <| print 1")
    assert query("T") == [[1]]
    command(".create-merge table T (b: string)")
    assert query("T") == [[1, ""]]
    command(".drop table T")
    command(".create table T (a: string)")
    assert query("T") == []
    command(".create-or-alter function F() { print x = 1 }")
    assert query("F()") == [[1]]
    command(".create-or-alter function F() { print x = 2 }")
    assert query("F()") == [[2]]


NUMBERS = "range x from 1 to 100 step 1"


@pytest.mark.parametrize(
    ("text", "options", "rows", "cut"),
    [
        (NUMBERS, {}, 10, "10 records"),
        (f"{NUMBERS} | take 10", {}, 10, None),
        (f"{NUMBERS} | take 11", {}, 10, "10 records"),
        (f"set notruncation; {NUMBERS}", {}, 100, None),
        (NUMBERS, {"notruncation": True}, 100, None),
        (NUMBERS, {"truncationmaxrecords": 50}, 50, "50 records"),
        (f"set truncationmaxrecords=100;\n{NUMBERS}", {}, 100, None),
        (f"{NUMBERS} | take 3 | extend s = strcat('abcdefghijklmnopqrst', 'abcdefghijklmnopqrst')", {}, 2, "100 bytes"),
    ],
)
def test_a_result_above_a_limit_is_cut_and_says_so(
    context: Context, text: str, options: dict, rows: int, cut: str | None
) -> None:
    queries = Queries(context.store, Limits(rows=10, bytes=100 if "strcat" in text else 10_000))
    answer = queries.answer(text, Properties(options))
    assert len(answer.rows) == rows
    assert (answer.cut is None) == (cut is None)
    if cut:
        assert f"set limit of {cut}" in str(answer.cut)
        assert "E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003" in str(answer.cut)


def test_ingestion_from_a_query_knows_no_result_limit(context: Context, command: Callable, query: Callable) -> None:
    context.queries.limits = Limits(rows=10)
    command(f".set N <| {NUMBERS}")
    assert query("N | count") == [[100]]


def test_a_query_ends_at_its_server_timeout(query: Callable) -> None:
    many = "range {} from 1 to 300000 step 1 | extend k = 1"
    heavy = f"{many.format('x')} | join kind=inner ({many.format('y')}) on k | summarize sum(x * y)"
    with pytest.raises(TimedOutError, match=r"servertimeout of 0\.2 s"):
        query(heavy, servertimeout="0:00:00.2")


def test_query_now_stops_the_clock(query: Callable) -> None:
    assert query("print now(), ago(1h)", query_now="2026-01-01T00:00:00Z") == [
        ["2026-01-01T00:00:00Z", "2025-12-31T23:00:00Z"]
    ]
