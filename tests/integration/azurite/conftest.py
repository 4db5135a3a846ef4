"""A lake over `abfss://` in an Azurite on a free port, and an Event Hubs beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from local_azure import endpoints, supervisor
from local_azure.azurite import starter
from settings.model import BronzeWorker, EventHubs, Settings

CONTAINER = "lake"


@pytest.fixture(scope="session")
def azurite_packages() -> Path:
    return starter.install()


@pytest.fixture
def ready(azurite_packages: Path, tmp_path: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """What Event Hubs and Azurite say of themselves."""
    folder = tmp_path / "endpoints"
    wanted = [endpoints.event_hubs(), starter.azurite(azurite_packages)]
    try:
        yield supervisor.start(wanted, folder, accompany=os.getpid())
    finally:
        supervisor.stop(folder)


@pytest.fixture
def over_azurite(ready: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a lake in a new container."""
    with ContainerClient.from_connection_string(starter.connection_string(ready), CONTAINER) as container:
        container.create_container()
    for name, value in starter.environment(ready).items():
        monkeypatch.setenv(name, value)
    return Settings(
        home=tmp_path,
        root=f"abfss://{CONTAINER}@{starter.ACCOUNT}.dfs.core.windows.net/lake",
        event_hubs=EventHubs(connection_string=ready["event_hubs"]["connection_string"], hub=endpoints.HUB),
        bronze=BronzeWorker(flush_rows=200, flush_seconds=0.2),
    )
