"""Profiles of Hypothesis: a small one that every run repeats exactly, and a deep one for a night.

An example takes seconds, so the small one does not shrink what it finds: `HYPOTHESIS_PROFILE=deep` does.
"""

from __future__ import annotations

import logging
import os

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings

_ALWAYS = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("ci", max_examples=7, derandomize=True, phases=[Phase.explicit, Phase.generate], **_ALWAYS)
settings.register_profile("deep", max_examples=300, **_ALWAYS)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def _quiet() -> None:
    """A line for each batch of each example would bury what failed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
