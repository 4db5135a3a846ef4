"""The language service is installed by lock, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quality.kql import packages
from quality.kql.packages import InstallError

FOLDER = Path(packages.__file__).parent


def test_the_lock_pins_what_is_asked_for_with_its_hash() -> None:
    asked = json.loads((FOLDER / "package.json").read_text())["dependencies"]
    locked = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    assert locked[""]["dependencies"] == asked
    for name, version in asked.items():
        entry = locked[f"node_modules/{name}"]
        assert entry["version"] == version
        assert entry["integrity"].startswith("sha512-")
        assert entry["resolved"].startswith("https://registry.npmjs.org/")


def test_what_is_installed_as_locked_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[Path] = []
    monkeypatch.setattr(packages, "_npm_ci", fetched.append)
    found = packages.install(tmp_path / "kql")
    assert packages.install(tmp_path / "kql") == found
    assert fetched == [tmp_path / "kql"]
    (tmp_path / "kql" / "installed.json").write_text("of another lock")
    packages.install(tmp_path / "kql")
    assert len(fetched) == 2


def test_an_installation_that_failed_says_so_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> None:
        raise InstallError("no registry")

    monkeypatch.setattr(packages, "_npm_ci", fail)
    for _ in range(2):
        with pytest.raises(InstallError, match="no registry"):
            packages.install(tmp_path / "kql")
