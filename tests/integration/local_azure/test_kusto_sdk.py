"""The unmodified Azure SDKs against the endpoint as a process: queries, commands, queued ingestion, limits, errors."""

from __future__ import annotations

import datetime as dt
import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from azure.kusto.data import ClientRequestProperties, KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.data_format import DataFormat
from azure.kusto.data.exceptions import KustoApiError, KustoMultiApiError, KustoServiceError
from azure.kusto.ingest import ColumnMapping, IngestionProperties, QueuedIngestClient
from azure.kusto.ingest.ingestion_properties import ReportLevel
from azure.kusto.ingest.status import KustoIngestStatusQueues

from local_azure.kusto import launch

DATABASE = "telemetry"
LIMIT = 1000


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[launch.Running]:
    running = launch.start(tmp_path_factory.mktemp("kusto"), arguments=("--max-rows", str(LIMIT)))
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.log.read_text()


@pytest.fixture(scope="module")
def client(endpoint: launch.Running) -> Iterator[KustoClient]:
    with KustoClient(KustoConnectionStringBuilder(endpoint.uri)) as connected:
        yield connected


@pytest.fixture(scope="module")
def ingest(endpoint: launch.Running) -> Iterator[QueuedIngestClient]:
    with QueuedIngestClient(KustoConnectionStringBuilder(endpoint.uri)) as connected:
        yield connected


@pytest.fixture
def table(client: KustoClient, request: pytest.FixtureRequest) -> str:
    name = f"T{abs(hash(request.node.nodeid))}"
    client.execute_mgmt(DATABASE, f".create table {name} (n: long, s: string, at: datetime, v: real)")
    return name


def rows(client: KustoClient, text: str, properties: ClientRequestProperties | None = None) -> list[list]:
    return [list(row) for row in client.execute(DATABASE, text, properties).primary_results[0]]


def properties(table: str, format_name: DataFormat = DataFormat.PARQUET, **more: object) -> IngestionProperties:
    return IngestionProperties(
        database=DATABASE,
        table=table,
        data_format=format_name,
        report_level=ReportLevel.FailuresAndSuccesses,
        flush_immediately=True,
        **more,
    )


def outcome(ingest: QueuedIngestClient, source_id: str, seconds: float = 20) -> tuple[str, dict]:
    """Which status queue told of the source, and what."""
    queues = KustoIngestStatusQueues(ingest)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for name, queue in (("success", queues.success), ("failure", queues.failure)):
            for message in queue.pop(10):
                told = json.loads(str(message))
                if told["IngestionSourceId"] == source_id:
                    return name, told
        time.sleep(0.05)
    raise AssertionError(f"no status message about {source_id}")


def parquet(count: int, first: int = 0) -> io.BytesIO:
    at = [dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=n) for n in range(count)]
    table = pa.table(
        {"n": range(first, first + count), "at": pa.array(at, pa.timestamp("us", "UTC")), "s": ["x"] * count}
    )
    stream = io.BytesIO()
    pq.write_table(table, stream)
    stream.seek(0)
    return stream


def test_a_parquet_file_is_ingested_once_with_its_tags(
    client: KustoClient, ingest: QueuedIngestClient, table: str
) -> None:
    described = properties(table, drop_by_tags=["2026-01-01"], additional_tags=["load:lake/2026-01-01/1/ab"])
    result = ingest.ingest_from_stream(parquet(100), described)
    kind, told = outcome(ingest, str(result.source_id))
    assert (kind, told["Table"], told["Database"]) == ("success", table, DATABASE)
    assert rows(client, f"{table} | summarize count(), sum(n), countif(isempty(s)), countif(isnull(v))") == [
        [100, 4950, 0, 100]
    ]
    found = rows(client, f".show table {table} extents | where Tags has 'drop-by:2026-01-01' | project RowCount, Tags")
    assert found == [[100, "load:lake/2026-01-01/1/ab\ndrop-by:2026-01-01"]]


