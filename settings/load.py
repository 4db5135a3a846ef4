"""Finding the settings: environment, `.env`, and what `lakehouse up` wrote for a laptop.

Belongs here: the order of sources. The environment wins over `.env`, `.env` over `<home>/local.env`.
Does not: the knobs (`settings.model`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from settings.model import Settings

LOCAL_ENV = "local.env"
"""Written by `lakehouse up` into the home folder: addresses of the local endpoints."""


def load(home: Path | None = None, **overrides: Any) -> Settings:
    """The settings of this process.

    `home` overrides `LAKE_HOME`; further overrides win over everything, for tests and the demo.
    """
    base = home or Path(os.environ.get("LAKE_HOME", ".lakehouse"))
    if home is not None:
        overrides["home"] = home
    # Later files win in pydantic-settings.
    return Settings(_env_file=(base / LOCAL_ENV, ".env"), **overrides)
