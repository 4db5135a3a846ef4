"""`lakehouse simulate` and `lakehouse replay`: telemetry into the hub, or to a broker in front of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestration.cli.live import live
from orchestration.cli.show import JSON, emit, people, progress, table

Rate = Annotated[float, typer.Option(min=0, max=1, help="Share of messages, 0 to 1.", rich_help_panel="Faults")]


def _versions(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--protobuf-versions {text}: give numbers with commas between, such as 1,3") from None


def simulate(
    events: Annotated[int | None, typer.Option(min=1, help="Messages to send, bad and repeated ones included.")] = None,
    duration: Annotated[float | None, typer.Option(min=0.001, help="Seconds to send, instead of --events.")] = None,
    devices: Annotated[int, typer.Option(min=1, max=100_000, help="Devices of the fleet.")] = 100,
    rate: Annotated[float | None, typer.Option(help="Messages per second; default: as fast as it goes.")] = None,
    batch: Annotated[
        int | None,
        typer.Option(min=1, help="Most messages of a batch (over MQTT: under way at once); default: what is taken."),
    ] = None,
    start: Annotated[
        datetime | None, typer.Option(help="UTC instant of the first reading; default: so that the last is now.")
    ] = None,
    interval: Annotated[int, typer.Option(min=1, help="Seconds between messages of a device.")] = 15,
    protobuf: Annotated[float, typer.Option(min=0, max=1, help="Share of devices that speak protobuf.")] = 0.25,
    protobuf_versions: Annotated[
        str, typer.Option(help="Versions of the protobuf message, in turns by device: 1, 2, 3, such as 1,3.")
    ] = "1",
    moving: Annotated[
        float, typer.Option(min=0, max=1, help="Share of devices that move, with GPS (not in protobuf version 1).")
    ] = 0.0,
    patterns: Annotated[
        str, typer.Option(help="How values go, by weight: daily, drift, spikes, stuck, gaps; such as daily=8,gaps=1.")
    ] = "daily",
    seed: Annotated[int, typer.Option(help="The same seed and start give the same bytes.")] = 1,
    manifest: Annotated[
        Path | None, typer.Option(help="Write what should come of each message (.jsonl, .jsonl.gz).")
    ] = None,
    corrupt: Rate = 0.0,
    duplicate: Rate = 0.0,
    conflict: Rate = 0.0,
    out_of_range: Rate = 0.0,
    late: Rate = 0.0,
    wrong_unit: Rate = 0.0,
    missing_field: Rate = 0.0,
    over: Annotated[Literal["event-hubs", "mqtt"], typer.Option(help="Straight into the hub, or to a broker.")] = (
        "event-hubs"
    ),
    broker: Annotated[str | None, typer.Option(help="HOST:PORT.", rich_help_panel="MQTT")] = None,
    topic: Annotated[
        str, typer.Option(help="With {device}, and {schema} if the topic says it.", rich_help_panel="MQTT")
    ] = "telemetry/{device}",
    mqtt: Annotated[
        Literal["5", "3.1.1"], typer.Option("--mqtt-version", help="3.1.1 needs {schema}.", rich_help_panel="MQTT")
    ] = "5",
    tls: Annotated[
        bool | None, typer.Option("--tls/--no-tls", help="Default: yes, but to this machine.", rich_help_panel="MQTT")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(exists=True, help="Instead of the system's.", rich_help_panel="MQTT")
    ] = None,
    username: Annotated[str | None, typer.Option(rich_help_panel="MQTT")] = None,
    password: Annotated[
        str | None,
        typer.Option(envvar="LAKE_MQTT_PASSWORD", help="Better as variable.", rich_help_panel="MQTT"),
    ] = None,
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Send the telemetry of a simulated fleet to the hub, or to a broker."""
    from settings.load import load
    from simulator.faults import FaultRates
    from simulator.patterns import Patterns
    from simulator.plan import SimulationOptions
    from simulator.simulate import simulate as run

    if (over == "mqtt") != (broker is not None):
        raise ValueError("--over mqtt and --broker HOST:PORT go together")
    options = SimulationOptions(
        devices=devices,
        events=10_000 if events is None and duration is None else events,
        duration=None if duration is None else timedelta(seconds=duration),
        rate=rate,
        start=start.replace(tzinfo=UTC) if start and start.tzinfo is None else start,
        interval_s=interval,
        protobuf_share=protobuf,
        moving_share=moving,
        protobuf_versions=_versions(protobuf_versions),
        patterns=Patterns.parse(patterns),
        seed=seed,
        faults=FaultRates(
            corrupt=corrupt,
            duplicate=duplicate,
            conflict=conflict,
            out_of_range=out_of_range,
            late=late,
            wrong_unit=wrong_unit,
            missing_field=missing_field,
        ),
    )
    where = None
    if broker is not None:
        from simulator.mqtt_outlet import MqttBroker

        where = MqttBroker.at(
            broker, topic=topic, version=mqtt, tls=tls, ca_file=ca_file, username=username, password=password
        )
    with live() as tell:
        summary = run(load(), options, manifest=manifest, broker=where, batch=batch, on_statistics=tell)
    if json_:
        names = ("run", "events", "batches", "retries", "repeated", "bytes", "seconds")
        emit({name: getattr(summary, name) for name in names})
        return
    table(
        f"Run {summary.run}: {summary.events:,} messages in {summary.seconds:.1f} s",
        ("expected", "events"),
        list(summary.expected.events.items()),
    )
    if summary.repeated:
        people.print(f"{summary.repeated:,} messages were sent again: the hub may hold some of them twice.")


def replay(
    path: Annotated[Path, typer.Argument(exists=True, help="A file (.csv, .txt, also .gz) or a folder of them.")],
    mapping: Annotated[str, typer.Option(help="Mapping spec that reads the rows.")],
    json_: Annotated[bool, JSON] = False,
) -> None:
    """Send the rows of a file as device messages, one event per row, bytes untouched."""
    from canonical.specs import load_specs
    from settings.load import load
    from simulator.replay import replay as run

    settings = load()
    spec = {spec.id: spec for spec in load_specs(settings.specs)}.get(mapping)
    if spec is None:
        raise ValueError(f"no mapping {mapping!r}; there are {', '.join(s.id for s in load_specs(settings.specs))}")
    with progress("sent") as bar:
        summary = run(settings, path, mapping, header=spec.has_header, on_progress=bar)
    if json_:
        emit({"events": summary.events, "files": summary.files, "skipped": summary.skipped, "blank": summary.blank})
        return
    people.print(f"{summary.events:,} events of {summary.files:,} files sent in {summary.seconds:.1f} s.")
    for name, count in (("blank lines", summary.blank), ("lines larger than the hub takes", summary.too_long)):
        if count:
            people.print(f"Left out: {count:,} {name}.")
    if summary.skipped:
        people.print(f"Files left out by their ending: {', '.join(summary.skipped)}", markup=False)
