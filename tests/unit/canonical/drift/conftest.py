"""Events and specs made for drift: a spec a dictionary, an event a body."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from canonical.canonicaliser import EVENTS_SCHEMA, Canonicaliser
from canonical.drift.noticed import Noticed
from canonical.drift.observation import Observer
from canonical.spec_model import MappingSpec

START = datetime(2026, 3, 1, 3, tzinfo=UTC)


@pytest.fixture(scope="session")
def spec() -> Callable[..., MappingSpec]:
    def make(**words: Any) -> MappingSpec:
        whole = {
            "id": "thermo", "version": 1, "description": "A thermometer.", "match": {"content_type": ["a/b"]},
            "decode": {"format": "json"}, "device": {"path": "d", "source": "x"}, "time": {"fallback": "envelope"},
            "readings": [{"metric": "air_temperature", "path": "v", "unit": "degC"}],
        }  # fmt: skip
        return MappingSpec.model_validate({**whole, **words})

    return make


@pytest.fixture(scope="session")
def events() -> Callable[..., pa.Table]:
    def make(
        *bodies: bytes, first: int = 0, partition: str = "0", header: str | None = None, schema: str | None = None
    ) -> pa.Table:
        rows = [
            {
                "hub": "hub", "partition_id": partition, "epoch": 0, "sequence_number": first + place,
                "enqueued_at": START + timedelta(seconds=first + place), "content_type": "a/b", "schema_ref": schema,
                "properties": [("csv-header", header)] if header else [], "body": body,
            }
            for place, body in enumerate(bodies)
        ]  # fmt: skip
        return pa.Table.from_pylist(rows, schema=EVENTS_SCHEMA)

    return make


@pytest.fixture(scope="session")
def noticed() -> Callable[..., Noticed]:
    """What looking at events chunk by chunk gives."""

    def look(spec: MappingSpec, *chunks: pa.Table) -> Noticed:
        found = Noticed()
        observer = Observer(Canonicaliser.of([spec]), found)
        for chunk in chunks:
            observer.observe(chunk)
        observer.close()
        return found

    return look


@pytest.fixture(scope="session")
def drift(noticed: Callable[..., Noticed]) -> Callable[..., Sequence[tuple[str, str, str, str, int]]]:
    """Kind, field, expected, seen and events of all that is no plain presence; missing fields only if asked."""

    def look(spec: MappingSpec, *chunks: pa.Table, missing: bool = False) -> Sequence[tuple[str, str, str, str, int]]:
        wanted = {"new_field", "changed_type"} | ({"missing_field"} if missing else set())
        return sorted(
            (row["kind"], row["field"], row["expected"], row["seen"], row["events"])
            for row in noticed(spec, *chunks).rows()
            if row["kind"] in wanted
        )

    return look
