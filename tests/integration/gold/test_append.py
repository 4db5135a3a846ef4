"""A date that only gained readings: what is written of it, and that it ends as a load of the whole date does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from assets.gold import append as append_module
from assets.gold.load import LoadError, load_dates
from lake.store import Lake
from orchestration.resources.kusto import Kusto
from quality.contracts.tables import READINGS

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)


def extents_of(kusto: Kusto, name: str) -> set[str]:
    return {row["ExtentId"] for row in kusto.command(f".show table {name} extents")}


def test_new_readings_leave_what_was_there_and_only_their_hours_are_computed(
    silver: Any, lake: Lake, kusto: Kusto, assert_equals_oracle: Callable[..., None]
) -> None:
    load_dates(lake, kusto, silver.commit(silver.steady(D1, hours=3, every=60)), [D1])
    readings = extents_of(kusto, "Readings")

    late = {"recorded_at": silver.at("2026-03-01T01:30:30"), "value": 5.0}
    (done,) = load_dates(lake, kusto, silver.commit([late]), [D1])

    assert (done.mode, done.added, done.rows["Readings"]) == ("append", 1, 361)
    # An hour of two devices, but for the day.
    assert {name: done.windows[name] for name in ("Readings1m", "Readings5m", "Readings1h", "Readings1d")} == {
        "Readings1m": 120, "Readings5m": 24, "Readings1h": 2, "Readings1d": 2,
    }  # fmt: skip
    assert extents_of(kusto, "Readings") > readings
    # The hours beside it are carried over once; the next of the same hour finds it by itself.
    others = extents_of(kusto, "Readings1m")
    load_dates(lake, kusto, silver.commit([late | {"recorded_at": silver.at("2026-03-01T01:31:31")}]), [D1])
    assert len(extents_of(kusto, "Readings1m") & others) == len(others) - 1 > 0
    assert_equals_oracle()


@pytest.mark.parametrize("batch", ["replaced", "rewritten", "tied", "lost"])
def test_what_is_more_than_new_readings_is_a_load_of_the_whole_date(
    batch: str, silver: Any, lake: Lake, kusto: Kusto, assert_equals_oracle: Callable[..., None]
) -> None:
    load_dates(lake, kusto, silver.commit(silver.steady(D1, every=600)), [D1])
    late = {"recorded_at": silver.at("2026-03-01T00:10:00"), "value": 5.0, "discriminator": "a"}
    match batch:
        case "replaced":
            snapshot = silver.commit(silver.steady(D1, every=900), instead_of=f"enqueued_hour = '{D1}-00'")
            why = "Silver batch 2 replaced readings of it"
        case "rewritten":
            silver.commit([{"recorded_at": silver.at("2026-03-01T05:00:00"), "value": 5.0}])
            rows = lake.rows(READINGS)
            again = rows.filter(pl.from_arrow(rows)["enqueued_hour"].eq(f"{D1}-05").to_arrow())
            renamed = pl.DataFrame(again).with_columns(silver_batch=pl.lit(3, pl.Int64))
            snapshot = silver.commit(
                renamed.to_arrow().cast(again.schema), instead_of=f"enqueued_hour = '{D1}-05'", touching=None
            )
            why = "Silver batch 3"
        case "tied":
            snapshot, why = silver.commit([late | {"device_id": "simulator:sim-0"}]), "1 new readings share series"
        case "lost":
            kusto.command(".drop extents <| .show table Readings1h extents")
            snapshot, why = silver.commit([late | {"device_id": "x:1"}]), "Readings1h does not hold it"

    (done,) = load_dates(lake, kusto, snapshot, [D1])

    assert done.mode == "full"
    assert why in done.why
    assert_equals_oracle()


@pytest.mark.deep
def test_a_date_in_many_parts_is_made_whole(
    silver: Any, lake: Lake, kusto: Kusto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append_module, "PARTS", 1)
    load_dates(lake, kusto, silver.commit(silver.steady(D1, every=600)), [D1])
    late = {"recorded_at": silver.at("2026-03-01T05:00:00"), "value": 5.0}
    modes = []
    for minute in range(2):
        late = {"recorded_at": silver.at(f"2026-03-01T05:0{minute}:00"), "value": 5.0}
        modes += [done.mode for done in load_dates(lake, kusto, silver.commit([late]), [D1])]

    assert modes == ["append", "full"]
    assert len(extents_of(kusto, "Readings")) == 1


def test_a_loader_that_was_overtaken_changes_nothing(
    silver: Any, lake: Lake, kusto: Kusto, assert_equals_oracle: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another loader does all of its work while this one waits between its last look and its swap."""
    load_dates(lake, kusto, silver.commit(silver.steady(D1, every=600)), [D1])
    old = silver.commit([{"recorded_at": silver.at("2026-03-01T05:00:00"), "value": 5.0}])
    new = silver.commit([{"recorded_at": silver.at("2026-03-01T05:00:10"), "value": 6.0}])
    command, overtaken = kusto.command, []

    def overtake(text: str, **options: Any) -> Any:
        if text.startswith(".replace extents in table Readings ") and not overtaken:
            overtaken.append(text)
            load_dates(lake, kusto, new, [D1])
        return command(text, **options)

    monkeypatch.setattr(kusto, "command", overtake)
    with pytest.raises(LoadError, match=r"Readings .* has 14 rows .* not the 13 .* Another loader may be at work"):
        load_dates(lake, kusto, old, [D1])

    assert overtaken
    assert_equals_oracle()
