from __future__ import annotations

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from ingest_workers import kafka_client
from ingest_workers.source import RefusedError, SourceError
from settings.model import EventHubs

REAL = (
    "Endpoint=sb://estate.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey=a2V5;EntityPath=telemetry"
)
EMULATOR = "Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey=a2V5;UseDevelopmentEmulator=true"


def test_a_namespace_is_asked_with_tokens_over_tls():
    asked = kafka_client.endpoint(EventHubs(fully_qualified_namespace="estate.servicebus.windows.net"))
    assert asked.pop("oauth_cb") is not None
    assert asked == {
        "bootstrap.servers": "estate.servicebus.windows.net:9093",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "OAUTHBEARER",
    }


@pytest.mark.parametrize(
    ("hub", "servers", "protocol"),
    [
        (EventHubs(connection_string=REAL), "estate.servicebus.windows.net:9093", "SASL_SSL"),
        (EventHubs(connection_string=EMULATOR), "localhost:9092", "SASL_PLAINTEXT"),
        (EventHubs(connection_string=REAL, kafka_servers="proxy:9999"), "proxy:9999", "SASL_SSL"),
    ],
)
def test_a_connection_string_is_the_password(hub, servers, protocol):
    assert kafka_client.endpoint(hub) == {
        "bootstrap.servers": servers,
        "security.protocol": protocol,
        "sasl.mechanism": "PLAIN",
        "sasl.username": "$ConnectionString",
        "sasl.password": hub.connection_string.get_secret_value(),
    }


def test_a_broker_on_this_machine_gets_no_secret():
    hub = EventHubs(connection_string=REAL, kafka_servers="127.0.0.1:9092", kafka_plaintext=True)
    assert kafka_client.endpoint(hub) == {"bootstrap.servers": "127.0.0.1:9092", "security.protocol": "PLAINTEXT"}


@pytest.mark.parametrize(
    ("hub", "said"),
    [
        (EventHubs(), "LAKE_EVENT_HUBS__FULLY_QUALIFIED_NAMESPACE"),
        (EventHubs(kafka_plaintext=True), "LAKE_EVENT_HUBS__KAFKA_SERVERS"),
        (EventHubs(connection_string="SharedAccessKey=a2V5"), "no Endpoint"),
    ],
)
def test_settings_that_name_no_broker_are_an_error_that_names_the_setting(hub, said):
    with pytest.raises(SourceError, match=said):
        kafka_client.endpoint(hub)


def test_a_token_is_asked_for_the_namespace_and_comes_with_its_end():
    asked = []

    def get_token(scope):
        asked.append(scope)
        return SimpleNamespace(token="t", expires_on=1_790_000_000)

    give = kafka_client.tokens("estate.servicebus.windows.net", SimpleNamespace(get_token=get_token))
    assert give("") == ("t", 1_790_000_000.0)
    assert asked == ["https://estate.servicebus.windows.net/.default"]


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (KafkaError._AUTHENTICATION, RefusedError, "Azure Event Hubs Data Receiver"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, RefusedError, "Azure Event Hubs Data Receiver"),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, RefusedError, "LAKE_EVENT_HUBS__HUB"),
        (KafkaError._TRANSPORT, KafkaException, ""),
    ],
)
def test_what_the_broker_says_is_told_with_what_to_do(code, kind, says):
    told = kafka_client.said(EventHubs(), KafkaError(code))
    assert type(told) is kind
    assert says in str(told)
