"""Kill -9 at every named point: what was acknowledged is there once, what was half done is not there."""

from __future__ import annotations

import io
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from azure.kusto.data import KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.data_format import DataFormat
from azure.kusto.data.exceptions import KustoError
from azure.kusto.ingest import IngestionProperties, QueuedIngestClient
from azure.kusto.ingest.ingestion_properties import ReportLevel
from azure.kusto.ingest.status import KustoIngestStatusQueues

from local_azure.kusto import launch

DATABASE = "telemetry"
SWAP = (
    ".replace extents in table T <| { .show table T extents | where Tags has 'day' },"
    " { .show table Stage extents | where Tags has 'day' }"
)


@contextmanager
def running(data: Path, **environment: str) -> Iterator[launch.Running]:
    endpoint = launch.start(data, environment=environment)
    try:
        yield endpoint
    finally:
        if endpoint.process.poll() is None:
            assert endpoint.stop() == 0


@contextmanager
def connected(endpoint: launch.Running) -> Iterator[KustoClient]:
    with KustoClient(KustoConnectionStringBuilder(endpoint.uri)) as client:
        yield client


def values(client: KustoClient, table: str) -> list[int]:
    return [
        row[0] for row in client.execute_query(DATABASE, f"{table} | project n | order by n asc").primary_results[0]
    ]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an endpoint that has two tables and was stopped."""
    data = tmp_path_factory.mktemp("template")
    with running(data) as endpoint, connected(endpoint) as client:
        for name in ("T", "Stage"):
            client.execute_mgmt(DATABASE, f".create table {name} (n: long)")
        client.execute_mgmt(DATABASE, ".append T with (tags='[\"day\"]') <| print 1")
        client.execute_mgmt(DATABASE, ".append T <| print 2")
        client.execute_mgmt(DATABASE, ".append Stage with (tags='[\"day\"]') <| print 10")
    return data


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(template, tmp_path / "data"))


@pytest.mark.parametrize(
    ("point", "in_table", "in_stage"), [("before_replace", [1, 2], [10]), ("after_replace", [2, 10], [])]
)
def test_a_swap_happened_or_did_not(folder: Path, point: str, in_table: list[int], in_stage: list[int]) -> None:
    with running(folder, LOCAL_KUSTO_KILL_AT=point) as endpoint, connected(endpoint) as client:
        with pytest.raises(KustoError):
            client.execute_mgmt(DATABASE, SWAP)
        assert endpoint.process.wait(10) == -signal.SIGKILL
    with running(folder, LOCAL_KUSTO_KILL_AT=point) as endpoint, connected(endpoint) as client:
        assert (values(client, "T"), values(client, "Stage")) == (in_table, in_stage)
        if point == "before_replace":
            client.execute_mgmt(DATABASE, SWAP)
            assert (values(client, "T"), values(client, "Stage")) == ([2, 10], [])


@pytest.mark.parametrize(("point", "found"), [("before_append", [1, 2]), ("after_append", [1, 2, 3])])
def test_an_append_happened_or_did_not(folder: Path, point: str, found: list[int]) -> None:
    with running(folder, LOCAL_KUSTO_KILL_AT=point) as endpoint, connected(endpoint) as client:
        with pytest.raises(KustoError):
            client.execute_mgmt(DATABASE, ".append T <| print 3")
        assert endpoint.process.wait(10) == -signal.SIGKILL
    with running(folder) as endpoint, connected(endpoint) as client:
        assert values(client, "T") == found


def file_of(first: int, count: int) -> io.BytesIO:
    stream = io.BytesIO()
    pq.write_table(pa.table({"n": list(range(first, first + count))}), stream)
    stream.seek(0)
    return stream


@pytest.mark.parametrize("point", ["before_ingest", "after_ingest"])
def test_queued_files_are_ingested_exactly_once_through_a_kill(folder: Path, point: str) -> None:
    described = IngestionProperties(
        database=DATABASE,
        table="T",
        data_format=DataFormat.PARQUET,
        report_level=ReportLevel.FailuresAndSuccesses,
        drop_by_tags=["batch"],
    )
    sources = set()
    with running(folder, LOCAL_KUSTO_KILL_AT=point) as endpoint:
        # The worker kills the process on the first file; what the client got acknowledged until then must arrive.
        with QueuedIngestClient(KustoConnectionStringBuilder(endpoint.uri)) as ingest:
            sources.add(str(ingest.ingest_from_stream(file_of(100, 5), described).source_id))
        assert endpoint.process.wait(10) == -signal.SIGKILL
    with running(folder, LOCAL_KUSTO_KILL_AT=point) as endpoint, connected(endpoint) as client:
        with QueuedIngestClient(KustoConnectionStringBuilder(endpoint.uri)) as ingest:
            sources.add(str(ingest.ingest_from_stream(file_of(200, 5), described).source_id))
            told: list[str] = []
            deadline = time.monotonic() + 20
            while len(told) < 2 and time.monotonic() < deadline:
                told += [m.IngestionSourceId for m in KustoIngestStatusQueues(ingest).success.pop(5)]
                time.sleep(0.05)
            assert sorted(told) == sorted(sources)
            assert KustoIngestStatusQueues(ingest).success.is_empty()
        assert values(client, "T") == [1, 2, *range(100, 105), *range(200, 205)]
        assert list((folder / "blobs" / "uploads").iterdir()) == []


def test_messages_acknowledged_before_a_kill_are_ingested_after_it(folder: Path) -> None:
    described = IngestionProperties(database=DATABASE, table="T", data_format=DataFormat.PARQUET)
    with running(folder) as endpoint:
        with QueuedIngestClient(KustoConnectionStringBuilder(endpoint.uri)) as ingest:
            for batch in range(5):
                ingest.ingest_from_stream(file_of(100 * (batch + 1), 3), described)
        endpoint.kill()
    with running(folder) as endpoint, connected(endpoint) as client:
        deadline = time.monotonic() + 20
        while len(values(client, "T")) < 17 and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        assert values(client, "T") == sorted([1, 2, *(100 * (batch + 1) + n for batch in range(5) for n in range(3))])


def test_a_taken_port_is_one_line_that_names_the_port(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(launch.LaunchError) as refused:
            launch.start(tmp_path, port=port)
    said = str(refused.value)
    assert f"port {port} is taken by pid " in said
    assert "Traceback" not in said


def test_a_second_endpoint_on_the_same_folder_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as endpoint, connected(endpoint) as client:
        with pytest.raises(launch.LaunchError, match="in use by another endpoint"):
            launch.start(tmp_path)
        assert client.execute_query(DATABASE, "print 1").primary_results[0][0][0] == 1


def test_stopping_while_requests_come_is_clean(folder: Path) -> None:
    endpoint = launch.start(folder)
    with connected(endpoint) as client:
        client.execute_mgmt(DATABASE, ".append T <| range n from 100 to 50000 step 1")
        assert endpoint.stop() == 0
    assert not (folder / "ready.json").exists()
    assert not list(folder.glob("*.wal"))
    with running(folder) as again, connected(again) as client:
        assert len(values(client, "T | take 10")) == 10
