"""What no mapping can read, sent by the real SDK among good messages: a row with a reason each, and no harm done."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc
import pytest
from azure.eventhub import EventData, EventHubProducerClient

from assets.silver.audit import audit
from assets.silver.promote import Promoter
from canonical.canonicaliser import Canonicaliser
from canonical.schemas.telemetry_v1_pb2 import Telemetry
from canonical.specs import load_specs
from ingest_workers.bronze import run_bronze
from lake.store import Lake
from local_azure import endpoints, supervisor
from quality.contracts.reasons import CODES
from quality.contracts.tables import BRONZE_TELEMETRY, QUARANTINE, READINGS
from settings.model import EventHubs, Settings

NOW = datetime.now(UTC).replace(microsecond=0)
JSON, CSV, PROTOBUF = "application/json", "text/csv", "application/x-protobuf"


class Message(NamedTuple):
    content_type: str
    schema: str
    body: bytes


def in_json(device: str = "bad", at: datetime = NOW, **fields: object) -> bytes:
    good = {"temperature": 20.5, "temperature_unit": "degC", "humidity": 41.0, "pressure": 101325.0, "battery": 3.6}
    return json.dumps({"device": device, "time": at.isoformat(), **good, **fields}).encode()


def in_protobuf(device: str = "bad", at: datetime = NOW, temperature: float = 21.5) -> bytes:
    return Telemetry(
        device=device, time_ms=int(at.timestamp() * 1000), temperature=temperature, humidity=40.0
    ).SerializeToString()


def in_csv(light1: str = "120.5", light2: str = ", 310") -> bytes:
    return f"17, {int(NOW.timestamp() * 1000)}, 40.5, 2, 21.25, 38.5, {light1}{light2}, 1, 2, 0, 1".encode()


HOSTILE: dict[str, tuple[Message, set[str], int]] = {
    # What is sent, the reasons it must get, and how many of its readings are good all the same.
    "truncated protobuf": (Message(PROTOBUF, "telemetry.v1", in_protobuf()[:-3]), {"invalid_protobuf"}, 0),
    "broken json": (Message(JSON, "simulator.v1", in_json()[:-20]), {"invalid_json"}, 0),
    "invalid utf-8": (Message(JSON, "simulator.v1", in_json().replace(b"bad", b"b\xff\xfed")), {"invalid_utf8"}, 0),
    "csv row without a column": (Message(CSV, "room_climate", in_csv(light2="")), {"invalid_csv"}, 0),
    "timestamp in 2099": (Message(JSON, "simulator.v1", in_json(at=datetime(2099, 1, 1, tzinfo=UTC))), {"future"}, 0),
    "NaN": (
        Message(PROTOBUF, "telemetry.v1", in_protobuf(temperature=struct.unpack("d", b"\xff" * 8)[0])),
        {"not_finite"},
        1,
    ),
    "number as text": (Message(JSON, "simulator.v1", in_json(device="text", humidity="41.2")), {"not_a_number"}, 3),
    "empty body": (Message(JSON, "simulator.v1", b""), {"empty_body"}, 0),
    "body of 900 kB": (Message(JSON, "simulator.v1", in_json(note="x" * 900_000)), {"body_too_large"}, 0),
    "unknown content type": (Message("image/png", "simulator.v1", b"\x89PNG\r\n"), {"unknown_content_type"}, 0),
}


class Place(NamedTuple):
    lake: Lake
    sent: dict[str, bytes]
    good: int


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Every hostile message between two good ones, all in one partition, as far as Silver."""
    home: Path = tmp_path_factory.mktemp("hostile")
    ready = supervisor.start([endpoints.event_hubs()], home / "endpoints", accompany=os.getpid())
    try:
        address = ready["event_hubs"]["connection_string"]
        settings = Settings(
            home=home, event_hubs=EventHubs(connection_string=address, hub=endpoints.HUB), _env_file=None
        )
        good = 0
        with EventHubProducerClient.from_connection_string(address, eventhub_name=endpoints.HUB) as producer:
            for number, (name, (message, _, _)) in enumerate(HOSTILE.items()):
                batch = producer.create_batch(partition_id="1")
                for which in ("before", "after"):
                    at = NOW - timedelta(seconds=number + 1 if which == "before" else 100 + number)
                    batch.add(_event(Message(JSON, "simulator.v1", in_json(device="good", at=at)), name))
                    good += 4
                    if which == "before":
                        batch.add(_event(message, name))
                producer.send_batch(batch)
        assert run_bronze(settings, until_head=True).committed == 3 * len(HOSTILE)
        lake = Lake.of(settings)
        Promoter(lake, Canonicaliser.of(load_specs()), settings.silver).promote()
        yield Place(lake, {name: message.body for name, (message, _, _) in HOSTILE.items()}, good)
    finally:
        supervisor.stop(home / "endpoints")


def _event(message: Message, case: str) -> EventData:
    event = EventData(message.body)
    event.content_type = message.content_type
    event.properties = {"schema": message.schema, "case": case}
    return event


def _position(lake: Lake, case: str) -> int:
    """The hostile message of a case stands between its neighbours."""
    rows = lake.rows(BRONZE_TELEMETRY, columns=["sequence_number", "properties"]).to_pylist()
    return sorted(row["sequence_number"] for row in rows if dict(row["properties"])["case"] == case)[1]


@pytest.mark.parametrize("case", HOSTILE)
def test_it_is_in_quarantine_with_its_reason_and_its_bytes(place, case) -> None:
    _, reasons, readings = HOSTILE[case]
    here = pc.field("sequence_number") == _position(place.lake, case)

    rejected = place.lake.rows(QUARANTINE, where=here).to_pylist()

    assert {row["reason"] for row in rejected} == reasons <= CODES.keys()
    assert {row["body"] for row in rejected} == {place.sent[case]}
    assert all(row["message"] for row in rejected)
    assert place.lake.rows(READINGS, where=here).num_rows == readings


def test_reasons_tell_the_cases_apart(place) -> None:
    reasons = [reason for _, expected, _ in HOSTILE.values() for reason in expected]

    assert len(set(reasons)) == len(HOSTILE)


def test_good_neighbours_are_in_silver(place) -> None:
    found = place.lake.rows(READINGS, columns=["device_id"], where=pc.field("device_id") == "simulator:good")

    assert found.num_rows == place.good


def test_the_ledger_balances_over_all_of_it(place) -> None:
    ledger = audit(place.lake)

    assert ledger.balanced
    assert ledger.events["quarantined"] == sum(readings == 0 for _, _, readings in HOSTILE.values())
    assert ledger.events["partial"] == sum(readings > 0 for _, _, readings in HOSTILE.values())
