"""Field data against an independent reading of the same files."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def folder() -> Path:
    root = os.environ.get("LAKE_REAL_DATA")
    if not root:
        pytest.skip("LAKE_REAL_DATA is not set: no field data to read")
    return Path(root) / "room_climate"


def test_every_row_of_a_real_file_is_four_readings(folder, canonicaliser, table, csv_event):
    file = min(folder.rglob("*.csv.gz"))
    lines = gzip.decompress(file.read_bytes()).splitlines()
    source = str(file.relative_to(folder))

    converted = canonicaliser.convert(table([csv_event(line, properties=[("source", source)]) for line in lines]))

    assert len(converted.rejects) == 0
    found = {
        (row["sequence_number"], row["index"]): (row["device_id"].split(":")[1], row["recorded_at"], row["value"])
        for row in converted.readings.to_pylist()
    }
    assert len(found) == 4 * len(lines)
    for number, line in enumerate(lines):
        cells = [cell.strip() for cell in line.decode().split(",")]
        for index, cell in enumerate(cells[4:8]):
            node, recorded_at, value = found[(number, index)]
            assert (node, value) == (cells[3], float(cell))
            assert round(recorded_at.timestamp() * 1000) == int(cells[1])
