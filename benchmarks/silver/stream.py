"""The Bronze table every contender reads: the same events, made by arithmetic on their number.

Belongs here: bodies in each format, broken ones, resends and values out of range, and the commit to Bronze.
Does not: what becomes of them (`sql`, `loop`, `spark`, `ours`).

In 200 events one repeats the event before it, and one has a temperature no air has. A broken body is one that was cut.
"""

from __future__ import annotations

import sys
from datetime import datetime

import duckdb
import pyarrow as pa

from canonical.schemas.telemetry_v1_pb2 import Telemetry
from lake.fence import append
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import BRONZE_TELEMETRY

PARTITIONS = 4
CHUNK = 250_000
FIRST = datetime.fromisoformat("2026-03-01T06:00:00+00:00")
MESSAGE_US = 1_800
"""One event each 1.8 ms: two million in an hour."""
CONTENT_TYPES = {"json": "application/json", "csv": "text/csv", "protobuf": "application/x-protobuf"}
SCHEMA_REFS = {"json": "bench.v1", "csv": "bench.v1", "protobuf": "telemetry.v1"}

_NUMBERS = """
with numbered as (
    select i, hash(i, 'resend') % 200 = 0 and i > 0 as resend from range($first, $last) as r(i)
), source as (
    select i, i - resend::bigint as n from numbered
), measured as (
    select i, n, concat('dev-', lpad((hash(n, 'device') % 500)::varchar, 5, '0')) as device,
        $first_us + n * $step_us as at_us,
        if(hash(n, 'hot') % 200 = 0, 900, 15 + (hash(n, 't') % 1000) / 100) as temperature,
        20 + (hash(n, 'h') % 600) / 10 as humidity, 99000 + (hash(n, 'p') % 40000) / 10 as pressure,
        400 + hash(n, 'c') % 1600 as co2, hash(n, 'l') % 2000 as light, 3 + (hash(n, 'b') % 100) / 100 as battery,
        concat(md5(n::varchar), md5(concat('x', n)), md5(concat('y', n))) as note,
        hash(n, 'broken') % 10000 < $broken as broken, hash(n, 'cut') as cut
    from source
)
"""
_JSON = """concat('{"device":"', device, '","time":"', strftime(make_timestamp(at_us), '%Y-%m-%dT%H:%M:%S.%f'),
    'Z","temperature":', temperature, ',"humidity":', humidity, ',"pressure":', pressure, ',"co2":', co2, ',"light":',
    light, ',"battery":', battery, ',"note":"', note, '"}')"""
_CSV = """concat_ws(',', device, strftime(make_timestamp(at_us), '%Y-%m-%dT%H:%M:%S.%fZ'), temperature, humidity,
    pressure, co2, light, battery, note)"""


def fill(lake: Lake, form: str, count: int, broken: float) -> None:
    """Commit `count` events of a format, a share `broken` of them, to Bronze."""
    for first in range(0, count, CHUNK):
        append(lake, BRONZE_TELEMETRY, _events(form, first, min(first + CHUNK, count), broken))


def _events(form: str, first: int, last: int, broken: float) -> pa.Table:
    texts = {"json": _JSON, "csv": _CSV, "protobuf": "''"}
    # Cut before the last column, so that a row of CSV lacks one and an object its end.
    body = "if(broken, left(text, 20 + (cut % (length(text) - 130))::int), text)"
    with duckdb.connect() as engine:
        engine.execute("set TimeZone = 'UTC'")
        made = engine.sql(
            f"{_NUMBERS} select *, encode({body}) as body "
            f"from (select *, {texts[form]} as text from measured) order by i",
            params={
                "first": first,
                "last": last,
                "first_us": int(FIRST.timestamp()) * 1_000_000,
                "step_us": MESSAGE_US,
                "broken": round(broken * 10_000),
            },
        ).to_arrow_table()
    numbers = made.column("i").to_numpy()
    enqueued = pa.array(int(FIRST.timestamp()) * 1_000_000 + numbers * MESSAGE_US + 200_000, pa.timestamp("us", "UTC"))
    columns = {
        "ingest_date": enqueued.cast(pa.timestamp("us")).cast(pa.date32()),
        "hub": pa.repeat("bench", len(made)),
        "partition_id": pa.array([str(number % PARTITIONS) for number in numbers.tolist()]),
        "epoch": pa.repeat(pa.scalar(0, pa.int64()), len(made)),
        "sequence_number": pa.array(numbers // PARTITIONS),
        "offset": pa.array((numbers // PARTITIONS).astype(str)),
        "enqueued_at": enqueued,
        "ingested_at": enqueued,
        "device_id": made.column("device"),
        "content_type": pa.repeat(CONTENT_TYPES[form], len(made)),
        "schema_ref": pa.repeat(SCHEMA_REFS[form], len(made)),
        "body": pa.array(list(_messages(made)), pa.binary()) if form == "protobuf" else made.column("body"),
    }
    schema = arrow_schema(BRONZE_TELEMETRY)
    arrays = []
    for field in schema:
        if field.name in columns:
            arrays.append(columns[field.name].cast(field.type))
        elif field.name == "properties":
            arrays.append(pa.array([[]] * len(made), field.type))
        else:
            arrays.append(pa.nulls(len(made), field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _messages(made: pa.Table) -> list[bytes]:
    rows = zip(
        *(made.column(name).to_pylist() for name in ("device", "at_us", "temperature", "humidity", "broken")),
        strict=True,
    )
    bodies = []
    for device, at_us, temperature, humidity, is_broken in rows:
        message = Telemetry(device=device, time_ms=at_us // 1000, temperature=temperature, humidity=humidity)
        body = message.SerializeToString()
        bodies.append(body[:-3] if is_broken else body)
    return bodies


if __name__ == "__main__":
    fill(Lake(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
