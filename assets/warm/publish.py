"""The last stop of the warm tier: a build whose tests passed becomes what readers see.

Belongs here: publication and counting what is published, whichever engine holds it.
Does not: building (`build`), or how an engine shows a build at once (`duckdb_engine`, `sqlserver`).
"""

from __future__ import annotations

from assets.warm.engine import Publication, engine_of
from assets.warm.state import mart_rows
from settings.model import Settings


def publish(settings: Settings) -> Publication:
    """Show readers the build.

    Raises: NotPublishableError when a staged date is not built (dbt failed, was killed or has not run), or when what
    is shown would not be what was built; WarmBusyError.
    """
    return engine_of(settings).publish()


def warm_counts(settings: Settings) -> dict[str, int]:
    """Rows per published mart, by name. Raises: WarmMissingError."""
    return engine_of(settings).read(mart_rows)
