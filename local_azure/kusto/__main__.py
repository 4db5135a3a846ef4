"""`python -m local_azure.kusto`: the Kusto endpoint as a process."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from local_azure.kusto.process import Settings, StartError, serve
from local_azure.kusto.queries import Limits


def _settings() -> Settings:
    defaults = Limits()
    parser = argparse.ArgumentParser(prog="python -m local_azure.kusto", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that keeps the database, blobs and queues")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--database", default="telemetry", help="name of the one database")
    parser.add_argument("--ready-file", type=Path, required=True, help="written as JSON when requests are answered")
    parser.add_argument("--max-rows", type=int, default=defaults.rows, help="rows a result may have before it is cut")
    parser.add_argument("--max-bytes", type=int, default=defaults.bytes, help="bytes a result may have")
    given = parser.parse_args()
    return Settings(given.data, given.port, given.database, given.ready_file, Limits(given.max_rows, given.max_bytes))


def main() -> int:
    """Exit code 0 after a requested stop, 1 when the endpoint could not start."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        serve(_settings())
    except (StartError, ValueError) as error:
        print(f"local Kusto: {error}", file=sys.stderr)  # noqa: T201 - the one line a person acts on
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
