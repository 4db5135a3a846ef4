"""Two years of real estate returns and a real register of devices, against computations of their own from the files."""

from __future__ import annotations

import csv
import gzip
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from assets.silver.entities.ledger import entity_ledger
from assets.silver.entities.read import as_of, current, devices, versions
from quality.contracts.entities import IOT_DEVICE, SITE, SITE_RETURN, TRUST
from quality.contracts.entity_tables import ENTITY_FILES, ENTITY_QUARANTINE

DATA = os.environ.get("LAKE_REAL_DATA")
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(DATA is None, reason="LAKE_REAL_DATA names no folder of field data"),
]

YEARS = {"2013-14": 2013, "2015-16": 2015}
AREA = {2013: "Gross internal site floor area (m²)", 2015: "Gross internal floor area (m²)"}
GAS = {2013: "Gas consumed - utility (kWh)", 2015: "Gas consumed (kWh)"}


def _plain(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


def _raw(sheet: str) -> dict[int, list[dict[str, str]]]:
    """Rows under the second header row, by the year that begins."""
    found = {}
    for name, year in YEARS.items():
        with gzip.open(Path(DATA or "", "nhs_eric", f"ERIC_{name}_{sheet}.csv.gz"), "rt", encoding="utf-8-sig") as file:
            _, header, *rows = csv.reader(file)
        found[year] = [dict(zip(header, row, strict=True)) for row in rows]
    return found


@pytest.fixture(scope="module")
def sites() -> dict[int, dict[str, dict[str, str]]]:
    """Sites as the files have them, by year and `organisation/site`; a row without a site code is none."""
    return {
        year: {f"{row['Organisation Code']}/{row['Site Code']}": row for row in rows if row["Site Code"].strip()}
        for year, rows in _raw("site").items()
    }


@pytest.fixture(scope="module")
def trusts() -> dict[int, set[str]]:
    return {year: {row["Organisation Code"] for row in rows} for year, rows in _raw("trust").items()}


@pytest.fixture(scope="module")
def register(tmp_path_factory):
    """Everything landed, in two goes: the later year and the register first."""
    from assets.bronze.files import take
    from assets.bronze.landing import Landing
    from assets.silver.entities.build import build
    from canonical.entities.specs import load_entity_specs
    from lake.store import Lake
    from settings.model import Settings

    settings = Settings(home=tmp_path_factory.mktemp("real"), landing_settle_seconds=0, _env_file=None)
    lake, folder = Lake.of(settings), Path(settings.landing_root)
    for wanted in ("2015-16", "2013-14"):
        for file in Path(DATA or "", "nhs_eric").glob(f"ERIC_{wanted}_*.gz"):
            (folder / "estate_return").mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / "estate_return")
        (folder / "device_register/oulu").mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(DATA or "", "oulu_devices", "devices.csv.gz"), folder / "device_register/oulu")
        take(lake, Landing(settings))
        build(lake, load_entity_specs(), settings)
    return lake


def _starts(year: int):
    from datetime import UTC, datetime

    return datetime(year, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize("year", YEARS.values())
def test_each_year_has_the_sites_and_trusts_of_its_files(register, sites, trusts, year) -> None:
    assert set(as_of(register, SITE, _starts(year))["site_id"].to_pylist()) == set(sites[year])
    assert set(as_of(register, TRUST, _starts(year))["organisation_code"].to_pylist()) == trusts[year]


def test_no_sum_became_a_site_and_every_sum_is_counted(register) -> None:
    sums = sum(not row["Site Code"].strip() for rows in _raw("site").values() for row in rows)
    assert sums == 239
    lines = [row for row in register.rows(ENTITY_FILES).to_pylist() if row["mapping_id"] == "eric_site"]
    by_file = {row["path"]: dict(row["reasons"]).get("subtotal", 0) for row in lines}
    assert sum(count for path, count in by_file.items() if "_site.csv" in path) == sums
    assert sum(count for path, count in by_file.items() if "HEFS" in path) == sums  # the workbook has them too
    names = current(register, SITE, ["site_id", "organisation_code"]).to_pylist()
    assert not [row for row in names if row["organisation_code"].upper().endswith(("RESULT", "TOTAL"))]


def test_the_code_of_aggregates_is_many_sites_one_for_each_trust(register, sites) -> None:
    wanted = {key for key in sites[2015] if key.endswith("/AGGRE")}
    rows = as_of(register, SITE, _starts(2015)).to_pylist()
    found = {row["site_id"] for row in rows if row["is_aggregate"]}
    assert len(wanted) > 100
    assert found == wanted
    assert {row["site_type"] for row in rows if row["is_aggregate"]} == {"aggregate"}


def test_figures_land_under_one_name_whatever_the_year_calls_them(register, sites) -> None:
    rows = {(row["site_id"], row["return_year"]): row for row in current(register, SITE_RETURN).to_pylist()}
    assert len(rows) == sum(map(len, sites.values()))
    for year, by_site in sites.items():
        for key, raw in by_site.items():
            for column, header in (("gross_internal_floor_area", AREA[year]), ("gas_consumed", GAS[year])):
                wanted = raw[header]
                value = float(wanted) if wanted.replace(".", "").replace("-", "").isdigit() else None
                assert rows[key, year][column] == value, (key, year, column, wanted)


def test_history_shows_what_changed_between_the_years(register, sites) -> None:
    both = sites[2013].keys() & sites[2015].keys()
    renamed = {key for key in both if _plain(sites[2013][key]["Site Name"]) != _plain(sites[2015][key]["Site Name"])}
    assert len(renamed) > 10
    for key in sorted(renamed)[:20]:
        first, second = versions(register, SITE, {"site_id": key}).to_pylist()
        assert (first["name"], second["name"]) == tuple(_plain(sites[year][key]["Site Name"]) for year in (2013, 2015))
        assert first["valid_to"] == second["valid_from"] == _starts(2015)
    gone = min(sites[2013].keys() - sites[2015].keys())
    (last,) = versions(register, SITE, {"site_id": gone}).to_pylist()
    assert (last["valid_to"], last["is_current"]) == (_starts(2015), False)
    kept = Counter(versions(register, SITE, {"site_id": key}).num_rows for key in sorted(both - renamed)[:40])
    assert kept[1] > 0  # other letters in the word for its kind are no change of a site


def test_the_workbook_and_the_sheets_say_the_same_and_all_balances(register) -> None:
    ledger = entity_ledger(register)
    assert ledger.balanced
    assert (ledger.files, ledger.quarantined, ledger.refused_files) == (7, 0, 0)
    assert register.rows(ENTITY_QUARANTINE).num_rows == 0


def test_the_register_of_devices_and_who_is_to_report(register) -> None:
    with gzip.open(Path(DATA or "", "oulu_devices", "devices.csv.gz"), "rt", encoding="utf-8-sig") as file:
        raw = list(csv.DictReader(file))
    found = {row["device_id"]: row for row in devices(register).to_pylist()}
    assert set(found) == {f"oulu:{row['id']}" for row in raw}
    assert len(found) == 431
    silent = {key for key, row in found.items() if not row["expected_to_report"]}
    assert silent == {f"oulu:{row['id']}" for row in raw if row["status"] == "planned"}
    assert len(silent) == 2
    places = {
        row["device_id"]: (row["latitude"], row["longitude"]) for row in current(register, IOT_DEVICE).to_pylist()
    }
    assert places == {f"oulu:{row['id']}": (float(row["location/0"]), float(row["location/1"])) for row in raw}
