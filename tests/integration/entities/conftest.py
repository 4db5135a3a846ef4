"""A landing folder on this disk, and the way from there to the entities without Dagster."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from assets.bronze.files import Taken, take
from assets.bronze.landing import Landing
from assets.silver.entities.build import Built, build
from canonical.entities.model import EntitySpec
from canonical.entities.specs import load_entity_specs
from lake.store import Lake
from quality.contracts.model import Table
from settings.model import Settings


@dataclass
class Estate:
    """One lake and its landing folder."""

    settings: Settings

    @cached_property
    def lake(self) -> Lake:
        return Lake.of(self.settings)

    @cached_property
    def landing(self) -> Landing:
        return Landing(self.settings)

    @cached_property
    def specs(self) -> tuple[EntitySpec, ...]:
        return load_entity_specs(self.settings.entity_specs)

    def put(self, name: str, body: bytes | str, at: float | None = None) -> Path:
        """A file at `<feed>/<path>`; `at` is its time of writing in seconds since 1970."""
        file = Path(self.landing.root, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body if isinstance(body, bytes) else body.encode())
        if at is not None:
            os.utime(file, (at, at))
        return file

    def take(self) -> Taken:
        return take(self.lake, self.landing)

    def build(self) -> Built:
        return build(self.lake, self.specs, self.settings)

    def rows(self, table: Table, *columns: str) -> list[Any]:
        """Rows in an order of their own, as tuples; of one column its values."""
        found = self.lake.rows(table, columns=columns or None).to_pylist()
        if len(columns) == 1:
            return sorted(row[columns[0]] for row in found)
        return sorted((tuple(row.values()) for row in found), key=repr)


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return Estate(Settings(home=tmp_path / "home", landing_settle_seconds=0, _env_file=None))


@pytest.fixture
def other(tmp_path: Path) -> Estate:
    """Another lake."""
    return Estate(Settings(home=tmp_path / "other", landing_settle_seconds=0, _env_file=None))
