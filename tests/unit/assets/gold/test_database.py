"""The database as commands."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from assets.gold import database
from assets.gold.adx import policies
from quality.contracts.kusto import kusto_name, stage_name
from quality.contracts.live_tables import LIVE_TABLES
from quality.contracts.tables import LEVEL_TABLES, READINGS_5M


def test_every_table_has_a_stage_of_the_same_columns() -> None:
    created = {
        command.split(" ", 3)[2]: command.split("(", 1)[1].split(")", 1)[0]
        for command in database.render_database()
        if command.startswith(".create-merge table")
    }
    assert len(created) == 2 * len(database.SWAPPED) + len(LIVE_TABLES)
    for table in database.SWAPPED:
        assert created[kusto_name(table)] == created[stage_name(table)]


def test_remarks_above_a_command_are_not_sent() -> None:
    assert {command[:30] for command in database.functions()} == {".create-or-alter function with"}


def test_the_version_is_written_last_and_the_digest_names_what_makes_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy makes a new version, but no date is loaded anew for it."""
    before, digest = database.render_database()[-1], database.digest()
    assert before.startswith('.create-or-alter function with (folder = "gold"')
    monkeypatch.setattr(policies, "_STAGE_DAYS", 8)
    database.digest.cache_clear()
    assert database.render_database()[-1] != before
    assert database.digest() == digest


def test_a_level_is_asked_for_with_literals_only() -> None:
    since, until = datetime(2026, 3, 1, 7, tzinfo=UTC), datetime(2026, 3, 1, 9, tzinfo=UTC)
    (made,) = (one for one in LEVEL_TABLES if one.table is READINGS_5M)
    query = database.level_query(made, since, until)
    wanted = "ReadingsLevel(datetime(2026-03-01T07:00:00.000000Z), datetime(2026-03-01T09:00:00.000000Z), 300s)"
    assert query == f"{wanted} | project {', '.join(READINGS_5M.names)}"
