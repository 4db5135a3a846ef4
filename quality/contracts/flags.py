"""The bits of `silver.readings.flags`, named.

Belongs here: facts about an accepted reading that an analyst may want to filter by.
Does not: reasons to reject one (`quality.contracts.reasons`).
"""

from __future__ import annotations

from enum import IntFlag


class Flag(IntFlag):
    """What is noteworthy about an accepted reading."""

    RECORDED_AT_ENVELOPE = 1
    """recorded_at is the hub's time: the device sent none."""
    UNIT_CONVERTED = 2
    """value was converted from another unit."""
