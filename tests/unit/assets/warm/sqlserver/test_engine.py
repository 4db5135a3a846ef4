"""The SQL Server engine against a scripted server: one transaction, begun again after what passes, never half."""

from __future__ import annotations

import json
from datetime import date, datetime

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from assets.warm import state
from assets.warm.engine import Counted, Incoming, Mark, StagedCountError, StagedTextError, WarmBusyError
from assets.warm.migration import StagingDriftError
from assets.warm.project import dbt_arguments
from assets.warm.sqlserver.engine import BABELFISH, SqlServerEngine
from assets.warm.sqlserver.transient import SqlServerError
from quality.contracts.warm import STAGED

MONDAY, TUESDAY = date(2026, 3, 30), date(2026, 3, 31)
STAMP = datetime.fromisoformat("2026-04-01T06:00")
HOURS = next(staged for staged in STAGED if staged.table.name == "readings_1h")
SITES = next(staged for staged in STAGED if staged.date_column is None)
CUT = SqlServerError("Communication link failure", sqlstate="08S01")
DEADLOCK = SqlServerError("Transaction was deadlocked on lock resources", number=1205, sqlstate="40001")
HELD = "select count(*) from staging.readings_1h"


def incoming(batches, staged=HOURS, dates=(MONDAY,)):
    def read():
        return Counted(pa.RecordBatchReader.from_batches(batches[0].schema, batches))

    return Incoming(staged=staged, dates=dates, read=read)


def mark_of(day=MONDAY):
    return Mark(
        write=lambda session: state.mark(session, "lake", "readings", {day: 4}, STAMP),
        there=lambda session: state.marked(session, STAMP),
    )


def begun(script):
    return script.count("begin transaction")


def test_rows_are_copied_aside_before_the_one_transaction_that_swaps_and_marks_them(warm, script, batch):
    script.answers[HELD] = [(5,)]
    rows = SqlServerEngine(warm).load([incoming([batch(HOURS.table, 2), batch(HOURS.table, 3)])], mark_of())
    assert rows == {"readings_1h": 5}
    assert sum(script.copied.values()) == 5
    statements = [sql.partition("(")[0].strip() for sql, _ in script.sent]
    first, last = statements.index("begin transaction"), statements.index("commit transaction")
    within = script.sent[first + 1 : last]
    assert [sql.split()[0] for sql, _ in within] == [
        "delete",
        "insert",
        "insert",
        "select",
        "select",
        "delete",
        "insert",
    ]
    assert within[0] == ("delete from staging.readings_1h where [event_date] in (?)", [MONDAY])
    assert within[-1][1] == ["readings", MONDAY, "lake", 4, STAMP]


def test_a_date_without_rows_is_emptied_without_a_copy(warm, script):
    part = Incoming(staged=HOURS, dates=(MONDAY,), read=lambda: None)
    assert SqlServerEngine(warm).load([part], mark_of()) == {"readings_1h": 0}
    assert script.count("delete from staging.readings_1h where [event_date] in (?)") == 1
    assert not script.copied


def test_a_table_staged_whole_is_replaced_whole(warm, script, batch):
    script.answers[f"select count(*) from {SITES.name}"] = [(4,)]
    SqlServerEngine(warm).load([incoming([batch(SITES.table, 4)], SITES)], mark_of())
    assert ("delete from " + SITES.name, []) in script.sent


def test_more_dates_than_a_statement_takes_are_replaced_in_several(warm, script):
    dates = tuple(date.fromordinal(MONDAY.toordinal() + n) for n in range(2500))
    part = Incoming(staged=HOURS, dates=dates, read=lambda: None)
    SqlServerEngine(warm).load([part], mark_of())
    sizes = [len(values) for sql, values in script.sent if sql.startswith("delete from staging.readings_1h")]
    assert sizes == [1000, 1000, 500]


