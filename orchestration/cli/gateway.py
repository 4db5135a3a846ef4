"""`lakehouse gateway …`: HTTP and MQTT in front of the hub; they need no Dagster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli import show

app = typer.Typer(no_args_is_help=True)

ReadyFile = Annotated[
    Path | None, typer.Option(help="Written, as JSON, once the gateway is up.", rich_help_panel="For programs")
]


@app.callback()
def gateways() -> None:
    """HTTP and MQTT in front of the hub."""


@app.command("http")
def http(ready_file: ReadyFile = None) -> None:
    """Take telemetry by HTTP: POST /v1/telemetry, described at /openapi.json (Ctrl-C or SIGTERM ends it)."""
    from ingest_workers import logs
    from ingest_workers.gateways.http_server import run_http
    from settings.load import load

    logs.configure()
    settings = load()
    host = settings.gateway.http.host

    def ready(port: int) -> None:
        scheme = "http" if settings.gateway.http.certificate is None else "https"
        show.people.print(f"Telemetry: {scheme}://{host}:{port}/v1/telemetry", markup=False)
        if ready_file is not None:
            _say_ready(ready_file, {"host": host, "port": port})

    run_http(settings, ready)


@app.command("mqtt")
def mqtt(ready_file: ReadyFile = None) -> None:
    """Take telemetry from an MQTT broker; acknowledged once the hub has it (Ctrl-C or SIGTERM ends it)."""
    from ingest_workers import logs
    from ingest_workers.gateways.mqtt_server import run_mqtt
    from settings.load import load

    logs.configure()
    settings = load()

    def ready(subscription: str, port: int | None) -> None:
        show.people.print(f"Subscribed: {subscription} at {settings.gateway.mqtt.host}", markup=False)
        if ready_file is not None:
            _say_ready(ready_file, {"subscription": subscription, "port": port})

    run_mqtt(settings, ready)


@app.command("key")
def key(
    caller: Annotated[str, typer.Option(help="Whose key it is: shown in logs and kept with each event.")],
    device: Annotated[str | None, typer.Option(help="The one device it speaks for.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Or the prefix of the devices it speaks for: 'plant-7:'.")] = None,
    json_: Annotated[bool, show.JSON] = False,
) -> None:
    """Make an API key: the key for the sender, once, and what the gateway's settings hold of it."""
    import secrets

    from ingest_workers.gateways.callers import hash_of
    from settings.gateway import ApiKey

    secret = secrets.token_urlsafe(32)
    entry = ApiKey(sha256=hash_of(secret), caller=caller, device=device, prefix=prefix).model_dump(exclude_none=True)
    if json_:
        show.emit({"key": secret, "entry": entry})
        return
    show.table(f"API key of {caller}", ("what", "value"), [("X-Api-Key", secret), ("sha256", entry["sha256"])])
    show.people.print("The key is shown this once. Add to LAKE_GATEWAY__API_KEYS, or to the file of API_KEYS_FILE:")
    show.emit(entry)


def _say_ready(path: Path, ready: dict[str, object]) -> None:
    import json
    import os

    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"pid": os.getpid(), **ready}))
    draft.replace(path)