@pytest.mark.parametrize("size", [10, 5_000_000])
def test_a_blob_of_any_size_arrives_whole(
    client: KustoClient, ingest: QueuedIngestClient, table: str, tmp_path: Path, size: int
) -> None:
    file = tmp_path / "f.csv"
    file.write_text(f"1,{'x' * size},2026-01-01T00:00:00Z,1.5\n")
    result = ingest.ingest_from_file(str(file), properties(table, DataFormat.CSV))
    assert outcome(ingest, str(result.source_id))[0] == "success"
    assert rows(client, f"{table} | project n, strlen(s), at, v") == [
        [1, size, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), 1.5]
    ]


def test_json_with_an_inline_mapping(client: KustoClient, ingest: QueuedIngestClient, table: str) -> None:
    described = properties(
        table,
        DataFormat.JSON,
        column_mappings=[ColumnMapping("n", "long", path="$.deep.n"), ColumnMapping("s", "string", path="$.s")],
        ingestion_mapping_kind=None,
    )
    result = ingest.ingest_from_stream(io.BytesIO(b'{"deep": {"n": 5}, "s": "a"}\n{"s": "b"}\n'), described)
    assert outcome(ingest, str(result.source_id))[0] == "success"
    assert rows(client, f"{table} | project n, s | order by s asc") == [[5, "a"], [None, "b"]]


def test_a_mapping_reference_is_looked_up(client: KustoClient, ingest: QueuedIngestClient, table: str) -> None:
    entries = '[{"column": "s", "Properties": {"Ordinal": "0"}}, {"column": "n", "Properties": {"Ordinal": "1"}}]'
    client.execute_mgmt(DATABASE, f""".create table {table} ingestion csv mapping "M" '{entries}'""")
    described = properties(table, DataFormat.CSV, ingestion_mapping_reference="M", ignore_first_record=True)
    result = ingest.ingest_from_stream(io.BytesIO(b"s,n\nhello,7\n"), described)
    assert outcome(ingest, str(result.source_id))[0] == "success"
    assert rows(client, f"{table} | project s, n") == [["hello", 7]]


def test_ingest_if_not_exists_makes_the_second_load_a_success_without_rows(
    client: KustoClient, ingest: QueuedIngestClient, table: str
) -> None:
    for _ in range(2):
        described = properties(table, ingest_by_tags=["a"], ingest_if_not_exists=["a"])
        result = ingest.ingest_from_stream(parquet(10), described)
        assert outcome(ingest, str(result.source_id))[0] == "success"
    assert rows(client, f"{table} | count") == [[10]]


@pytest.mark.parametrize(
    "case",
    [
        ("", DataFormat.PARQUET, b"not parquet", "not readable Parquet"),
        ("", DataFormat.CSV, b"seven,x,,\n", "not a whole number"),
        ("Missing", DataFormat.CSV, b"1\n", "'Missing' of kind 'Table'"),
        ("", DataFormat.AVRO, b"1\n", "avro"),
    ],
)
def test_data_that_cannot_be_loaded_is_reported_as_a_permanent_failure(
    client: KustoClient,
    ingest: QueuedIngestClient,
    table: str,
    case: tuple[str, DataFormat, bytes, str],
) -> None:
    target, format_name, content, reason = case
    result = ingest.ingest_from_stream(io.BytesIO(content), properties(target or table, format_name))
    kind, told = outcome(ingest, str(result.source_id))
    assert (kind, told["FailureStatus"], told["ShouldRetry"]) == ("failure", "Permanent", False)
    assert reason in told["Details"]
    assert rows(client, f"{table} | count") == [[0]]


def test_status_messages_can_be_peeked_and_popped(ingest: QueuedIngestClient, table: str) -> None:
    result = ingest.ingest_from_stream(parquet(1), properties(table))
    queues = KustoIngestStatusQueues(ingest)
    deadline = time.monotonic() + 20
    while queues.success.is_empty() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(queues.success.peek(1)) == 1
    [message] = queues.success.pop(1)
    assert message.IngestionSourceId == str(result.source_id)
    assert queues.success.is_empty()


