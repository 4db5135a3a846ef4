from __future__ import annotations

import subprocess
import sys

import pytest

from ingest_workers.source import SourceError
from ingest_workers.transport import source_of
from settings.model import EventHubs


@pytest.mark.parametrize("transport", ["amqp", "kafka"])
def test_the_setting_names_the_transport(transport):
    assert source_of(EventHubs(transport=transport)).transport == transport


def test_a_transport_that_is_not_installed_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ingest_workers.kafka", None)
    with pytest.raises(SourceError, match=r"telemetry-lakehouse\[kafka\]"):
        source_of(EventHubs(transport="kafka"))


def test_a_worker_by_amqp_needs_no_kafka_client():
    program = "import sys; sys.modules['confluent_kafka'] = None; import ingest_workers.bronze, ingest_workers.adoption"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
