"""The registered message schemas, by the name a sender puts into `schema`.

Belongs here: name to descriptor, one entry a version. A published version is frozen: a change is a new file, a new
name and a new entry here. `python -m canonical.schemas.registry` regenerates the modules beside the `.proto` files.
Does not: which field is which metric (`canonical/specs`).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from canonical.schemas import telemetry_v1_pb2, telemetry_v2_pb2, telemetry_v3_pb2

if TYPE_CHECKING:
    from google._upb._message import Descriptor as FastDescriptor
    from google.protobuf.descriptor import Descriptor as PlainDescriptor

    Descriptor = FastDescriptor | PlainDescriptor

SCHEMAS: dict[str, Descriptor] = {
    "telemetry.v1": telemetry_v1_pb2.Telemetry.DESCRIPTOR,
    "telemetry.v2": telemetry_v2_pb2.Telemetry.DESCRIPTOR,
    "telemetry.v3": telemetry_v3_pb2.Telemetry.DESCRIPTOR,
}
"""Schema name to message descriptor; versions of a family, which share the name before the dot, oldest first."""

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent


def descriptor(name: str) -> Descriptor:
    """The message of that schema; KeyError with the registered names where there is none."""
    try:
        return SCHEMAS[name]
    except KeyError:
        raise KeyError(f"no schema {name!r} is registered; there are {', '.join(sorted(SCHEMAS))}") from None


def generate(into: Path) -> None:
    """Write the Python modules of all `.proto` files below `into`; needs the development environment."""
    sources = sorted(str(path.relative_to(ROOT)) for path in FOLDER.glob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={into}", f"--pyi_out={into}", *sources]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)


if __name__ == "__main__":
    generate(ROOT)