def test_a_result_above_the_limit_raises_and_can_be_lifted(client: KustoClient) -> None:
    text = f"range n from 1 to {LIMIT + 1} step 1"
    with pytest.raises(KustoMultiApiError, match="E_QUERY_RESULT_SET_TOO_LARGE") as cut:
        client.execute_query(DATABASE, text)
    [error] = cut.value.get_api_errors()
    assert (error.code, error.permanent) == ("LimitsExceeded", False)
    assert "80DA0003" in error.description
    lifted = ClientRequestProperties()
    lifted.set_option("notruncation", True)
    assert len(rows(client, text, lifted)) == LIMIT + 1
    assert len(rows(client, f"set notruncation;\n{text}")) == LIMIT + 1
    assert len(rows(client, f"{text} | take {LIMIT}")) == LIMIT


def test_a_deferred_limit_is_told_in_the_status_table(client: KustoClient) -> None:
    deferred = ClientRequestProperties()
    deferred.set_option("deferpartialqueryfailures", True)
    answer = client.execute_query(DATABASE, f"range n from 1 to {LIMIT + 1} step 1", deferred)
    assert (len(answer.primary_results[0]), answer.errors_count) == (LIMIT, 1)
    assert "E_QUERY_RESULT_SET_TOO_LARGE" in answer.get_exceptions()[0]


def test_parameters_travel_beside_the_query(client: KustoClient) -> None:
    given = ClientRequestProperties()
    given.set_parameter("day", "datetime(2026-01-01)")
    given.set_parameter("name", "it's | project secret")
    given.set_parameter("n", "5")
    text = "declare query_parameters(day:datetime, name:string, n:long); print day + 1d, name, n + 1"
    assert rows(client, text, given) == [[dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "it's | project secret", 6]]


def test_streaming_queries_read_the_same_rows(client: KustoClient) -> None:
    answer = client.execute_streaming_query(DATABASE, "range n from 1 to 500 step 1 | extend s = tostring(n)")
    got = [list(row) for table in answer.iter_primary_results() for row in table]
    assert got == [[n, str(n)] for n in range(1, 501)]


@pytest.mark.parametrize(
    ("text", "semantic", "said"),
    [
        ("Nope | count", True, "Failed to resolve table"),
        ("print x = nope(1)", True, "nope"),
        ("print |", False, "Syntax error"),
        (".show table Nope cslschema", False, "'Nope' of kind 'Table' was not found"),
        (".make coffee", True, "does not support this"),
    ],
)
def test_a_users_error_is_400_and_permanent(client: KustoClient, text: str, semantic: bool, said: str) -> None:
    with pytest.raises(KustoApiError) as refused:
        client.execute(DATABASE, text)
    assert refused.value.http_response.status_code == 400
    assert refused.value.get_api_error().permanent is True
    assert refused.value.is_semantic_error() is semantic
    assert said in str(refused.value)


def test_databases_are_checked_and_the_default_has_an_alias(client: KustoClient) -> None:
    assert client.execute_query("NetDefaultDB", "print 1").primary_results[0][0][0] == 1
    with pytest.raises(KustoApiError, match="'elsewhere' of kind 'Database'"):
        client.execute_query("elsewhere", "print 1")


def test_a_token_credential_is_accepted(endpoint: launch.Running) -> None:
    built = KustoConnectionStringBuilder.with_token_provider(endpoint.uri, lambda: "any")
    with KustoClient(built) as client:
        assert client.execute_query(DATABASE, "print 1").primary_results[0][0][0] == 1
    with urllib.request.urlopen(f"{endpoint.uri}/v1/rest/auth/metadata") as answer:
        assert json.load(answer) == {"AzureAD": None}


