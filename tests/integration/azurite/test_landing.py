"""A landing folder in a container: listed, taken over and read as one on a disk is."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.bronze.files import body_of, landed, pending, take
from assets.bronze.landing import Landing
from assets.silver.entities.build import build
from assets.silver.entities.ledger import entity_ledger
from assets.silver.entities.read import current
from canonical.entities.specs import load_entity_specs
from lake.store import Lake
from quality.contracts.entities import CLIENT
from settings.model import Settings


@pytest.mark.slow
@pytest.mark.timeout(290)  # whoever comes first installs Azurite
def test_files_in_a_container_become_entities(over_azurite: Settings, tmp_path: Path) -> None:
    settings = over_azurite.model_copy(update={"landing_settle_seconds": 0.1})
    lake, landing = Lake.of(settings), Landing(settings)
    assert landing.root == settings.lake_root.removesuffix("lake") + "landing"
    assert landing.listed() == []
    body = b"Client ID,Client Name\nC-1,Ann\n"
    for name in ("clients-2026-03-01.csv", "deep/clients-2026-03-02.csv"):
        file = tmp_path / "clients.csv"
        file.write_bytes(body)
        landing.put(file, "crm", name)
    assert [file.path for file in landing.listed()] == ["clients-2026-03-01.csv", "deep/clients-2026-03-02.csv"]
    assert len(take(lake, landing).files) == 2
    assert pending(lake, landing) == []
    assert {body_of(lake, row["content_hash"]) for row in landed(lake)} == {body}
    build(lake, load_entity_specs(), settings)
    assert current(lake, CLIENT, ["client_id", "name"]).to_pylist() == [{"client_id": "C-1", "name": "Ann"}]
    assert entity_ledger(lake).balanced
