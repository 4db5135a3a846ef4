"""The register as the subject tables see it: where each device stood, when, and by which clock that place lives.

Belongs here: the relations `register` (spans of devices with their site and its time zone) and `zones`.
Does not: how the register comes to be (`assets.silver.entities`).

A version holds from its valid_from, so readings before a device was entered are of no site. A place does not move
between time zones: the newest zone that is known of a site counts for all its days.
"""

from __future__ import annotations

import duckdb

from assets.silver.entities.read import history
from lake.store import Lake
from quality.contracts.entities import IOT_DEVICE, SITE

TWINS = ("twin_id", "device_id", "valid_from", "valid_to")
_DEVICE = ("device_id", "site_id", "expected_to_report", "interval_s", "valid_from", "valid_to")
_SITE = ("site_id", "time_zone", "valid_from")
# A zone that the engine does not know would fail every date: such a site lives by UTC.
_ZONES = """
CREATE OR REPLACE TEMP TABLE zones AS
SELECT site_id, coalesce(arg_max(name, valid_from) FILTER (name IS NOT NULL), 'UTC') AS time_zone
FROM site_versions LEFT JOIN (SELECT DISTINCT name FROM pg_timezone_names()) AS known ON name = time_zone
GROUP BY site_id
"""
_REGISTER = """
CREATE OR REPLACE TEMP TABLE register AS
SELECT device_id, coalesce(device_versions.site_id, '') AS site_id, coalesce(time_zone, 'UTC') AS time_zone,
    expected_to_report AS is_expected, interval_s, valid_from, valid_to
FROM device_versions LEFT JOIN zones ON zones.site_id = device_versions.site_id
"""


def placed(db: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Make the tables `zones` and `register`; empty where nothing has landed."""
    db.register("site_versions", history(lake, SITE, _SITE))
    db.register("device_versions", history(lake, IOT_DEVICE, _DEVICE))
    db.execute(_ZONES)
    db.execute(_REGISTER)
    db.unregister("site_versions")
    db.unregister("device_versions")
