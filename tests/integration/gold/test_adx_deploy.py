"""The database as code against a real endpoint: deployed, changed by hand, compared, mended. Nothing is ever dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from assets.gold import database
from assets.gold.adx import plan as planning
from assets.gold.adx.found import AnswerError, glance, look
from assets.gold.adx.plan import RefusedError, apply, compare, is_deployed, plan
from assets.gold.adx.wanted import SWAPPED, VERSION_FUNCTION, wanted
from local_azure.kusto import launch
from orchestration.resources.kusto import Kusto
from quality.contracts.kusto import column_type, kusto_name, stage_name
from quality.contracts.model import Column, Table
from quality.contracts.tables import READINGS_1M
from settings.model import Kusto as Site

MINUTES = kusto_name(READINGS_1M)
OTHER = '.create-or-alter function with (folder = "gold", docstring = "x") ReadingsLevel() { print 1 }'


@pytest.fixture(scope="module")
def deployed(endpoint: launch.Running) -> Iterator[Kusto]:
    """A database that was empty, brought to this version; each test leaves it as it found it."""
    client = Kusto(endpoint.uri, endpoint.database)
    empty = plan(client)
    assert {one.state for one in empty.differences} == {"missing"}
    assert not is_deployed(client)
    apply(client, empty)
    yield client
    client.close()


@pytest.fixture
def adx(deployed: Kusto) -> Iterator[Kusto]:
    yield deployed
    apply(deployed, plan(deployed))


def test_after_a_deployment_there_is_nothing_to_do(adx: Kusto) -> None:
    assert plan(adx).differences == ()
    assert is_deployed(adx)


def test_doing_everything_again_changes_nothing(adx: Kusto) -> None:
    before = look(adx)
    script = "\n\n".join(database.render_database())
    adx.command(f".execute database script with (ThrowOnErrors = true) <|\n{script}")
    assert look(adx) == before


def test_a_load_asks_one_thing_where_nothing_changed(adx: Kusto, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    command = Kusto.command

    def record(self: Kusto, text: str, *, repeatable: bool = False) -> list[dict[str, Any]]:
        asked.append(text)
        return command(self, text, repeatable=repeatable)

    monkeypatch.setattr(Kusto, "command", record)
    database.deploy(adx)
    assert len(asked) == 1


# Each by itself, and none hides another: command, kind, name, state.
BY_HAND = [
    (".drop table Readings5m", "table", "Readings5m", "missing"),
    (f'.alter table {MINUTES} docstring "other"', "table", MINUTES, "differs"),
    (f".alter table {MINUTES} policy retention softdelete = 2d recoverability = enabled", "policy",
     f"{MINUTES}.retention", "differs"),
    (f".delete table {MINUTES}_stage policy merge", "policy", f"{MINUTES}_stage.merge", "missing"),
    (f".alter table {MINUTES} policy roworder (window_start asc, device_id asc)", "policy", f"{MINUTES}.roworder",
     "differs"),
    (f".alter table {MINUTES} policy streamingingestion '{{\"IsEnabled\": true}}'", "policy",
     f"{MINUTES}.streamingingestion", "differs"),
    (".drop function StatesLevel", "function", "StatesLevel", "missing"),
    (OTHER, "function", "ReadingsLevel", "differs"),
    (f".drop function {VERSION_FUNCTION}", "version", VERSION_FUNCTION, "missing"),
    (".drop materialized-view ReadingsLive1m", "materialized view", "ReadingsLive1m", "missing"),
    (".alter materialized-view ReadingsLatest on table ReadingsLive { ReadingsLive | summarize count() by unit }",
     "materialized view", "ReadingsLatest", "differs"),
    (".alter materialized-view ReadingsLatest policy caching hot = 1d", "policy", "ReadingsLatest.caching", "differs"),
    (
        (".create-or-alter table ReadingsLive ingestion json mapping 'ReadingsLive_json' "
        '\'[{"column": "unit", "Properties": {"Path": "$.u"}}]\''),
        "mapping", "ReadingsLive.ReadingsLive_json", "differs",
    ),
]  # fmt: skip


def test_what_was_changed_by_hand_is_found_and_mended(adx: Kusto) -> None:
    for command, *_ in BY_HAND:
        adx.command(command)
    made = plan(adx)
    found = {(one.kind, one.name): one.state for one in made.differences}
    assert {(kind, name): found.get((kind, name)) for _, kind, name, _ in BY_HAND} == {
        (kind, name): state for _, kind, name, state in BY_HAND
    }
    # The policies of what is gone are gone with it; nothing else is told.
    gone = [key for key in found if key[1].startswith(("Readings5m.", "ReadingsLive1m."))]
    assert len(found) == len(BY_HAND) + len(gone)
    apply(adx, made)
    assert plan(adx).differences == ()


@pytest.mark.parametrize(
    "by_hand", [".drop table Readings5m", ".drop function StatesLevel", OTHER, f".drop function {VERSION_FUNCTION}"]
)
def test_what_would_spoil_a_load_is_seen_at_a_glance(adx: Kusto, by_hand: str) -> None:
    adx.command(by_hand)
    assert not is_deployed(adx)
    database.deploy(adx)
    assert is_deployed(adx)


def test_a_view_that_was_disabled_is_enabled(adx: Kusto) -> None:
    adx.command(".disable materialized-view ReadingsLatest")
    made = plan(adx)
    assert made.commands() == [".enable materialized-view ReadingsLatest"]
    apply(adx, made)
    assert look(adx).views["ReadingsLatest"].enabled


def test_an_older_table_gets_its_columns_where_they_belong_and_keeps_its_rows(adx: Kusto) -> None:
    """Rows are appended by position: a column at another place would take another one's values."""
    columns = [f"['{c.name}']: {kind}" for c, kind in _typed(READINGS_1M) if c.name not in {"unit", "min_value"}]
    adx.command(f".drop table {MINUTES}")
    adx.command(f".create table {MINUTES} ({', '.join(columns)})")
    adx.command(f".set-or-append {MINUTES} <| {_one_row()}")
    made = plan(adx)
    assert ("table", MINUTES, "missing") in {(one.kind, one.name, one.state) for one in made.differences}
    apply(adx, made)
    assert [name for name, _ in glance(adx).tables[MINUTES].columns] == list(READINGS_1M.names)
    assert adx.query(f"{MINUTES} | project device_id, unit, max_value").to_pylist() == [
        {"device_id": "kept", "unit": "", "max_value": 7.0}
    ]


