from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ingest_workers.alerts import ALERTS, rules
from ingest_workers.instruments import INSTRUMENTS

DOCS = Path(__file__).parents[4] / "docs"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_every_alert_is_over_an_instrument_and_has_a_runbook(alert):
    assert alert.instrument in INSTRUMENTS
    assert (DOCS / "runbooks" / alert.runbook).is_file()
    assert f"({alert.runbook})" in (DOCS / "runbooks" / "README.md").read_text()


def test_the_rules_file_is_what_prometheus_reads():
    (group,) = yaml.safe_load(rules())["groups"]
    assert [rule["alert"] for rule in group["rules"]] == [alert.name for alert in ALERTS]
    assert group["rules"][0]["expr"] == "increase(lakehouse_bronze_events_lost_total[1h]) > 0"
