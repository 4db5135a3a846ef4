"""The landing folder: files that other systems put there, by feed.

Belongs here: listing and reading them, on a disk or in a container.
Does not: what Bronze has of them already (`files`), or what they say.

A file lies at `<feed>/<path>`. What begins with a dot or an underscore, ends like something unfinished, or was
written to a moment ago is not there yet: a copy in progress would be taken for a file.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from time import sleep
from time import time as real_time

import pyarrow.fs as pafs
from deltalake.fs import DeltaStorageHandler

from settings.model import Settings
from settings.storage import storage_options

_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
_READ = 4 * 2**20


class FileChangedError(RuntimeError):
    """A file was written to while it was read; the next run takes it as it then is."""


@dataclass(frozen=True, order=True)
class LandingFile:
    """One file as the listing shows it."""

    feed: str
    path: str
    size: int
    modified_at: datetime

    @property
    def name(self) -> str:
        """Where it lies below the landing folder."""
        return f"{self.feed}/{self.path}"


class Landing:
    """The landing folder of these settings."""

    def __init__(self, settings: Settings) -> None:
        self.root = settings.landing_root
        self._settle = timedelta(seconds=settings.landing_settle_seconds)
        self._options = storage_options(settings)

    def listed(self) -> list[LandingFile]:
        """Every file that is there and settled, by name."""
        # A store knows real time only, whatever time this process lives at.
        latest = datetime.fromtimestamp(real_time(), UTC) - self._settle
        return sorted(file for file in self._all() if not self._settle or file.modified_at <= latest)

    def settling(self) -> float:
        """Seconds until what is there now has settled; 0 where it has."""
        newest = max((file.modified_at.timestamp() for file in self._all()), default=0.0)
        wait = newest + self._settle.total_seconds() - real_time()
        return min(max(0.0, wait), self._settle.total_seconds())

    def _all(self) -> list[LandingFile]:
        if not self._there():
            return []
        found = self._store().get_file_info(pafs.FileSelector("", recursive=True, allow_not_found=True))
        files = (self._file(info) for info in found if info.type is pafs.FileType.File)
        return [file for file in files if file is not None]

    def _file(self, info: pafs.FileInfo) -> LandingFile | None:
        feed, _, path = info.path.lstrip("/").partition("/")
        parts = [feed, *path.split("/")]
        if not path or any(part.startswith((".", "_")) for part in parts) or path.lower().endswith(_UNFINISHED):
            return None
        modified = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=info.mtime_ns // 1000)
        return LandingFile(feed, path, int(info.size), modified)

    def read(self, file: LandingFile) -> Iterator[bytes]:
        """Its bytes, piece by piece."""
        # As they are: left to itself Arrow undoes gzip where the name ends in .gz.
        with self._store().open_input_stream(file.name, compression=None) as stream:
            while piece := stream.read(_READ):
                yield bytes(piece)

    def fetch(self, file: LandingFile, to: Path) -> str:
        """Copy it to a file of ours and give its SHA-256. Raises: FileChangedError where it is not as listed."""
        digest, size = hashlib.sha256(), 0
        with to.open("wb") as copy:
            for piece in self.read(file):
                digest.update(piece)
                size += copy.write(piece)
        if size != file.size:
            raise FileChangedError(f"{file.name} is being written to: {size:,} bytes, listed with {file.size:,}")
        return digest.hexdigest()

    def put(self, file: Path, feed: str, path: str) -> str:
        """Copy a file in and wait until it counts as settled; its name below the landing folder.

        Nobody sees half of it. On a disk it keeps its time of writing. Raises: ValueError for a name that would not
        be seen, or that leads elsewhere.
        """
        name = PurePosixPath(feed, *PurePosixPath(path).parts)
        hidden = any(part.startswith((".", "_")) for part in name.parts) or path.lower().endswith(_UNFINISHED)
        if hidden or name.is_absolute() or "/" in feed or not feed:
            raise ValueError(f"{feed}/{path} is no name for a landed file: none of it may begin with '.' or '_'")
        if "://" in self.root:
            store = self._store()  # takes bytes only where there is a buffer between
            with file.open("rb") as source, store.open_output_stream(str(name), None, _READ) as target:
                shutil.copyfileobj(source, target, _READ)
            modified = real_time()
        else:
            target_path = Path(self.root, *name.parts)
            target_path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target_path.with_name(f".{target_path.name}.part")
            shutil.copy2(file, unfinished)
            unfinished.replace(target_path)
            modified = target_path.stat().st_mtime
        sleep(min(max(0.0, modified + self._settle.total_seconds() - real_time()), self._settle.total_seconds()))
        return str(name)

    def _there(self) -> bool:
        return "://" in self.root or Path(self.root).is_dir()

    def _store(self) -> pafs.FileSystem:
        return pafs.PyFileSystem(DeltaStorageHandler(self.root, self._options or None))
