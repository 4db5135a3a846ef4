"""Business systems, simulated: the extracts that a CRM, an ERP, an HR system and registers would land, day by day.

Belongs here: a small world that changes, with defects put in on purpose.
Does not: how the extracts look as files (`entity_files`), or what should come of them (`entity_answers`).

The same seed and start give the same bytes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from simulator.entity_answers import Answers
from simulator.entity_files import csv_bytes, gzipped, json_bytes, lines_bytes, parquet_bytes, place

Row = dict[str, Any]
_SECTORS, _TRADES = ("Property", "Health", "Education"), ("boiler", "chiller", "air handler", "lift")
_SHORT, _LONG = 12, 24


@dataclass(frozen=True, kw_only=True)
class EntityOptions:
    """How large the world is and how long it goes on."""

    folder: Path
    seed: int = 1
    days: int = 3
    clients: int = 20
    start: date = date(2026, 3, 1)
    defects: bool = True


@dataclass
class _World:
    """What is true today, by entity and key."""

    client: dict[str, Row] = field(default_factory=dict)
    employee: dict[str, Row] = field(default_factory=dict)
    service_offering: dict[str, Row] = field(default_factory=dict)
    engagement: dict[str, Row] = field(default_factory=dict)
    asset: dict[str, Row] = field(default_factory=dict)
    iot_device: dict[str, Row] = field(default_factory=dict)
    digital_twin: dict[str, Row] = field(default_factory=dict)


def simulate_entities(options: EntityOptions) -> dict[str, Any]:
    """Write every extract below the folder; what should come of them is returned."""
    answers = Answers()
    chance = random.Random(options.seed)  # noqa: S311 - reproducible, not secret
    world = _begin(options, chance)
    _estate(options, answers)
    for number in range(options.days):
        day = options.start + timedelta(days=number)
        if number:
            _change(world, chance, number)
        for extract in _extracts(world, day, number, defects=options.defects):
            place(options.folder, extract.name, extract.body)
            answers.file(extract.name, extract.entity, extract.good, extract.faults)
        for name, rows in vars(world).items():
            answers.observe(name, day, rows, whole=name != "iot_device")
    return answers.as_dict()


def _begin(options: EntityOptions, chance: random.Random) -> _World:
    world = _World()
    for n in range(1, options.clients + 1):
        world.client[f"C-{n:03}"] = {
            "Client Name": f"Client {n}", "Sector": chance.choice(_SECTORS), "Country": "GB", "Status": "Active",
        }  # fmt: skip
        world.engagement[f"E-{n:03}"] = {
            "Engagement Name": f"Work {n}", "Client ID": f"C-{n:03}", "Service ID": f"S-{n % 4 + 1}",
            "Lead": f"P-{n % 5 + 1}", "Status": "Active", "Start": f"{options.start:%d/%m/%Y}", "End": "",
            "Budget": f"{chance.randrange(1, 90)},500.00", "Cost": "0", "Revenue": "0", "Currency": "GBP",
        }  # fmt: skip
    for n in range(1, 6):
        world.employee[f"P-{n}"] = {
            "name": f"Person {n}", "job_title": "Engineer", "department": "Estates", "employment_type": "full_time",
            "hired_on": f"20{10 + n}-01-0{n}", "left_on": None,
        }  # fmt: skip
    for n in range(1, 5):
        world.service_offering[f"S-{n}"] = {
            "Bezeichnung": f"Prüfung {n}", "Gruppe": "Lüftung", "Preis": f"1.{n}50,25", "Währung": "EUR",
            "Einheit": "Std",
        }  # fmt: skip
    for n in range(1, _SHORT + 1):
        world.asset[f"A-{n}"] = {
            "name": f"{chance.choice(_TRADES).title()} {n}", "type": chance.choice(_TRADES),
            "site": {"id": f"SIM/S{n % 3 + 1}"}, "maker": {"name": "Acme", "model": f"M{n}"},
            "installed": "2020-05-01", "status": "in service",
        }  # fmt: skip
        world.digital_twin[f"t-{n}"] = {
            "asset_id": f"A-{n}", "device_id": f"simulator:sim-{n:05}", "model": "dtmi:sim:asset;1", "status": "live",
        }  # fmt: skip
    for n in range(1, _LONG + 1):
        world.iot_device[f"sim-{n:05}"] = {
            "type": "Thermometer", "room": f"{n % 4}.{n:02}", "floor": str(n % 4),
            "status": "planned" if n == _LONG else "installed", "installed": "2021-06-01", "interval_s": "15",
            "lat": f"{51 + n / 1000:.3f}", "lon": f"{n / 1000:.3f}", "site": f"SIM/S{n % 3 + 1}",
        }  # fmt: skip
    return world


def _change(world: _World, chance: random.Random, number: int) -> None:
    """A day passes: somebody changes, somebody goes, somebody comes, and a planned device is installed."""
    keys = sorted(world.client)
    world.client[chance.choice(keys)]["Sector"] = f"Sector {number}"
    gone = keys[-1]  # the one that came yesterday, if any
    del world.client[gone]
    world.client[f"C-9{number:02}"] = {
        "Client Name": f"New {number}", "Sector": "Property", "Country": "GB", "Status": "Lead",
    }  # fmt: skip
    world.engagement[min(world.engagement)]["Cost"] = f"{number},000.50"
    world.service_offering["S-1"]["Preis"] = f"2.{number}00,00"
    world.iot_device[f"sim-{_LONG:05}"]["status"] = "installed"


@dataclass(frozen=True)
class _Extract:
    name: str
    entity: str
    body: bytes
    good: int
    faults: dict[str, int]


def _extracts(world: _World, day: date, number: int, *, defects: bool) -> Iterator[_Extract]:
    """Every extract of a day; `bad` rows come last and are no part of the world."""

    def bad(*rows: tuple[str, Row]) -> tuple[list[Row], dict[str, int]]:
        given = rows if defects else ()
        reasons = [reason for reason, _ in given]
        return [row for _, row in given], {reason: reasons.count(reason) for reason in reasons}

    def keyed(name: str, rows: dict[str, Row]) -> list[Row]:
        return [{name: key, **row} for key, row in rows.items()]

    clients = keyed("Client ID", world.client)
    extra, faults = bad(
        ("missing_key", {**clients[0], "Client ID": ""}),
        ("repeated", clients[0]),
        ("duplicate_key", {**clients[1], "Client Name": "Somebody else"}),
        ("unknown_term", {**clients[0], "Client ID": "C-800", "Status": "Asleep"}),
    )
    yield _Extract(f"crm/clients-{day}.csv", "client", csv_bytes(clients + extra), len(clients), faults)

    work = keyed("Engagement ID", world.engagement)
    extra, faults = bad(
        ("unknown_parent", {**work[0], "Engagement ID": "E-800", "Client ID": "C-777"}),
        ("unknown_parent", {**work[0], "Engagement ID": "E-801", "Client ID": "C-800"}),  # refused itself
        ("bad_time", {**work[0], "Engagement ID": "E-802", "Start": "31/02/2026"}),
        ("below_range", {**work[0], "Engagement ID": "E-803", "Budget": "-5"}),
    )
    yield _Extract(f"crm/engagements-{day:%Y%m%d}.csv", "engagement", csv_bytes(work + extra), len(work), faults)

    services = keyed("Leistung", world.service_offering)
    extra, faults = bad(("not_a_number", {**services[0], "Leistung": "S-8", "Preis": "auf Anfrage"}))
    body = csv_bytes(services + extra, delimiter=";", charset="latin-1")
    yield _Extract(f"erp/services_{day}.csv", "service_offering", body, len(services), faults)

    assets = keyed("assetId", world.asset)
    extra, faults = bad(
        ("missing_field", {**assets[0], "assetId": "A-800", "name": None}),
        ("unknown_parent", {**assets[0], "assetId": "A-801", "site": {"id": "SIM/NOWHERE"}}),
    )
    yield _Extract(f"erp/assets-{day}.json", "asset", json_bytes({"assets": assets + extra}), len(assets), faults)

    people = keyed("employee_id", world.employee)
    extra, faults = bad(("missing_field", {**people[0], "employee_id": "P-8", "hired_on": None}))
    body = parquet_bytes(people + extra)
    yield _Extract(f"hris/employees_{day}.parquet", "employee", body, len(people), faults)

    devices = keyed("id", world.iot_device)
    extra, faults = bad(
        ("above_range", {**devices[0], "id": "sim-80000", "lat": "151.0"}),
        ("unknown_term", {**devices[0], "id": "sim-80001", "status": "asleep"}),
    )
    name = f"device_register/simulator/{day}.csv"
    yield _Extract(name, "iot_device", csv_bytes(devices + extra), len(devices), faults)

    twins = keyed("twin_id", world.digital_twin)
    extra, faults = bad(("unknown_parent", {**twins[0], "twin_id": "t-800", "asset_id": "A-777"}))
    body = lines_bytes(twins + extra) + (b'{"twin_id": "t-80\n' if defects else b"")
    faults |= {"invalid_row": 1} if defects else {}
    yield _Extract(f"twins/twins-{day}.ndjson", "digital_twin", body, len(twins), faults)

    figures = [
        {"id": f"m-{day}-{key}", "engagement": key, "twin": "", "metric": "margin", "value": f"0.{n:03}", "unit": "1",
         "date": f"{day}"}
        for n, key in enumerate(world.engagement, 1)
    ]  # fmt: skip
    extra, faults = bad(("missing_field", {**figures[0], "id": f"m-{day}-x", "value": "#DIV/0!"}))
    yield _Extract(f"performance/{day}.csv", "performance_metric", csv_bytes(figures + extra), len(figures), faults)

    at = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    lines: list[Row] = [
        {"id": f"l-{day}-{n}", "time": (at + timedelta(minutes=n)).isoformat(), "type": "twin.updated", "level": "INFO",
         "context": {"twin": key}, "text": f"day {number}"}
        for n, key in enumerate(world.digital_twin)
    ]  # fmt: skip
    extra, faults = bad(("repeated", lines[0]), ("bad_time", {**lines[0], "id": f"l-{day}-x", "time": "yesterday"}))
    body = gzipped(lines_bytes(lines + extra))
    yield _Extract(f"event_log/twinhub/{day}.jsonl.gz", "event_log", body, len(lines), faults)


def _estate(options: EntityOptions, answers: Answers) -> None:
    """One organisation with three sites and sums over them, as an estates return has them."""
    year = options.start.year - 1
    began = date(year, 4, 1)
    trust = [{"Organisation Code": "SIM", "Organisation Name": "SIMULATED TRUST", "Commissioning Region": "NORTH",
              "Organisation Type": "COMMUNITY"}]  # fmt: skip
    sites: list[Row] = [
        {"Organisation Code": "SIM", "Site Code": f"S{n}", "Site Name": f"SITE {n}", "Site Type": "Community hospital",
         "Gross internal floor area (m²)": f"{n}00.5"}
        for n in (1, 2, 3)
    ]  # fmt: skip
    total = {
        **dict.fromkeys(sites[0], ""),
        "Organisation Code": "SIM Result",
        "Gross internal floor area (m²)": "601.5",
    }
    folder = f"estate_return/{year}-{(year + 1) % 100:02}"
    place(options.folder, f"{folder}/trusts.csv", csv_bytes(trust, above="Organisation Profile"))
    place(options.folder, f"{folder}/sites.csv", csv_bytes([*sites, total], above="Areas"))
    answers.file(f"{folder}/trusts.csv", "trust", 1, {})
    for entity in ("site", "site_return"):
        answers.file(f"{folder}/sites.csv", entity, 3, {"subtotal": 1})
        answers.observe(entity, began, {row["Site Code"]: row for row in sites}, whole=True)
    answers.observe("trust", began, {"SIM": trust[0]}, whole=True)
