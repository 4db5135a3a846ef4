"""The two engines of the warm tier, each empty, and a Gold of made-up rows for every staged table.

DuckDB is always there. A SQL Server is where LAKE_TEST_SQLSERVER says, as `Server=host,port;Database=…;UID=…;PWD=…;
Encrypt=yes|no;TrustServerCertificate=yes`; what it lacks is switched off by LAKE_TEST_SQLSERVER_VARS, JSON of variables
of the dbt project. The tests make a database of their own there and drop it; where the login may not, they use the one
that is named, and drop what they find in the schemas of the warm tier, before and after.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import SecretStr

from assets.warm.engine import Session, engine_of
from lake import fence
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Column
from quality.contracts.tables import DATE_STATE
from quality.contracts.warm import STAGED, Staged
from settings.model import Settings
from settings.warm import Warm

WHERE = "LAKE_TEST_SQLSERVER"
SCHEMAS = ("marts", "intermediate", "staging", "staging_load", "seeds", "history", "security", "dbt_test__audit")
ENGINES = ("duckdb", pytest.param("sqlserver", marks=pytest.mark.sqlserver))


def warm_of(text: str, switches: str = "") -> Warm:
    """The settings that an ODBC-like connection string stands for."""
    words = {
        key.strip().lower().replace(" ", ""): value.strip().strip("{}")
        for key, _, value in (part.partition("=") for part in re.findall(r"[^;{]+(?:\{[^}]*\})?", text))
    }
    server, _, port = words["server"].removeprefix("tcp:").partition(",")
    return Warm(
        engine="sqlserver",
        server=server,
        port=int(port or 1433),
        database=words.get("database", "master"),
        user=words.get("uid", words.get("userid", "")),
        password=SecretStr(words["pwd"]) if "pwd" in words else None,
        encrypt=words.get("encrypt", "yes").lower() in {"yes", "true", "mandatory", "strict"},
        trust_cert=words.get("trustservercertificate", "no").lower() in {"yes", "true"},
        **json.loads(switches or "{}"),
    )


@pytest.fixture(scope="session")
def server() -> Iterator[Warm]:
    """An empty database on the SQL Server."""
    text = os.environ.get(WHERE)
    if not text:
        pytest.skip(f"{WHERE} is not set")
    from assets.warm.sqlserver.connection import connected
    from assets.warm.sqlserver.transient import SqlServerError

    given = warm_of(text, os.environ.get(f"{WHERE}_VARS", ""))
    name = f"lake_test_{uuid.uuid4().hex[:8]}"
    own = given.model_copy(update={"database": name})
    made = True
    try:
        with connected(given) as session:
            session.execute(f"create database [{name}]")
        with connected(own) as session:
            session.execute("select 1")
    except SqlServerError:
        made, own = False, given
        wipe(own)
    yield own
    if not made:
        wipe(own, schemas=True)
        return
    with connected(given) as session:
        with suppress(SqlServerError):  # a compatible server may know no sessions to end
            session.execute(f"alter database [{name}] set single_user with rollback immediate")
        session.execute(f"drop database [{name}]")


def wipe(warm: Warm, *, schemas: bool = False) -> None:
    """Drop every table and view of the warm tier; if asked, its roles and schemas too."""
    from assets.warm import access
    from assets.warm.sqlserver.connection import connected

    marks = ", ".join("?" * len(SCHEMAS))
    with connected(warm) as session:
        if session.execute("select 1 from sys.tables where object_id = object_id(N'security.site_access')"):
            session.execute(f"drop security policy if exists {access.POLICY}")
            session.execute("drop function if exists security.may_read_site")
        found = session.execute(
            "select TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE from INFORMATION_SCHEMA.TABLES"
            f" where TABLE_SCHEMA in ({marks}) order by TABLE_TYPE desc",
            SCHEMAS,
        )
        for schema, name, kind in found:
            session.execute(f"drop {'view' if kind == 'VIEW' else 'table'} [{schema}].[{name}]")
        if schemas:
            for role in (*(audience.role for audience in access.AUDIENCES), access.ALL_SITES, access.WRITERS):
                session.execute(f"drop role if exists [{role}]")
            for schema in SCHEMAS:
                session.execute(f"drop schema if exists [{schema}]")


@dataclass
class Tier:
    """An empty warm tier on one engine, over a lake of its own."""

    settings: Settings
    lake: Lake = field(init=False)

    def __post_init__(self) -> None:
        self.lake = Lake.of(self.settings)

    def gold(self, day: date, batch: int, rows: int, tables: tuple[str, ...] = ()) -> None:
        """Replace a date, or a table that has none, in every staged table's source by so many rows of the batch."""
        for staged in STAGED:
            if tables and staged.table.name not in tables:
                continue
            made = [_row(staged, day, batch, number) for number in range(rows)]
            predicate = f"{staged.date_column} = '{day.isoformat()}'" if staged.date_column else None
            fence.once(
                self.lake,
                staged.table,
                f"test/{staged.table.name}/{day}",
                batch,
                lambda made=made, staged=staged: pa.Table.from_pylist(made, schema=arrow_schema(staged.table)),
                mode="overwrite",
                predicate=predicate,
            )
        lanes = {staged.lane for staged in STAGED if staged.date_column}
        states = [
            {
                "lane": lane,
                "date": day,
                "lake_id": self.lake.identity(),
                "silver_batch": batch,
                "rows_loaded": rows,
                "loaded_at": datetime.now(UTC),
            }
            for lane in sorted(lanes)
        ]
        fence.append(self.lake, DATE_STATE, pa.Table.from_pylist(states, schema=arrow_schema(DATE_STATE)))

    def held(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of staging, by table."""

        def every(session: Session) -> dict[str, list[tuple[Any, ...]]]:
            return {staged.table.name: _sorted(session.execute(_select(staged))) for staged in STAGED}

        return engine_of(self.settings).write(every)

    def wanted(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of Gold, as staging should hold them."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        for staged in STAGED:
            rows = (
                self.lake.rows(staged.table, columns=staged.table.names).to_pylist()
                if self.lake.exists(staged.table)
                else []
            )
            found[staged.table.name] = _sorted(tuple(_naive(row[name]) for name in staged.table.names) for row in rows)
        return found

    def ask(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return engine_of(self.settings).write(lambda session: session.execute(sql, parameters))


def _select(staged: Staged) -> str:
    columns = ", ".join(f'"{name}"' for name in staged.table.names)
    return f"select {columns} from {staged.name}"


def _naive(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def _sorted(rows: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in rows), key=repr)


def _row(staged: Staged, day: date, batch: int, number: int) -> dict[str, Any]:
    made = {column.name: _value(column, day, batch, number) for column in staged.table.columns}
    return made | ({staged.date_column: day} if staged.date_column else {})


def _value(column: Column, day: date, batch: int, number: int) -> Any:
    if column.null and (number + batch) % 3 == 0:
        return None
    return {
        "string": f"{column.name} {number} ü 😀",
        "double": number / 7 + batch * 1e9,
        "long": 2**40 + number * batch,
        "int": number - 5,
        "boolean": number % 2 == 0,
        "timestamp": datetime(day.year, day.month, day.day, number % 24, 59, 58, 123456, tzinfo=UTC),
        "date": day - timedelta(days=number),
    }[column.type]


@pytest.fixture(params=ENGINES)
def tier(request: pytest.FixtureRequest, tmp_path: Path) -> Tier:
    """An empty warm tier."""
    warm = Warm()
    if request.param == "sqlserver":
        warm = request.getfixturevalue("server")
        wipe(warm)
    return Tier(Settings(home=tmp_path / "home", warm=warm, _env_file=None))
