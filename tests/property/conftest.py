"""Profiles of Hypothesis: a small one that every run repeats exactly, one for `make deep`, and one for a night.

An example takes seconds, so the first two do not shrink what they find: `HYPOTHESIS_PROFILE=night` does.
"""

from __future__ import annotations

import logging
import os

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings

_ALWAYS = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
_AS_FOUND = {"phases": [Phase.explicit, Phase.generate], **_ALWAYS}
settings.register_profile("ci", max_examples=2, derandomize=True, **_AS_FOUND)
settings.register_profile("deep", max_examples=20, **_AS_FOUND)
settings.register_profile("night", max_examples=300, **_ALWAYS)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("deep" if os.environ.get("LAKE_DEEP_TESTS") else "ci"))


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """A line for each batch of each example would bury what failed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
