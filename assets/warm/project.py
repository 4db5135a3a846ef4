"""The dbt project as files: where it is, what it hashes to, how it is parsed and run.

Belongs here: paths, the command line and environment of dbt, the manifest. dbt runs as a process of its own: it keeps
global state and the database's lock, and both end with it.
Does not: when to build (`build`), or how models become assets (`dbt`).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from assets.warm.database import build_database
from assets.warm.dbt_child import PARENT_VARIABLE
from settings.model import Settings
from settings.warm import Warm

PROJECT = Path(__file__).parents[2] / "dbt_warm"
TARGET = PROJECT / "target"
MANIFEST = TARGET / "manifest.json"
PARTS = ("models", "macros", "seeds", "snapshots", "tests", "dbt_project.yml", "profiles.yml", "selectors.yml")
BUILD_VARIABLE = "LAKE_WARM_BUILD"
"""Names the build file to profiles.yml."""


class DbtError(RuntimeError):
    """dbt ended with an error; the message ends with what it printed last."""


def project_files() -> list[Path]:
    """The files dbt reads, in a stable order."""
    found = [PROJECT / part for part in PARTS]
    return sorted(file for part in found for file in (part.rglob("*") if part.is_dir() else [part]) if file.is_file())


def fingerprint(options: Sequence[str] = ()) -> str:
    """16 hex characters that change with any file of the project, and with what dbt is told beside it."""
    digest = hashlib.sha256("\0".join(options).encode())
    for file in project_files():
        digest.update(f"{file.relative_to(PROJECT).as_posix()}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def artifacts(settings: Settings) -> Path:
    """Where a run of dbt leaves logs and results: one folder, overwritten by the next run."""
    return build_database(settings).with_name("dbt")


def environment(settings: Settings) -> dict[str, str]:
    """What profiles.yml asks of the environment. It is dbt's alone: the password is in no argument and no file."""
    warm = settings.warm
    if warm.engine == "duckdb":
        return {BUILD_VARIABLE: str(build_database(settings))}
    return {
        "LAKE_SQLSERVER_HOST": warm.server,
        "LAKE_SQLSERVER_PORT": str(warm.port),
        "LAKE_SQLSERVER_DATABASE": warm.database,
        "LAKE_SQLSERVER_USER": warm.user,
        "LAKE_SQLSERVER_PASSWORD": warm.password.get_secret_value() if warm.password else "",
        "LAKE_SQLSERVER_ENCRYPT": str(warm.encrypt).lower(),
        "LAKE_SQLSERVER_TRUST_CERT": str(warm.trust_cert).lower(),
        "LAKE_SQLSERVER_AUTH": "sql" if warm.user else "ActiveDirectoryDefault",
    }


def dbt_arguments(warm: Warm, found: Mapping[str, str | bool] | None = None) -> tuple[str, ...]:
    """What dbt is told of the engine: none for DuckDB, which is the profile's own choice.

    `found`: variables that the server itself has told (`Engine.variables`).
    """
    if warm.engine == "duckdb":
        return ()
    variables = {**warm.switches, **(found or {})}
    return ("--target", "sqlserver", "--vars", json.dumps(variables, sort_keys=True))


def run_dbt(arguments: Sequence[str], *, target: Path, env: dict[str, str], timeout_seconds: float) -> None:
    """Run dbt to its end in the project.

    Raises: DbtError with the end of its output; subprocess.TimeoutExpired, after it has been killed.
    """
    target.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "assets.warm.dbt_child", *arguments),
        *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
        *("--target-path", str(target), "--log-path", str(target)),
    ]
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env={**os.environ, **env, PARENT_VARIABLE: str(os.getpid())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-40:])
        raise DbtError(f"dbt {arguments[0]} failed (exit code {done.returncode}); its log is {target}/dbt.log\n{tail}")


def prepare_manifest() -> Path:
    """The manifest of the project as it is now; parsed when it is missing or older than a file of the project.

    Several processes may ask at once (web server, daemon, code server): one parses, the others wait for it, and none
    ever reads half a manifest.
    Raises: DbtError when the project does not parse.
    """
    if _current():
        return MANIFEST
    TARGET.mkdir(parents=True, exist_ok=True)
    with (TARGET / "prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _current():
            scratch = TARGET / "prepare"
            run_dbt(["parse", "--quiet"], target=scratch, env={}, timeout_seconds=120)
            for name in ("partial_parse.msgpack", "manifest.json"):
                (scratch / name).replace(TARGET / name)
            shutil.rmtree(scratch)
    return MANIFEST


def _current() -> bool:
    if not MANIFEST.exists():
        return False
    parsed_at = MANIFEST.stat().st_mtime
    return all(file.stat().st_mtime <= parsed_at for file in project_files())
