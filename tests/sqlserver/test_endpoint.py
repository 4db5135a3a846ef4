"""Microsoft's drivers and the endpoint: what each sends, the other understands."""

from __future__ import annotations

import datetime as dt
import itertools
import time
import uuid
from contextlib import closing
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

pytestmark = pytest.mark.timeout(60)
NUMBERS = itertools.count(1)


@pytest.fixture
def table(cursor: Any) -> str:
    """A table of its own, with a key and a bounded text."""
    name = f"dbo.t{next(NUMBERS)}"
    cursor.execute(f"create table {name} (id int not null primary key, name nvarchar(5) null, v float null)")
    return name


VALUES = [
    ("tinyint", 255), ("smallint", -5), ("int", 7), ("bigint", 2**40), ("bit", True), ("float", 0.1), ("real", 0.5),
    ("decimal(12,3)", Decimal("-12345.678")), ("decimal(38,0)", Decimal(10**37)), ("nvarchar(20)", "blå 😀"),
    ("nvarchar(max)", "x" * 9000), ("varchar(20)", "åß"), ("varbinary(8)", b"\x00\xff"), ("date", dt.date(2024, 2, 29)),
    ("time(6)", dt.time(23, 59, 58, 123456)), ("datetime2(6)", dt.datetime(2026, 3, 29, 1, 2, 3, 456789)),  # noqa: DTZ001 - SQL Server keeps no zone
    ("datetimeoffset(6)", dt.datetime(2026, 3, 29, 1, 2, 3, 456789, dt.UTC)),
    ("uniqueidentifier", uuid.UUID("12345678-1234-5678-1234-567812345678")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=[kind for kind, _ in VALUES])
def test_a_value_comes_back_as_it_was_bound_and_so_does_a_null(cursor, kind, value):
    name = f"#v{next(NUMBERS)}"
    cursor.execute(f"create table {name} (v {kind} null)")
    cursor.execute(f"insert into {name} values (?)", value)
    cursor.execute(f"insert into {name} values (null)")
    found = [row[0] for row in cursor.execute(f"select v from {name} order by v").fetchall()]
    assert found == [None, value]


def test_rows_are_copied_in_bulk_from_tuples_and_from_arrow(cursor, table):
    assert cursor.bulkcopy(table, [(1, "a", 0.5), (2, None, None)])["rows_copied"] == 2
    batch = pa.RecordBatch.from_pydict({"v": [1.5], "id": pa.array([3], pa.int32())})
    assert cursor.bulkcopy_arrow(table, [batch], column_mappings=["v", "id"])["rows_copied"] == 1
    found = cursor.execute(f"select id, name, v from {table} order by id").fetchall()
    assert [tuple(row) for row in found] == [(1, "a", 0.5), (2, None, None), (3, None, 1.5)]


def test_a_bulk_copy_that_does_not_fit_copies_nothing(cursor, table):
    with pytest.raises(Exception, match="violation|Violation"):
        cursor.bulkcopy(table, [(1, "a", None), (1, "b", None)])
    assert cursor.execute(f"select count(*) from {table}").fetchval() == 0


def test_a_prepared_statement_runs_for_many_rows(cursor, table):
    cursor.executemany(f"insert into {table} (id, name) values (?, ?)", [(n, str(n)) for n in range(20)])
    assert cursor.execute(f"select count(*) from {table} where id >= ?", 5).fetchval() == 15


def test_a_transaction_rolls_back_rows_and_definitions_together(sql_server, driver, table):
    with closing(driver.connect(sql_server, autocommit=False)) as connection:
        cursor = connection.cursor()
        cursor.execute(f"insert into {table} (id) values (1)")
        cursor.execute("create table dbo.gone (id int)")
        connection.rollback()
        cursor.execute(f"insert into {table} (id) values (2)")
        connection.commit()
        assert [row[0] for row in cursor.execute(f"select id from {table}").fetchall()] == [2]
        assert cursor.execute("select object_id('dbo.gone')").fetchval() is None
        connection.rollback()


def test_two_writers_of_a_row_end_in_a_deadlock_for_one(sql_server, driver, cursor, table):
    cursor.execute(f"insert into {table} (id, v) values (1, 0)")
    with closing(driver.connect(sql_server, autocommit=True)) as other:
        theirs = other.cursor()
        cursor.execute("begin transaction")
        theirs.execute("begin transaction")
        theirs.execute(f"update {table} set v = 1 where id = 1")
        with pytest.raises(driver.Error, match="deadlock victim"):
            cursor.execute(f"update {table} set v = 2 where id = 1")
        theirs.execute("commit")
    assert cursor.execute(f"select v from {table}").fetchval() == 1
    assert cursor.execute("select @@trancount").fetchval() == 0


def test_a_temporary_table_is_its_sessions_own(sql_server, driver, cursor):
    cursor.execute("create table #mine (id int)")
    with (
        closing(driver.connect(sql_server, autocommit=True)) as other,
        pytest.raises(driver.Error, match="Invalid object"),
    ):
        other.cursor().execute("select * from #mine")
    assert cursor.execute("select count(*) from #mine").fetchval() == 0


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select 1 limit 1", "Incorrect syntax near '1'"),
        ("select '1'::int", "Incorrect syntax near '::'"),
        ("select 'a' || 'b'", "Incorrect syntax near"),
        ("select true", "Invalid column name 'true'"),
        ("select name from sys.tables group by 1", "Each GROUP BY expression"),
        ("select * from (select 1 as a order by 1) as x", "ORDER BY clause is invalid"),
        ("with x as (select 1 as a order by a) select * from x", "ORDER BY clause is invalid"),
        ("select * from (select 1 as a)", "Incorrect syntax"),
        ("select * from sys.tables where is_ms_shipped", "non-boolean type"),
        ("select date_trunc('day', getdate())", "'date_trunc' is not a recognized"),
        ("select md5('a')", "'md5' is not a recognized"),
        ("create or replace view v as select 1 as a", "Incorrect syntax"),
        ("select 1 as a; create view v as select 1 as a", "must be the first statement"),
        ("exec('create view v as select 1 as a order by a')", "ORDER BY clause is invalid"),
        ("select * from nowhere", "Invalid object name 'dbo.nowhere'|Invalid object name 'nowhere'"),
        ("select nothing from sys.tables", "Invalid column name 'nothing'"),
        ("select 1 / 0", "Divide by zero"),
        ("select cast('x' as int)", "Conversion failed"),
        ("select @unknown", "Must declare the scalar variable"),
        ("drop table dbo.nowhere", "Cannot drop the table"),
    ],
)  # fmt: skip
def test_what_sql_server_refuses_is_refused(cursor, driver, sql, words):
    with pytest.raises(driver.Error, match=words):
        cursor.execute(sql)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1, 'longer', null", "would be truncated"),
        ("1, 'a', null), (1, 'b', null", "duplicate key"),
        ("null, 'a', 1", "Cannot insert the value NULL"),
    ],
)
def test_a_row_that_breaks_its_table_is_refused(cursor, driver, table, row, words):
    with pytest.raises(driver.Error, match=words):
        cursor.execute(f"insert into {table} values ({row})")
    assert cursor.execute(f"select count(*) from {table}").fetchval() == 0


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 / 2", 3), ("'a' + 'b'", "ab"), ("len('a  ')", 1), ("isnull(null, 3)", 3), ("charindex('b', 'abc')", 2),
        ("convert(varchar(50), hashbytes('md5', 'a'), 2)", "0CC175B9C0F1B6A831C399E269772661"),
        ("dateadd(month, 1, cast('2024-01-31' as date))", dt.date(2024, 2, 29)),
        ("datediff(day, '2024-01-01', '2024-03-01')", 60), ("datepart(weekday, cast('2024-01-07' as date))", 1),
        ("datediff(week, '2024-01-06', '2024-01-07')", 1), ("eomonth('2024-02-10')", dt.date(2024, 2, 29)),
        ("datefromparts(2024, 2, 29)", dt.date(2024, 2, 29)), ("cast(1.7 as int)", 1), ("cast('abc' as varchar(2))", "ab"),
        ("convert(varchar(10), cast('2024-02-29' as date), 23)", "2024-02-29"), ("iif(1 = 2, 'a', 'b')", "b"),
        ("concat('a', null, 1)", "a1"), ("try_cast('x' as int)", None), ("quotename('a]b')", "[a]]b]"),
        ("(select string_agg(x, ',') within group (order by x desc) from (values ('a'), ('b')) as t(x))", "b,a"),
        ("(select sum(x) from (values (1), (2)) as t(x))", 3), ("(select avg(x) from (values (1), (2)) as t(x))", 1),
        ("(select sum(x) / count(*) from (values (7), (4)) as t(x))", 5),
        ("(select sum(x) / nullif(sum(y), 0) from (values (1.5e0, 2), (2.5e0, 3)) as t(x, y))", 0.8),
        ("(select sum(x) + max(x) from (values (1), (2)) as t(x))", 5),
        ("(select cast(sum(x) as int) from (values (1.9e0), (0.9e0)) as t(x))", 2),
        ("datepart(iso_week, cast('2021-01-03' as date))", 53), ("substring('abc', 0, 2)", "a"), ("@@trancount", 0),
        ("db_name()", "lake"), ("schema_name(1)", "dbo"), ("stuff('abc', 2, 1, 'x')", "axc"),
    ],
)  # fmt: skip
def test_an_expression_means_what_it_means_in_t_sql(cursor, expression, value):
    assert cursor.execute(f"select {expression}").fetchval() == value


