"""Uploaded blobs as files: a blob that was acknowledged is on the disk, whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote


class BlobMissingError(Exception):
    """The blob is not there, or not any more."""


class Blobs:
    """Containers as folders under `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staging = folder / ".staging"
        # Blocks and half-written blobs of a process that was killed belong to nobody.
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir(parents=True)

    def path(self, container: str, name: str) -> Path:
        """Where the blob is kept: names may hold slashes and be longer than a file name can."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:32]
        return self._folder / quote(container, safe="") / f"{quote(name, safe='')[-120:]}.{digest}"

    def existing(self, container: str, name: str) -> Path:
        """The file of a blob that is there."""
        path = self.path(container, name)
        if not path.is_file():
            raise BlobMissingError(f"{container}/{name}")
        return path

    async def receive(self, chunks: AsyncIterator[bytes]) -> Path:
        """Write a request's body to a staging file that nobody sees yet."""
        target = self._staging / uuid.uuid4().hex
        with target.open("wb") as file:
            async for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        return target

    def publish(self, staged: Path, container: str, name: str) -> Path:
        """Make a staging file the blob, in one step."""
        target = self.path(container, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return target

    def block_path(self, container: str, name: str, block: str) -> Path:
        """Where an uncommitted block waits for its list."""
        key = hashlib.sha256(f"{container}\0{name}\0{block}".encode()).hexdigest()
        return self._staging / f"block-{key}"

    def assemble(self, container: str, name: str, blocks: list[str]) -> Path:
        """Join the listed blocks into the blob."""
        target = self._staging / uuid.uuid4().hex
        paths = [self.block_path(container, name, block) for block in blocks]
        with target.open("wb") as whole:
            for path in paths:
                if not path.is_file():
                    raise BlobMissingError(f"a listed block of {container}/{name}")
                with path.open("rb") as part:
                    shutil.copyfileobj(part, whole)
            whole.flush()
            os.fsync(whole.fileno())
        published = self.publish(target, container, name)
        for path in paths:
            path.unlink(missing_ok=True)
        return published

    def delete(self, container: str, name: str) -> None:
        """Remove the blob if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self.path(container, name).unlink()
