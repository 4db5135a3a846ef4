"""Field data as the replayer sends it, through all the product's mappings at once."""

from __future__ import annotations

import json
import math
import os
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from canonical.canonicaliser import EVENTS_SCHEMA, Canonicaliser
from canonical.specs import load_specs
from simulator.files import lines, select

ENQUEUED = datetime(2026, 11, 21, 3, 0, 1, tzinfo=UTC)
Key = tuple[str, str, str]
"""Device, metric and channel."""


class Total(NamedTuple):
    """What readings of one device, metric and channel come to."""

    count: int
    sum: float
    low: float
    high: float
    seconds: int
    """Sum of the whole seconds since 1970 at which they were measured."""

    @classmethod
    def of(cls, readings: Iterable[tuple[datetime, float]]) -> Total:
        """From times and values, without the product."""
        times, values = zip(*readings, strict=True)
        seconds = sum(math.floor(time.timestamp()) for time in times)
        return cls(len(values), math.fsum(values), min(values), max(values), seconds)


class Made:
    """What became of events."""

    def __init__(self, events: pa.Table, canonicaliser: Canonicaliser) -> None:
        self.events = len(events)
        converted = canonicaliser.convert(events)
        plain = pa.schema([(field.name, _plain(field.type)) for field in converted.readings.schema])
        self.readings = converted.readings.cast(plain)
        self.rejects = converted.rejects.to_pylist()

    def outcomes(self) -> dict[str, int]:
        """Events by what became of them."""
        read = set(self.readings.column("sequence_number").to_pylist())
        refused = {row["sequence_number"] for row in self.rejects}
        return {
            "accepted": len(read - refused),
            "partial": len(read & refused),
            "quarantined": len(refused - read),
            "lost": self.events - len(read | refused),
        }

    def reasons(self) -> Counter[tuple[str, str | None]]:
        """Rejects by reason and field."""
        return Counter((row["reason"], row["field"]) for row in self.rejects)

    def totals(self) -> dict[Key, Total]:
        """Of all readings that are numbers."""
        rows = self.readings.filter(pc.is_valid(self.readings.column("value")))
        seconds = pc.cast(pc.floor_temporal(rows.column("recorded_at"), unit="second"), pa.int64())
        rows = rows.append_column("s", pc.divide(seconds, 1_000_000))
        keys = ["device_id", "metric", "channel"]
        wanted = [("value", "count"), ("value", "sum"), ("value", "min"), ("value", "max"), ("s", "sum")]
        found = rows.group_by(keys).aggregate(wanted).to_pylist()
        names = [f"{column}_{how}" for column, how in wanted]
        return {(r[keys[0]], r[keys[1]], r[keys[2]]): Total(*(r[name] for name in names)) for r in found}

    def texts(self) -> Counter[tuple[str, str, str, str]]:
        """States and events, with how often."""
        rows = self.readings.filter(pc.is_valid(self.readings.column("value_text")))
        names = ["device_id", "metric", "channel", "value_text"]
        return Counter(zip(*(rows.column(name).to_pylist() for name in names), strict=True))


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


@pytest.fixture(scope="session")
def real() -> Path:
    root = os.environ.get("LAKE_REAL_DATA")
    if not root:
        pytest.skip("LAKE_REAL_DATA names no folder of field data")
    return Path(root)


@pytest.fixture(scope="session")
def library(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows of the library's nodes; they are published in an archive."""
    path = tmp_path_factory.mktemp("ulb_library") / "readings.txt"
    with tarfile.open(real / "ulb_library" / "library2data.tgz") as archive:
        [name] = [name for name in archive.getnames() if name.endswith("/readings.txt")]
        content = archive.extractfile(name)
        assert content is not None
        path.write_bytes(content.read())
    return path


@pytest.fixture(scope="session")
def everything() -> Canonicaliser:
    return Canonicaliser.of(load_specs())


def _events(rows: Iterable[tuple[bytes, dict[str, str]]], content_type: str, schema: str | None) -> pa.Table:
    made = [
        {
            "hub": "telemetry",
            "partition_id": "0",
            "epoch": 1,
            "sequence_number": number,
            "enqueued_at": ENQUEUED,
            "content_type": content_type,
            "schema_ref": schema,
            "properties": list(properties.items()),
            "body": body,
        }
        for number, (body, properties) in enumerate(rows)
    ]
    return pa.Table.from_pylist(made, schema=EVENTS_SCHEMA)


@pytest.fixture(scope="session")
def replayed() -> Callable[..., pa.Table]:
    """The events of a file or folder of rows: body and properties as `simulator.replay` sends them."""

    def rows(path: Path, mapping: str, *, header: bool) -> Iterable[tuple[bytes, dict[str, str]]]:
        for file in select(path).files:
            properties = {"schema": mapping, "source": file.name}
            for _, line in lines(file):
                if not line.strip():
                    continue
                if header and "csv-header" not in properties:
                    properties = {**properties, "csv-header": line.removeprefix(b"\xef\xbb\xbf").decode()}
                else:
                    yield line, properties

    def make(path: Path, mapping: str, *, header: bool) -> pa.Table:
        return _events(rows(path, mapping, header=header), "text/csv", mapping)

    return make


@pytest.fixture(scope="session")
def published() -> Callable[[Iterable[tuple[str, Any]]], pa.Table]:
    """Messages by topic, as a broker's bridge hands them on; what is no text or bytes goes as JSON."""

    def make(messages: Iterable[tuple[str, Any]]) -> pa.Table:
        rows = []
        for topic, said in messages:
            body = said if isinstance(said, bytes) else (said if isinstance(said, str) else json.dumps(said)).encode()
            rows.append((body, {"topic": topic}))
        return _events(rows, "application/json", None)

    return make


@pytest.fixture(scope="session")
def enqueued_json() -> Callable[[Iterable[tuple[Any, dict[str, str]]]], pa.Table]:
    """JSON messages, each with its properties."""
    return lambda said: _events(((json.dumps(body).encode(), named) for body, named in said), "application/json", None)


@pytest.fixture(scope="session")
def made(everything: Canonicaliser) -> Callable[[pa.Table], Made]:
    return lambda events: Made(events, everything)


@pytest.fixture(scope="session")
def total() -> type[Total]:
    return Total


@pytest.fixture(scope="session")
def same() -> Callable[[dict[Key, Total], dict[Key, Total]], None]:
    """Counts, times and extremes exactly as reckoned, sums up to the order in which they were added."""

    def check(found: dict[Key, Total], wanted: dict[Key, Total]) -> None:
        assert found.keys() == wanted.keys()
        for key, total in wanted.items():
            assert (found[key].count, found[key].seconds) == (total.count, total.seconds), key
            for name in ("sum", "low", "high"):
                assert getattr(found[key], name) == pytest.approx(getattr(total, name), rel=1e-9, abs=1e-9), (key, name)

    return check
