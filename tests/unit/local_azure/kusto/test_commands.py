"""Management commands other than those about extents, and how their text is read."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from duckdb_kql.errors import KqlUnsupportedError

from local_azure.kusto.commands import script
from local_azure.kusto.errors import (
    EntityExistsError,
    EntityNotFoundError,
    InvalidSyntaxError,
    NotServedError,
    SemanticError,
)
from local_azure.kusto.scan import Scanner, split_top, string_value


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        (r"'it\'s'", "it's"),
        (r'"a\\b\n"', "a\\b\n"),
        (r"@'C:\dir ''x'''", r"C:\dir 'x'"),
        ("h'secret'", "secret"),
        ("```two\nlines```", "two\nlines"),
    ],
)
def test_string_literals_of_every_form(literal: str, text: str) -> None:
    assert string_value(literal) == text
    assert Scanner(literal).string() == text


def test_splitting_leaves_strings_brackets_and_comments_alone() -> None:
    text = "a 'x|y' | b (c | d) | e // f | g\n| @'|' <| h"
    assert [part.strip() for part in split_top(text, "|")] == [
        "a 'x|y'", "b (c | d)", "e // f | g", "@'|' <| h"
    ]  # fmt: skip


def test_creating_a_table_again_changes_nothing_and_another_schema_is_refused(command: Callable) -> None:
    once = command(".create table T (a: long, ['b c']: string) with (folder='f', docstring=\"it's\")")
    assert once == command(".create table T (a: long, ['b c']: string)")
    assert once == [["T", "a:long,b c:string", "telemetry", "f", "it's"]]
    with pytest.raises(EntityExistsError):
        command(".create table T (a: real)")
    with pytest.raises(EntityExistsError, match="case"):
        command(".create table t (a: long)")


def test_create_merge_adds_columns_and_keeps_rows(command: Callable, query: Callable) -> None:
    command(".create-merge table T (a: long)")
    command(".append T <| print 1")
    command(".create-merge table T (a: long, s: string, r: real)")
    command(".alter-merge table T (z: bool)")
    assert query("T") == [[1, "", None, None]]
    assert command(".show table T cslschema")[0][1] == "a:long,s:string,r:real,z:bool"
    with pytest.raises(SemanticError, match="cannot become"):
        command(".create-merge table T (a: string)")
    with pytest.raises(SemanticError, match="case"):
        command(".create-merge table T (A: long)")


def test_dropping_and_clearing(command: Callable, query: Callable) -> None:
    command(".set T <| print a = 1")
    command(".clear table T data")
    assert query("T | count") == [[0]]
    assert command(".show table T extents") == []
    command(".drop table T")
    command(".drop table T ifexists")
    assert command(".show tables") == []
    with pytest.raises(EntityNotFoundError, match="'T' of kind 'Table'"):
        command(".drop table T")


def test_functions_are_kept_shown_and_dropped(command: Callable, query: Callable) -> None:
    command(
        '.create-or-alter function with (folder="a/b", docstring="adds") Add(x: long, y: long = 2) { print z = x + y }'
    )
    assert command(".show functions") == [["Add", "(x: long, y: long = 2)", "{ print z = x + y }", "a/b", "adds"]]
    assert query("Add(1)") == [[3]]
    with pytest.raises(EntityExistsError):
        command(".create function Add() { print 1 }")
    assert command(".create function ifnotexists Add() { print 1 }")[0][1] == "(x: long, y: long = 2)"
    command(".drop function Add")
    with pytest.raises(KqlUnsupportedError, match="Add"):
        query("Add(1)")


def test_policies_are_kept_and_echoed(command: Callable) -> None:
    command(".create table T (a: long)")
    command(""".alter table T policy retention '{"SoftDeletePeriod": "10.00:00:00"}'""")
    assert json.loads(command(".show table T policy retention")[0][2]) == {"SoftDeletePeriod": "10.00:00:00"}
    command(".alter database telemetry policy caching hot = 3d")
    assert command(".show database telemetry policy caching | project Policy") == [
        ['{"DataHotSpan": {"Value": "3.00:00:00"}, "IndexHotSpan": {"Value": "3.00:00:00"}}']
    ]
    command(".delete table T policy retention")
    assert command(".show table T policy retention")[0][2] == "null"
    with pytest.raises(EntityNotFoundError):
        command(".alter table Nope policy retention '{}'")


def test_mappings_are_kept_and_checked(command: Callable) -> None:
    command(".create table T (a: long)")
    text = """.create table T ingestion csv mapping "M" '[{"column": "a", "Properties": {"Ordinal": "0"}}]'"""
    command(text)
    with pytest.raises(EntityExistsError):
        command(text)
    command(text.replace(".create ", ".create-or-alter "))
    assert [row[:2] for row in command(".show table T ingestion mappings")] == [["M", "csv"]]
    assert command(".show table T ingestion json mappings") == []
    with pytest.raises(InvalidSyntaxError, match="not JSON"):
        command(""".create table T ingestion json mapping "N" '[{'""")


def test_a_script_runs_its_commands_in_order_and_stops_at_the_first_failure(command: Callable, query: Callable) -> None:
    rows = command(
        """.execute database script <|
        // tables first
        .create-merge table T (a: long)
        .create-or-alter function F() {
            T

            | count
        }

        .append T <| print 1
        .append Nope <| print 1
        .append T <| print 2"""
    )
    assert [row[3] for row in rows] == ["Completed", "Completed", "Completed", "Failed", "Skipped"]
    assert query("F()") == [[1]]
    again = command(
        ".execute database script with (ContinueOnErrors=true) <|\n.append Nope <| print 1\n.append T <| print 2"
    )
    assert [row[3] for row in again] == ["Failed", "Completed"]
    with pytest.raises(EntityNotFoundError):
        command(".execute database script with (ThrowOnErrors=true) <|\n.append Nope <| print 1")


def test_a_script_is_cut_at_lines_that_begin_with_a_dot() -> None:
    text = ".set T <| print 'a\\n.b'\n.append T <|\n    T\n    | take 1\n// .comment\n.drop table T"
    assert [part.split()[0] for part in script.statements(text)] == [".set", ".append", ".drop"]


def test_answers_of_show_can_be_piped(command: Callable) -> None:
    command(".create table A (x: long)")
    command(".create table B (x: long)")
    assert command(".show tables | where TableName == 'B' | project TableName") == [["B"]]
    assert command(".show tables | count") == [[2]]
    assert command(".show version | project ServiceType") == [["Engine"]]
    assert command(".show databases | project DatabaseName") == [["telemetry"]]
    assert json.loads(command(".show database schema as json")[0][0])["Databases"]["telemetry"]["Tables"].keys() == {
        "A",
        "B",
    }
    assert command(".show database telemetry schema | where ColumnName == 'x' | count") == [[2]]


@pytest.mark.parametrize(
    "text",
    [
        ".export to csv <| T",
        ".delete table T records <| T",
        ".set-or-append async T <| print 1",
        ".create materialized-view M on table T { T }",
        ".show operations",
        ".create table T (b: real) extra",
        ".create table T (a: text)",
        ".create table T (a: long, A: long)",
        ".clear table T",
        ".drop table T really",
        "",
    ],
)
def test_a_command_that_is_not_understood_is_refused(command: Callable, text: str) -> None:
    command(".create table T (b: real)")
    with pytest.raises((NotServedError, InvalidSyntaxError, SemanticError)):
        command(text)
