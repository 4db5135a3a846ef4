"""A Python loop over events, as people write it: typed decoding by msgspec, one row appended for each reading.

JSON by msgspec, CSV by splitting, protobuf by Google's parser. Resends are told by the body. Rows are written to Delta
every 100,000 events. Same counts, or the benchmark says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
from deltalake import DeltaTable, WriterProperties, write_deltalake
from google.protobuf.message import DecodeError

from benchmarks.measured import child
from benchmarks.silver.sql import METRICS
from canonical.schemas.telemetry_v1_pb2 import Telemetry
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY

AT_ONCE = 100_000
READ = ("hub", "partition_id", "epoch", "sequence_number", "enqueued_at", "device_id", "body")


class Message(msgspec.Struct):
    """What a JSON body holds."""

    device: str
    time: datetime
    temperature: float
    humidity: float
    pressure: float
    co2: float
    light: float
    battery: float


_decoder = msgspec.json.Decoder(Message)


def _json(body: bytes) -> tuple[datetime, tuple[float, ...]]:
    found = _decoder.decode(body)
    values = (found.temperature, found.humidity, found.pressure / 100, found.co2, found.light, found.battery)
    return found.time, values


def _csv(body: bytes) -> tuple[datetime, tuple[float, ...]]:
    _, at, temperature, humidity, pressure, co2, light, battery, _ = body.decode().split(",")
    values = map(float, (temperature, humidity, pressure, co2, light, battery))
    kept = list(values)
    kept[2] /= 100
    return datetime.fromisoformat(at), tuple(kept)


def _protobuf(body: bytes) -> tuple[datetime, tuple[float, ...]]:
    found = Telemetry.FromString(body)
    return datetime.fromtimestamp(found.time_ms / 1000, UTC), (found.temperature, found.humidity)


READERS = {"json": _json, "csv": _csv, "protobuf": _protobuf}


def work(job: dict[str, Any]) -> int:
    """Read all of Bronze, event by event."""
    read = READERS[job["form"]]
    seen: set[int] = set()
    tables: dict[str, list[dict[str, Any]]] = {"readings": [], "duplicates": [], "quarantine": []}
    count = 0
    for event in _events(job["lake"]):
        count += 1
        hour = event["enqueued_at"].strftime("%Y-%m-%d-%H")
        about = {name: event[name] for name in READ[:5]} | {"enqueued_hour": hour}
        body = event["body"]
        try:
            at, values = read(body)
        except (msgspec.MsgspecError, ValueError, DecodeError):
            tables["quarantine"].append(about | {"index": -1, "reason": "unreadable", "body": body})
            continue
        name = hash(body)
        into = tables["duplicates" if name in seen else "readings"]
        seen.add(name)
        for index, (value, (metric, unit, low, high, _)) in enumerate(zip(values, METRICS, strict=False)):
            if low <= value <= high:
                row = {"device_id": "bench:" + event["device_id"], "metric": metric, "recorded_at": at, "unit": unit}
                into.append(about | row | {"value": value, "index": index})
            else:
                tables["quarantine"].append(about | {"index": index, "reason": "out_of_range", "body": body})
        if count % AT_ONCE == 0:
            _write(job["out"], tables)
    _write(job["out"], tables)
    return count


def _events(lake: str) -> Iterator[dict[str, Any]]:
    dataset = DeltaTable(Lake(lake).uri(BRONZE_TELEMETRY)).to_pyarrow_dataset()
    for batch in dataset.to_batches(columns=list(READ), batch_size=16_384):
        yield from batch.to_pylist()


def _write(out: str, tables: dict[str, list[dict[str, Any]]]) -> None:
    for name, rows in tables.items():
        if rows:
            write_deltalake(
                f"{out}/{name}",
                pa.Table.from_pylist(rows),
                mode="append",
                partition_by=["enqueued_hour"],
                writer_properties=WriterProperties(compression="ZSTD", compression_level=1),
            )
        rows.clear()


if __name__ == "__main__":
    child(work)
