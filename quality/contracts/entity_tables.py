"""The account of landed files: the files themselves, what became of each row of them, and why.

Belongs here: the tables and the reason codes of reference entities that are not entities.
Does not: the entities (`entities`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from quality.contracts.entities import ENTITIES, ENTITY_MAPPING, FILE, FILE_NAMES, ROW_NUMBER
from quality.contracts.model import Column, Table

Outcome = Literal["accepted", "quarantined", "skipped"]


@dataclass(frozen=True, slots=True)
class EntityReason:
    """Why a row of a file, or a file, became no version; `outcome` says whether somebody should look at it."""

    code: str
    outcome: Outcome
    says: str
    do: str


ENTITY_REASONS: tuple[EntityReason, ...] = (
    EntityReason("no_mapping", "quarantined", "No entity mapping reads this file.", "Add a mapping, or move the file."),
    EntityReason("bad_file", "quarantined", "The file cannot be opened as what it is.", "Have it sent again."),
    EntityReason(
        "too_large", "quarantined", "The file is larger than allowed.", "Split it, or raise LAKE_LANDING_FILE_MB."
    ),
    EntityReason(
        "missing_column", "quarantined", "A column the mapping needs is not in the file.", "Add its new name."
    ),
    EntityReason(
        "no_effective_date", "quarantined", "Nothing says from when it holds.", "Put the date into the file's name."
    ),
    EntityReason("no_rows", "quarantined", "The file has a header and no rows.", "Ask its sender; nothing was closed."),
    EntityReason(
        "invalid_row", "quarantined", "The row cannot be read, or has too many or too few fields.", "Mend the file."
    ),
    EntityReason(
        "missing_key", "quarantined", "The key is blank.", "Mend the source; or skip such rows, with a reason."
    ),
    EntityReason("missing_field", "quarantined", "A field that must be there is blank.", "Mend the source."),
    EntityReason("not_a_number", "quarantined", "The field is no number.", "Mend it, or declare the text a sentinel."),
    EntityReason("not_finite", "quarantined", "NaN or infinite.", "Mend it, or declare the text a sentinel."),
    EntityReason("not_whole", "quarantined", "The field is no whole number.", "Mend the source."),
    EntityReason("not_a_boolean", "quarantined", "The field is neither yes nor no.", "Add the word to the mapping."),
    EntityReason("bad_time", "quarantined", "The date or time cannot be read.", "Add its format to the mapping."),
    EntityReason("unknown_term", "quarantined", "The word is none the mapping knows.", "Add it to the mapping."),
    EntityReason("below_range", "quarantined", "Below the smallest value allowed.", "Mend the source."),
    EntityReason("above_range", "quarantined", "Above the largest value allowed.", "Mend the source."),
    EntityReason(
        "duplicate_key",
        "quarantined",
        "An earlier row of the file has the same key and says otherwise.",
        "Mend the file.",
    ),
    EntityReason(
        "unknown_parent",
        "quarantined",
        "It names a row of another entity that is not there.",
        "It heals when that arrives.",
    ),
    EntityReason(
        "conflict", "quarantined", "Another file says otherwise of the same key and date.", "Withdraw one of the files."
    ),
    EntityReason("replaced", "skipped", "A later file of the same name is in its place.", ""),
    EntityReason("blank", "skipped", "Every field is blank.", ""),
    EntityReason("subtotal", "skipped", "A sum over other rows, not a thing.", ""),
    EntityReason("excluded", "skipped", "The mapping says that such rows are of no interest.", ""),
    EntityReason("superseded", "skipped", "A feed of higher priority says otherwise of the same key and date.", ""),
    EntityReason("repeated", "skipped", "The same was said by another row or file.", ""),
)
ENTITY_CODES: dict[str, EntityReason] = {reason.code: reason for reason in ENTITY_REASONS}

BRONZE_FILES = Table(
    layer="bronze",
    name="files",
    says="Every file that landed, as it came, once per content and name; long ones in parts.",
    columns=(
        *FILE,
        Column(name="part", type="int", says="Number of the part, from 0."),
        Column(name="parts", type="int", says="Parts that make the file."),
        Column(name="size", type="long", says="Bytes of the whole file."),
        Column(name="modified_at", type="timestamp", says="When the store says it was last written."),
        Column(name="landed_at", type="timestamp", says="When it was taken over."),
        Column(
            name="body",
            type="binary",
            says="The raw bytes of the part; null where the same content is held.",
            null=True,
        ),
    ),
    key=(*FILE_NAMES, "modified_at", "part"),
    retention_days=None,
)

ENTITY_FILES = Table(
    layer="silver",
    name="entity_files",
    says="What became of the rows of each file, per mapping that read it; the columns it lacked or brought anew.",
    columns=(
        *FILE,
        Column(name="mapping_id", type="string", says="Entity mapping spec; empty where none read the file."),
        Column(name="entity", type="string", says="Entity that the mapping makes; empty where none read the file."),
        Column(name="effective_at", type="timestamp", says="Date the file is of; null where rows say it.", null=True),
        Column(name="row_count", type="long", says="Rows of the file."),
        Column(name="accepted", type="long", says="Rows that hold: a version, or what a version already says."),
        Column(name="quarantined", type="long", says="Rows refused; for a file refused as a whole 0."),
        Column(name="skipped", type="long", says="Rows passed over, each with a reason."),
        Column(name="reasons", type="counts", says="Reason code to rows."),
        Column(name="missing_columns", type="strings", says="Columns of the mapping that the file lacks."),
        Column(name="unmapped_columns", type="strings", says="Columns of the file neither mapped nor ignored."),
        Column(name="unknown_terms", type="counts", says="`column: word` without a translation, to rows."),
        Column(name="fault", type="string", says="Reason code where the file as a whole is refused.", null=True),
        Column(name="digest", type="string", says="Hash of the mapping spec; empty where none read the file."),
    ),
    key=(*FILE_NAMES, "mapping_id"),
)

ENTITY_ROWS = Table(
    layer="silver",
    name="entity_rows",
    says="One row of a file and what became of it: the ledger of reference entities.",
    columns=(
        *FILE,
        ENTITY_MAPPING,
        ROW_NUMBER,
        Column(name="entity", type="string", says="Entity that the mapping makes."),
        Column(name="outcome", type="string", says="`accepted`, `quarantined` or `skipped`."),
        Column(name="reason", type="string", says="Reason code; empty where accepted."),
        Column(name="entity_key", type="string", says="Key as text; null where it cannot be read.", null=True),
        Column(name="effective_at", type="timestamp", says="From when it holds.", null=True),
        Column(name="attribute_hash", type="string", says="Hash of the attributes it says.", null=True),
    ),
    key=(*FILE_NAMES, "mapping_id", "row_number"),
)

ENTITY_QUARANTINE = Table(
    layer="silver",
    name="entity_quarantine",
    says="One refused row of a file, or a refused file, with its reason and its fields as they came.",
    columns=(
        *FILE,
        Column(name="mapping_id", type="string", says="Entity mapping spec; empty where none read the file."),
        ROW_NUMBER,
        Column(name="entity", type="string", says="Entity that the mapping makes; empty where none read the file."),
        Column(name="reason", type="string", says="Code from `quality.contracts.entities`."),
        Column(name="field", type="string", says="Column at fault.", null=True),
        Column(name="value", type="string", says="The offending value, cut at 200 characters.", null=True),
        Column(name="message", type="string", says="What is wrong, for a person."),
        Column(name="entity_key", type="string", says="Key as text; null where it cannot be read.", null=True),
        Column(name="effective_at", type="timestamp", says="From when it would hold.", null=True),
        Column(name="raw", type="string", says="The fields of the row as JSON; null for a file.", null=True),
        Column(name="digest", type="string", says="Hash of the mapping spec; empty where none read the file."),
    ),
    key=(*FILE_NAMES, "mapping_id", "row_number"),
)

ENTITY_BUILDS = Table(
    layer="silver",
    name="entity_builds",
    says="Plan and log of the reference entities: from which files and specs each build makes all of them.",
    columns=(
        Column(name="build", type="long", says="Number of the build, from 1, gapless."),
        Column(name="planned_at", type="timestamp", says="When it was planned."),
        Column(name="bronze_version", type="long", says="Delta version of bronze.files that it reads."),
        Column(name="digest", type="string", says="Hash of all specs, contracts and the decoder's version."),
        Column(name="inputs", type="string", says="Hash of the names and contents of all files that it reads."),
        Column(name="specs", type="string", says="The specs as JSON, so that a build can be made again."),
        Column(name="files", type="long", says="Files that it reads."),
    ),
    key=("build",),
)

ENTITY_TABLES: tuple[Table, ...] = (
    BRONZE_FILES,
    *(entity.table for entity in ENTITIES),
    ENTITY_FILES,
    ENTITY_ROWS,
    ENTITY_QUARANTINE,
    ENTITY_BUILDS,
)
"""Every table of this module."""
