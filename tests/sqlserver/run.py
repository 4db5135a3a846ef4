"""Start the endpoint and print the connection string others use.

`python tests/sqlserver/run.py --port 0` serves until it is interrupted; `run.py -- command …` runs the command with
LAKE_TEST_SQLSERVER set, and ends with it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from tds_endpoint.options import COMPATIBLE, without
from tds_endpoint.server import Server

PASSWORD = "Endpoint-of-tests-1"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--database", default="lake")
    parser.add_argument("--without", action="append", default=[], help="a feature the server shall lack")
    parser.add_argument("--compatible", action="store_true", help="lack all that compatible servers lack")
    parser.add_argument("--trace", action="store_true", help="requests on stderr")
    parser.add_argument("command", nargs="*")
    given = parser.parse_args()
    options = COMPATIBLE if given.compatible else without(given.without)
    server = Server(port=given.port, database=given.database, password=PASSWORD, options=options, trace=given.trace)
    address = f"Server=127.0.0.1,{server.port};Database={given.database};UID=sa;PWD={PASSWORD};Encrypt=no"
    threading.Thread(target=server.serve, daemon=True).start()
    if given.command:
        return subprocess.run(given.command, env={**os.environ, "LAKE_TEST_SQLSERVER": address}, check=False).returncode
    print(address, flush=True)
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