def test_a_batch_with_variables_and_branches_runs_as_written(cursor):
    cursor.execute(
        "declare @n int = 0, @said nvarchar(20) while @n < 3 begin set @n = @n + 1 end "
        "if @n = 3 begin select @said = 'three' end else set @said = 'other' "
        "begin try select 1 / 0 end try begin catch set @said = @said + ' ' + cast(error_number() as varchar(10)) end catch "
        "select @said as said"
    )
    while cursor.description is None or cursor.description[0][0] != "said":
        cursor.nextset()
    assert cursor.fetchval() == "three 8134"


def test_a_table_is_replaced_by_renaming(cursor, table):
    name = table.removeprefix("dbo.")
    cursor.execute(f"select top (2) id, name into dbo.{name}__new from {table}")
    cursor.execute(f"exec sp_rename '{table}', '{name}__old'")
    cursor.execute(f"exec sp_rename 'dbo.{name}__new', '{name}'")
    cursor.execute(
        "select column_name, data_type, character_maximum_length from information_schema.columns where table_name = ? "
        "order by ordinal_position",
        name,
    )
    assert [tuple(row) for row in cursor.fetchall()] == [("id", "int", None), ("name", "nvarchar", 5)]


def test_a_lateral_join_finds_each_rows_own(cursor):
    cursor.execute(
        "select a.x, b.y from (values (1), (2)) as a(x) cross apply (select top (1) c.y from (values (1, 10), (2, 20)) as "
        "c(x, y) where c.x = a.x order by c.y) as b order by a.x offset 1 rows fetch next 1 rows only"
    )
    assert [tuple(row) for row in cursor.fetchall()] == [(2, 20)]


