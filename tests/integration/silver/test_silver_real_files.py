"""A library's published rows, from Bronze to Silver, as plain Python reads them."""

from __future__ import annotations

import math
import os
import tarfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from assets.silver.audit import audit
from assets.silver.promote import Promoter
from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_specs
from lake.fence import append
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import BRONZE_TELEMETRY, DUPLICATES, QUARANTINE, READINGS
from settings.model import Silver

pytestmark = pytest.mark.real_data

COLUMNS = (
    "device_temperature",
    "battery_voltage",
    "relative_humidity",
    "air_temperature",
    "light_level",
    "light_level",
)


@pytest.fixture
def rows() -> list[bytes]:
    root = os.environ.get("LAKE_REAL_DATA")
    if not root:
        pytest.skip("LAKE_REAL_DATA names no folder of field data")
    with tarfile.open(Path(root) / "ulb_library" / "library2data.tgz") as archive:
        [name] = [name for name in archive.getnames() if name.endswith("/readings.txt")]
        content = archive.extractfile(name)
        assert content is not None
        return content.read().splitlines()


def test_a_file_sent_twice_and_one_row_changed_is_read_once(
    lake: Lake, rows: list[bytes], everything: Callable
) -> None:
    changed = rows[0].replace(rows[0].split()[5], b"99,5")
    sent = [*rows, *rows[:100], changed, b"", rows[0] + b" 7"]
    at = datetime(2026, 3, 1, 4, tzinfo=UTC)
    events = [
        {
            "ingest_date": at.date(), "hub": "hub", "partition_id": "0", "epoch": 0, "sequence_number": number,
            "offset": "", "enqueued_at": at, "ingested_at": at, "content_type": "text/csv", "schema_ref": "ulb_library",
            "properties": [("schema", "ulb_library"), ("source", "readings.txt")], "body": row,
        }
        for number, row in enumerate(sent)
    ]  # fmt: skip
    append(lake, BRONZE_TELEMETRY, pa.Table.from_pylist(events, schema=arrow_schema(BRONZE_TELEMETRY)))
    mine = [spec for spec in load_specs() if spec.id == "ulb_library"]
    Promoter(lake, Canonicaliser.of(mine), Silver()).promote()

    found = everything(lake)
    assert len(found[READINGS.name]) == 6 * len(rows) == 42_684
    assert len(found[DUPLICATES.name]) == 6 * 100 + 5
    assert Counter(row["reason"] for row in found[QUARANTINE.name]) == {
        "conflict": 1,
        "empty_body": 1,
        "invalid_csv": 1,
    }
    ledger = audit(lake)
    assert ledger.balanced
    assert ledger.events == {"accepted": len(rows), "partial": 0, "quarantined": 3, "duplicate": 100}
    for place, metric in enumerate(COLUMNS):
        wanted = [float(row.split()[3 + place].replace(b",", b".")) for row in rows]
        values = [row["value"] for row in found[READINGS.name] if row["index"] == place]
        assert (min(values), max(values)) == (min(wanted), max(wanted)), metric
        assert math.fsum(values) == pytest.approx(math.fsum(wanted), rel=1e-9), metric
