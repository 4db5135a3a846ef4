"""A hub log written by hand into Bronze, and mappings small enough to read."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assets.silver.promote import Promoter
from assets.silver.snapshot import snapshot
from canonical.canonicaliser import Canonicaliser
from canonical.spec_model import MappingSpec
from lake.fence import append
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import BRONZE_TELEMETRY, DUPLICATES, EVENT_NAMES, QUARANTINE, READINGS
from settings.model import Silver

SILVER = (READINGS, DUPLICATES, QUARANTINE)
DAY = "2026-03-01T"


def instant(text: str) -> datetime:
    """`03:15` is that time of 1 March 2026; a longer text is a full instant."""
    return datetime.fromisoformat(text if len(text) > 8 else DAY + text).replace(tzinfo=UTC)


@dataclass
class Hub:
    """Sends to Bronze; each stream numbers its events from 0."""

    lake: Lake
    numbers: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    def event(
        self, at: str, v: Any = 20, *, device: str = "a", measured: str = "02:00", partition: str = "0", epoch: int = 0,
        body: bytes | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """One event enqueued at `at` that says: `device` measured `v` at `measured`."""
        number = self.numbers[partition, epoch]
        self.numbers[partition, epoch] += 1
        said = json.dumps({"d": device, "t": f"{instant(measured):%Y-%m-%dT%H:%M:%SZ}", "v": v}).encode()
        return {
            "ingest_date": instant(at).date(), "hub": "hub", "partition_id": partition, "epoch": epoch,
            "sequence_number": number, "offset": "", "enqueued_at": instant(at),
            "ingested_at": instant(at) + timedelta(seconds=5), "content_type": "application/json", "properties": [],
            "body": said if body is None else body,
        }  # fmt: skip

    def arrive(self, *events: dict[str, Any]) -> None:
        """One Bronze commit."""
        append(self.lake, BRONZE_TELEMETRY, pa.Table.from_pylist(list(events), schema=arrow_schema(BRONZE_TELEMETRY)))

    def send(self, at: str, v: Any = 20, **said: Any) -> None:
        self.arrive(self.event(at, v, **said))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def hub(lake: Lake) -> Hub:
    return Hub(lake)


@pytest.fixture(scope="session")
def hub_at() -> Callable[[Lake], Hub]:
    """A hub of another lake."""
    return Hub


@pytest.fixture(scope="session")
def mapping() -> Callable[..., Canonicaliser]:
    """A mapping of one temperature; another scale is another digest. In range: -60 to 85 after scaling."""
    made: dict[float, Canonicaliser] = {}

    def make(scale: float = 1) -> Canonicaliser:
        spec = {
            "id": "thermo", "version": 1, "description": "One reading.", "match": {"content_type": ["application/json"]},
            "decode": {"format": "json"}, "device": {"path": "d", "source": "x"}, "time": {"path": "t"},
            "readings": [{"metric": "air_temperature", "path": "v", "unit": "degC", "scale": scale}],
        }  # fmt: skip
        return made.setdefault(scale, Canonicaliser.of([MappingSpec.model_validate(spec)]))

    return make


@pytest.fixture
def promoter(lake: Lake, mapping: Callable[..., Canonicaliser]) -> Callable[..., Promoter]:
    """A promoter of this lake: `promoter(scale, batch_events=…)`."""

    def make(scale: float = 1, *, on: Lake = lake, **settings: Any) -> Promoter:
        return Promoter(on, mapping(scale), Silver(**settings))

    return make


@pytest.fixture(scope="session")
def everything() -> Callable[..., dict[str, list[dict[str, Any]]]]:
    """All rows of the three tables, of the last complete batch or of the heads; the batch number only if asked."""

    def read(lake: Lake, *, complete: bool = False, batches: bool = False) -> dict[str, list[dict[str, Any]]]:
        state = snapshot(lake) if complete else None
        found = {}
        for table in SILVER:
            version = getattr(state, table.name) if state else None
            names = [name for name in table.names if batches or name != "silver_batch"]
            rows = lake.rows(table, version=version, columns=names).to_pylist()
            found[table.name] = sorted(rows, key=lambda row: tuple(row[name] for name in (*EVENT_NAMES, "index")))
        return found

    return read


@pytest.fixture(scope="session")
def brief() -> Callable[[Lake], dict[str, Sequence[Any]]]:
    """What Silver holds, a line a row: values by `device hour`, losers by `partition/number`."""

    def read(lake: Lake) -> dict[str, Sequence[Any]]:
        readings = lake.rows(READINGS).to_pylist()
        return {
            "accepted": sorted((row["partition_id"], row["sequence_number"], row["value"]) for row in readings),
            "duplicates": sorted(
                (row["partition_id"], row["sequence_number"]) for row in lake.rows(DUPLICATES).to_pylist()
            ),
            "quarantined": sorted(
                (row["partition_id"], row["sequence_number"], row["reason"])
                for row in lake.rows(QUARANTINE).to_pylist()
            ),
        }

    return read
