"""`propose`: sample files in, the text of a spec out.

Belongs here: the steps in their order.
Does not: any of them (the modules beside this one), or files (`orchestration.cli.mapping_new`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from canonical.proposal.compose import composed
from canonical.proposal.rows import rows_of
from canonical.proposal.samples import MOST_MESSAGES, read_samples
from canonical.proposal.tried import add_examples
from canonical.proposal.written import written


@dataclass(frozen=True, slots=True)
class Proposal:
    """A spec as YAML that loads and whose examples pass, and what is to be looked at."""

    id: str
    text: str
    unsure: tuple[str, ...]
    unmapped: tuple[str, ...]
    gives: dict[str, Any]
    """What all samples become under it: messages, readings by metric, rejects by reason."""


def propose(
    files: Sequence[bytes],
    id_: str,
    *,
    content_type: str | None = None,
    whole: bool = False,
    mask: bool = True,
) -> Proposal:
    """A spec for messages like these. Raises: SamplesError where they cannot be read or hold nothing to map."""
    samples = read_samples(files, whole=whole)
    rows = None
    if samples.format == "csv":
        text = "\n".join(body.decode(samples.charset) for body in samples.messages)
        rows = rows_of(text, MOST_MESSAGES)
    draft = composed(id_, samples, rows, content_type)
    gives = add_examples(draft, samples, rows, mask=mask)
    unmapped = tuple(f"{ignored.path}: {ignored.says}" for ignored in draft.ignore if ignored.unmapped)
    return Proposal(id_, written(draft), tuple(draft.unsure), unmapped, gives)


def id_from(name: str) -> str:
    """A file's name as the id of a mapping."""
    made = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return made if made[:1].isalpha() else f"vendor_{made}".rstrip("_")
