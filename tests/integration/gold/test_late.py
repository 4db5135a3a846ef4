"""One reading three months late, through Dagster's sensors from Silver to the warm tier: what is written, and what not.

dbt itself runs with LAKE_DEEP_TESTS; else the dates that it would be given are noted as built.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import sensors.dirty_dates
from assets.gold.database import SWAPPED
from assets.gold.domain.due import due
from assets.gold.domain.engagements import load_kpis
from assets.gold.domain.intensity import load_intensity
from assets.gold.domain.load import load_domain
from assets.gold.load import load_dates
from assets.gold.quality import load_quality
from assets.gold.state import dirty_quality_dates
from assets.silver.flags.raising import raise_flags
from assets.silver.flags.state import dirty_flag_dates
from assets.warm import state
from assets.warm.engine import Session, engine_of
from assets.warm.publish import publish
from assets.warm.staging import dirty_warm_dates, load_staging
from lake.store import Lake
from local_azure.kusto import launch
from orchestration.build import build_defs
from orchestration.drive import LANES, run_due
from orchestration.resources.kusto import Kusto
from quality.contracts.domain_tables import BY_DATE
from quality.contracts.kusto import kusto_name
from quality.contracts.tables import AGGREGATES, LEVEL_TABLES
from settings.model import Kusto as KustoSettings
from settings.model import Settings

DEEP = bool(os.environ.get("LAKE_DEEP_TESTS"))
LATE, NEXT, TODAY = date(2025, 12, 1), date(2025, 12, 2), date(2026, 3, 1)
DAY = timedelta(days=1)
SPARSE = (LATE, NEXT, TODAY)
ARRIVED = date(2026, 3, 2)
DRIVEN = [lane for lane in LANES if lane.endswith("_dirty_dates") and (DEEP or lane != "warm_dirty_dates")]
Written = dict[tuple[str, date], frozenset[str]]


@dataclass
class Estate:
    """A lake with three months of sparse days in every tier, and Dagster over it."""

    settings: Settings
    lake: Lake
    kusto: Kusto
    instance: dg.DagsterInstance
    definitions: dg.Definitions

    def extents(self) -> Written:
        """Extents of every date, by table."""
        names = ", ".join(kusto_name(table) for table in SWAPPED)
        rows = self.kusto.command(f".show tables ({names}) extents | project ExtentId, TableName, Tags")
        found: dict[tuple[str, date], set[str]] = {}
        for row in rows:
            (day,) = (day for day in SPARSE if f"drop-by:{day}" in row["Tags"])
            found.setdefault((row["TableName"], day), set()).add(str(row["ExtentId"]))
        return {key: frozenset(ids) for key, ids in found.items()}

    def files(self) -> Written:
        """Delta files of every date, by table of Gold."""
        found: dict[tuple[str, date], set[str]] = {}
        for table in (*(made.table for made in LEVEL_TABLES), *BY_DATE):
            (column,) = table.partition_by
            for uri in self.lake.open(table).file_uris() if self.lake.exists(table) else ():
                day = date.fromisoformat(uri.split(f"{column}=")[1][:10])
                found.setdefault((table.name, day), set()).add(uri)
        return {key: frozenset(uris) for key, uris in found.items()}

    def batches(self) -> Written:
        """From which batch every date was staged and when, by lane."""
        rows = self._ask(f"select lane, date, silver_batch, loaded_at from {state.STATE} where built_batch is not null")
        return {(lane, day): frozenset({str(batch), str(at)}) for lane, day, batch, at in rows}

    def staged(self) -> list[tuple[Any, ...]]:
        """Rows of the levels in staging that are of other dates."""
        columns = "event_date, device_id, metric, window_start, reading_count, avg_value, last_value"
        return sorted(
            self._ask(f"select {columns} from staging.{AGGREGATES[level].name} where event_date <> ?", LATE)
            for level in ("1h", "1d")
        )

    def _ask(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return engine_of(self.settings).read(lambda session: session.execute(sql, parameters))

    def note_as_built(self) -> set[tuple[str, date]]:
        """The warm lane but for dbt; the lanes and dates that dbt would be given."""
        load_staging(self.lake, self.settings, dirty_warm_dates(self.lake, self.settings), behind=True)
        given: set[tuple[str, date]] = set()

        def work(session: Session) -> None:
            at = datetime(2026, 3, 2)  # noqa: DTZ001 - the warm tier's clock has no zone
            taken, _ = state.take_on(session, "by hand", (), at)
            given.update((lane, day) for lane, day, _, _ in taken)
            state.set_built(session, taken, "by hand", at)

        engine_of(self.settings).write(work)
        publish(self.settings)
        return given

    def asked_for(self, lane: str) -> list[tuple[str, str]]:
        """The ranges that a tick of the lane's sensor asks runs for."""
        sensor = self.definitions.get_repository_def().get_sensor_def(lane)
        given = {"settings": self.settings, "lake": self.lake}
        with dg.build_sensor_context(instance=self.instance, resources=given) as context:
            requests = sensor.evaluate_tick(context).run_requests or ()
        sides = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
        return [(request.tags[sides[0]], request.tags[sides[1]]) for request in requests]

    def told(self, run_id: str) -> dict[str, dict[str, Any]]:
        """What a run said of each asset."""
        records = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        events = [entry.dagster_event.step_materialization_data.materialization for entry in records]
        return {event.asset_key.path[-1]: {k: v.value for k, v in event.metadata.items()} for event in events}


