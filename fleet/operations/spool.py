"""Files of models on their way from one machine to another: one folder, named by digest, bounded, and checked.

    DIGEST.part   grows while it arrives, and is gone on with after a restart
    DIGEST        whole, its SHA-256 is its name

No name comes from outside: a digest is 64 hexadecimal digits before it gets here. Sizes in bytes.
"""

import asyncio
import errno
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from core.errors import InvalidField, StorageFull, WrongDigest
from providers.ollama_blobs import read_digest

_PIECE = 1 << 20


class Part:
    """A file that arrives. `size` is what is there of it; one writer at a time."""

    def __init__(self, path: Path, whole: Path, wanted: str):
        self._path, self._whole, self._wanted = path, whole, wanted
        self._hash = hashlib.sha256()
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.size = 0
        while piece := os.read(self._handle, _PIECE):
            self._hash.update(piece)
            self.size += len(piece)

    def write(self, piece: bytes) -> None:
        """Raises StorageFull; what was there is gone then, so that the service can breathe."""
        view = memoryview(piece)
        try:
            while view:
                view = view[os.write(self._handle, view) :]
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                self.drop()
                raise _full() from None
            raise
        self._hash.update(piece)
        self.size += len(piece)

    def seal(self) -> None:
        """Raises WrongDigest; what was there is gone then."""
        if f"sha256:{self._hash.hexdigest()}" != self._wanted:
            self.drop()
            raise WrongDigest("What the agent sent is not what its digest says.", hint="The file at the source may be damaged.")
        os.fsync(self._handle)
        os.rename(self._path, self._whole)
        self.close()

    def drop(self) -> None:
        self._path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


class Spool:
    """`free` tells the free bytes of a folder; `spare` of them are never used; `most` is what all files may take together."""

    def __init__(
        self,
        folder: Path,
        *,
        spare: int = 0,
        most: int = 1 << 40,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ):
        self._folder, self._spare, self._most, self._free = folder, spare, most, free
        self._expected: dict[str, int] = {}
        self._users: Counter[str] = Counter()

    async def prepare(self) -> None:
        await asyncio.to_thread(self._folder.mkdir, mode=0o700, parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Raises InvalidField for what is no digest."""
        return self._folder / read_digest(digest).removeprefix("sha256:")

    def has(self, digest: str) -> bool:
        return self.path(digest).exists()

    async def open(self, digest: str, size: int) -> Part:
        """The part of a file that will have `size` bytes, with what is there of it. Raises StorageFull."""
        return await asyncio.to_thread(self._open, digest, size)

    def _open(self, digest: str, size: int) -> Part:
        whole = self.path(digest)
        path = whole.with_suffix(".part")
        have = _size(path)
        self._expected.pop(digest, None)
        others = sum(max(0, wanted - self._there(other)) for other, wanted in self._expected.items())
        taken = sum(map(_size, self._folder.iterdir()))
        missing = max(0, size - have)
        if self._free(self._folder) - self._spare - others < missing or taken + others + missing > self._most:
            raise _full()
        self._expected[digest] = size
        if have > size:
            path.unlink()
        return Part(path, whole, digest)

    def _there(self, digest: str) -> int:
        return _size(self.path(digest).with_suffix(".part"))

    def settle(self, digest: str) -> None:
        """Nothing more of this file will come: the room that was kept for it is free."""
        self._expected.pop(digest, None)

    def size(self, digest: str) -> int:
        return self.path(digest).stat().st_size

    def read(self, digest: str, most: int) -> bytes:
        """A small file. Raises InvalidField for one that is not."""
        with self.path(digest).open("rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise InvalidField("A text of the model is too long.", field="model")
        return content

    async def pieces(self, digest: str, told: Callable[[int], Any] = lambda _: None) -> AsyncIterator[bytes]:
        """The content of a whole file; `told` how many bytes were taken."""
        file = await asyncio.to_thread(self.path(digest).open, "rb")
        taken = 0
        try:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece
                taken += len(piece)
                told(taken)
        finally:
            file.close()

    @asynccontextmanager
    async def used(self, digest: str) -> AsyncIterator[None]:
        """The file is needed inside; at the end it goes, unless somebody else needs it, or the work broke and goes on later."""
        self._users[digest] += 1
        try:
            yield
        except BaseException:
            self._users[digest] -= 1
            raise
        self._users[digest] -= 1
        if not self._users[digest]:
            del self._users[digest]
            await asyncio.to_thread(self.path(digest).unlink, missing_ok=True)

    async def clear(self) -> None:
        """Removes all files: nobody is at work."""
        self._expected.clear()
        await asyncio.to_thread(lambda: [file.unlink(missing_ok=True) for file in self._folder.iterdir()])


def _size(path: Path) -> int:
    """Bytes; 0 for a file that is not there, or that another one's end has just taken away."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _full() -> StorageFull:
    return StorageFull("There is not enough free space to pass this model on.", hint="Free disk space in DATA_DIR of Myelin.")
