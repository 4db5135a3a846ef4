"""Every level of every kind equals an independent computation on rows that real devices sent.

The first rows of each published set; with LAKE_DEEP_TESTS thousands of them. What was to be expected of a device
follows from its mapping and is computed elsewhere (`test_completeness`).
"""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from assets.silver import digests
from canonical.canonicaliser import EVENTS_SCHEMA, Canonicaliser
from canonical.specs import load_specs
from lake.store import Lake
from local_azure.kusto import launch
from orchestration.resources.kusto import Kusto
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import AGGREGATES, COUNTERS, LEVELS, READINGS, STATES
from tests.integration.gold import oracle
from tests.integration.gold.conftest import Silver
from tests.integration.gold.conftest import oracle as gauges
from tests.integration.gold.levels import Computed, compute

DATA = os.environ.get("LAKE_REAL_DATA")
DEEP = bool(os.environ.get("LAKE_DEEP_TESTS"))
ROWS = 5_000 if DEEP else 150
"""Of each set."""
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.timeout(3600 if DEEP else 240),
    pytest.mark.skipif(DATA is None, reason="LAKE_REAL_DATA names no folder of field data"),
]
SETS = {
    "room_climate": ("datasets-location_A/*.csv.gz", False),
    "ulb_library": ("library2data.tgz", False),
    "lbnl_ahu_faults": ("SZVAV.csv.gz", True),
    "uci_air_quality": ("*.csv.gz", True),
}
"""Mapping to its files, and whether their first line is a header."""
ENQUEUED = datetime(2026, 11, 21, 3, 0, 1, tzinfo=UTC)


def lines(mapping: str) -> Iterator[tuple[str, bytes]]:
    """Name of the file and line, as published."""
    pattern, _ = SETS[mapping]
    file = min(Path(DATA or "", mapping).glob(pattern))
    if file.suffix == ".tgz":
        with tarfile.open(file) as archive:
            [name] = [name for name in archive.getnames() if name.endswith("/readings.txt")]
            content = archive.extractfile(name)
            assert content is not None
            yield from (("readings.txt", line) for line in content.read().splitlines())
    else:
        with gzip.open(file) as content:
            yield from ((file.name, line.rstrip(b"\r\n")) for line in content)


def events(mapping: str, first: int) -> Iterator[dict[str, Any]]:
    """What the replayer would send of a set."""
    properties = {"schema": mapping}
    rows = ((name, line) for name, line in lines(mapping) if line.strip())
    if SETS[mapping][1]:
        properties["csv-header"] = next(rows)[1].removeprefix(b"\xef\xbb\xbf").decode()
    for number, (name, line) in enumerate(islice(rows, ROWS), first):
        yield {
            "hub": "telemetry", "partition_id": "0", "epoch": 0, "sequence_number": number, "enqueued_at": ENQUEUED,
            "content_type": "text/csv", "schema_ref": mapping, "body": line,
            "properties": [*properties.items(), ("source", name)],
        }  # fmt: skip


@pytest.fixture(scope="module")
def computed(endpoint: launch.Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Computed]:
    lake, canonicaliser = Lake(str(tmp_path_factory.mktemp("real"))), Canonicaliser.of(load_specs())
    digests.keep(lake, canonicaliser)
    silver = Silver(lake, canonicaliser.digest)
    sent = [event for place, mapping in enumerate(SETS) for event in events(mapping, place * 10**6)]
    converted = canonicaliser.convert(pa.Table.from_pylist(sent, schema=EVENTS_SCHEMA))
    frame = pl.DataFrame(pl.from_arrow(converted.readings)).with_columns(
        digest=pl.lit(silver.digest), silver_batch=pl.lit(1, pl.Int64), enqueued_hour=pl.lit(f"{ENQUEUED:%Y-%m-%d-%H}")
    )
    key = ["device_id", "metric", "channel", "recorded_at", "discriminator"]
    rows = frame.unique(key, keep="first", maintain_order=True).select(READINGS.names).to_arrow()
    version = silver.commit(rows.cast(arrow_schema(READINGS))).readings
    dates = sorted(set(frame["recorded_at"].dt.date()))
    with closing(Kusto(endpoint.uri, endpoint.database, ingest_timeout_seconds=60)) as kusto:
        yield compute(lake, version, dates, kusto)


def test_every_set_and_every_kind_it_has_is_among_them(computed: Computed) -> None:
    found = set(computed.readings.select(pl.col("device_id").str.split(":").list.first()).to_series())
    assert len(found) >= len(SETS)
    assert computed.levels["states_1d"].height > 0
    single = computed.levels["readings_1m"].filter(pl.col("reading_count") == 1)
    assert single.height > 0
    assert single["stdev_value"].null_count() == single.height


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_of_real_rows_equals_an_independent_computation(computed: Computed, level: str) -> None:
    declared = ["expected_count", "completeness"]
    wanted = gauges(computed.readings.to_arrow(), level).drop(declared)
    assert wanted.height > 0
    oracle.assert_level(computed.levels[AGGREGATES[level].name].drop(declared), wanted)
    oracle.assert_level(computed.levels[STATES[level].name], oracle.states(computed.readings, level))
    counted = oracle.counters(computed.readings, level)
    assert computed.levels[COUNTERS[level].name].height == counted.height
