"""Landed files into Bronze: each content under each name, once, byte for byte.

Belongs here: what is new, taking it over in one fenced commit per few files, and giving the bytes back.
Does not: listing the landing folder (`landing`), or reading what is in a file (`assets.silver.entities`).

What Bronze holds decides what is new; nothing else is remembered. A file is known by name, size and time of writing;
where only its time has changed, its content is found to be held and no bytes are written again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from assets.bronze.landing import FileChangedError, Landing, LandingFile
from lake.fence import on_fresh_table, write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.entities import FILE_NAMES
from quality.contracts.entity_tables import BRONZE_FILES
from settings.clock import now
from settings.scratch import Scratch

APP_ID = "bronze/files"
"""Fence: the number of commits that took files over. Two runs at once cannot both make the same one."""
PART = 16 * 2**20
_COMMIT = 64 * 2**20
"""Bytes of small files that are taken over together."""

Said = Callable[[str], None]


@dataclass(frozen=True)
class Taken:
    """What a run took over."""

    files: tuple[LandingFile, ...] = ()
    size: int = 0
    waiting: tuple[str, ...] = ()
    """Files that were being written to."""


def pending(lake: Lake, landing: Landing) -> list[LandingFile]:
    """Files of the landing folder that Bronze does not hold as they are now."""
    listed = landing.listed()
    if not listed or not lake.exists(BRONZE_FILES):
        return listed
    rows = lake.rows(BRONZE_FILES, columns=["feed", "path", "size", "modified_at"], where=pc.field("part") == 0)
    held = {(row["feed"], row["path"], row["size"], row["modified_at"]) for row in rows.to_pylist()}
    return [file for file in listed if (file.feed, file.path, file.size, file.modified_at) not in held]


def take(lake: Lake, landing: Landing, said: Said = lambda _: None) -> Taken:
    """Take over everything new. A file that changes meanwhile is left for the next run."""
    done: list[LandingFile] = []
    waiting: list[str] = []
    for group in _groups(pending(lake, landing)):
        scratch = Scratch(None, "landing")
        try:
            fetched: list[_Fetched] = []
            for number, file in enumerate(group):
                try:
                    copy = scratch.path / str(number)
                    fetched.append(_Fetched(file, landing.fetch(file, copy), copy))
                except (FileChangedError, FileNotFoundError) as error:
                    waiting.append(str(error))
            if fetched:
                done += on_fresh_table(lake, BRONZE_FILES, partial(_commit, fetched))
                said(f"{len(done)} files, {sum(file.size for file in done):,} bytes")
        finally:
            scratch.close()
    return Taken(tuple(done), sum(file.size for file in done), tuple(waiting))


@dataclass(frozen=True)
class _Fetched:
    """A file with its hash and a copy of its own: what is hashed is what is written, whatever happens outside."""

    file: LandingFile
    content_hash: str
    copy: Path


def _groups(files: Sequence[LandingFile]) -> Iterator[list[LandingFile]]:
    group: list[LandingFile] = []
    for file in files:
        if group and sum(one.size for one in group) + file.size > _COMMIT:
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _commit(fetched: Sequence[_Fetched], target: DeltaTable) -> list[LandingFile]:
    """One commit of what is new in `target`; called again on a fresh table where somebody else committed."""
    before = int(target.transaction_version(APP_ID) or 0)
    rows = target.to_pyarrow_dataset().to_table(columns=[*FILE_NAMES, "modified_at"]).to_pylist()
    arrivals = {(row["feed"], row["path"], row["content_hash"], row["modified_at"]) for row in rows}
    new = [f for f in fetched if (f.file.feed, f.file.path, f.content_hash, f.file.modified_at) not in arrivals]
    if new:
        batches = _batches(new, {row["content_hash"] for row in rows})
        reader = pa.RecordBatchReader.from_batches(arrow_schema(BRONZE_FILES), batches)
        write(target, reader, {APP_ID: before + 1}, metadata={"files": len(new)})
    return [one.file for one in new]


def _batches(fetched: Sequence[_Fetched], held: set[str]) -> Iterator[pa.RecordBatch]:
    """Rows of the files, part by part: memory follows the size of a part, not of a file."""
    known = set(held)
    for one in fetched:
        file = one.file
        row: dict[str, Any] = {
            "feed": file.feed, "path": file.path, "content_hash": one.content_hash, "size": file.size,
            "modified_at": file.modified_at, "landed_at": now(), "part": 0, "parts": 1, "body": None,
        }  # fmt: skip
        if one.content_hash in known:
            yield _batch(row)
            continue
        known.add(one.content_hash)
        parts = max(1, -(-file.size // PART))  # an empty file is one empty part
        with one.copy.open("rb") as copy:
            for number in range(parts):
                yield _batch({**row, "part": number, "parts": parts, "body": copy.read(PART)})


def _batch(row: dict[str, Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([row], schema=arrow_schema(BRONZE_FILES))


def landed(lake: Lake, version: int | None = None) -> list[dict[str, Any]]:
    """Every content under every name, once: feed, path, content_hash, size, in_force; by name.

    A file put in place of another of the same name replaces it: the one written last is in force.
    """
    columns = [*FILE_NAMES, "size", "modified_at"]
    rows = lake.rows(BRONZE_FILES, version=version, columns=columns, where=pc.field("part") == 0).to_pylist()
    newest: dict[tuple[str, str], tuple[Any, str]] = {}
    for row in rows:
        name, written = (row["feed"], row["path"]), (row.pop("modified_at"), row["content_hash"])
        newest[name] = max(newest.get(name, written), written)
    unique = {tuple(row[name] for name in FILE_NAMES): row for row in rows}
    return [
        {**row, "in_force": newest[row["feed"], row["path"]][1] == row["content_hash"]}
        for _, row in sorted(unique.items())
    ]


def bodies(lake: Lake, version: int | None = None) -> Callable[[str], bytes]:
    """A function from a content's hash to its bytes, at one version of the table.

    It raises KeyError where Bronze does not hold all parts of a content.
    """
    dataset = lake.dataset(BRONZE_FILES, version)

    def body(content_hash: str) -> bytes:
        same = (pc.field("content_hash") == content_hash) & pc.field("body").is_valid()
        rows = dataset.to_table(columns=["part", "parts", "body"], filter=same)
        parts = {row["part"]: row["body"] for row in rows.to_pylist()}
        if not parts or sorted(parts) != list(range(rows["parts"][0].as_py())):
            raise KeyError(f"bronze.files does not hold content {content_hash}; restore the table from a backup")
        return b"".join(parts[number] for number in sorted(parts))

    return body


def body_of(lake: Lake, content_hash: str) -> bytes:
    """The bytes of one content. Raises: KeyError as `bodies`."""
    return bodies(lake)(content_hash)
