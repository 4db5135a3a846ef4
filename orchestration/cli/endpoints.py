"""`lakehouse up` and `lakehouse down`: local Event Hubs and Kusto."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from orchestration.cli.show import people, table


def up(
    event_hubs_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of Event Hubs; 0 takes a free one.")
    ] = 5672,
    kusto_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of Kusto; 0 takes a free one.")] = 8088,
    clock_start: Annotated[
        datetime | None, typer.Option(help="UTC instant at which the hub's clock starts; default: the real time.")
    ] = None,
    clock_speed: Annotated[float, typer.Option(min=0, help="Seconds of the hub's clock per second.")] = 1.0,
) -> None:
    """Start the local endpoints; they run until `lakehouse down`."""
    from local_azure import endpoints, supervisor
    from orchestration import local_env
    from settings.load import load

    home = load().home
    if event_hubs_port == kusto_port != 0:
        raise ValueError(f"port {kusto_port} cannot serve both: name another --event-hubs-port or --kusto-port")
    if supervisor.running(home / "endpoints") is None:
        supervisor.stop(home / "endpoints")  # endpoints whose supervisor was killed would hold the ports
        endpoints.refuse_taken(event_hubs_port, "--event-hubs-port")
        endpoints.refuse_taken(kusto_port, "--kusto-port")
    ready = supervisor.start(
        [endpoints.event_hubs(event_hubs_port, clock_start, clock_speed), endpoints.kusto(kusto_port)],
        home / "endpoints",
    )
    local_env.write(home, endpoints.environment(ready))
    table(
        f"Local endpoints, data in {home}/endpoints",
        ("endpoint", "port", "address"),
        [
            ("Event Hubs", str(ready["event_hubs"]["port"]), f"sb://127.0.0.1:{ready['event_hubs']['port']}"),
            ("Kusto", str(ready["kusto"]["port"]), ready["kusto"]["uri"]),
        ],
    )
    people.print("Send:        lakehouse simulate --events 10000")
    people.print("Take over:   lakehouse ingest bronze")
    people.print("Promote:     lakehouse dev    (or: lakehouse materialize)")
    people.print("End:         lakehouse down")


def down() -> None:
    """End the local endpoints; what they stored stays."""
    from local_azure import supervisor
    from orchestration import local_env
    from settings.load import load

    home = load().home
    ended = supervisor.stop(home / "endpoints")
    local_env.remove(home)
    people.print("Local endpoints ended." if ended else "No local endpoints are running.")
