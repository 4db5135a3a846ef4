from __future__ import annotations

import json

from assets.silver.promote import Promoter
from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_specs
from lake.store import Lake
from quality.contracts.tables import DUPLICATES, QUARANTINE, READINGS
from settings.model import Silver

SIMULATED = {"ContentType": "application/json", "UserProperty": [("schema", "simulator.v1"), ("site", "Lyon")]}


def measured(device: str, second: int) -> bytes:
    return json.dumps(
        {
            "device": device,
            "time": f"2026-03-01T02:00:{second:02}Z",
            "temperature": 20.5,
            "temperature_unit": "degC",
            "humidity": 40.1,
            "pressure": 101_000,
            "battery": 3.5,
        }
    ).encode()


def messages(count: int, device: str = "sim-00001") -> list:
    return [(f"telemetry/{device}", measured(device, second), SIMULATED) for second in range(count)]


def settings(broker, **more: str) -> dict[str, str]:
    return {
        "MQTT__HOST": "127.0.0.1",
        "MQTT__PORT": str(broker.port),
        "MQTT__TLS": "false",
        "MQTT__CLIENT_ID": "gateway-1",
        **{f"MQTT__{name}": value for name, value in more.items()},
    }


def test_a_gateway_killed_between_publish_and_puback_loses_nothing_and_counts_the_duplicate_once(
    hub, broker, make_gateway, publish, eventually, tmp_path
):
    gateway = make_gateway(hub, "mqtt", **settings(broker))
    gateway.start(LAKE_KILL_AT="gateway.before_acknowledgement@3")
    publish(broker.port, messages(4))
    gateway.process.wait(60)
    unacknowledged = broker.unacknowledged()
    assert 2 <= unacknowledged <= 4
    gateway.start()
    eventually(lambda: broker.unacknowledged() == 0, "everything is acknowledged")
    assert gateway.probe("/healthz").json == gateway.probe("/readyz").json == {"status": "ok"}
    told = f"lakehouse_gateway_messages_acknowledged_total {unacknowledged}\n"
    eventually(lambda: told in gateway.probe("/metrics").body.decode(), "the acknowledged messages are counted")
    assert gateway.end() == 0
    assert broker.resent >= 1

    rows = hub.bronze(tmp_path / "lake")
    bodies = [row["body"] for row in rows]
    assert {*bodies} == {measured("sim-00001", second) for second in range(4)}
    twice = len(bodies) - 4
    assert twice >= 1
    assert {row["device_id"] for row in rows} == {"sim-00001"}

    lake = Lake(str(tmp_path / "lake"))
    Promoter(lake, Canonicaliser.of(load_specs()), Silver()).promote()
    readings = lake.rows(READINGS).to_pylist()
    assert len(readings) == 16
    assert len({(row["metric"], row["recorded_at"]) for row in readings}) == 16
    assert len(lake.rows(DUPLICATES)) == 4 * twice
    assert len(lake.rows(QUARANTINE)) == 0
