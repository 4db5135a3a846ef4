"""A shadow of any hours under any mapping is what swapping it in makes of Silver, and undoing restores what was."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.silver import batches, in_force, shadow, swap
from assets.silver.audit import audit
from assets.silver.promote import Promoter
from assets.silver.swap import Means
from canonical.canonicaliser import Canonicaliser
from canonical.spec_model import MappingSpec
from lake.fence import append
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import BRONZE_TELEMETRY, DUPLICATES, EVENT_NAMES, QUARANTINE, READINGS
from settings.model import Silver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

BEGIN = datetime(2026, 3, 1, 20, tzinfo=UTC)
MEANS = Means(Silver(batch_events=6, decode_events=7))


def mapped(scale: float) -> Canonicaliser:
    spec = {
        "id": "thermo", "version": 1, "description": "One reading.", "match": {"content_type": ["application/json"]},
        "decode": {"format": "json"}, "device": {"path": "d", "source": "x"}, "time": {"path": "t", "format": "epoch_s"},
        "readings": [{"metric": "air_temperature", "path": "v", "unit": "degC", "scale": scale}],
    }  # fmt: skip
    return Canonicaliser.of([MappingSpec.model_validate(spec)])


# Halved, other values are in range and others agree: winners move in both directions.
OLD, NEW = mapped(1), mapped(0.5)

MESSAGES = st.lists(
    st.fixed_dictionaries(
        {
            "hour": st.integers(0, 6),
            "device": st.sampled_from("ab"),
            "slot": st.integers(0, 1),
            "v": st.sampled_from([10, 20, 20, 40, 160, 160]),
        }
    ),
    min_size=10,
    max_size=30,
)


def arrive(lake: Lake, messages: Sequence[dict[str, Any]]) -> None:
    rows = []
    for number, message in enumerate(sorted(messages, key=lambda message: message["hour"])):
        at = BEGIN + timedelta(hours=message["hour"], seconds=number)
        body = {"d": message["device"], "t": int(BEGIN.timestamp()) - 86_400 * message["slot"], "v": message["v"]}
        rows.append(
            {
                "ingest_date": at.date(), "hub": "hub", "partition_id": "0", "epoch": 0, "sequence_number": number,
                "offset": "", "enqueued_at": at, "ingested_at": at, "content_type": "application/json",
                "properties": [], "body": json.dumps(body).encode(),
            }
        )  # fmt: skip
    append(lake, BRONZE_TELEMETRY, pa.Table.from_pylist(rows, schema=arrow_schema(BRONZE_TELEMETRY)))


def everything(lake: Lake) -> list[list[dict[str, Any]]]:
    """All rows in all columns but the batch number."""
    return [
        sorted(
            lake.rows(table).drop_columns(["silver_batch"]).to_pylist(),
            key=lambda row: tuple(row[name] for name in (*EVENT_NAMES, "index")),
        )
        for table in (READINGS, DUPLICATES, QUARANTINE)
    ]


@pytest.mark.deep
@given(messages=MESSAGES, chosen=st.sets(st.integers(0, 6), min_size=1, max_size=4))
def test_shadow_swap_and_replacement_agree_and_undoing_restores(messages: list[Any], chosen: set[int]) -> None:
    with tempfile.TemporaryDirectory(prefix="shadow-property-") as folder:
        live, replaced = Lake(f"{folder}/live"), Lake(f"{folder}/replaced")
        arrive(live, messages)
        in_force.deploy(live, OLD)
        Promoter(live, OLD, Silver()).promote()
        hours = sorted(batches.hours_touched(live, 1))
        wanted = [hour for place, hour in enumerate(hours) if place in chosen] or hours[:1]
        before = everything(live)
        shutil.copytree(live.root, replaced.root)
        Promoter(replaced, NEW, Silver()).replace(wanted)

        begun = shadow.begin(live, NEW, wanted, specs="new", who="ada")
        shadow.build(live, begun, MEANS.settings)
        laid_over = shadow.lake_of(live, begun)
        assert everything(laid_over) == everything(replaced)
        assert audit(laid_over).balanced
        assert everything(live) == before

        assert swap.swap(live, begun, MEANS, who="ada", why=None).equal
        assert everything(live) == everything(replaced)
        assert swap.undo(live, MEANS, who="ada", why=None).equal
        assert everything(live) == before
        assert audit(live).balanced
