"""`kill -9` of the Event Hubs endpoint while a fleet sends, with and without its acknowledgement being lost."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from assets.silver.promote import Promoter
from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_specs
from ingest_workers.bronze import run_bronze
from local_azure import endpoints
from local_azure.supervisor import Endpoint
from quality.contracts.tables import BRONZE_TELEMETRY, EVENT_NAMES
from simulator.simulate import simulate

DEATHS = ("3:after", "4:before", "2:after", "1:before", "1:after", "6:after")
PLACE = [*EVENT_NAMES, "index", "enqueued_at", "enqueued_hour"]
"""Where in the hub an event came to lie: what was sent again moves those behind it."""


def hub_that_dies() -> Endpoint:
    whole = endpoints.event_hubs()
    at = whole.argv.index("local_azure.event_hubs") + 1
    script = str(Path(__file__).with_name("hub_that_dies.py"))
    return Endpoint(whole.name, (sys.executable, script, ",".join(DEATHS), *whole.argv[at:]))


BATCH = 40
"""Every partition gets a multiple of a device's messages, which are as many: each batch is full."""


def sent(laptop, hub: Endpoint, run) -> int:
    """Send the run, take it over, promote it; how often a batch was sent again."""
    with laptop.up(hub):
        summary = simulate(laptop.settings, run, manifest=laptop.home / "manifest.jsonl", batch=BATCH)
        run_bronze(laptop.settings, until_head=True)
        laptop.assert_bronze_is_the_hub_log()
    Promoter(laptop.lake, Canonicaliser.of(load_specs()), laptop.settings.silver).promote()
    laptop.assert_ledger_balances()
    return summary.retries


def message_ids(laptop) -> Counter[str]:
    rows = laptop.lake.rows(BRONZE_TELEMETRY, columns=["properties"])["properties"].to_pylist()
    return Counter(dict(properties)["sys.message_id"] for properties in rows)


def promised(laptop) -> dict[str, dict]:
    lines = map(json.loads, (laptop.home / "manifest.jsonl").read_text().splitlines())
    return {line["message_id"]: line for line in lines}


@pytest.mark.deep
@pytest.mark.slow
@pytest.mark.timeout(180)
def test_what_a_dying_hub_makes_a_fleet_send_twice_is_counted_as_duplicate_and_nothing_is_lost(
    make_laptop, fleet
) -> None:
    # A conflict that is sent twice is refused twice, as any bad reading is; here only duplicates may become more.
    run = replace(fleet(), faults=replace(fleet().faults, conflict=0.0))
    calm, stormy = make_laptop("calm"), make_laptop("stormy")
    assert sent(calm, endpoints.event_hubs(), run) == 0
    assert sent(stormy, hub_that_dies(), run) >= len(DEATHS)
    assert (stormy.home / "endpoints" / "event_hubs" / "deaths").read_text() == "x" * len(DEATHS)

    arrived, wanted = message_ids(stormy), promised(stormy)
    assert set(arrived) == set(wanted) == set(message_ids(calm))
    again = Counter({name: times - 1 for name, times in arrived.items() if times > 1})
    # A batch's messages for each acknowledgement that was lost; one of them was lost twice.
    assert set(again.values()) == {1, 2}
    assert run.total // run.devices == BATCH
    assert again.total() == BATCH * sum(death.endswith("after") for death in DEATHS)

    found, expected = stormy.silver(), calm.silver()
    values = [name for name in expected["silver.readings"].columns if name not in PLACE]
    assert found["silver.readings"].height == sum(line["accepted"] for line in wanted.values())
    assert values_of(found, values).equals(values_of(expected, values))
    repeated = sum(n * (wanted[name]["accepted"] + wanted[name]["duplicate"]) for name, n in again.items())
    assert repeated > 0
    assert found["silver.duplicates"].height == expected["silver.duplicates"].height + repeated
    refused = sum(n * wanted[name]["quarantined"] for name, n in again.items())
    assert found["silver.quarantine"].height == expected["silver.quarantine"].height + refused


def values_of(silver: dict[str, pl.DataFrame], columns: list[str]) -> pl.DataFrame:
    return silver["silver.readings"].select(columns).sort(columns)