@pytest.fixture
def estate(
    silver: Any, lake: Lake, endpoint: launch.Running, kusto: Kusto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Estate]:
    # Nobody judged the ledger of a Silver written by hand.
    monkeypatch.setattr(sensors.dirty_dates, "why_not_promoted", lambda *_: "")
    where = KustoSettings(uri=endpoint.uri, database=endpoint.database)
    settings = Settings(home=tmp_path / "home", root=lake.root, kusto=where, _env_file=None)
    readings = [row for day in SPARSE for row in silver.steady(day, hours=3, every=600)]
    for day in SPARSE:
        series = {"device_id": "x:1", "recorded_at": silver.at(f"{day}T01:10:00")}
        readings.append({**series, "metric": "energy", "unit": "kWh", "value": 5.0})
        readings.append({**series, "metric": "contact_state", "unit": "dimensionless", "value_text": "open"})
    snapshot = silver.commit(readings)
    load_dates(lake, kusto, snapshot, SPARSE)
    load_quality(lake, snapshot, sorted(dirty_quality_dates(lake)))
    raise_flags(lake, snapshot, sorted(dirty_flag_dates(lake)))
    load_domain(lake, list(due(lake)))
    load_intensity(lake)
    load_kpis(lake)
    definitions = build_defs(settings)
    (settings.home / "dagster").mkdir(parents=True)
    with dg.DagsterInstance.ephemeral(tempdir=str(settings.home / "dagster")) as instance:
        estate = Estate(settings, lake, kusto, instance, definitions)
        if DEEP:
            run_due(definitions, instance, lanes=["warm_dirty_dates"])
        else:
            estate.note_as_built()
        yield estate


def changes(before: Written, after: Written) -> set[tuple[str, date]]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


@pytest.mark.timeout(900 if DEEP else 500)
def test_a_late_reading_is_one_run_a_lane_that_rewrites_its_own_day_in_every_tier(
    estate: Estate, silver: Any, assert_equals_oracle: Any
) -> None:
    assert estate.asked_for("gold_dirty_dates") == estate.asked_for("warm_dirty_dates") == []
    extents, files, batches, staged = estate.extents(), estate.files(), estate.batches(), estate.staged()
    late = {"recorded_at": silver.at(f"{LATE}T01:20:30"), "value": 5.0, "enqueued_at": silver.at(f"{ARRIVED}T12:00:00")}
    silver.commit([late])

    assert estate.asked_for("gold_dirty_dates") == [(str(LATE), str(LATE))]
    done = run_due(estate.definitions, estate.instance, lanes=DRIVEN)
    # What looks back or lives by local days is made for the dates it looks from: a week, and the day before.
    subjects = (LATE - DAY, LATE + 7 * DAY)
    lanes = [
        ("gold_lane", str(LATE)),
        ("quality_lane", str(ARRIVED)),
        ("flags_lane", f"{LATE} … {NEXT}"),
        ("domain_lane", f"{subjects[0]} … {subjects[1]}"),
    ]
    assert [(run.job, run.partitions) for run in done if run.job != "warm_lane"] == lanes
    stages = {("readings", LATE), ("quality", ARRIVED), *(("domain", subjects[0] + n * DAY) for n in range(9))}
    if DEEP:
        assert [run.job for run in done].count("warm_lane") == 1
    else:
        assert estate.asked_for("warm_dirty_dates") == [tuple(map(str, subjects))]
        assert estate.note_as_built() == stages
    assert estate.asked_for("warm_dirty_dates") == []

    readings = {kusto_name(table) for table in AGGREGATES.values()} | {"Readings"}
    assert changes(extents, estate.extents()) == {(name, LATE) for name in readings}
    rewritten = changes(files, estate.files())
    levels = {made.table.name for made in LEVEL_TABLES}
    assert {each for each in rewritten if each[0] in levels} == {(table.name, LATE) for table in AGGREGATES.values()}
    assert {day for _, day in rewritten} == {LATE, NEXT}
    assert ("site_readings_1h", LATE) in rewritten
    assert ("site_readings_1h", NEXT) not in rewritten
    assert changes(batches, estate.batches()) == stages
    assert estate.staged() == staged

    told = estate.told(done[0].run_id)
    assert (told["adx_readings"]["modes"], told["adx_readings"]["readings_added"]) == ({"append": 1}, 1)
    assert {name: said["windows_rewritten"] for name, said in told.items() if name in levels and said["windows_rewritten"]} == {
        # An hour of two devices and a meter; no window is new, because the late reading's minute had one.
        "readings_1m": 13, "readings_5m": 13, "readings_1h": 3, "readings_1d": 3,
    }  # fmt: skip
    assert {said["dates_loaded"] for said in told.values()} == {str(LATE)}
    assert estate.told(done[3].run_id)["site_readings_1h"]["dates_loaded"] == str(LATE)
    assert_equals_oracle()
