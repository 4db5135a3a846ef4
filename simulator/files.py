"""Which files a path stands for, and their lines as they are.

Belongs here: choosing files in a folder, unpacking gzip, cutting at line ends. Bytes are not decoded: what a file holds
in Latin-1 or broken UTF-8 arrives so.
Does not: what a line means, or sending it (`replay`).
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

_ROWS = (".csv", ".tsv", ".txt")
_ARCHIVES = (".tgz", ".tar.gz", ".tar", ".zip", ".7z", ".xz", ".bz2", ".zst")
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


class ReplayError(RuntimeError):
    """A path that cannot be replayed, or a file that breaks off in the middle."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: where it is, and its name relative to what was asked for, with forward slashes."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Files to replay, in order of their names, and how many others lie beside them."""

    files: tuple[SourceFile, ...]
    skipped: tuple[str, ...]


def select(path: Path) -> Selection:
    """`path` itself, or the files of rows (.csv, .tsv, .txt, each also .gz, and plain .gz) in and under it.

    In a folder anything else is skipped: documents, archives, hidden files, and a README whatever its ending.
    Raises ReplayError where there is nothing to replay.
    """
    if path.is_file():
        if path.name.lower().endswith(_ARCHIVES):
            raise ReplayError(f"{path} is an archive; unpack it and replay the folder")
        return Selection((SourceFile(path, path.name),), ())
    if not path.is_dir():
        raise ReplayError(f"there is no file or folder {path}")
    files: list[SourceFile] = []
    skipped: list[str] = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            found = Path(folder, name)
            relative = os.fsencode(found.relative_to(path).as_posix()).decode(errors="backslashreplace")
            if _holds_rows(name):
                files.append(SourceFile(found, relative))
            else:
                skipped.append(relative)
    if not files:
        raise ReplayError(f"{path} holds no file of rows ({', '.join(_ROWS)}, or one of them with .gz)")
    return Selection(tuple(sorted(files, key=lambda file: file.name)), tuple(sorted(skipped)))


def lines(file: SourceFile) -> Iterator[tuple[int, bytes]]:
    """Every line with its number from 1, without its line end (LF or CR LF); blank ones too.

    Raises ReplayError where the file cannot be read to its end; the lines before that were given.
    """
    number = 0
    try:
        with _content(file.path) as content:
            for line in content:
                number += 1
                yield number, line.removesuffix(b"\n").removesuffix(b"\r")
    except (OSError, EOFError, zlib.error) as error:
        raise ReplayError(f"{file.path} cannot be read beyond line {number}: {error}") from error


@contextmanager
def _content(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file; unpacked if it begins as gzip does, whatever its name."""
    with path.open("rb") as raw:
        if raw.peek(2)[:2] != _GZIP_MAGIC:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as packed, io.BufferedReader(packed, _CHUNK) as content:
            yield content


def _holds_rows(name: str) -> bool:
    name = name.lower()
    ending = PurePosixPath(name.removesuffix(".gz")).suffix
    if name.startswith((".", "readme")) or name.endswith(_ARCHIVES):
        return False
    # `measurements.gz` says nothing about what is packed; a folder to replay is taken to hold rows.
    return ending in _ROWS or (name.endswith(".gz") and not ending)


def count_lines(files: tuple[SourceFile, ...], *, within_bytes: int) -> int | None:
    """Lines that are not blank, for a progress bar; None where the files are so large that counting is work itself."""
    if sum(file.path.stat().st_size for file in files) > within_bytes:
        return None
    return sum(1 for file in files for _, line in lines(file) if line.strip())
