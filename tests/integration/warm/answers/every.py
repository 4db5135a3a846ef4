"""Which computation answers which question.

Belongs here: all of them, in the order of docs/analysts/queries. Does not: any of them.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.integration.warm.answers import business, devices, intensity, readings, sites
from tests.integration.warm.answers.silver import Row, Silver

ANSWERS: tuple[Callable[[Silver], list[Row]], ...] = (
    readings.temperature_by_site_and_day,
    readings.hour_of_day_profile,
    readings.weekdays_and_weekends,
    readings.readings_by_fiscal_quarter,
    readings.where_a_device_stood,
    readings.unregistered_devices,
    readings.newest_day_of_each_device,
    readings.incomplete_series,
    sites.comfort_by_site,
    sites.sites_too_warm,
    sites.energy_by_site_and_month,
    sites.use_by_organisation,
    devices.silent_devices,
    devices.low_batteries,
    devices.health_by_status,
    devices.alerts_by_severity,
    devices.faults_and_their_place,
    business.refused_share,
    business.reasons_of_refusal,
    business.margin_by_client,
    intensity.use_per_floor_area,
)
