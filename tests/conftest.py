"""What every test may rely on: one test's set-up of the logs is not another's.

The command line sets structlog up for its process; run inside a test it would decide what later tests can hear.
"""

from __future__ import annotations

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logs_as_imported() -> None:
    """structlog as it is in a fresh process."""
    structlog.reset_defaults()
