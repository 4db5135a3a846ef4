from __future__ import annotations

import io

import pytest
from rich.console import Console

from orchestration.cli import live as module
from orchestration.cli.live import figures, live
from simulator.statistics import Statistics


@pytest.fixture
def said(monkeypatch) -> io.StringIO:
    """What people read where stderr is no terminal."""
    stream = io.StringIO()
    monkeypatch.setattr(module, "people", Console(file=stream, force_terminal=False, width=200))
    return stream


def of(acknowledged: int, **more) -> Statistics:
    return Statistics(acknowledged=acknowledged, sent=acknowledged, total=100, **more)


def test_without_a_terminal_the_end_of_a_run_is_one_plain_line(said):
    with live() as tell:
        tell(of(40))
        tell(of(100))
    assert said.getvalue().splitlines() == ["acknowledged 100 of 100, sent 100, 0/s, 0.00 MB/s, 0 retries"]


def test_without_a_terminal_a_long_run_says_where_it_is_every_few_seconds(said, monkeypatch):
    monkeypatch.setattr(module, "_PLAIN_EVERY_SECONDS", 0.0)
    with live() as tell:
        tell(of(40))
        tell(of(70, retries=2, repeated=3))
    lines = said.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == [f"acknowledged {n} of 100" for n in (40, 70, 70)]
    assert "2 retries, 3 sent again" in lines[1]
    assert "\x1b" not in said.getvalue()


def test_a_run_of_which_nothing_was_told_says_nothing(said):
    with live():
        pass
    assert said.getvalue() == ""


def test_a_paced_run_says_whether_it_keeps_its_plan():
    late = of(0, rate=10.0)
    late.begun -= 5.0
    assert "50 behind plan (5.0 s)" in figures(late)
    assert figures(of(0, rate=10.0)).endswith("on plan")
