"""Maintenance over `abfss://`: what the store is really asked for, counted on the wire, before and after."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pyarrow as pa
import pytest

from assets.maintenance import maintain as module
from assets.maintenance.maintain import maintain
from ingest_workers.fleet import Card, cards
from lake.fence import append
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.clock import now

LAST_WEEK = datetime.combine((now() - timedelta(days=7)).date(), datetime.min.time(), UTC)
COMMITS = 12


@pytest.fixture
def counted(over_azurite, ready: dict[str, dict[str, Any]], monkeypatch) -> Iterator[Callable[[], list[str]]]:
    """A proxy between us and Azurite; a call tells the paths asked for since the one before."""
    there = urlparse(ready["azurite"]["url"])
    proxy = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("counting_proxy.py")), str(there.hostname), str(there.port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert proxy.stdout is not None
    url = f"http://127.0.0.1:{int(proxy.stdout.readline())}"
    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", url)

    def since_then() -> list[str]:
        with urllib.request.urlopen(f"{url}/counted", timeout=30) as answer:
            return [path for _, path in json.load(answer)]

    yield since_then
    proxy.kill()
    proxy.wait(10)


def rows(commit: int) -> pa.Table:
    events = [
        {
            "ingest_date": LAST_WEEK.date(), "hub": "hub", "partition_id": "0", "epoch": 0, "sequence_number": n,
            "offset": str(n), "enqueued_at": LAST_WEEK + timedelta(seconds=n), "ingested_at": now(), "properties": [],
            "body": b"x" * 100,
        }
        for n in range(commit * 10, commit * 10 + 10)
    ]  # fmt: skip
    return pa.Table.from_pylist(events, schema=arrow_schema(BRONZE_TELEMETRY))


@pytest.mark.slow
@pytest.mark.timeout(290)  # whoever comes first installs Azurite
def test_after_maintenance_a_past_day_takes_as_few_requests_as_is_said_and_cards_lie_beside_the_tables(
    over_azurite, counted, monkeypatch
):
    lake = Lake.of(over_azurite)
    for commit in range(COMMITS):
        append(lake, BRONZE_TELEMETRY, rows(commit))

    def requests_of_a_read() -> tuple[int, int]:
        """Requests for the log, and for the data."""
        counted()
        assert lake.dataset(BRONZE_TELEMETRY).to_table().num_rows == COMMITS * 10
        asked = counted()
        log = sum("_delta_log" in path for path in asked)
        return log, len(asked) - log

    log_before, data_before = requests_of_a_read()
    monkeypatch.setattr(module, "now", lambda: now() + timedelta(hours=3))
    report = maintain(lake, BRONZE_TELEMETRY)
    log_after, data_after = requests_of_a_read()

    assert report is not None
    assert (report.files_before, report.files_after) == (COMMITS, 1)
    # What the report counts of files is what the store is asked for; a request that had to be repeated may be on top.
    assert report.read_requests_before <= data_before <= report.read_requests_before + 6
    assert report.read_requests_after <= data_after <= report.read_requests_after + 6
    assert log_after < log_before

    append(lake, BRONZE_TELEMETRY, rows(COMMITS))
    append(lake, BRONZE_TELEMETRY, rows(COMMITS + 1))
    assert lake.dataset(BRONZE_TELEMETRY).count_rows() == (COMMITS + 2) * 10

    for _ in range(2):
        card = Card(lake, "replica-7", lambda: {"committed": 5}, every=60)
        card.start()
        card.stop()
    (found,) = cards(lake)
    assert (found["worker"], found["starts"], found["committed"]) == ("replica-7", 2, 5)
