"""From staging to marts: one run of dbt over what is staged and not yet built.

Belongs here: what a build takes on, dbt without Dagster, and the mark that its tests passed.
Does not: loading staging (`staging`), what readers see (`publish`), the same under Dagster (`dbt`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import duckdb

from assets.warm.database import writing
from assets.warm.project import artifacts, environment, fingerprint, run_dbt
from assets.warm.staging import STATE, prepare
from quality.contracts.warm import SCHEMA
from settings.failpoints import reach
from settings.model import Settings

TIMEOUT_SECONDS = 3600.0
BUILT_WITH = f"{SCHEMA}.built_with"
Staging = tuple[str, date, str, int]
"""Lane, date, lake and batch: what exactly was staged when a build began."""


@dataclass(frozen=True)
class Build:
    """What one run of dbt takes on."""

    staged: tuple[Staging, ...]
    fingerprint: str
    full_refresh: bool

    @property
    def arguments(self) -> tuple[str, ...]:
        """Dbt's command line. Unit tests judge the code, not the data: they run when the code is tested."""
        fixed = ("build", "--exclude-resource-type", "unit_test")
        return (*fixed, "--full-refresh") if self.full_refresh else fixed


def begin_build(settings: Settings, dates: Collection[date] = ()) -> Build:
    """Take on every staged date that is not built, and `dates` again.

    What a killed run left staged is therefore built by the next one, whatever dates that was asked for. Models that
    changed since the last build rebuild everything: rows of old code beside rows of new are not a table.
    Raises: WarmBusyError, StagingDriftError.
    """
    code = fingerprint()
    with writing(settings) as db:
        prepare(db)
        db.execute(f"create table if not exists {BUILT_WITH} (fingerprint varchar not null)")
        full = db.execute(f"select fingerprint from {BUILT_WITH}").fetchall() != [(code,)]
        db.execute(
            f"update {STATE} set built_batch = null where ? or date in (select unnest(?::date[]))",
            [full, sorted(set(dates))],
        )
        staged = db.execute(
            f"select lane, date, lake_id, silver_batch from {STATE} where built_batch is null order by all"
        )
        return Build(staged=tuple(staged.fetchall()), fingerprint=code, full_refresh=full)


def finish_build(settings: Settings, build: Build) -> None:
    """Say that the marts hold what the build took on; call it only when dbt and all its tests succeeded."""
    reach("warm.after_dbt")
    with writing(settings) as db:
        db.execute("begin")
        if build.staged:
            # Only what was staged then: a date that was loaded again meanwhile is not in the marts yet.
            db.executemany(
                f"update {STATE} set built_batch = silver_batch"
                " where lane = ? and date = ? and lake_id = ? and silver_batch = ?",
                list(build.staged),
            )
        db.execute(f"delete from {BUILT_WITH}")
        db.execute(f"insert into {BUILT_WITH} values (?)", [build.fingerprint])
        db.execute("commit")


def unbuilt(db: duckdb.DuckDBPyConnection) -> int:
    """How many staged dates the marts do not hold."""
    return int(db.execute(f"select count(distinct date) from {STATE} where built_batch is null").fetchall()[0][0])


def build_warm(settings: Settings, dates: Collection[date] = ()) -> Build:
    """Run dbt once over what is staged and not built, and over `dates` again.

    Raises: DbtError when a model or a test failed: nothing is marked as built, and nothing can be published.
    """
    build = begin_build(settings, dates)
    run_dbt(build.arguments, target=artifacts(settings), env=environment(settings), timeout_seconds=TIMEOUT_SECONDS)
    finish_build(settings, build)
    return build
