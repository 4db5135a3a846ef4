"""Small files beside the tables, on the same store and by the same credentials as they.

Belongs here: writing, reading and listing a few small files below the lake's root, and removing a folder.
Does not: tables (`lake.store`), or what the files say (their owner's module).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pyarrow.fs as pafs
from deltalake.fs import DeltaStorageHandler

from lake.store import Lake

_BUFFER = 2**20


def write_small(lake: Lake, path: str, content: bytes) -> None:
    """Put a file in place of what was there; a reader sees all of the old one or all of the new one."""
    if "://" not in lake.root:
        Path(lake.root).mkdir(parents=True, exist_ok=True)
    with _store(lake).open_output_stream(path, buffer_size=_BUFFER) as out:
        out.write(content)


def read_small(lake: Lake, path: str) -> bytes | None:
    """The bytes of a file; None where there is none."""
    if _absent(lake):
        return None
    try:
        with _store(lake).open_input_stream(path) as file:
            return bytes(file.read())
    except FileNotFoundError:
        return None


def list_small(lake: Lake, folder: str) -> list[str]:
    """Paths of the files right below a folder; [] where there is none."""
    if _absent(lake):
        return []
    found = _store(lake).get_file_info(pafs.FileSelector(folder, allow_not_found=True))
    return sorted(info.path for info in found if info.type is pafs.FileType.File)


def delete_small(lake: Lake, path: str) -> None:
    """Remove a file; it may be gone already."""
    if _absent(lake):
        return
    try:
        _store(lake).delete_file(path)
    except FileNotFoundError:
        return


def sync(path: Path) -> None:
    """On a disk: make a file's bytes, or a folder's names, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def delete_folder(lake: Lake, folder: str) -> None:
    """Remove a folder with all it holds; it may be gone already, and what a crash left is removed by the next call."""
    if _absent(lake):
        return
    _store(lake).delete_dir(folder)
    if "://" not in lake.root:
        shutil.rmtree(Path(lake.root) / folder, ignore_errors=True)  # the store leaves empty folders on a disk


def _absent(lake: Lake) -> bool:
    """Whether there is no such folder yet: on a disk it has to be there before it is asked."""
    return "://" not in lake.root and not Path(lake.root).is_dir()


def _store(lake: Lake) -> pafs.FileSystem:
    return pafs.PyFileSystem(DeltaStorageHandler(lake.root, lake.options or None))
