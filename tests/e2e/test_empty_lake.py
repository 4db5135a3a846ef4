"""Before the first event: every command says where things stand, and none makes a table by asking."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (("ledger",), 0, "holds no events yet: lakehouse ingest bronze"),
        (("trace", "telemetry/0/0/1"), 1, "holds no events yet: lakehouse ingest bronze"),
        (("quarantine", "summary"), 0, "Nothing is in quarantine."),
        (("quarantine", "list"), 0, "Nothing is in quarantine."),
        (("quarantine", "show", "telemetry/0/0/1"), 1, "has no row in quarantine"),
        (("materialize",), 0, "Nothing is due"),
        (("down",), 0, "No local endpoints are running."),
        (("simulate", "--events", "1"), 1, "start the local one with `lakehouse up`"),
        (("ingest", "bronze", "--until-head"), 1, "no event hub is named"),
    ],
)
def test_an_empty_lake_is_no_error_but_a_sentence(terminal, tmp_path, command, code, says) -> None:
    said = (terminal.run if command[0] == "ingest" else terminal.call)(tmp_path / "home", *command)

    assert (said.code, "Traceback" in said.err) == (code, False), said.err
    assert says in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    "command", [("ledger",), ("trace", "a/0/0/1"), ("quarantine", "summary"), ("quarantine", "list")]
)
def test_asking_an_empty_lake_in_json_gives_json_and_makes_no_table(terminal, tmp_path, command) -> None:
    said = terminal.call(tmp_path / "home", *command, "--json")

    assert said.json() in (
        [],
        {"event": "a/0/0/1", "found": False, "outcome": None, "stops": {"bronze.telemetry": []}},
    ) or (said.json()["streams"] == [] and said.json()["balanced"] is True)
    assert not (tmp_path / "home" / "lake").exists()
