"""The warm tier as it is: staging loaded, dbt run, the build published; on DuckDB, or the load alone on a SQL Server.

The job names a home whose Gold an `Estate` has written, and `server`: empty for DuckDB, else where a SQL Server is, as
ODBC says it. A database of its own is made there and dropped.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from assets.warm.build import build_warm
from assets.warm.engine import engine_of
from assets.warm.project import artifacts
from assets.warm.publish import publish
from assets.warm.staging import dirty_warm_dates, load_staging
from assets.warm.state import mart_rows
from benchmarks.gold.stages import Stages
from benchmarks.silver.warmed import child_with_children
from benchmarks.warm.estate import Estate
from lake.store import Lake
from quality.contracts.warm import SCHEMA
from settings.model import Settings
from settings.warm import Warm


def warm_of(text: str) -> Warm:
    """The settings that an ODBC-like connection string stands for."""
    words = {key.strip().lower(): value.strip() for key, _, value in (part.partition("=") for part in text.split(";"))}
    server, _, port = words["server"].removeprefix("tcp:").partition(",")
    trusts = words.get("trustservercertificate", "no")
    return Warm(
        engine="sqlserver",
        server=server,
        port=int(port or 1433),
        database=words.get("database", "master"),
        user=words.get("uid", ""),
        password=SecretStr(words["pwd"].strip("{}")) if "pwd" in words else None,
        encrypt=re.fullmatch("yes|true|mandatory|strict", words.get("encrypt", "yes").lower()) is not None,
        trust_cert=trusts.lower() in {"yes", "true"},
    )


@contextmanager
def _database(warm: Warm) -> Iterator[Warm]:
    """A database for this run alone; where none can be made, the one that is named, if no warm tier is in it."""
    from assets.warm.sqlserver.connection import connected  # noqa: PLC0415 - its driver is an extra
    from assets.warm.sqlserver.transient import SqlServerError  # noqa: PLC0415

    name = f"lake_bench_{uuid.uuid4().hex[:8]}"
    with connected(warm) as session:
        try:
            session.execute(f"create database [{name}]")
        except SqlServerError:
            name = ""
    if not name and (there := _tables(warm)):
        raise RuntimeError(f"{warm.database} has tables of a warm tier, such as {there[0]}: name another database")
    try:
        yield warm.model_copy(update={"database": name}) if name else warm
    finally:
        made = [] if name else _tables(warm)
        with connected(warm) as session:
            for drop in [f"drop table {table}" for table in made] or [f"drop database [{name}]"]:
                session.execute(drop)


def _tables(warm: Warm) -> list[str]:
    from assets.warm.sqlserver.connection import connected  # noqa: PLC0415 - its driver is an extra

    with connected(warm) as session:
        found = session.execute("select TABLE_SCHEMA, TABLE_NAME from INFORMATION_SCHEMA.TABLES")
    return [f"[{schema}].[{name}]" for schema, name in found if schema in {SCHEMA, f"{SCHEMA}_load"}]


class Tier:
    """A home, and what a run of the warm tier does with it."""

    def __init__(self, home: Path, stages: Stages, warm: Warm) -> None:
        self.settings = Settings(home=home, warm=warm, _env_file=None)
        self.lake = Lake.of(self.settings)
        self.stages = stages

    def load(self, name: str) -> None:
        """Everything dirty into staging."""
        dirty = dirty_warm_dates(self.lake, self.settings)
        with self.stages.stage(name) as stage:
            done = load_staging(self.lake, self.settings, dirty)
            stage.rows = sum(done.rows.values())
            stage.says = {"dates": len(done.dates)}

    def build(self, name: str) -> None:
        """One run of dbt over what is staged, its tests included, and the publication of it."""
        with self.stages.stage(name) as stage:
            build_warm(self.settings)
            stage.rows = sum(engine_of(self.settings).write(mart_rows).values())
            stage.says = _nodes(artifacts(self.settings) / "run_results.json")
        with self.stages.stage(f"{name}, published") as stage:
            stage.rows = sum(publish(self.settings).rows.values())


def _nodes(results: Path) -> dict[str, int]:
    """What dbt ran, by kind."""
    return dict(Counter(result["unique_id"].split(".")[0] for result in json.loads(results.read_text())["results"]))


def prepare(job: dict[str, Any]) -> Stages:
    """Nothing is begun."""
    return Stages(Path(job["out"]))


def work(job: dict[str, Any], stages: Stages) -> int:
    """All stages."""
    home = Path(job["home"])
    if job["server"]:
        with _database(warm_of(os.environ[job["server"]])) as warm:
            tier = Tier(home, stages, warm)
            tier.load("load")
        return 1
    tier = Tier(home, stages, Warm())
    tier.load("load")
    if not job["builds"]:
        return 1
    tier.build("full")
    Estate(tier.lake, job["devices"]).dates([date.fromisoformat(job["late"])], 2)
    tier.load("load of one date")
    tier.build("incremental")
    return 1


if __name__ == "__main__":
    child_with_children(prepare, work)
