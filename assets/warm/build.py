"""From staging to marts: one run of dbt over what is staged and not yet built.

Belongs here: what a build takes on, dbt without Dagster, and the mark that its tests passed.
Does not: loading staging (`staging`), what readers see (`publish`), the same under Dagster (`dbt`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime

from assets.warm import state
from assets.warm.engine import Session, engine_of
from assets.warm.project import artifacts, dbt_arguments, environment, fingerprint, run_dbt
from settings.clock import now
from settings.failpoints import reach
from settings.model import Settings

TIMEOUT_SECONDS = 3600.0


@dataclass(frozen=True)
class Build:
    """What one run of dbt takes on, and with which options of the engine."""

    staged: tuple[state.Taken, ...]
    fingerprint: str
    full_refresh: bool
    options: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """Dbt's command line. Unit tests judge the code, not the data: they run when the code is tested."""
        fixed = ("build", "--exclude-resource-type", "unit_test", *self.options)
        return (*fixed, "--full-refresh") if self.full_refresh else fixed


def begin_build(settings: Settings, dates: Collection[date] = ()) -> Build:
    """Take on every staged date that is not built, and `dates` again.

    What a killed run left staged is therefore built by the next one, whatever dates that was asked for. Models that
    changed since the last build rebuild everything: rows of old code beside rows of new are not a table.
    Raises: WarmBusyError, StagingDriftError.
    """
    engine = engine_of(settings)
    options = dbt_arguments(settings.warm, engine.variables())
    code = fingerprint(options)
    began_at = _now()

    def work(session: Session) -> tuple[tuple[state.Taken, ...], bool]:
        staged, full = state.take_on(session, code, dates, began_at)
        if full:
            engine.close(session)
        return staged, full

    staged, full = engine.write(work)
    return Build(staged=staged, fingerprint=code, full_refresh=full, options=options)


def finish_build(settings: Settings, build: Build) -> None:
    """Say that the marts hold what the build took on; call it only when dbt and all its tests succeeded."""
    reach("warm.after_dbt")
    ended_at = _now()
    engine_of(settings).write(lambda session: state.set_built(session, build.staged, build.fingerprint, ended_at))


def build_warm(settings: Settings, dates: Collection[date] = ()) -> Build:
    """Run dbt once over what is staged and not built, and over `dates` again.

    Raises: DbtError when a model or a test failed: nothing is marked as built, and nothing can be published.
    """
    build = begin_build(settings, dates)
    run_dbt(build.arguments, target=artifacts(settings), env=environment(settings), timeout_seconds=TIMEOUT_SECONDS)
    finish_build(settings, build)
    return build


def _now() -> datetime:
    return now().astimezone(UTC).replace(tzinfo=None)
