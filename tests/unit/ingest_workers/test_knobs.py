from __future__ import annotations

import time

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.storage.blob import ContainerClient
from pydantic import ValidationError

from ingest_workers.buffer import Buffer
from ingest_workers.ownership.file_store import FileCheckpointStore
from ingest_workers.ownership.stores import checkpoint_store, make_container
from ingest_workers.source import SourceError
from settings.model import BronzeWorker, Settings


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({}, 5.0),
        ({"LAKE_BRONZE__LATENCY": "low"}, 1.0),
        ({"LAKE_BRONZE__FLUSH_SECONDS": "7"}, 7.0),
        ({"LAKE_BRONZE__LATENCY": "low", "LAKE_BRONZE__FLUSH_SECONDS": "0.2"}, 0.2),
        ({"LAKE_BRONZE__LATENCY": "low", "LAKE_BRONZE__FLUSH_SECONDS": "5"}, 5.0),
    ],
    ids=["nothing", "low latency", "seconds", "both", "both, at the default's value"],
)
def test_seconds_that_were_set_win_over_the_latency(monkeypatch, given, seconds):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert Settings().bronze.flush_seconds == seconds


def test_by_default_an_event_waits_ten_seconds_at_most_and_a_dead_worker_is_replaced_within_thirty():
    usual = BronzeWorker()
    assert usual.flush_seconds <= 10
    assert usual.expiry_seconds + 2 * usual.renew_seconds + usual.flush_seconds < 30


def test_an_expiry_that_one_missed_renewal_would_reach_is_refused():
    with pytest.raises(ValidationError, match="less than twice LAKE_BRONZE__RENEW_SECONDS"):
        BronzeWorker(renew_seconds=3, expiry_seconds=5)


def test_ownership_names_a_folder_a_container_or_nobody(tmp_path):
    def store(where: str) -> object:
        return checkpoint_store(Settings(bronze=BronzeWorker(ownership=where), storage_key="a2V5"))

    assert store("") is None
    assert isinstance(store(str(tmp_path)), FileCheckpointStore)
    blobs = store("https://account.blob.core.windows.net/claims")
    assert type(blobs).__name__ == "BlobCheckpointStore"
    with pytest.raises(ValueError, match="names no container"):
        store("https://account.blob.core.windows.net")


@pytest.mark.parametrize("status", [401, 403])
def test_a_container_that_is_not_for_us_is_an_error_that_says_what_to_do(monkeypatch, status):
    def refuse(client: ContainerClient) -> bool:
        refusal = HttpResponseError("This request is not authorized.\nRequestId: 1")
        refusal.status_code = status
        raise refusal

    monkeypatch.setattr(ContainerClient, "exists", refuse)
    where = "https://account.blob.core.windows.net/claims"
    with pytest.raises(
        SourceError, match="az storage container create .* --account-name account --name claims"
    ) as told:
        make_container(Settings(bronze=BronzeWorker(ownership=where), storage_key="a2V5"))
    assert "RequestId" not in str(told.value)


def test_a_storage_that_does_not_answer_yet_stops_no_worker_from_starting(monkeypatch):
    tried = []

    def silent(client: ContainerClient) -> bool:
        tried.append(client.container_name)
        raise ServiceRequestError("no route to host")

    monkeypatch.setattr(ContainerClient, "exists", silent)
    for where in ("https://account.blob.core.windows.net/claims", "/a/folder", ""):
        make_container(Settings(bronze=BronzeWorker(ownership=where), storage_key="a2V5"))
    assert tried == ["claims"]


@pytest.mark.parametrize(
    ("knobs", "waited"),
    [
        ({"rows": 10, "size": 10**9, "seconds": 60, "limit": 10**9}, False),
        ({"rows": 10**6, "size": 1000, "seconds": 60, "limit": 10**9}, False),
        ({"rows": 10**6, "size": 10**9, "seconds": 0.3, "limit": 10**9}, True),
    ],
    ids=["rows", "bytes", "age"],
)
def test_the_first_knob_that_is_reached_makes_a_flush_of_everything(make_rows, knobs, waited):
    buffer = Buffer(**knobs)
    begun = time.monotonic()
    buffer.put(make_rows("0", range(10)))
    buffer.put(make_rows("1", range(3)))
    flush = buffer.take(5)
    assert flush is not None
    assert {name: len(events) for name, events in flush.partitions.items()} == {"0": 10, "1": 3}
    assert (time.monotonic() - begun >= 0.3) is waited
