"""Every KQL text of Gold, read by Microsoft's language service against the rendered schemas, and by the rules."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assets.gold import copying
from assets.gold.adx import check as checking
from assets.gold.adx import files
from assets.gold.adx.check import Finding, check
from assets.gold.adx.check import schema_of as known
from assets.gold.adx.wanted import wanted
from assets.gold.load import load_dates
from lake.store import Lake
from orchestration.resources.kusto import Kusto
from quality.contracts.tables import LEVEL_TABLES, READINGS_1H
from quality.kql.service import Schema, ServiceError, analyse

D1 = date(2026, 3, 1)
# What is another each time, so that a text is read once and its verdict remembered.
CHANGING = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "00000000-0000-0000-0000-000000000000"),
    (r"try-[0-9a-f]{12}", "try-000000000000"),
    (r"load:[^/\s\"\\]+/", "load:lake/"),
)


def test_nothing_of_ours_is_wrong() -> None:
    assert check() == []


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that goes to Kusto while a test runs, each form once."""
    texts: dict[str, str] = {}

    def recording(method: Callable[..., Any]) -> Callable[..., Any]:
        def record(self: Kusto, text: str, *arguments: Any, **named: Any) -> Any:
            plain = text
            for pattern, instead in CHANGING:
                plain = re.sub(pattern, instead, plain)
            if "database script" not in plain:
                texts.setdefault(re.sub(r"\d+|Readings\w*|Counters\w+|CounterSteps\w*|States\w+", "#", plain), plain)
            told.extend(text for text in texts.values() if text not in told)
            return method(self, text, *arguments, **named)

        return record

    told: list[str] = []
    for name in ("command", "query"):
        monkeypatch.setattr(Kusto, name, recording(getattr(Kusto, name)))
    return told


def test_every_text_that_loads_send_is_valid(
    recorded: list[str], silver, lake: Lake, kusto: Kusto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole date, one that gains rows, and answers too large for one piece."""
    monkeypatch.setattr(copying, "SLICE_ROWS", 3)
    load_dates(lake, kusto, silver.commit(silver.steady(D1, every=600)), [D1])
    late = [{"recorded_at": silver.at("2026-03-01T05:00:00"), "value": 1.0}]
    done = load_dates(lake, kusto, silver.commit(late), [D1])
    assert [load.mode for load in done] == ["append"]
    verdicts = analyse(known(wanted()), recorded)
    assert {text: verdict.errors for text, verdict in zip(recorded, verdicts, strict=True) if verdict.errors} == {}
    for begin in (".replace extents", ".set-or-append", ".show tables", "declare query_parameters"):
        assert any(text.startswith(begin) for text in recorded), begin


DAMAGE = {
    "readings_level.kql": ("min_value = min(value)", "min_value = min(valeu)"),
    "counters_level.kql": ("device_id", "Device_id"),
    "states_level.kql": ("project event_date", "project event_date = tostring(event_date)"),
    "readings_latest.kql": ("| summarize arg_max(recorded_at, value,", "| summarize arg_max(recorded_at, valeu,"),
    "readings_live_1m.kql": ("| where isnotnull(value)", "| where recorded_at > ago(1h)"),
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """What is found where every file is damaged in one place, each another way."""
    folder = tmp_path_factory.mktemp("damaged") / "kql"
    shutil.copytree(files.KQL, folder)
    for name, (good, bad) in DAMAGE.items():
        text = (folder / name).read_text(encoding="utf-8")
        assert good in text, name
        (folder / name).write_text(text.replace(good, bad, 1), encoding="utf-8")
    return check(folder)


def line_of(name: str, text: str) -> int:
    return (files.KQL / name).read_text(encoding="utf-8").split(text, 1)[0].count("\n") + 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("readings_level.kql", "'valeu'"),
        ("counters_level.kql", "'Device_id'"),
        ("readings_latest.kql", "'valeu'"),
        ("readings_live_1m.kql", "ago() is another each time"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(findings: list[Finding], name: str, says: str) -> None:
    where = f"{name}:{line_of(name, DAMAGE[name][0])}"
    assert any(one.where == where and says in one.says for one in findings), findings


def test_a_type_that_drifts_from_the_contract_is_named(findings: list[Finding]) -> None:
    assert any("States1h" in one.says and "event_date: string instead of event_date: datetime" in one.says
               for one in findings), findings  # fmt: skip


def test_a_contract_that_drifts_from_what_kusto_makes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    (made,) = (made for made in LEVEL_TABLES if made.table is READINGS_1H)
    columns = tuple(replace(c, type="string") if c.name == "reading_count" else c for c in made.table.columns)
    others = [other for other in LEVEL_TABLES if other is not made]
    changed = replace(made, table=replace(made.table, columns=columns))
    monkeypatch.setattr(checking, "LEVEL_TABLES", (changed, *others))
    (found,) = check()
    assert found.where.startswith("readings_level.kql:")
    assert "does not make Readings1h: reading_count: long instead of reading_count: string" in found.says


def test_a_file_that_is_none_is_found_without_the_service(tmp_path: Path) -> None:
    (tmp_path / "odd.kql").write_text(".drop table Readings\n", encoding="utf-8")
    (found,) = check(tmp_path)
    assert "odd.kql:1 is not read" in found.says


def test_a_service_that_does_not_answer_is_an_error_and_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.js"
    broken.write_text("process.exit(3)")
    monkeypatch.setattr("quality.kql.service._SCRIPT", broken)
    with pytest.raises(ServiceError, match="did not answer"):
        analyse(Schema({}), ["print 1"], memory=tmp_path / "memory.json")


def test_a_verdict_is_remembered_until_what_it_depends_on_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(schema: Schema, texts: list[str]) -> list[dict[str, Any]]:
        asked.extend(texts)
        return [{"errors": [], "columns": []} for _ in texts]

    monkeypatch.setattr("quality.kql.service._ask", answer)
    memory = tmp_path / "memory.json"
    for tables in ({"T": "a: long"}, {"T": "a: long"}, {"T": "a: long", "Other": "b: long"}, {"T": "a: real"}):
        analyse(Schema(tables), ["T | count"], memory)
    assert asked == ["T | count", "T | count"]
    memory.write_text("{ spoilt")
    analyse(Schema({"T": "a: long"}), ["T | count"], memory)
    assert len(asked) == 3
