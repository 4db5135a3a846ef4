"""The figures that `make bench` writes down; the measuring itself is not a test's work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import report

    return report


def row(report, who: str, broker: str, rate: float):
    used = {"events": 1000.0, "seconds": 1.0, "cpu": 1.0, "per_second": rate, "per_cpu_second": rate, "rss_mb": 1.0}
    return report.Row(who, broker, 300, 1, used, 2, 3000, 40.0, 1.0)


def test_the_sentences_compare_events_per_cpu_second(report):
    rows = [
        row(report, "bronze worker", "AMQP", 40_000),
        row(report, "hand-written loop", "AMQP", 10_000),
        row(report, "bronze worker", "Kafka", 170_000),
        row(report, "Arrow in memory to Delta", "none", 680_000),
    ]
    assert report.ratios(rows) == [
        "AMQP, 300 B: 4.0 times the hand-written loop's events per CPU second.",
        "Kafka, 300 B: 170,000 events per CPU second into committed Delta, 25% of the raw limit.",
    ]


def test_the_results_are_a_page_and_a_picture(report, tmp_path):
    about = report.About("a machine", "abc1234", "today", True, 1.0)
    latency = report.Latency("AMQP", "default", 1000, {"p50": 1.0, "p95": 2.0, "p99": 3.0})
    marks = [report.Mark(500_000, 300.4, 320.0), report.Mark(1_000_000, 301.0, 322.6)]
    report.write(tmp_path, [row(report, "bronze worker", "AMQP", 40_000)], [latency], marks, about)
    page = (tmp_path / "RESULTS.md").read_text()
    assert "| bronze worker | AMQP | 300 B | 1 | 40,000 | 40,000 |" in page
    assert "commit abc1234" in page
    assert "## Memory over 1 million events" in page
    assert "| 1,000,000 | 301 | 323 |" in page
    picture = ET.fromstring((tmp_path / "results.svg").read_text())
    assert any("bronze worker, AMQP, 300 B" in (text.text or "") for text in picture.iter())


@pytest.mark.parametrize("what", ["benchmarks", "benchmarks.gold"])
def test_the_front_door_opens(what):
    told = subprocess.run(
        [sys.executable, "-m", what, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "--quick" in told.stdout
