"""Files into tables: every format and type, mappings, and data that does not fit."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local_azure.kusto import extents, sources
from local_azure.kusto.commands.context import Context
from local_azure.kusto.errors import BadDataError, KustoError, NotServedError

COLUMNS = "(s:string, l:long, i:int, r:real, b:bool, t:datetime, d:dynamic, g:guid, p:timespan)"
MOMENT = dt.datetime(2026, 1, 1, 12, 0, 0, 123456)  # noqa: DTZ001 - DuckDB's moments are naive UTC


@pytest.fixture
def ingest(context: Context, command: Callable) -> Callable[..., None]:
    command(f".create table T {COLUMNS}")

    def run(file: Path, format_name: str, mapping: list[dict] | None = None, *, skip: bool = False) -> None:
        fields = None if mapping is None else sources.read_mapping(mapping)
        with context.store.write() as transaction:
            table = transaction.catalogue.table("T")
            sql = sources.select_sql(transaction.cursor, file, format_name, table, fields, ignore_first_record=skip)
            extents.append(transaction, table, sql)

    return run


def test_parquet_columns_are_found_by_name_and_missing_ones_are_null(
    ingest: Callable, query: Callable, tmp_path: Path
) -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    table = pa.table(
        {
            "unknown": [1, 2],
            "t": pa.array([MOMENT.replace(tzinfo=zone), None], pa.timestamp("us", "+02:00")),
            "l": pa.array([5, None], pa.int32()),
            "s": pa.array([None, "x"], pa.string()),
            "d": ['{"a": 1}', None],
        }
    )
    pq.write_table(table, tmp_path / "f.parquet")
    ingest(tmp_path / "f.parquet", "parquet")
    assert query("T | project s, l, i, r, b, t, d | order by l desc") == [
        ["", 5, None, None, None, "2026-01-01T10:00:00.1234560Z", {"a": 1}],
        ["x", None, None, None, None, None, None],
    ]


@pytest.mark.parametrize(
    ("array", "want"),
    [
        (pa.array([1_767_268_800_123_456_789], pa.timestamp("ns")), "2026-01-01T12:00:00.1234560Z"),
        (pa.array([1_767_268_800_123_456_999], pa.timestamp("ns")), "2026-01-01T12:00:00.1234560Z"),
        (pa.array([1_767_268_800_123_456_999], pa.timestamp("ns", "UTC")), "2026-01-01T12:00:00.1234560Z"),
        (pa.array([1_767_268_800_123], pa.timestamp("ms", "UTC")), "2026-01-01T12:00:00.1230000Z"),
        (pa.array([MOMENT], pa.timestamp("us")), "2026-01-01T12:00:00.1234560Z"),
        (pa.array([dt.date(2026, 1, 1)]), "2026-01-01T00:00:00Z"),
        (pa.array(["2026-01-01T12:00:00.123456+02:00"]), "2026-01-01T10:00:00.1234560Z"),
    ],
)
def test_moments_become_utc_microseconds(
    ingest: Callable, query: Callable, tmp_path: Path, array: pa.Array, want: str
) -> None:
    pq.write_table(pa.table({"t": array}), tmp_path / "f.parquet")
    ingest(tmp_path / "f.parquet", "parquet")
    assert query("T | project t") == [[want]]


@pytest.mark.parametrize(
    ("column", "array"),
    [
        ("l", pa.array(["seven"])),
        ("l", pa.array(["1.5"])),
        ("l", pa.array([1.5])),
        ("i", pa.array([2**40])),
        ("t", pa.array([5])),
        ("t", pa.array(["yesterday"])),
        ("r", pa.array([[1.0]])),
        ("g", pa.array(["not a guid"])),
        ("b", pa.array([MOMENT])),
        ("nowhere", pa.array([1])),
    ],
)
def test_parquet_that_does_not_fit_is_refused(
    ingest: Callable, query: Callable, tmp_path: Path, column: str, array: pa.Array
) -> None:
    pq.write_table(pa.table({column: array}), tmp_path / "f.parquet")
    with pytest.raises((BadDataError, duckdb.ConversionException, duckdb.InvalidInputException)):
        ingest(tmp_path / "f.parquet", "parquet")
    assert query("T | count") == [[0]]


def test_csv_without_a_mapping_is_read_by_position(ingest: Callable, query: Callable, tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text(
        's,l,i,r,b,t,d,g,p\n"a ""quoted"",\nline",1,2,1.5,true,2026-01-01 00:00:00+00:00,'
        '"{""a"":1}",2cca5844-8f0d-454e-bdad-299e978be5df,01:00:00\n,,,,,,,,\n'
    )
    ingest(file, "csv", skip=True)
    assert query("T | order by l desc") == [
        ['a "quoted",\nline', 1, 2, 1.5, True, "2026-01-01T00:00:00Z", {"a": 1},
         "2cca5844-8f0d-454e-bdad-299e978be5df", "01:00:00"],
        ["", None, None, None, None, None, None, None, None],
    ]  # fmt: skip


def test_csv_with_a_mapping_picks_its_columns(ingest: Callable, query: Callable, tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text("5,ignored,five\n6,ignored,six\n")
    mapping = [
        {"column": "l", "Properties": {"Ordinal": "0"}},
        {"Column": "s", "Properties": {"Ordinal": 2}},
        {"column": "r", "Properties": {"ConstValue": "1.5"}},
    ]
    ingest(file, "csv", mapping)
    assert query("T | project l, s, r | order by l asc") == [[5, "five", 1.5], [6, "six", 1.5]]


@pytest.mark.parametrize("text", ["1.5", "x", "1e3"])
def test_csv_text_that_is_no_whole_number_is_refused(
    ingest: Callable, query: Callable, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "f.csv"
    file.write_text(f"a,{text},,,,,,,\n")
    with pytest.raises(duckdb.Error):
        ingest(file, "csv")
    assert query("T | count") == [[0]]


@pytest.mark.parametrize("format_name", ["json", "multijson"])
def test_json_is_read_by_name_or_by_path(ingest: Callable, query: Callable, tmp_path: Path, format_name: str) -> None:
    records = [{"s": "x", "l": 1, "t": "2026-01-01T00:00:00Z", "d": {"a": [1]}, "deep": {"er": 2.5}}, {"l": 2}]
    file = tmp_path / "f.json"
    lines = "\n".join(map(json.dumps, records))
    file.write_text(lines if format_name == "json" else json.dumps(records))
    ingest(file, format_name)
    ingest(file, format_name, [{"column": "l", "Properties": {"Path": "$.l"}}, {"column": "r", "path": "$.deep.er"}])
    assert query("T | project l, s, t, d, r | order by l asc, s desc") == [
        [1, "x", "2026-01-01T00:00:00Z", {"a": [1]}, None],
        [1, "", None, None, 2.5],
        [2, "", None, None, None],
        [2, "", None, None, None],
    ]


def test_what_is_not_served_is_refused_not_guessed(ingest: Callable, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("x")
    with pytest.raises(NotServedError, match="avro"):
        ingest(file, "avro")
    with pytest.raises(NotServedError, match="DateTimeFromUnixSeconds"):
        ingest(file, "csv", [{"column": "t", "Properties": {"Ordinal": "0", "Transform": "DateTimeFromUnixSeconds"}}])
    with pytest.raises(KustoError, match="zz"):
        ingest(file, "csv", [{"column": "zz", "Properties": {"Ordinal": "0"}}])
    with pytest.raises(BadDataError, match="not readable Parquet"):
        ingest(file, "parquet")
