"""What a laptop's commands need to find its local endpoints.

Belongs here: `<home>/local.env`, written when endpoints start and removed when they end.
Does not: reading it (`settings.load`), or starting endpoints (`local_azure`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from settings.load import LOCAL_ENV


def write(home: Path, environment: Mapping[str, str]) -> Path:
    """Write the addresses, whole or not at all: other commands may be reading."""
    home.mkdir(parents=True, exist_ok=True)
    lines = [
        "# Addresses of the local endpoints while they run; the keys are the emulators' public ones.",
        *(f"{name}='{value}'" for name, value in environment.items()),
    ]
    draft = home / f"{LOCAL_ENV}.draft"
    draft.write_text("\n".join(lines) + "\n")
    return draft.replace(home / LOCAL_ENV)


def remove(home: Path) -> None:
    """The endpoints have ended."""
    (home / LOCAL_ENV).unlink(missing_ok=True)
