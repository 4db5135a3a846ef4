"""Features joined to moments: what was known of a device at each of them, and nothing that came after.

Belongs here: the point-in-time join for training sets.
Does not: the features (`features`), or labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.domain_tables import FEATURES_1H

_NAMES = tuple(name for name in FEATURES_1H.names if name not in {"event_date", "device_id"})
_QUERY = """
WITH moments AS (SELECT *, row_number() OVER () AS moment FROM spine), series AS (
    SELECT DISTINCT device_id, metric, channel FROM features
), asked AS (
    SELECT moments.*, metric, channel FROM moments LEFT JOIN series USING (device_id)
)
SELECT asked.* EXCLUDE (moment, moment_at, metric, channel), asked.metric, asked.channel, {columns}
FROM asked ASOF LEFT JOIN features ON features.device_id = asked.device_id AND features.metric = asked.metric
    AND features.channel = asked.channel AND features.as_of <= asked.moment_at
ORDER BY moment, asked.metric, asked.channel
"""


def features_as_of(
    lake: Lake, spine: pa.Table, *, metrics: Sequence[str] = (), not_older: timedelta = timedelta(hours=24)
) -> pa.Table:
    """One row per moment of the spine, metric and channel, in the spine's order.

    `spine` has `device_id` and `at` (timestamp with time zone), and whatever else is to be carried along. Features are
    those with the newest `as_of` at or before `at`; null where that is more than `not_older` before it. `metrics`: only
    these. A device without any feature has one row, with a null metric.
    Raises: ValueError where the spine lacks a column, or has one that is named as a feature is.
    """
    missing = {"device_id", "at"} - set(spine.column_names)
    taken = set(spine.column_names) & set(_NAMES)
    if missing or taken:
        raise ValueError(
            f"the spine lacks {sorted(missing)}; these of its columns are named as features: {sorted(taken)}"
        )
    features = _features(lake, spine, metrics, not_older)
    kept = [name for name in _NAMES if name not in {"metric", "channel"}]
    fresh = "features.as_of > asked.moment_at - to_microseconds($oldest)"
    columns = ", ".join(f'CASE WHEN {fresh} THEN features."{name}" END AS "{name}"' for name in kept)
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.register("given", spine)
        db.register("features", features)
        db.execute('CREATE TEMP VIEW spine AS SELECT *, "at" AS moment_at FROM given')
        oldest = int(not_older.total_seconds() * 1e6) + 1
        query = _QUERY.format(columns=columns)
        found = db.sql(query, params={"oldest": oldest}).to_arrow_table()
        assert found is not None, "a select has a result"
        return found


def _features(lake: Lake, spine: pa.Table, metrics: Sequence[str], not_older: timedelta) -> pa.Table:
    """Features that can be asked for: partitions outside the spine's time are not read."""
    if not lake.exists(FEATURES_1H) or spine.num_rows == 0:
        return arrow_schema(FEATURES_1H).empty_table()
    span = pc.min_max(spine["at"]).as_py()
    day = pc.field("event_date")
    # as_of may be the midnight that ends event_date.
    where = (day >= pa.scalar((span["min"] - not_older).date() - timedelta(days=1))) & (
        day <= pa.scalar(span["max"].date())
    )
    where &= pc.field("device_id").isin(pc.unique(spine["device_id"]))
    if metrics:
        where &= pc.field("metric").isin(list(metrics))
    return lake.rows(FEATURES_1H, where=where)
