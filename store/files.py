"""Uploaded files on the disk. A file's name comes from us, never from the client, and it is fsynced before its row."""

import asyncio
import errno
import hashlib
import os
import shutil
import time
from pathlib import Path

from core.errors import StorageFull

_BUFFER = 1 << 20


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable: what was made, renamed or removed there survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Incoming:
    """One upload on its way in: `write` pieces, then `keep` (durable) or `discard`. Size in bytes, hash as hex."""

    def __init__(self, files: "Files", job_id: str):
        self._files = files
        self._job_id = job_id
        self._temporary = files.incoming / job_id
        self._buffer = bytearray()
        self._hash = hashlib.sha256()
        self._handle: int | None = None
        self.head = b""
        self.size = 0

    async def write(self, piece: bytes) -> None:
        if len(self.head) < 4096:
            self.head += piece[: 4096 - len(self.head)]
        self.size += len(piece)
        self._buffer += piece
        if len(self._buffer) >= _BUFFER:
            await asyncio.to_thread(self._guarded, self._flush)

    async def keep(self) -> str:
        """Makes the file durable under its final name and returns its SHA-256. Raises StorageFull."""
        await asyncio.to_thread(self._guarded, self._finish)
        return self._hash.hexdigest()

    async def discard(self) -> None:
        await asyncio.to_thread(self._remove)

    def _guarded(self, step) -> None:
        try:
            step()
        except OSError as error:
            self._remove()
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull("There is no space left to store this file.", retry_after=30) from None
            raise

    def _flush(self) -> None:
        if self._handle is None:
            self._handle = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        piece = bytes(self._buffer)
        self._buffer.clear()
        self._hash.update(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(self._handle, view) :]

    def _finish(self) -> None:
        self._flush()
        os.fsync(self._handle)
        os.close(self._handle)
        self._handle = None
        final = self._files.path(self._job_id)
        os.rename(self._temporary, final)
        sync_folder(final.parent)

    def _remove(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        self._temporary.unlink(missing_ok=True)
        self._files.path(self._job_id).unlink(missing_ok=True)


class Files:
    """The folder of uploads below DATA_DIR: `incoming/` while they arrive, `files/ab/<job id>` once durable."""

    def __init__(self, data_dir: Path, min_free_bytes: int = 0):
        self.incoming = data_dir / "incoming"
        self.kept = data_dir / "files"
        self._min_free = min_free_bytes

    def prepare(self) -> None:
        """Makes every folder (mode 0700), durably, and removes what a stopped server left half received."""
        shutil.rmtree(self.incoming, ignore_errors=True)
        for folder in (self.incoming, self.kept, *(self.kept / f"{number:02x}" for number in range(256))):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.kept, self.kept.parent):
            sync_folder(folder)

    def path(self, job_id: str) -> Path:
        return self.kept / job_id[:2] / job_id

    def receive(self, job_id: str) -> Incoming:
        """Raises StorageFull when less than the wanted free space is left."""
        if shutil.disk_usage(self.kept).free < self._min_free:
            raise StorageFull("There is not enough free space to accept files now.", retry_after=60)
        return Incoming(self, job_id)

    async def erase(self, job_id: str) -> None:
        await asyncio.to_thread(self.path(job_id).unlink, missing_ok=True)

    async def sweep(self, known: set[str], older_than: float = 3600.0) -> int:
        """Removes files that no job knows and that are older than `older_than` seconds; returns how many."""
        return await asyncio.to_thread(self._sweep, known, time.time() - older_than)

    def _sweep(self, known: set[str], before: float) -> int:
        orphans = [path for path in self.kept.glob("??/*") if path.name not in known and path.stat().st_mtime < before]
        for path in orphans:
            path.unlink(missing_ok=True)
        return len(orphans)
