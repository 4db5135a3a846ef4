"""The database as commands."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from assets.gold import database
from quality.contracts.kusto import kusto_name, stage_name


def test_every_table_has_a_stage_of_the_same_columns() -> None:
    created = {
        command.split(" ", 3)[2]: command.split("(", 1)[1].split(")", 1)[0]
        for command in database.render_database()
        if command.startswith(".create-merge table")
    }
    assert len(created) == 2 * len(database.SWAPPED)
    for table in database.SWAPPED:
        assert created[kusto_name(table)] == created[stage_name(table)]


def test_remarks_above_a_command_are_not_sent() -> None:
    assert [command[:30] for command in database.functions()] == [".create-or-alter function with"]


def test_a_kql_file_without_a_command_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.kql").write_text("// nothing here\nReadings | count\n", encoding="utf-8")
    monkeypatch.setattr(database, "KQL", tmp_path)
    with pytest.raises(ValueError, match=r"empty\.kql holds no command"):
        database.functions()


def test_a_level_is_asked_for_with_literals_only() -> None:
    assert database.level_query("5m", date(2026, 3, 1)) == "ReadingsLevel(datetime(2026-03-01), 300s)"