def test_rows_that_do_not_arrive_roll_back(warm, script, batch):
    script.answers[HELD] = [(4,)]
    with pytest.raises(StagedCountError, match="5 rows were read from Gold and 4 arrived"):
        SqlServerEngine(warm).load([incoming([batch(HOURS.table, 5)])], mark_of())
    assert script.count("commit transaction") == 0
    assert script.count("rollback transaction") == 1


@pytest.mark.parametrize(
    "at", ["insert into staging.readings_1h", "commit transaction", "copy staging_load", "sp_getapplock"]
)
def test_what_passes_is_tried_again_from_the_start_on_a_new_connection(warm, script, batch, at):
    script.answers[HELD] = [(2,)]
    script.fails[at] = [DEADLOCK]
    assert SqlServerEngine(warm).load([incoming([batch(HOURS.table, 2)])], mark_of()) == {"readings_1h": 2}
    assert script.connections == 2
    assert script.copied["staging_load.[readings_1h__0]"] >= 2


def test_what_does_not_pass_is_raised_at_the_last_attempt(warm, script):
    script.fails["begin transaction"] = [DEADLOCK] * 9
    with pytest.raises(SqlServerError, match="deadlocked"):
        SqlServerEngine(warm).write(lambda session: None)
    assert begun(script) == 3


def test_what_never_passes_is_not_tried_again(warm, script):
    script.fails["begin transaction"] = [SqlServerError("Invalid object name 'x'", number=208, sqlstate="42S02")]
    with pytest.raises(SqlServerError, match="Invalid object"):
        SqlServerEngine(warm).write(lambda session: None)
    assert begun(script) == 1


@pytest.mark.parametrize(("there", "transactions"), [(3, 1), (0, 2)])
def test_a_commit_whose_answer_was_lost_is_settled_by_the_state(warm, script, batch, there, transactions):
    script.answers[HELD] = [(2,)]
    script.answers["where loaded_at = ?"] = [(there,)]
    script.fails["commit transaction"] = [CUT]
    assert SqlServerEngine(warm).load([incoming([batch(HOURS.table, 2)])], mark_of()) == {"readings_1h": 2}
    assert begun(script) == transactions


def test_a_second_writer_is_told_who_to_wait_for(warm, script):
    script.answers["sp_getapplock"] = [(-1,)]
    with pytest.raises(WarmBusyError, match=r"sql\.test,1433/warm is being written"):
        SqlServerEngine(warm).write(lambda session: None)


def test_leftovers_of_a_killed_load_are_dropped_first(warm, script):
    script.answers["from INFORMATION_SCHEMA.TABLES where TABLE_SCHEMA = ?"] = [("readings_1h__0",)]
    SqlServerEngine(warm).load([], mark_of())
    sent = [sql for sql, _ in script.sent]
    assert sent.index("drop table staging_load.[readings_1h__0]") < sent.index("begin transaction")


def test_a_text_longer_than_its_column_is_named_and_nothing_is_loaded(warm, script, batch):
    long = batch(HOURS.table, 1, device_id="bms:" + "ü" * 500)
    with pytest.raises(StagedTextError, match=r"gold/readings_1h, column device_id: a text of 504 units"):
        SqlServerEngine(warm).load([incoming([batch(HOURS.table, 3), long])], mark_of())
    assert begun(script) == 0


def test_a_text_of_many_bytes_and_few_units_fits(warm, script, batch):
    script.answers[HELD] = [(1,)]
    part = incoming([batch(HOURS.table, 1, device_id="ü" * 399)])
    assert SqlServerEngine(warm).load([part], mark_of()) == {"readings_1h": 1}


