"""`gold.engagement_kpis`: how each engagement did, and which stand out.

Belongs here: its query over the current versions of all engagements.
Does not: the limit of what stands out (`quality.contracts.domain_limits`).
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from assets.gold.domain.whole import replace_whole
from assets.silver.entities.read import current, history
from lake.store import Lake
from quality.contracts.domain_limits import ANOMALY
from quality.contracts.domain_tables import ENGAGEMENT_KPIS
from quality.contracts.entities import ENGAGEMENT


def _scored(figure: str, score: str) -> str:
    """Modified z-scores of a figure; null where too few engagements have it."""
    return f"""
    {score}_centre AS (SELECT median({figure}) AS centre, count({figure}) AS known FROM figures),
    {score}_spread AS (
        SELECT median(abs({figure} - centre)) AS mad, avg(abs({figure} - centre)) AS deviation
        FROM figures, {score}_centre
    ),
    {score}_of AS (
        SELECT engagement_id, CASE WHEN known < {ANOMALY.fewest} OR {figure} IS NULL THEN NULL
            WHEN mad > 0 THEN 0.6745 * ({figure} - centre) / mad
            WHEN deviation > 0 THEN ({figure} - centre) / (1.253314 * deviation)
            ELSE 0 END AS {score}
        FROM figures, {score}_centre, {score}_spread
    )"""


_QUERY = f"""
WITH figures AS (
    SELECT *, actual_cost - budget AS budget_variance,
        CASE WHEN budget > 0 THEN (actual_cost - budget) / budget END AS budget_variance_share,
        CASE WHEN revenue > 0 THEN (revenue - actual_cost) / revenue END AS revenue_margin
    FROM engagements
), {_scored("budget_variance_share", "variance_score")}, {_scored("revenue_margin", "margin_score")}
SELECT figures.*, as_of_date, variance_score, margin_score,
    greatest(0, coalesce(ended_on, as_of_date) - started_on + 1) AS duration_days,
    coalesce(abs(variance_score) > {ANOMALY.score}, false) OR coalesce(abs(margin_score) > {ANOMALY.score}, false)
        AS is_anomaly
FROM figures JOIN variance_score_of USING (engagement_id) JOIN margin_score_of USING (engagement_id)
    CROSS JOIN (SELECT CAST(max(greatest(valid_from, coalesce(valid_to, valid_from))) AS DATE) AS as_of_date FROM told)
"""


def kpis(lake: Lake) -> pa.Table:
    """The rows, from the register as it stands."""
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.register("engagements", current(lake, ENGAGEMENT))
        db.register("told", history(lake, ENGAGEMENT, ("valid_from", "valid_to")))
        names = ", ".join(ENGAGEMENT_KPIS.names)
        found = db.sql(f"SELECT {names} FROM ({_QUERY})").to_arrow_table()
        assert found is not None, "a select has a result"
        return found


def load_kpis(lake: Lake) -> tuple[int, bool]:
    """Rows, and whether they changed."""
    return replace_whole(lake, ENGAGEMENT_KPIS, lambda: kpis(lake))