@pytest.mark.parametrize("path", ["/", "/v3/rest/query", "/v1/rest/ingest/telemetry/T"])
def test_unknown_routes_are_404(endpoint: launch.Running, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(endpoint.uri + path, b"{}", method="POST"))
    assert refused.value.code == 404


def test_health_is_answered_while_a_query_runs(endpoint: launch.Running, client: KustoClient) -> None:
    slow = ClientRequestProperties()
    slow.set_option(ClientRequestProperties.request_timeout_option_name, dt.timedelta(seconds=3))
    many = "range {} from 1 to 300000 step 1 | extend k = 1"
    text = f"{many.format('x')} | join kind=inner ({many.format('y')}) on k | summarize sum(x * y)"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.execute_query, DATABASE, text, slow)
        time.sleep(0.5)
        started = time.monotonic()
        with urllib.request.urlopen(f"{endpoint.uri}/healthz", timeout=5) as answer:
            assert json.load(answer)["status"] == "ok"
        assert time.monotonic() - started < 2
        assert not running.done()
        with pytest.raises(KustoServiceError, match="servertimeout"):
            running.result(timeout=60)


def test_readers_and_writers_at_once_never_see_half_a_swap(client: KustoClient, table: str) -> None:
    client.execute_mgmt(DATABASE, f".create table {table}_stage (n: long, s: string, at: datetime, v: real)")
    fill = "range n from 1 to 500 step 1 | project n, s = '{}', at = datetime(2026-01-01), v = 1.0"
    client.execute_mgmt(DATABASE, f".append {table} with (tags='[\"day\"]') <| {fill.format('old')}")

    def swap(turn: int) -> None:
        client.execute_mgmt(DATABASE, f".append {table}_stage with (tags='[\"day\"]') <| {fill.format(turn)}")
        client.execute_mgmt(
            DATABASE,
            f".replace extents in table {table} <| {{ .show table {table} extents | where Tags has 'day' }},"
            f" {{ .show table {table}_stage extents | where Tags has 'day' }}",
        )

    def read() -> set[tuple]:
        return {tuple(row) for _ in range(30) for row in rows(client, f"{table} | summarize count(), dcount(s)")}

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        for turn in range(8):
            swap(turn)
        assert set().union(*(reader.result(timeout=60) for reader in readers)) == {(500, 1)}


ADMINISTERED = [
    ".create table Live (device: string, at: datetime, value: real)",
    (
        ".create-or-alter materialized-view with (folder = 'f', docString = 'last of each') Last on table Live "
        "{ Live | summarize arg_max(at, value) by device }"
    ),
    (
        ".set-or-append Live <| datatable(device: string, at: datetime, value: real) "
        "['a', datetime(2026-01-01), 1.0, 'a', datetime(2026-01-02), 2.0, 'b', datetime(2026-01-01), 3.0]"
    ),
    ".alter table Live policy caching hot = 31d",
    ".alter table Live policy roworder (device asc, at desc)",
    '.alter table Live policy merge \'{"AllowMerge": true, "AllowRebuild": true}\'',
    ".alter-merge table Live policy merge '{\"AllowMerge\": false}'",
    ".alter materialized-view Last policy retention softdelete = 12h recoverability = disabled",
    ".create-or-alter table Live ingestion json mapping 'm' '[{\"column\": \"at\"}]'",
    ".add database telemetry viewers ('aadgroup=Readers;tenant', 'aadapp=app;tenant') 'notes'",
    ".drop database telemetry viewers ('aadapp=app;tenant')",
]


