"""DuckDB SQL that an engineer tuned by hand for one format: parse, validate, find resends, split, write Delta.

A resend is told by the hash of its bytes, which is fast and enough for this stream. There is no history, no conflict,
no fence and no ledger: a second run would write everything again. Same counts, or the benchmark says so.
"""

from __future__ import annotations

from typing import Any

import duckdb
from deltalake import DeltaTable, WriterProperties, write_deltalake

from benchmarks.measured import child
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY

FIELDS = ("temperature", "humidity", "pressure", "co2", "light", "battery")
METRICS = (
    ("air_temperature", "degC", -60, 85, "temperature"),
    ("relative_humidity", "percent", 0, 100, "humidity"),
    ("air_pressure", "hPa", 300, 1100, "pressure / 100"),
    ("co2", "ppm", 0, 40000, "co2"),
    ("light_level", "dimensionless", 0, 200000, "light"),
    ("battery_voltage", "V", 0, 60, "battery"),
)
_PATHS = ", ".join(f"'$.{name}'" for name in ("time", *FIELDS))
_CAST = ", ".join(f"try_cast(f[{place}] as double) as {name}" for place, name in enumerate(FIELDS, start=2))
PARSED = {
    "json": f"""
        select * exclude f, try_cast(f[1][2:-2] as timestamptz) as measured_at, {_CAST} from (
            select * exclude j, j is not null as sound, json_extract(j, [{_PATHS}])::varchar[] as f from (
                select *, try_cast(try(decode(body)) as json) as j from bronze))""",
    "csv": f"""
        select * exclude (c, f), try_cast(f[1] as timestamptz) as measured_at, {_CAST} from (
            select *, len(c) = 9 as sound, c[2:] as f from (
                select *, string_split(try(decode(body)), ',') as c from bronze))""",
}
_EVENT = "hub, partition_id, epoch, sequence_number, enqueued_at, strftime(enqueued_at, '%Y-%m-%d-%H') as enqueued_hour"


def _list(values: Any) -> str:
    return "[" + ", ".join(values) + "]"


SPLIT = f"""
    select *, coalesce(value between low and high, false) as within from (
        select concat('bench:', device_id) as device_id, measured_at as recorded_at, {_EVENT}, resend, body,
            unnest({_list(f"'{metric}'" for metric, *_ in METRICS)}) as metric,
            unnest({_list(f"'{unit}'" for _, unit, *_ in METRICS)}) as unit,
            unnest({_list(str(low) for *_, low, _, _ in METRICS)}) as low,
            unnest({_list(str(high) for *_, high, _ in METRICS)}) as high,
            unnest({_list(how for *_, how in METRICS)}) as value,
            unnest({_list(str(place) for place in range(len(METRICS)))}) as index
        from parsed where sound)
"""
PROPERTIES = WriterProperties(compression="ZSTD", compression_level=1)


def work(job: dict[str, Any]) -> int:
    """Read all of Bronze; write readings, quarantine and duplicates."""
    files = DeltaTable(Lake(job["lake"]).uri(BRONZE_TELEMETRY)).file_uris()
    with duckdb.connect(config={"preserve_insertion_order": False, "memory_limit": "4GB"}) as engine:
        engine.execute("set TimeZone = 'UTC'")
        engine.execute(
            "create temp view bronze as select hub, partition_id, epoch, sequence_number, enqueued_at, device_id, body "
            f"from read_parquet({files!r})"
        )
        engine.execute(
            f"""
            create temp table parsed as
            select *, row_number() over (
                partition by hash(body) order by enqueued_at, partition_id, sequence_number
            ) > 1 as resend from ({PARSED[job["form"]]})
            """
        )
        engine.execute(f"create temp view split as {SPLIT}")
        for table, query in {
            "readings": "select * exclude (low, high, within, resend, body) from split where within and not resend",
            "duplicates": "select * exclude (low, high, within, resend, body) from split where within and resend",
            "quarantine": f"""
                select {_EVENT}, -1 as index, 'unreadable' as reason, body from parsed where not sound
                union all by name
                select hub, partition_id, epoch, sequence_number, enqueued_at, enqueued_hour, index,
                    'out_of_range' as reason, metric as field, value, body
                from split where not within""",
        }.items():
            write_deltalake(
                f"{job['out']}/{table}",
                engine.sql(query).to_arrow_reader(65_536),
                partition_by=["enqueued_hour"],
                writer_properties=PROPERTIES,
            )
        return int(engine.execute("select count(*) from parsed").fetchall()[0][0])


if __name__ == "__main__":
    child(work)
