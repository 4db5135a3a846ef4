"""Tables that are replaced whole: engagements, and energy and water per floor area."""

from __future__ import annotations

import statistics
from datetime import date
from typing import Any

import pytest

from assets.gold.domain.engagements import load_kpis
from assets.gold.domain.intensity import load_intensity
from quality.contracts.domain_tables import ENGAGEMENT_KPIS, SITE_INTENSITY, SITE_USE_1D
from quality.contracts.gold_tables import COUNTERS_1H

COSTS = [90.0, 95.0, 100.0, 100.0, 105.0, 110.0, 98.0, 300.0]


def engagement(number: int, cost: float | None, **more: Any) -> dict[str, Any]:
    return {
        "engagement_id": f"E-{number}", "client_id": "C", "name": "Work", "started_on": date(2026, 3, 1),
        "budget": 100.0, "actual_cost": cost, "revenue": 200.0, "currency": "GBP", **more,
    }  # fmt: skip


def kpis(estate: Any, *rows: dict[str, Any]) -> dict[str, dict[str, Any]]:
    estate.register("engagement", *({"since": "2026-03-31", **row} for row in rows))
    load_kpis(estate.lake)
    return {row["engagement_id"]: row for row in estate.rows(ENGAGEMENT_KPIS)}


def test_an_engagement_that_costs_three_times_its_budget_stands_out(estate) -> None:
    found = kpis(estate, *(engagement(n, cost) for n, cost in enumerate(COSTS)))
    shares = [(cost - 100) / 100 for cost in COSTS]
    centre = statistics.median(shares)
    mad = statistics.median(abs(share - centre) for share in shares)
    for number, share in enumerate(shares):
        row = found[f"E-{number}"]
        assert row["budget_variance_share"] == pytest.approx(share)
        assert row["variance_score"] == pytest.approx(0.6745 * (share - centre) / mad)
        assert row["revenue_margin"] == pytest.approx((200 - COSTS[number]) / 200)
        assert row["is_anomaly"] == (COSTS[number] == 300)


def test_too_few_engagements_judge_nobody_and_what_is_not_known_is_null(estate) -> None:
    found = kpis(estate, engagement(1, 300.0), engagement(2, None), engagement(3, 1.0, budget=0.0, revenue=0.0))
    assert {row["is_anomaly"] for row in found.values()} == {False}
    assert {row["variance_score"] for row in found.values()} == {None}
    assert (found["E-2"]["budget_variance"], found["E-3"]["budget_variance_share"]) == (None, None)
    assert found["E-3"]["revenue_margin"] is None


def test_where_most_are_alike_the_mean_deviation_judges(estate) -> None:
    found = kpis(estate, *(engagement(n, 100.0 if n else 150.0) for n in range(9)))
    assert found["E-0"]["variance_score"] == pytest.approx(0.5 / (1.253314 * 0.5 / 9))
    assert found["E-1"]["variance_score"] == 0


def test_a_duration_ends_with_the_engagement_or_with_what_has_been_told(estate) -> None:
    found = kpis(
        estate,
        engagement(1, 1.0, ended_on=date(2026, 3, 10)),
        engagement(2, 1.0),
        engagement(3, 1.0, started_on=date(2026, 5, 1)),
    )
    assert [found[f"E-{n}"]["duration_days"] for n in (1, 2, 3)] == [10, 31, 0]


def test_the_same_engagements_are_not_written_twice_and_one_that_is_gone_goes(estate) -> None:
    assert kpis(estate, engagement(1, 1.0), engagement(2, 1.0)).keys() == {"E-1", "E-2"}
    version = estate.lake.version(ENGAGEMENT_KPIS)
    assert load_kpis(estate.lake) == (2, False)
    assert estate.lake.version(ENGAGEMENT_KPIS) == version
    assert kpis(estate, engagement(2, 1.0)).keys() == {"E-2"}


def test_what_meters_count_is_put_beside_what_the_site_reported(estate, at) -> None:
    estate.register("site", {"site_id": "L"})
    estate.register(
        "iot_device",
        {"device_id": "meter", "site_id": "L", "until": "2026-04-02T12:00"},
        {"device_id": "heat", "site_id": "L"},
    )
    figures = {"gross_internal_floor_area": 50.0, "electricity_consumed": 3650.0, "water_volume": 7.0}
    estate.register(
        "site_return",
        {"site_id": "L", "return_year": 2025, **figures, "gas_consumed": 350.0},
        {"site_id": "N", "return_year": 2025, "water_volume": 7.0},
    )
    estate.read(
        {"device": "meter", "metric": "water_volume_interval", "at": "2026-03-31T10:10", "value": 0.25},
        {"device": "meter", "metric": "water_volume_interval", "at": "2026-03-31T10:40", "value": 0.5},
        *({"at": f"2026-04-0{day}T01:00", "value": 1} for day in (1, 2)),
    )
    rows = [
        (device, metric, when, increase)
        for device, metric, when, increase in (
            ("meter", "energy", "2026-03-31T10:00", 4.0),
            ("meter", "energy", "2026-04-01T10:00", 7.0),
            ("meter", "energy", "2026-04-02T10:00", 9.0),
            ("meter", "energy", "2026-04-02T13:00", 100.0),  # stands nowhere by then
            ("heat", "heat_energy", "2026-04-02T13:00", 2.0),
            ("meter", "energy", "2026-04-02T11:00", None),
        )
    ]
    estate.put(
        COUNTERS_1H,
        [
            {"device_id": d, "metric": m, "window_start": at(w), "event_date": at(w).date(), "increase": i}
            for d, m, w, i in rows
        ],
    )
    estate.load()
    used = {(row["event_date"].day, row["site_id"], row["resource"]): row["amount"] for row in estate.rows(SITE_USE_1D)}
    assert used == {
        (31, "L", "electricity"): 4, (31, "L", "water"): 0.75, (1, "L", "electricity"): 7, (2, "L", "electricity"): 9,
        (2, "", "electricity"): 100, (2, "L", "heat"): 2,
    }  # fmt: skip

    assert load_intensity(estate.lake) == (8, True)
    found = {(r["site_id"], r["return_year"], r["resource"]): r for r in estate.rows(SITE_INTENSITY)}
    power = found["L", 2025, "electricity"]
    assert (power["measured_amount"], power["measured_days"], power["measured_per_m2"]) == (4, 1, 0.08)
    assert (power["reported_per_m2"], power["days_in_year"]) == (73, 365)
    assert power["measured_to_reported"] == pytest.approx(0.4)
    assert found["L", 2025, "energy"]["reported_amount"] == 4000
    energy = found["L", 2026, "energy"]
    assert (energy["measured_amount"], energy["measured_days"], energy["reported_amount"]) == (18, 2, None)
    assert (energy["floor_area_year"], energy["measured_per_m2"]) == (2025, 18 / 50)
    assert (found["N", 2025, "water"]["floor_area"], found["N", 2025, "water"]["measured_amount"]) == (None, None)
    assert load_intensity(estate.lake) == (8, False)
