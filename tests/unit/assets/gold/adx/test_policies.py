"""Policies as documents: what a table gets, and when the service's answer means the same."""

from __future__ import annotations

from typing import Any

import pytest

from assets.gold.adx import policies
from assets.gold.adx.policies import Policy
from assets.gold.adx.wanted import SWAPPED, wanted
from quality.contracts.kusto import kusto_name, stage_name
from quality.contracts.live_tables import LIVE_TABLES
from quality.contracts.tables import ADX_READINGS, READINGS_1D
from settings.model import Kusto

ORDER = Policy("T", "roworder", {"RowOrder": [{"ColumnName": "device_id"}, {"ColumnName": "recorded_at"}]})
RETENTION = Policy("T", "retention", {"SoftDeletePeriod": "7.00:00:00", "Recoverability": "Disabled"})
HOT = Policy("T", "caching", {"DataHotSpan": "31.00:00:00"})


@pytest.mark.parametrize(
    ("policy", "found", "met"),
    [
        (RETENTION, {"SoftDeletePeriod": "7.00:00:00", "Recoverability": "Disabled", "Extra": 1}, True),
        (RETENTION, {"SoftDeletePeriod": "8.00:00:00", "Recoverability": "Disabled"}, False),
        (RETENTION, None, False),
        (RETENTION, ["something else"], False),
        (HOT, {"DataHotSpan": {"Value": "31.00:00:00"}, "IndexHotSpan": {"Value": "31.00:00:00"}}, True),
        (HOT, {"DataHotSpan": "31.00:00:00"}, True),
        (HOT, {"DataHotSpan": {"Value": "30.00:00:00"}}, False),
        (ORDER, {"RowOrder": [{"ColumnName": "device_id", "Order": "Ascending"}, {"ColumnName": "recorded_at"}]}, True),
        (ORDER, ["device_id", "recorded_at"], True),
        (ORDER, ["recorded_at", "device_id"], False),
        (ORDER, None, False),
    ],
)
def test_a_policy_is_met_by_any_document_that_means_it(policy: Policy, found: Any, met: bool) -> None:
    assert policy.is_met_by(found) is met


def test_every_table_is_kept_for_as_long_as_its_contract_says_also_for_ever() -> None:
    spans = {one.entity: one.value["SoftDeletePeriod"] for one in wanted().policies if one.kind == "retention"}
    assert spans[kusto_name(ADX_READINGS)] == f"{ADX_READINGS.retention_days}.00:00:00"
    assert READINGS_1D.retention_days is None
    assert spans[kusto_name(READINGS_1D)] == "36500.00:00:00"
    assert {spans[stage_name(table)] for table in SWAPPED} == {"7.00:00:00"}


def test_extents_keep_the_order_of_their_stage_so_both_have_it() -> None:
    orders = {one.entity: one.value for one in wanted().policies if one.kind == "roworder"}
    for table in SWAPPED:
        assert orders[kusto_name(table)] == orders[stage_name(table)]


def test_nothing_streams_and_no_stage_is_merged() -> None:
    found = {(one.entity, one.kind): one.value for one in wanted().policies}
    names = [name for table in SWAPPED for name in (kusto_name(table), stage_name(table))]
    for name in (*names, *map(kusto_name, LIVE_TABLES)):
        assert found[name, "streamingingestion"] == {"IsEnabled": False}
    for table in SWAPPED:
        assert found[stage_name(table), "merge"] == {"AllowRebuild": False, "AllowMerge": False}


def test_every_view_says_how_long_it_keeps_rows() -> None:
    assert {file.name for file in wanted().views} == set(policies.VIEW_DAYS)


def test_roles_and_partitions_come_from_the_settings_only() -> None:
    assert wanted().principals == ()
    assert not [one for one in wanted().policies if one.kind == "partitioning"]
    site = Kusto(database="t", viewers=("aadgroup=a;b",), admins=("aadapp=c;d",), partitions=128)
    made = wanted(site)
    assert [(one.role, one.fqn) for one in made.principals] == [("admins", "aadapp=c;d"), ("viewers", "aadgroup=a;b")]
    assert {one.value["PartitionKeys"][0]["ColumnName"] for one in made.policies if one.kind == "partitioning"} == {
        "device_id"
    }


@pytest.mark.parametrize("fqn", ["someone@example.org", "aadgroup=", "aaduser=a') //", "group=x"])
def test_a_principal_is_written_as_the_service_names_it(fqn: str) -> None:
    with pytest.raises(ValueError, match="viewers"):
        Kusto(viewers=(fqn,))
