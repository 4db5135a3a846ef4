"""Which dates a change reaches: told from Silver alone."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from assets.gold.reach import dates_reached
from lake.fence import write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import STATES
from tests.integration.gold.conftest import Silver

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
COUNTER = {"device_id": "m", "metric": "energy", "unit": "kWh"}
STATE = {"device_id": "d", "metric": "contact_state", "unit": "dimensionless"}
LOADED = {D1: 1, D2: 1, D3: 1}


def said(silver: Silver, *moments: str, **more: Any) -> list[dict[str, Any]]:
    told = {"value": 1.0} if "metric" not in more or more["metric"] == "energy" else {"value_text": "open"}
    return [{**told, **more, "recorded_at": silver.at(moment)} for moment in moments]


@pytest.fixture
def silver(lake: Lake) -> Silver:
    """Nobody asks for the mappings of these readings, so none are compiled."""
    return Silver(lake, "0" * 16)


@pytest.fixture
def silver_of_three(silver: Silver) -> Silver:
    """A counter, a state and a gauge on three dates, all taken in a day later."""
    noons = [f"{day}T12:00:00" for day in (D1, D2, D3)]
    rows = [row for more in (COUNTER, STATE, {}) for row in said(silver, *noons, **more)]
    silver.commit([{**row, "enqueued_at": silver.at("2026-03-04T12:00:00")} for row in rows])
    return silver


@pytest.mark.parametrize(
    ("late", "reached"),
    [
        ({**COUNTER, "at": "2026-03-02T13:00:00"}, [D3]),
        ({**COUNTER, "at": "2026-03-02T11:00:00"}, []),
        ({**STATE, "at": "2026-03-02T13:00:00"}, [D3]),
        ({**STATE, "at": "2026-03-02T11:00:00"}, []),
        ({**COUNTER, "device_id": "of this date only", "at": "2026-03-02T13:00:00"}, []),
        ({**STATE, "device_id": "new", "at": "2026-03-02T13:00:00"}, [D3]),
        ({"metric": "air_temperature", "at": "2026-03-02T13:00:00"}, []),
    ],
    ids=[
        "last of a counter",
        "amid a counter",
        "last of a state",
        "amid a state",
        "no other",
        "a new state",
        "a gauge",
    ],
)
def test_a_late_reading_reaches_the_next_date_only_where_it_is_the_last(
    silver_of_three: Silver, lake: Lake, late: dict[str, Any], reached: list[date]
) -> None:
    at = late.pop("at")
    told = {"value_text": "closed"} if late["metric"] == "contact_state" else {"value": 2.0}
    moment = {"recorded_at": silver_of_three.at(at), "enqueued_at": silver_of_three.at("2026-03-05T01:00:00")}
    snapshot = silver_of_three.commit([{**late, **told, **moment}])

    assert dates_reached(lake, snapshot, [D2], LOADED) == reached


def test_a_date_that_ends_is_reached_by_the_first_readings_of_the_next(silver: Silver, lake: Lake) -> None:
    silver.commit(said(silver, "2026-03-01T12:00:00", **STATE))
    held = {"event_date": D1, "device_id": "d", "metric": "contact_state", "channel": "", "state": "open",
            "window_start": silver.at("2026-03-01T00:00:00"), "reading_count": 1, "seconds_in_state": 0.0,
            "transitions": 0, "share": 0.0}  # fmt: skip
    write(lake.open(STATES["1d"]), pa.Table.from_pylist([held], schema=arrow_schema(STATES["1d"])), {"gold": 1})
    first = silver.commit(said(silver, "2026-03-02T00:00:05", device_id="any"))

    assert dates_reached(lake, first, [D2], {D1: 1}) == [D1]
    second = silver.commit(said(silver, "2026-03-02T00:00:10", device_id="any"))
    assert dates_reached(lake, second, [D2], {D1: 2, D2: 2}) == []


def test_a_date_that_was_never_loaded_or_is_due_itself_is_not_reached(silver_of_three: Silver, lake: Lake) -> None:
    rows = said(silver_of_three, "2026-03-02T13:00:00", "2026-03-03T13:00:00", **COUNTER)
    snapshot = silver_of_three.commit(rows)

    assert dates_reached(lake, snapshot, [D2], {D1: 1, D2: 1, D3: 1}) == []
    assert dates_reached(lake, snapshot, [D2], {D2: 1}) == []
    assert dates_reached(lake, snapshot, [D2, D3], LOADED) == []


def test_where_readings_were_replaced_a_neighbour_with_counters_is_reached(silver_of_three: Silver, lake: Lake) -> None:
    snapshot = silver_of_three.commit([], instead_of="device_id = 'nobody'", touching=[D2])

    assert dates_reached(lake, snapshot, [D2], LOADED) == [D1, D3]