def test_what_a_database_holds_besides_rows_is_kept_and_shown(client: KustoClient) -> None:
    for command in ADMINISTERED:
        client.execute_mgmt(DATABASE, command)
    assert rows(client, "Last | sort by device asc") == [
        ["a", dt.datetime(2026, 1, 2, tzinfo=dt.UTC), 2.0],
        ["b", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), 3.0],
    ]
    shown = {
        ".show table * policy caching | where EntityName has 'Live' | project Policy": {
            "DataHotSpan": {"Value": "31.00:00:00"}, "IndexHotSpan": {"Value": "31.00:00:00"},
        },
        ".show table Live policy roworder | project Policy": {
            "RowOrder": [{"ColumnName": "device", "Order": "Ascending"}, {"ColumnName": "at", "Order": "Descending"}],
        },
        ".show table Live policy merge | project Policy": {"AllowMerge": False, "AllowRebuild": True},
        ".show tables details | where TableName == 'Live' | project MergePolicy": {
            "AllowMerge": False, "AllowRebuild": True,
        },
        ".show materialized-view Last policy retention | project Policy": {
            "SoftDeletePeriod": "0.12:00:00", "Recoverability": "Disabled",
        },
        ".show database telemetry ingestion json mappings | where Table == 'Live' | project Mapping": [{"column": "at"}],
    }  # fmt: skip
    for command, document in shown.items():
        assert [json.loads(row[0]) for row in rows(client, command)] == [document], command
    assert rows(client, ".show database ['telemetry'] principals | project Role, PrincipalType, PrincipalFQN") == [
        ["Database telemetry Viewer", "AAD Group", "aadgroup=Readers;tenant"]
    ]
    views = ".show materialized-views | project Name, SourceTable, Folder, DocString, IsEnabled"
    assert rows(client, views) == [["Last", "Live", "f", "last of each", True]]


def test_a_table_takes_the_columns_it_is_altered_to_and_keeps_their_values(client: KustoClient, table: str) -> None:
    client.execute_mgmt(DATABASE, f".set-or-append {table} <| print n = 1, s = 'x', at = datetime(2026-01-01), v = 2.5")
    client.execute_mgmt(DATABASE, f".alter table {table} (v: real, new: string, n: long)")
    assert rows(client, table) == [[2.5, "", 1]]
    client.execute_mgmt(DATABASE, f".drop extents from {table} <| .show table {table} extents")
    assert rows(client, f"{table} | count") == [[0]]


@pytest.mark.parametrize(
    ("command", "kind", "says"),
    [
        (".show materialized-view Nowhere", "EntityNotFoundException", "'Nowhere' of kind 'MaterializedView'"),
        (".alter materialized-view Nowhere policy caching hot = 1d", "EntityNotFoundException", "'Nowhere'"),
        (".create materialized-view V on table Nowhere { Nowhere | summarize count() by a }", "EntityNotFoundException",
         "'Nowhere' of kind 'Table'"),
        (".create materialized-view V on table {T} {{ {T} | summarize count() by s | where s == 'a' }}",
         "SemanticException", "single summarize, which is its last operator"),
        (".create materialized-view V on table {T} {{ {T} | summarize count() by nothing }}", "SemanticException",
         "nothing"),
        (".create materialized-view {T} on table {T} {{ {T} | summarize count() by s }}",
         "EntityNameAlreadyExistsException", "already a table"),
        (".alter table {T} (n: string)", "SemanticException", "column 'n' of '{T}' is long and cannot become string"),
        (".alter table {T} policy caching warm = 1d", "SyntaxException", "expected a caching policy"),
        (".alter table {T} policy retention 'nonsense'", "SyntaxException", "is not JSON"),
        (".add database telemetry emperors ('aadgroup=x;y')", "SyntaxException", "a role"),
        (".add database telemetry viewers ('x@y.z')", "SyntaxException", "is no principal"),
    ],
)  # fmt: skip
def test_a_refusal_has_the_type_and_the_reason_of_the_service(
    client: KustoClient, table: str, command: str, kind: str, says: str
) -> None:
    with pytest.raises(KustoApiError) as refused:
        client.execute_mgmt(DATABASE, command.replace("{T}", table).replace("{{", "{").replace("}}", "}"))
    told = refused.value.get_api_error()
    assert told.type.endswith(kind)
    assert says.replace("{T}", table) in told.description
    assert told.permanent
