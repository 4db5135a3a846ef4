"""Gold and the registers of an estate, made in bulk: what the warm tier loads, builds from and is asked about.

Belongs here: rows by arithmetic on their number, for every staged table, committed as Gold commits them. Does not:
loading or building (`loading`, `building`), or more days than Gold holds (`asking`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from lake import fence
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import DATE_STATE
from quality.contracts.warm import STAGED, Staged

METRICS = (("air_temperature", "degC"), ("relative_humidity", "percent"), ("co2", "ppm"), ("air_pressure", "hPa"))
METRICS += (("light_level", "dimensionless"), ("battery_voltage", "V"))
DEVICES_PER_SITE = 20
UNREGISTERED = 50
"""One device in so many is in no register."""
_NOTHING: dict[str, Any] = {"string": "''", "double": "0.0", "long": "0", "int": "0", "boolean": "false"}
_NOTHING |= {"timestamp": "TIMESTAMPTZ '2020-01-01T00:00:00Z'", "date": "DATE '2020-01-01'"}

_SITE = f"'RX' || (number // {DEVICES_PER_SITE} % 5) || '/S' || (number // {DEVICES_PER_SITE})"
_DEVICE = "'bms:dev-' || lpad(number::VARCHAR, 5, '0')"
_DEVICES = f"SELECT number, {_DEVICE} AS device_id, {_SITE} AS site_id FROM range($devices) AS made(number)"
_SITES = "SELECT site, 'RX' || (site % 5) || '/S' || site AS site_id FROM range($sites) AS made(site)"
_VALUES = """4 AS reading_count, 4.0 AS expected_count, if(salt % 10 = 0, 0.75, 1.0) AS completeness,
    low + (salt % 30000) / 1000 AS avg_value, avg_value - 1 AS min_value, avg_value + 1 AS max_value,
    sqrt(salt % 1000003) / 500 AS stdev_value, avg_value - 0.5 AS first_value, avg_value + 0.5 AS last_value,
    avg_value - 0.9 AS p05_value, avg_value AS p50_value, avg_value + 0.9 AS p95_value"""
_METRICS = (
    f"(SELECT unnest({[name for name, _ in METRICS]!r}) AS metric, unnest({[unit for _, unit in METRICS]!r}) AS unit,"
    " 15 AS low)"
)
_READINGS = f"""SELECT day AS event_date, device_id, metric, unit, window_start, {_VALUES}
    FROM (SELECT *, hash(number, metric, window_start, $batch) AS salt FROM ({_DEVICES}), {_METRICS}, {{windows}})"""

QUERIES = {
    "readings_1h": _READINGS.format(
        windows="(SELECT day, day + to_hours(hour) AS window_start FROM days, range(24) AS hours(hour))"
    ),
    "readings_1d": _READINGS.format(windows="(SELECT day, day::TIMESTAMPTZ AS window_start FROM days)"),
    "data_quality_1d": """SELECT day AS enqueued_date, 'mapping-' || mapping AS mapping_id, outcome,
        if(outcome = 'quarantined', 'reason-' || (mapping % 4), '') AS reason, 1000 + mapping AS row_count,
        1000 AS event_count FROM days, range(20) AS mappings(mapping),
        (SELECT unnest(['accepted', 'quarantined', 'duplicate']) AS outcome)""",
    "device_health_1d": f"""SELECT day AS event_date, device_id, site_id, number % {UNREGISTERED} > 0 AS is_registered,
        true AS is_expected, if(number % 97 = 0, 'silent', 'healthy') AS status, 96 AS reading_count,
        if(number % 97 = 0, 24.0, if(number % 31 = 0, 5.0, 0.0)) AS hours_silent, 10.0 + number % 90 AS battery_last,
        1.0 AS completeness FROM days, ({_DEVICES})""",
    "fault_indicators_1d": f"""SELECT day AS event_date, device_id, site_id, 'ahu.leak' AS code,
        'warning' AS severity, 'A valve leaks.' AS message, 24.0 AS hours_judged, 5.0 AS hours_in_fault,
        number % 3 = 0 AS is_fault FROM days, ({_DEVICES}) WHERE number % 10 = 1""",
    "site_comfort_1d": f"""SELECT day AS local_date, site_id, metric, 'Europe/London' AS time_zone, unit,
        24.0 AS hours_in_day, 20.0 AS low, 26.0 AS high, 24.0 AS hours_known, 18.0 AS hours_comfortable,
        site % 6 AS hours_above, 1.0 AS hours_below, 0.75 AS comfort_share FROM days, ({_SITES}),
        (SELECT * FROM {_METRICS} LIMIT 3)""",
    "site_use_1d": f"""SELECT day AS event_date, site_id, resource, 'kWh' AS unit, 40.0 + site AS amount,
        1 AS meter_count FROM days, ({_SITES}), (SELECT unnest(['electricity', 'heat', 'water']) AS resource)""",
    "site_intensity": f"""SELECT site_id, year AS return_year, resource, if(resource = 'water', 'm**3', 'kWh') AS unit,
        1000.0 + site AS floor_area, year AS floor_area_year, 4000.0 + site AS measured_amount, 100 AS measured_days,
        365 AS days_in_year, measured_amount / floor_area AS measured_per_m2, 16000.0 AS reported_amount,
        reported_amount / floor_area AS reported_per_m2, measured_amount / 100 / (reported_amount / 365)
            AS measured_to_reported FROM ({_SITES}), range(2023, 2026) AS years(year),
        (SELECT unnest(['electricity', 'heat', 'water', 'energy']) AS resource)""",
    "trust": "SELECT 'RX' || n AS organisation_code, 'Trust ' || n AS name, 'North' AS region FROM range(5) AS made(n)",
    "site": f"SELECT site_id, left(site_id, 3) AS organisation_code, 'Site ' || site AS name FROM ({_SITES})",
    "asset": "SELECT 'A1' AS asset_id, 'Air-handling unit' AS name",
    "iot_device": f"""SELECT device_id, 'bms' AS source, site_id, true AS expected_to_report, 'Room' AS location
        FROM ({_DEVICES}) WHERE number % {UNREGISTERED} > 0""",
    "client": "SELECT 'C' || n AS client_id, 'Client ' || n AS name FROM range(50) AS made(n)",
    "service_offering": "SELECT 'S1' AS service_offering_id, 'Survey' AS name, 'GBP' AS currency",
    "engagement": "SELECT 'E' || n AS engagement_id, 'C' || (n % 50) AS client_id, 'Survey ' || n AS name,"
    " 'S1' AS service_offering_id FROM range(1000) AS made(n)",
    "engagement_kpis": "SELECT 'E' || n AS engagement_id, 'C' || (n % 50) AS client_id, 'S1' AS service_offering_id,"
    " 100.0 AS budget, 80.0 + n % 50 AS actual_cost, 150.0 AS revenue, n % 50 - 20.0 AS budget_variance,"
    " 'GBP' AS currency FROM range(1000) AS made(n)",
}


@dataclass
class Estate:
    """A lake whose Gold is written in bulk."""

    lake: Lake
    devices: int
    rows: int = field(default=0, init=False)

    def dates(self, days: Sequence[date], batch: int) -> None:
        """Replace these dates in every table that has dates; the registers come with the first batch."""
        with duckdb.connect() as db:
            db.execute("SET TimeZone = 'UTC'")
            db.execute("CREATE TABLE days AS SELECT unnest(?::DATE[]) AS day", [list(days)])
            for staged in STAGED:
                if staged.date_column is not None or batch == 1:
                    self._commit(db, staged, days, batch)
        lanes = sorted({staged.lane for staged in STAGED if staged.date_column})
        row = {"lake_id": self.lake.identity(), "silver_batch": batch, "rows_loaded": 1, "loaded_at": datetime.now(UTC)}
        states = [row | {"lane": lane, "date": day} for lane in lanes for day in days]
        fence.append(self.lake, DATE_STATE, pa.Table.from_pylist(states, schema=arrow_schema(DATE_STATE)))

    def _commit(self, db: duckdb.DuckDBPyConnection, staged: Staged, days: Sequence[date], batch: int) -> None:
        # Columns a query leaves out are null, or nothing of their type.
        query, table = QUERIES[staged.table.name], staged.table
        given = {"devices": self.devices, "sites": -(-self.devices // DEVICES_PER_SITE), "batch": batch}
        given = {name: value for name, value in given.items() if f"${name}" in query}
        made = {name for name, *_ in db.execute(f"DESCRIBE {query}", given).fetchall()}
        columns = [
            f'"{column.name}"' if column.name in made else f'{_nothing(column)} AS "{column.name}"'
            for column in table.columns
        ]
        found = db.sql(f"SELECT {', '.join(columns)} FROM ({query})", params=given).to_arrow_table()
        schema = arrow_schema(table)
        rows = pa.table([found[field.name].cast(field.type) for field in schema], schema=schema)
        dates = ", ".join(f"'{day}'" for day in days)
        predicate = f"{staged.date_column} IN ({dates})" if staged.date_column and batch > 1 else None
        mode = "overwrite" if batch > 1 else "append"
        assert fence.once(self.lake, table, f"bench/{table.name}", batch, lambda: rows, mode=mode, predicate=predicate)
        self.rows += len(rows)


def _nothing(column: Any) -> str:
    if column.name == "is_current":
        return "true"
    return "NULL" if column.null else str(_NOTHING[column.type])
