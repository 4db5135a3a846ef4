"""Tables, numbers and complaints: what comes from outside is shown as it is and can do nothing to the terminal."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from rich.text import Text

from orchestration.cli import show


@pytest.mark.parametrize("text", ["[red]x[/]", "[/nothing]", "a\x1b[2Jb", "bell\x07", "[1, 2]"])
def test_text_from_outside_is_neither_markup_nor_control(capsys, text) -> None:
    show.table("T", ("value",), [(text,)])
    show.complain(ValueError(text))

    said = capsys.readouterr()
    for channel in (said.out, said.err):
        assert show.printable(text) in channel
        assert not {"\x1b", "\x07"} & set(channel)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (0, "0"), (1234567, "1,234,567"), (3.375, "3.375"), (1004.0951, "1,004.0951"), (0.1 + 0.2, "0.3")],
)
def test_numbers_keep_the_digits_a_sensor_means(value, shown) -> None:
    assert show.number(value) == shown


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        (b'{"a":1}', '{"a":1}'),
        ("21 °C".encode(), "21 °C"),
        (b"\x00\xff\x10\x20\x30", "(hex) 00ff1020 30"),
        (b"\x1b[2J", "\\x1b[2J"),
    ],
)
def test_bytes_are_text_where_they_are_text(body, shown) -> None:
    assert show.legible(body) == shown


def test_a_long_body_is_cut_and_its_length_told() -> None:
    shown = show.legible(b"x" * 900_000)

    assert len(shown) < 2_100
    assert "900,000 bytes" in shown


def test_json_is_exact_about_bytes_and_instants(capsys) -> None:
    show.emit({"at": datetime(2026, 1, 2, tzinfo=UTC), "day": date(2026, 1, 2), "text": b"ok", "bytes": b"\xff"})

    assert json.loads(capsys.readouterr().out) == {
        "at": "2026-01-02T00:00:00+00:00",
        "day": "2026-01-02",
        "text": "ok",
        "bytes": {"base64": "/w=="},
    }


def test_results_go_to_stdout_and_complaints_to_stderr(capsys) -> None:
    show.table("Title", ("name", "count"), [("a", 1), ("b", 20), (Text("c", "green"), None)])
    show.complain(KeyError("no such thing"))

    said = capsys.readouterr()
    assert said.out.splitlines()[0].strip() == "Title"
    assert said.out.splitlines()[2].split() == ["a", "1"]
    assert said.err == "error: no such thing\n"


def test_a_wide_table_is_not_folded_where_there_is_no_terminal(capsys, monkeypatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    show.table("T", ("long",), [("x" * 150,)])

    assert "x" * 150 in capsys.readouterr().out
