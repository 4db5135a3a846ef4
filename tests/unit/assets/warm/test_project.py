"""The manifest is there when it is needed, whole, and parsed no more often than that."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from assets.warm import project


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A copy of the project without a manifest."""
    copy = tmp_path / "dbt_warm"
    shutil.copytree(project.PROJECT, copy, ignore=shutil.ignore_patterns("target"))
    monkeypatch.setattr(project, "PROJECT", copy)
    monkeypatch.setattr(project, "TARGET", copy / "target")
    monkeypatch.setattr(project, "MANIFEST", copy / "target" / "manifest.json")
    return copy


def test_a_missing_manifest_is_parsed_once_and_a_stale_one_again(elsewhere, monkeypatch):
    runs = []

    def parse(arguments, *, target, env, timeout_seconds):
        runs.append(arguments)
        target.mkdir(parents=True)
        (target / "manifest.json").write_text("{}")
        (target / "partial_parse.msgpack").write_bytes(b"")

    monkeypatch.setattr(project, "run_dbt", parse)
    assert json.loads(project.prepare_manifest().read_text()) == {}
    project.prepare_manifest()
    assert len(runs) == 1
    later = project.MANIFEST.stat().st_mtime + 1
    os.utime(elsewhere / "models" / "marts" / "dimensions" / "dim_date.sql", (later, later))
    project.prepare_manifest()
    assert len(runs) == 2
    assert not (project.TARGET / "prepare").exists()


def test_a_project_that_does_not_parse_says_so_and_leaves_no_manifest(elsewhere):
    (elsewhere / "models" / "broken.sql").write_text("select * from {{ ref('nowhere') }}")
    with pytest.raises(project.DbtError, match=r"dbt parse failed[\s\S]*nowhere"):
        project.prepare_manifest()
    assert not project.MANIFEST.exists()


def test_dbt_that_does_not_end_is_ended(tmp_path):
    with pytest.raises(subprocess.TimeoutExpired):
        project.run_dbt(["parse"], target=tmp_path, env={}, timeout_seconds=0.2)


@pytest.mark.parametrize(
    "path", ["models/marts/dimensions/dim_date.sql", "seeds/metric_catalogue.csv", "dbt_project.yml"]
)
def test_the_fingerprint_follows_every_file_dbt_reads(elsewhere, path):
    before = project.fingerprint()
    with (elsewhere / path).open("a") as file:
        file.write("\n")
    assert project.fingerprint() != before


def test_the_fingerprint_does_not_follow_what_dbt_writes(elsewhere):
    before = project.fingerprint()
    (elsewhere / "target").mkdir()
    (elsewhere / "target" / "run_results.json").write_text("{}")
    assert project.fingerprint() == before
