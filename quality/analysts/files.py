"""Every file that is made for analysts.

Belongs here: paths below `docs/analysts` and their texts.
Does not: writing or comparing them (`orchestration.rendered`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from quality.analysts.browser_page import browser_page
from quality.analysts.manifest import star_of
from quality.analysts.pages import mart_page, overview
from quality.analysts.picture import star_of_fact, star_schema
from quality.analysts.powerbi import NAME, connection, project


def rendered(manifest: Mapping[str, Any], queries: Iterable[Path]) -> dict[str, str]:
    """Path below `docs/analysts` and text of each file."""
    star = star_of(manifest, queries)
    return {
        "index.html": browser_page(star),
        "star-schema.svg": star_schema(star),
        "marts/README.md": overview(star),
        **{f"marts/{mart.name}.md": mart_page(star, mart) for mart in star.marts},
        **{f"marts/{mart.name}.svg": star_of_fact(star, mart.name) for mart in star.facts},
        f"powerbi/{NAME}.pbids": connection(),
        **{f"powerbi/{path}": text for path, text in project(star).items()},
    }
