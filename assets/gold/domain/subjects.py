"""The subject tables by date, in the order in which they are made.

Belongs here: the list.
Does not: a table (the modules beside this one).
"""

from __future__ import annotations

from assets.gold.domain.comfort import COMFORT_OF_SITES
from assets.gold.domain.faults import FAULT_INDICATORS
from assets.gold.domain.features import FEATURES
from assets.gold.domain.health import HEALTH_OF_DEVICES
from assets.gold.domain.series_quality import SERIES_QUALITY
from assets.gold.domain.site_days import SITE_DAYS
from assets.gold.domain.site_readings import SITE_READINGS
from assets.gold.domain.site_use import USE_OF_SITES
from assets.gold.domain.subject import Subject
from assets.gold.domain.twin_states import STATES_OF_TWINS

SUBJECTS: tuple[Subject, ...] = (
    SITE_READINGS, SITE_DAYS, SERIES_QUALITY, HEALTH_OF_DEVICES, COMFORT_OF_SITES, USE_OF_SITES, FAULT_INDICATORS,
    STATES_OF_TWINS, FEATURES,
)  # fmt: skip