def test_a_column_at_the_end_is_added_without_touching_the_rest(adx: Kusto) -> None:
    last = READINGS_1M.columns[-1].name
    columns = [f"['{c.name}']: {kind}" for c, kind in _typed(READINGS_1M) if c.name != last]
    adx.command(f".alter table {MINUTES} ({', '.join(columns)})")
    (added,) = [one for one in plan(adx).differences if one.kind == "column"]
    assert added.name == f"{MINUTES}.{last}"
    assert added.commands[0].startswith(f".alter-merge table {MINUTES} (['{last}']")


def test_another_type_is_refused_in_words_and_nothing_is_done(adx: Kusto) -> None:
    columns = [f"['{c.name}']: {'string' if c.name == 'max_value' else kind}" for c, kind in _typed(READINGS_1M)]
    adx.command(f".drop table {MINUTES}")
    adx.command(f".create table {MINUTES} ({', '.join(columns)})")
    adx.command(".drop function StatesLevel")
    with pytest.raises(RefusedError, match=rf"{MINUTES}\.max_value: is string there, and real in the contract"):
        database.deploy(adx)
    assert "StatesLevel" not in glance(adx).functions
    adx.command(f".drop table {MINUTES}")


def test_what_is_nobodys_is_told_and_left(adx: Kusto) -> None:
    for command in (
        ".create table Mine (a: long)",
        f".alter-merge table {MINUTES} (extra: string)",
        '.create-or-alter function with (folder = "x", docstring = "y") Theirs() { print 1 }',
        f""".alter table {MINUTES} policy partitioning '{{"PartitionKeys": []}}'""",
    ):
        adx.command(command)
    made = plan(adx)
    assert {(one.kind, one.name, one.state) for one in made.differences} == {
        ("table", "Mine", "unknown"),
        ("column", f"{MINUTES}.extra", "unknown"),
        ("function", "Theirs", "unknown"),
        ("policy", f"{MINUTES}.partitioning", "unknown"),
    }
    assert made.commands() == []
    assert is_deployed(adx)
    for command in (".drop table Mine", ".drop function Theirs", f".drop table {MINUTES}"):
        adx.command(command)


def test_roles_are_given_and_nobody_loses_one(adx: Kusto) -> None:
    site = Site(database=adx.database, viewers=("aadgroup=Readers;tenant",))
    adx.command(f".add database {adx.database} viewers ('aaduser=somebody;tenant') 'by hand'")
    made = plan(adx, site)
    assert [(one.name, one.state) for one in made.differences] == [
        ("viewers aadgroup=Readers;tenant", "missing"),
        ("viewers aaduser=somebody;tenant", "unknown"),
    ]
    apply(adx, made)
    assert plan(adx, site).pending == ()
    assert {fqn for _, fqn, _ in look(adx).principals} == {"aadgroup=Readers;tenant", "aaduser=somebody;tenant"}


