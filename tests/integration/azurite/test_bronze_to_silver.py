"""The lake's other kind of root: the same code over `abfss://`, with more than one append to every table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pyarrow.compute as pc
import pytest

from assets.silver import in_force, shadow
from assets.silver.audit import audit
from assets.silver.promote import Promoter
from assets.silver.snapshot import snapshot
from assets.silver.swap import Means, swap, undo
from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_specs
from ingest_workers.bronze import run_bronze
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY, DUPLICATES, QUARANTINE, READINGS
from settings.model import Settings
from simulator.faults import TYPICAL
from simulator.plan import SimulationOptions
from simulator.simulate import simulate

BEGIN = datetime(2026, 3, 3, 6, tzinfo=UTC)
EVENTS = 400


def send(settings: Settings, turn: int) -> SimulationOptions:
    """The fleet's next hour; the same devices, other messages."""
    options = SimulationOptions(
        devices=10, events=EVENTS, start=BEGIN + timedelta(hours=turn), interval_s=60, seed=turn, faults=TYPICAL
    )
    simulate(settings, options)
    return options


@pytest.mark.deep
@pytest.mark.slow
@pytest.mark.timeout(290)  # whoever comes first installs Azurite
def test_events_appended_in_several_turns_are_in_silver_once_and_the_ledger_balances(over_azurite: Settings) -> None:
    lake = Lake.of(over_azurite)
    assert lake.root.startswith("abfss://")
    promoter = Promoter(lake, Canonicaliser.of(load_specs()), over_azurite.silver)

    for turn in range(3):
        send(over_azurite, turn)
        run_bronze(over_azurite, until_head=True)
        done = promoter.promote()
        assert sum(batch.events for batch in done) == EVENTS

    assert lake.version(BRONZE_TELEMETRY) >= 3
    assert lake.version(READINGS) == 3
    ledger = audit(lake)
    assert ledger.balanced
    assert sum(line.rows for line in ledger.streams) == 3 * EVENTS
    assert all(line.lag == 0 for line in ledger.streams)
    assert ledger.events["duplicate"] > 0
    assert ledger.reasons


@pytest.mark.slow
@pytest.mark.timeout(290)  # whoever comes first installs Azurite
def test_an_hour_is_replaced_shadowed_swapped_and_given_back_and_nothing_is_taken_twice(over_azurite: Settings) -> None:
    lake = Lake.of(over_azurite)
    send(over_azurite, 0)
    run_bronze(over_azurite, until_head=True)
    canonicaliser = Canonicaliser.of(load_specs())
    in_force.deploy(lake, canonicaliser)
    promoter = Promoter(lake, canonicaliser, over_azurite.silver)
    (batch,) = promoter.promote()
    before = {table.path: content(lake, table) for table in (READINGS, QUARANTINE, DUPLICATES)}

    assert run_bronze(over_azurite, until_head=True).committed == 0
    assert promoter.promote() == []
    replaced = promoter.replace(batch.hours)

    assert replaced is not None
    assert replaced.events == 0
    state = snapshot(lake)
    assert state is not None
    assert state.batch == 2
    assert {table.path: content(lake, table) for table in (READINGS, QUARANTINE, DUPLICATES)} == before
    assert audit(lake).balanced
    shadowed_swapped_and_undone(lake, over_azurite, batch.hours)
    assert {table.path: content(lake, table) for table in (READINGS, QUARANTINE, DUPLICATES)} == before


def shadowed_swapped_and_undone(lake: Lake, settings: Settings, hours: Sequence[str]) -> None:
    """A shadow of specs that no longer know the simulator's JSON: its readings go, and come back."""
    fewer = Canonicaliser.of([spec for spec in load_specs() if spec.id != "simulator_json"])
    begun = shadow.begin(lake, fewer, hours, specs="fewer", who="ada")
    shadow.build(lake, begun, settings.silver)
    swapped = swap(lake, begun, Means(settings.silver), who="ada", why=None)
    assert swapped.equal
    assert set(lake.rows(READINGS)["mapping_id"].to_pylist()) <= {"simulator_protobuf"}
    assert audit(lake).balanced
    assert undo(lake, Means(settings.silver), who="ada", why=None).equal
    assert shadow.drop(lake)
    assert audit(lake).balanced


def content(lake: Lake, table) -> list[dict]:
    """All but the batch number, in order; through the Arrow dataset that every reader uses."""
    rows = lake.rows(table, where=pc.field("hub") == "telemetry").drop_columns("silver_batch")
    return rows.sort_by([(name, "ascending") for name in ("partition_id", "sequence_number", "index")]).to_pylist()
