"""The endpoint as a process of its own, once per session."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

RUN = Path(__file__).with_name("run.py")


def _started(*options: str) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, str(RUN), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().strip()
        process.stdin.close()
        process.wait(timeout=10)


@pytest.fixture(scope="session")
def sql_server(driver: Any) -> Iterator[str]:
    """The connection string of an endpoint that has what SQL Server has."""
    yield from _started()


@pytest.fixture(scope="session")
def driver() -> Any:
    """Microsoft's driver, where it loads."""
    mssql_python = pytest.importorskip("mssql_python")
    try:
        mssql_python.connect("Server=127.0.0.1,1;UID=x;PWD=x;Encrypt=no", timeout=1)
    except mssql_python.Error as error:
        if "load the driver" in str(error):
            pytest.skip("Microsoft's ODBC driver does not load; it needs Debian's libltdl7")
    return mssql_python


@pytest.fixture
def connection(sql_server: str, driver: Any) -> Iterator[Any]:
    """A connection that commits each statement."""
    with closing(driver.connect(sql_server, autocommit=True)) as opened:
        yield opened


@pytest.fixture
def cursor(connection: Any) -> Any:
    """A cursor of it."""
    return connection.cursor()
