"""Bodies of any size pass in pieces: memory follows the piece, not the batch."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from assets.silver.audit import audit
from assets.silver.digests import versions
from assets.silver.intake import CHUNK_BYTES, EVENT_COLUMNS, chunks
from assets.silver.workspace import Workspace
from canonical.canonicaliser import EVENTS_SCHEMA
from quality.contracts.tables import QUARANTINE
from settings.model import Silver

MEGABYTE = 2**20


@pytest.mark.parametrize("commits", [1, 6])
def test_events_with_huge_bodies_are_decoded_a_few_at_a_time(lake, hub, commits: int) -> None:
    body = bytes(MEGABYTE)
    for _ in range(commits):
        hub.arrive(*(hub.event("03:10", body=body) for _ in range(144 // commits)))

    sizes = [(chunk.num_rows, chunk.nbytes) for chunk in chunks(lake, pc.scalar(value=True), 100_000)]

    assert sum(rows for rows, _ in sizes) == 144
    assert max(size for _, size in sizes) < 1.5 * CHUNK_BYTES


def test_small_events_are_decoded_as_many_at_a_time_as_is_set(lake, hub) -> None:
    hub.arrive(*(hub.event("03:10") for _ in range(100)))

    found = list(chunks(lake, pc.scalar(value=True), 60))

    assert [chunk.num_rows for chunk in found] == [60, 40]
    assert found[0].column_names == list(EVENT_COLUMNS)


def test_quarantined_bodies_are_committed_a_few_at_a_time(hub, mapping) -> None:
    rows = [hub.event("03:10", body=b"\xff" * 200_000) for _ in range(400)]
    events = pa.Table.from_pylist(rows, schema=EVENTS_SCHEMA)

    with Workspace(Silver()) as desk:
        desk.made_with(mapping().digest, versions(mapping().content))
        desk.add(mapping().convert(events), events)
        desk.set_history(None)
        pieces = [batch.nbytes for batch in desk.rows(QUARANTINE, 1)()]

    assert len(pieces) >= 3
    assert max(pieces) <= 33 * MEGABYTE
    assert sum(pieces) > 400 * 200_000


def test_an_event_too_large_for_any_mapping_is_quarantined_with_its_bytes(lake, hub, promoter) -> None:
    hub.arrive(hub.event("03:10", body=b"{" + b" " * MEGABYTE), hub.event("03:11", 20))

    promoter().promote()

    (row,) = lake.rows(QUARANTINE).to_pylist()
    assert (row["reason"], len(row["body"])) == ("body_too_large", MEGABYTE + 1)
    assert audit(lake).balanced
