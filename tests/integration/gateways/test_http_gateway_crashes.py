"""HTTP gateways that lose their hub, are killed, or are several: nothing answered is lost, nothing is doubled."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from local_azure.event_hubs.remote import Remote


def test_whatever_the_hub_does_nothing_answered_is_lost_and_the_rest_is_told_to_come_again(
    hub, make_gateway, tmp_path, eventually
):
    gateway = make_gateway(hub, ACCEPT_SECONDS="1")
    gateway.start()
    faults = Remote(hub.port)
    accepted: list[bytes] = []

    def taken(body: str) -> bool:
        answer = gateway.post(body.encode())
        if answer.status == 202:
            accepted.append(body.encode())
        else:
            assert answer.status == 503, answer.body
            assert int(answer.headers["retry-after"]) >= 1
        return answer.status == 202

    eventually(lambda: taken("before"), "the first event is accepted")

    faults.throttle(None)
    eventually(lambda: gateway.post(b"throttled").headers.get("retry-after") == "5", "throttling is told of")
    assert gateway.get("/readyz").status == 503
    assert gateway.get("/healthz").status == 200
    faults.clear()
    eventually(lambda: taken("after throttling"), "the hub takes events again")

    faults.reject(None, "amqp:decode-error")
    eventually(lambda: gateway.post(b"refused").status == 422, "a refusal is told of")
    faults.clear()
    eventually(lambda: taken("after a refusal"), "one refused event holds up nobody")

    for harm in (faults.lose_acknowledgement, faults.expire_tokens, faults.detach, faults.drop):
        harm()
        eventually(partial(taken, f"after {harm.__name__}"), f"{harm.__name__} is got over")

    hub.kill()
    eventually(lambda: not taken("away") and gateway.get("/readyz").status == 503, "the gateway is not ready")
    hub.start()
    eventually(lambda: taken("after a restart"), "the hub takes events again")
    eventually(lambda: gateway.get("/readyz").status == 200, "the gateway is ready again")
    assert gateway.end() == 0
    assert set(accepted) <= {row["body"] for row in hub.bronze(tmp_path / "lake")}


def test_killed_before_the_answer_the_event_is_there_and_sending_again_is_safe(module_hub, make_gateway, tmp_path):
    gateway = make_gateway(module_hub)
    gateway.start(LAKE_KILL_AT="gateway.before_answer@2")
    assert gateway.post(b"first", key="killed").status == 202
    with pytest.raises((ConnectionError, OSError)):
        gateway.post(b"second", key="killed")
    gateway.start()
    assert gateway.post(b"second", key="killed").status == 202
    bodies = [row["body"] for row in module_hub.bronze(tmp_path / "lake", "killed")]
    assert sorted(bodies) == [b"first", b"second", b"second"]


def test_two_replicas_at_once_lose_and_double_nothing_and_one_may_leave_under_load(module_hub, make_gateway, tmp_path):
    replicas = [make_gateway(module_hub), make_gateway(module_hub)]
    for replica in replicas:
        replica.start()
        assert replica.document
    accepted: list[bytes] = []
    unknown: list[bytes] = []
    lock = threading.Lock()

    def send(sender: int) -> None:
        for number in range(60):
            body = f"{sender}/{number}".encode()
            try:
                taken = replicas[sender % 2].post(body, key="replicas").status == 202
            except OSError:
                taken = False
            with lock:
                (accepted if taken else unknown).append(body)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(6)]
    for thread in threads:
        thread.start()
    while len(accepted) < 120:
        time.sleep(0.01)
    assert replicas[1].end() == 0
    for thread in threads:
        thread.join(60)
    assert replicas[0].end() == 0
    bodies = [row["body"] for row in module_hub.bronze(tmp_path / "lake", "replicas")]
    assert len(bodies) == len(set(bodies))
    assert set(accepted) <= set(bodies) <= set(accepted) | set(unknown)
    assert {body for body in accepted if body.startswith((b"0", b"2", b"4"))} == {
        f"{sender}/{number}".encode() for sender in (0, 2, 4) for number in range(60)
    }
