"""What every test may rely on: one test's set-up of the logs is not another's, and long proofs wait for `make deep`.

The command line sets structlog up for its process; run inside a test it would decide what later tests can hear.
"""

from __future__ import annotations

import os

import pytest
import structlog


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked `deep` unless LAKE_DEEP_TESTS is set."""
    if not os.environ.get("LAKE_DEEP_TESTS"):
        skip = pytest.mark.skip(reason="LAKE_DEEP_TESTS is not set (make deep)")
        for item in items:
            if item.get_closest_marker("deep"):
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def _logs_as_imported() -> None:
    """structlog as it is in a fresh process."""
    structlog.reset_defaults()