def described(without=(), **types):
    """INFORMATION_SCHEMA of a staging schema as the contracts make it, but for what is named."""
    kinds = {"long": "bigint", "int": "int", "double": "float", "boolean": "bit", "date": "date"}
    for table in state.TABLES:
        for column in table.columns:
            if f"{table.name}.{column.name}" in without:
                continue
            kind, length, precision = kinds.get(column.type, "nvarchar"), None, None
            if column.type == "timestamp":
                kind, precision = "datetime2", 6
            if kind == "nvarchar":
                length = 400 if column.name in table.key else 4000
            kind = types.get(f"{table.name}__{column.name}", kind)
            yield (table.name, column.name, kind, length, precision, "YES" if column.null else "NO")


def test_a_schema_of_the_contracts_is_left_alone(warm, script):
    script.answers["INFORMATION_SCHEMA.COLUMNS"] = list(described())
    SqlServerEngine(warm).write(lambda session: None)
    assert script.count("create ") == script.count("alter ") == 0


def test_a_nullable_column_that_the_contract_gained_is_added(warm, script):
    script.answers["INFORMATION_SCHEMA.COLUMNS"] = list(described(without=["readings_1h.stdev_value"]))
    SqlServerEngine(warm).write(lambda session: None)
    assert [sql for sql, _ in script.sent if "alter" in sql] == [
        "alter table staging.[readings_1h] add [stdev_value] float null"
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"without": ["readings_1h.unit"]}, "column unit is missing, and may not be null"),
        ({"readings_1h__reading_count": "int"}, "column reading_count is int, not bigint"),
    ],
)
def test_any_other_difference_is_refused_in_words(warm, script, change, words):
    script.answers["INFORMATION_SCHEMA.COLUMNS"] = list(described(**change))
    with pytest.raises(StagingDriftError, match=rf"staging\.readings_1h .*{words}.* drop that table"):
        SqlServerEngine(warm).write(lambda session: None)
    assert begun(script) == 0


def test_a_staged_table_that_is_new_makes_the_dates_of_its_lane_dirty(warm, script):
    names = {f"readings_1h.{name}" for name in HOURS.table.names}
    script.answers["INFORMATION_SCHEMA.COLUMNS"] = list(described(without=names))
    SqlServerEngine(warm).write(lambda session: None)
    assert [values for sql, values in script.sent if sql.startswith("delete from staging.date_state")] == [["readings"]]


def test_every_statement_is_t_sql(warm, script, batch):
    server = SqlServerEngine(warm)
    script.answers[HELD] = [(2,)]
    script.answers[f"select count(*) from {SITES.name}"] = [(1,)]
    server.load([incoming([batch(HOURS.table, 2)]), incoming([batch(SITES.table, 1)], SITES)], mark_of())
    taken = server.write(lambda session: state.take_on(session, "code", [MONDAY, TUESDAY], STAMP))
    server.write(lambda session: state.set_built(session, [("readings", MONDAY, "lake", 4)], "code", STAMP))
    script.answers["select fingerprint"] = [("code",)]
    script.answers["select TABLE_NAME from INFORMATION_SCHEMA.TABLES"] = [("fct_x",)]
    server.publish()
    script.answers["INFORMATION_SCHEMA.COLUMNS"] = list(described(without=["readings_1h.stdev_value"]))
    server.write(lambda session: None)
    assert taken == ((), True)
    statements = {sql for sql, _ in script.sent}
    assert len(statements) > 30
    for sql in statements:
        parsed = sqlglot.parse(sql, dialect="tsql")
        opaque = [tree for tree in parsed if isinstance(tree, exp.Command) and not sql.startswith(("declare", "if"))]
        assert not opaque, sql


@pytest.mark.parametrize(("told", "found"), [([(1,)], BABELFISH), ([(None,)], {})], ids=["babelfish", "microsoft"])
def test_what_babelfish_lacks_is_known_without_being_told(warm, script, told, found):
    script.answers["serverproperty('babelfish')"] = told
    variables = SqlServerEngine(warm).variables()
    assert variables == found
    assert json.loads(dbt_arguments(warm, variables)[-1]) == {**warm.switches, **found}