def test_rows_change_by_a_join(cursor, table):
    cursor.execute(f"insert into {table} values (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)")
    cursor.execute(f"update t set t.v = s.v from {table} as t inner join (values (2, 20.0)) as s(id, v) on s.id = t.id")
    cursor.execute(f"delete t from {table} as t where exists (select 1 from (values (3)) as s(id) where s.id = t.id)")
    assert [tuple(r) for r in cursor.execute(f"select id, v from {table} order by id").fetchall()] == [
        (1, 1.0),
        (2, 20.0),
    ]


def test_a_columnstore_index_is_kept_in_the_catalogue(cursor, table):
    cursor.execute(f"create table {table}c (id int)")
    cursor.execute(f"create clustered columnstore index cci on {table}c")
    kind = cursor.execute("select type_desc from sys.indexes where object_id = object_id(?)", f"{table}c").fetchval()
    assert kind == "CLUSTERED COLUMNSTORE"


def test_a_statement_that_takes_too_long_is_cancelled(sql_server, driver):
    with closing(driver.connect(sql_server, autocommit=True)) as connection:
        connection.timeout = 1
        cursor = connection.cursor()
        began = time.monotonic()
        with pytest.raises(driver.Error, match="timeout|cancel"):
            cursor.execute("waitfor delay '00:00:20'")
        assert time.monotonic() - began < 15
        assert connection.cursor().execute("select 1").fetchval() == 1


def test_a_wrong_password_is_refused(sql_server, driver):
    with pytest.raises(driver.Error, match="Login failed"):
        driver.connect(sql_server.replace("PWD=", "PWD=not"))
