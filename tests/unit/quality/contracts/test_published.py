"""What is published of the contracts: valid by the standards' own schemas, and true of real rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import jsonschema
import pytest
import yaml
from google.protobuf import descriptor_pb2
from grpc_tools import protoc
from open_data_contract_standard.model import OpenDataContractStandard

from orchestration.rendered import ROOT, files
from quality.contracts.odcs import contract_of
from quality.contracts.schemas import FIELD_NUMBERS, event_schema, reading_proto, reading_schema
from quality.contracts.tables import READINGS, TABLES
from quality.rules.page import rules_page
from quality.rules.row import RULES
from quality.rules.suspect import SUSPECT_RULES

PUBLISHED = ROOT / "docs" / "reference" / "contracts"
ODCS = jsonschema.Draft201909Validator(
    json.loads(resources.files("open_data_contract_standard").joinpath("schema.json").read_text())
)
READING = jsonschema.Draft202012Validator(json.loads(reading_schema()))
EVENT = jsonschema.Draft202012Validator(json.loads(event_schema()))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).isoformat()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.path)
def test_a_contract_is_valid_by_the_standard_and_says_what_the_table_is(table) -> None:
    text = contract_of(table)
    assert [error.message for error in ODCS.iter_errors(yaml.safe_load(text))] == []
    [schema] = OpenDataContractStandard.from_string(text).schema_ or []
    columns = schema.properties or []
    assert [column.name for column in columns] == list(table.names)
    assert [column.name for column in columns if not column.required] == [c.name for c in table.columns if c.null]
    keys = sorted((column.primaryKeyPosition, column.name) for column in columns if column.primaryKey)
    assert [name for _, name in keys] == list(table.key)


def test_every_table_has_an_identity_of_its_own() -> None:
    assert len({yaml.safe_load(contract_of(table))["id"] for table in TABLES}) == len(TABLES)


def test_nothing_is_published_that_is_no_longer_rendered() -> None:
    wanted = {path for path, _ in files() if path.parent == PUBLISHED}
    assert set(PUBLISHED.iterdir()) - wanted == set()


def reading(**fields: Any) -> dict[str, Any]:
    return {
        "device_id": "lab:1", "metric": "air_temperature", "channel": "", "recorded_at": NOON, "discriminator": "",
        "value": 21.5, "value_text": None, "unit": "degC", "flags": 0, "recorded_at_source": "device", "hub": "h",
        "partition_id": "0", "epoch": 0, "sequence_number": 1, "index": 0, "enqueued_at": NOON, "mapping_id": "m",
        "digest": "d", "silver_batch": 1, "enqueued_hour": "2026-03-01-12",
    } | fields  # fmt: skip


STATE = {"metric": "contact_state", "unit": "dimensionless", "value": None}


@pytest.mark.parametrize(
    "fields",
    [{}, {"value": -60}, STATE | {"value_text": "open"}, STATE | {"metric": "button_event", "value_text": "double"}],
)
def test_a_reading_as_silver_keeps_it_fits_its_schema(fields) -> None:
    assert list(READING.iter_errors(reading(**fields))) == []


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"value": 5760}, id="above the range"),
        pytest.param({"unit": "degF"}, id="another unit"),
        pytest.param({"metric": "temperature"}, id="no metric of the catalogue"),
        pytest.param({"value": None, "value_text": "warm"}, id="a number as text"),
        pytest.param(STATE | {"value_text": "ajar"}, id="no state of the metric"),
        pytest.param({"room": "1"}, id="a column of nobody"),
    ],
)
def test_what_silver_would_not_keep_does_not_fit(fields) -> None:
    with pytest.raises(jsonschema.ValidationError):
        READING.validate(reading(**fields))


def test_an_event_needs_its_name_and_its_body_and_may_lack_a_device() -> None:
    event = {
        "ingest_date": "2026-03-01", "hub": "h", "partition_id": "0", "epoch": 0, "sequence_number": 7, "offset": "7",
        "enqueued_at": NOON, "ingested_at": NOON, "properties": {}, "body": "e30=",
    }  # fmt: skip
    EVENT.validate(event)
    with pytest.raises(jsonschema.ValidationError, match="'body' is a required property"):
        EVENT.validate({name: value for name, value in event.items() if name != "body"})


def test_the_reading_compiles_as_protobuf_with_a_number_for_each_column(tmp_path) -> None:
    (tmp_path / "reading.proto").write_text(reading_proto())
    well_known = str(resources.files("grpc_tools").joinpath("_proto"))
    out = tmp_path / "set"
    command = ["protoc", f"-I{tmp_path}", f"-I{well_known}", f"--descriptor_set_out={out}", "reading.proto"]
    assert protoc.main(command) == 0
    described = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    [message] = described.file[0].message_type
    assert {field.name: field.number for field in message.field} == {c: FIELD_NUMBERS[c] for c in READINGS.names}
    assert len(set(FIELD_NUMBERS.values())) == len(FIELD_NUMBERS)


def test_the_page_of_rules_lists_each_with_its_code_severity_and_message() -> None:
    page = rules_page()
    for rule in (*RULES, *SUSPECT_RULES):
        said = rule.says.replace("|", "\\|")
        [line] = [line for line in page.splitlines() if line.startswith(f"| `{rule.code}` |") and f"| {said} |" in line]
        assert f"| {rule.severity} |" in line