def test_partitions_of_a_site_are_not_undone_by_a_load(adx: Kusto) -> None:
    site = Site(database=adx.database, partitions=128)
    apply(adx, plan(adx, site))
    assert plan(adx, site).differences == ()
    database.deploy(adx)
    assert plan(adx, site).differences == ()
    for name in ("Readings", "CounterSteps", "StateSpans"):
        adx.command(f".delete table {name} policy partitioning")


def test_a_deployment_that_was_cut_short_is_finished_by_the_next(adx: Kusto) -> None:
    """The version is written last, so that what came before it is never taken for done."""
    adx.command(f".drop function {VERSION_FUNCTION}")
    adx.command(f".drop tables ({MINUTES}, {stage_name(READINGS_1M)})")
    made = plan(adx)
    assert made.differences[-1].name == VERSION_FUNCTION
    adx.command(made.commands()[0])
    assert not is_deployed(adx)
    database.deploy(adx)
    assert plan(adx).differences == ()


def test_a_view_answers_what_just_came(adx: Kusto) -> None:
    adx.command(".clear table ReadingsLive data")
    adx.command(
        ".set-or-append ReadingsLive <| "
        "datatable(device_id: string, metric: string, channel: string, recorded_at: datetime, value: real, "
        "value_text: string, unit: string, enqueued_at: datetime) ["
        "'d', 'm', '', datetime(2026-03-01T00:00:10), 1.0, '', 'u', datetime(2026-03-01T00:00:11), "
        "'d', 'm', '', datetime(2026-03-01T00:00:20), 3.0, '', 'u', datetime(2026-03-01T00:00:21)]"
    )
    assert adx.query("ReadingsLatest | project device_id, value").to_pylist() == [{"device_id": "d", "value": 3.0}]
    assert adx.query("ReadingsLive1m | project reading_count, avg_value").to_pylist() == [
        {"reading_count": 2, "avg_value": 2.0}
    ]


class Garbled:
    """Answers one command with something else, all others with nothing."""

    uri, database = "http://127.0.0.1:9", "telemetry"

    def __init__(self, begins: str, rows: list[dict[str, Any]]) -> None:
        self.begins, self.rows = begins, rows

    def command(self, text: str, *, repeatable: bool = False) -> list[dict[str, Any]]:
        if text.startswith(self.begins):
            return self.rows
        schema = {"Databases": {"telemetry": {"Tables": {}, "Functions": {}}}}
        return [{"DatabaseSchema": json.dumps(schema)}] if "schema as json" in text else []


@pytest.mark.parametrize(
    ("begins", "rows", "says"),
    [
        (".show database", [], "0 rows instead of 1"),
        (".show database", [{"Something": 1}], "it has no DatabaseSchema, but Something"),
        (".show database", [{"DatabaseSchema": "<html>"}], "its schema is not read"),
        (".show database", [{"DatabaseSchema": '{"Databases": {}}'}], "its schema is not read"),
        (".show database", [{"DatabaseSchema": '{"Databases": {"t": {"Tables": {"T": {}}}}}'}], "its schema is not read"),
        (".show table *", [{"EntityName": "T"}], "it has no Policy"),
        (".show table *", [{"EntityName": "T", "Policy": "not json"}], "'not json' is not JSON"),
        (".show functions", [{"Name": "F"}], "it has no Parameters, Body, Folder, DocString"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_says_what_was_asked(begins: str, rows: list[dict[str, Any]], says: str) -> None:
    kusto: Any = Garbled(begins, rows)
    with pytest.raises(AnswerError, match=says) as refused:
        planning.plan(kusto)
    assert f"`{begins}" in str(refused.value)


def test_a_cluster_may_write_the_same_thing_its_own_way(adx: Kusto) -> None:
    """Other line ends and indentation, parameters as a list, more properties than were set."""
    there = look(adx)
    body = there.functions["ReadingsLevel"].body.replace("\n", "\r\n").replace("    ", "\t")
    function = replace(
        there.functions["ReadingsLevel"], parameters="(since:datetime, until:datetime,window:timespan)", body=body
    )
    changed = replace(
        there,
        functions={**there.functions, "ReadingsLevel": function},
        policies={key: {**value, "More": 1} if value else None for key, value in there.policies.items()},
    )
    assert compare(wanted(), changed).pending == ()
    assert len(changed.tables) == 2 * len(SWAPPED) + 1


def _typed(table: Table) -> list[tuple[Column, str]]:
    return [(column, column_type(column)) for column in table.columns]


def _one_row() -> str:
    values = {"string": "'kept'", "datetime": "datetime(2026-03-01)", "real": "real(7)", "long": "long(7)"}
    typed = [(c.name, kind) for c, kind in _typed(READINGS_1M) if c.name not in {"unit", "min_value"}]
    return "print " + ", ".join(f"{name} = {values[kind]}" for name, kind in typed)
