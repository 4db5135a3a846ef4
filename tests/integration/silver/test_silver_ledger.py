"""The ledger over the lake's own tables: balanced as it should be, and each kind of damage found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow.compute as pc
import pytest

from assets.silver.audit import audit
from lake.fence import append
from lake.store import Lake
from quality import checks
from quality.contracts.tables import BRONZE_TELEMETRY, DUPLICATES, QUARANTINE, READINGS
from quality.rules.ledger import StreamLine


@pytest.fixture
def promoted(lake, hub, promoter) -> Lake:
    """Events 0 to 4 of one stream: accepted, duplicate, conflict, broken, accepted; and one of another stream."""
    hub.arrive(
        hub.event("03:10", 20), hub.event("03:20", 20), hub.event("03:30", 30), hub.event("03:40", body=b"{"),
        hub.event("04:10", 20, measured="02:30"), hub.event("03:10", 20, measured="02:45", partition="1"),
    )  # fmt: skip
    promoter().promote()
    return lake


def line(lake: Lake) -> StreamLine:
    return audit(lake).streams[0]


def test_good_tables_balance(promoted: Lake) -> None:
    found = audit(promoted)

    assert found.balanced
    assert found.events == {"accepted": 3, "partial": 0, "quarantined": 2, "duplicate": 1}
    assert found.readings == {"accepted": 3, "quarantined": 2, "duplicate": 1}
    assert found.reasons == {"conflict": 1, "invalid_json": 1}


def test_an_event_with_a_good_and_a_bad_reading_is_partial(lake, hub, promoter) -> None:
    from assets.silver.promote import Promoter
    from canonical.canonicaliser import Canonicaliser
    from canonical.spec_model import MappingSpec

    spec = {
        "id": "two", "version": 1, "description": "Two readings.", "match": {"content_type": ["application/json"]},
        "decode": {"format": "json"}, "device": {"path": "d", "source": "x"}, "time": {"path": "t"},
        "readings": [
            {"metric": "air_temperature", "path": "v", "unit": "degC"},
            {"metric": "relative_humidity", "path": "w", "unit": "percent"},
        ],
    }  # fmt: skip
    hub.send("03:10", 20)
    Promoter(lake, Canonicaliser.of([MappingSpec.model_validate(spec)]), promoter().settings).promote()

    found = audit(lake)

    assert found.balanced
    assert found.events == {"accepted": 1, "partial": 1, "quarantined": 0, "duplicate": 0}


def test_what_waits_in_bronze_is_lag_and_not_imbalance(promoted: Lake, hub) -> None:
    hub.arrive(hub.event("05:10"), hub.event("05:20"))

    assert (line(promoted).lag, line(promoted).balanced) == (2, True)


def test_a_gap_in_the_hubs_numbers_is_missing(promoted: Lake, hub, promoter) -> None:
    hub.numbers["0", 0] += 3
    hub.send("05:10")
    promoter().promote()

    assert (line(promoted).missing, line(promoted).balanced) == (3, False)


def test_an_empty_lake_balances(lake: Lake) -> None:
    assert (audit(lake).balanced, audit(lake).streams) == (True, ())


def deleted(table: Any, number: int) -> Callable[[Lake], Any]:
    return lambda lake: lake.open(table).delete(f"partition_id = '0' and sequence_number = {number}")


def doubled(table: Any, *, shift: int = 0) -> Callable[[Lake], None]:
    def damage(lake: Lake) -> None:
        rows = lake.rows(table, where=(pc.field("partition_id") == "0")).sort_by("sequence_number").slice(0, 1)
        place = rows.schema.get_field_index("sequence_number")
        moved = pc.add(rows["sequence_number"], shift)
        append(lake, table, rows.set_column(place, rows.schema.field(place), moved))

    return damage


DAMAGE = [
    pytest.param(deleted(READINGS, 0), "unaccounted", id="a reading is gone"),
    pytest.param(deleted(QUARANTINE, 3), "unaccounted", id="a quarantined event is gone"),
    pytest.param(deleted(DUPLICATES, 1), "unaccounted", id="a duplicate is gone"),
    pytest.param(doubled(READINGS, shift=1000), "unfounded", id="a reading of no event"),
    pytest.param(doubled(QUARANTINE, shift=1000), "unfounded", id="a quarantined row of no event"),
    pytest.param(doubled(DUPLICATES, shift=1000), "unfounded", id="a duplicate of no event"),
    pytest.param(deleted(BRONZE_TELEMETRY, 0), "unfounded", id="Bronze lost the event of a reading"),
    pytest.param(deleted(BRONZE_TELEMETRY, 3), "missing", id="Bronze lost an event between others"),
    pytest.param(doubled(BRONZE_TELEMETRY), "repeated", id="Bronze has an event twice"),
]


@pytest.mark.parametrize(("damage", "fault"), DAMAGE)
def test_damage_is_found_and_named(promoted: Lake, damage: Callable[[Lake], Any], fault: str) -> None:
    damage(promoted)

    assert getattr(line(promoted), fault) == 1
    assert not audit(promoted).balanced
    assert all(other.balanced for other in audit(promoted).streams[1:]), "other streams are not accused"


@pytest.mark.parametrize(("damage", "fault"), [case for case in DAMAGE if case.values[1] != "missing"])
def test_damage_in_the_hours_of_a_run_fails_its_check(
    promoted: Lake, damage: Callable[[Lake], Any], fault: str
) -> None:
    assert checks.ledger_result(READINGS, audit(promoted, ["2026-03-01-03"])).passed

    damage(promoted)

    result = checks.ledger_result(READINGS, audit(promoted, ["2026-03-01-03"]))
    assert (result.passed, result.metadata[fault].value) == (False, 1)
    assert checks.ledger_result(READINGS, audit(promoted, ["2026-03-01-04"])).passed


def test_a_reading_of_an_event_beyond_the_watermark_is_unfounded(promoted: Lake, hub) -> None:
    hub.send("05:10")
    doubled(READINGS, shift=5)(promoted)

    assert (line(promoted).unfounded, line(promoted).balanced) == (1, False)
