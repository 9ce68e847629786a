"""The sandbox as the server sees it: paths in, pages out; the document itself is never opened by a reader here."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import structlog

from core.errors import (
    DamagedDocument,
    DocumentError,
    DocumentTooComplex,
    MyelinError,
    NotFound,
    ParserCrashed,
    SandboxUnavailable,
)
from documents.parsed import Notice, Page, Total
from documents.parsers.base import Context
from documents.sandbox import workdirs
from documents.sandbox.frames import Content, Failure, FrameError, Kind
from documents.sandbox.limits import Limits, Plan
from documents.sandbox.link import Exit, Link, Lost, Ticket
from documents.sandbox.results import EndOfStream, Results

__all__ = ["Kind", "Limits", "Sandbox"]

LINGER_SECONDS = 1.0  # from the end of a child's stream to its end, before it is killed
MAX_NAME = 255
EXCESS = {
    "processes": "Reading the document started too many processes.",
    "memory": "Reading the document needs more memory than is allowed.",
    "disk": "Reading the document needs more disk space than is allowed.",
    "time": "Reading the document took too long.",
}

log = structlog.get_logger()


class Sandbox:
    """Reads each document in a confined process of its own. Any number at a time: the caller decides how many."""

    def __init__(self, limits: Limits, context: Context, *, workdir: Path, package: str = "documents.parsers"):
        """`workdir` holds the private folders of documents; `package` has the modules `registry`, `rendering` and `ocr`."""
        self._limits = limits
        self._plan = Plan(-1, -1, package, str(workdir.resolve()), limits, context)
        self._workdir = workdir.resolve()
        self._link: Link | None = None
        self._layers: dict[str, bool | str] = {}
        self._starting = asyncio.Lock()
        self._open = False

    @property
    def layers(self) -> dict[str, bool | str]:
        """Which confinement is on, as proved at the last start; empty before it."""
        return dict(self._layers)

    async def start(self) -> None:
        """Sweeps leftovers and starts the fork server. Raises SandboxUnavailable when a child cannot be confined."""
        await asyncio.to_thread(workdirs.sweep, self._workdir)
        self._open = True
        await self._running()

    async def close(self) -> None:
        """Kills every child and ends the fork server."""
        self._open = False
        async with self._starting:
            if self._link is not None:
                await self._link.close()
                self._link = None

    async def parse(self, path: Path, filename: str) -> AsyncIterator[Page | Notice | Total | Kind]:
        """First the `Kind`, then `Total`, pages and notices in reading order.

        Raises a DocumentError, UnsupportedType or SandboxUnavailable. Closing or cancelling it kills the child's group.
        """
        request = {"action": "parse", "filename": filename[:MAX_NAME]}
        async with aclosing(self._answers(request, lambda: _open(path))) as answers:
            async for content in answers:
                yield content

    async def render(self, path: Path, filename: str, page: int, dpi: int = 110) -> bytes:
        """A page as PNG. Raises NotFound for a page that is not there, and whatever `parse` raises."""
        request = {"action": "render", "filename": filename[:MAX_NAME], "page": page, "dpi": dpi}
        async with aclosing(self._answers(request, lambda: _open(path))) as answers:
            async for image in answers:
                return image
        raise ParserCrashed("The picture of the page could not be made.")

    async def compute(self, task: str, request: bytes) -> bytes:
        """A task of `documents.reasoning` over `request`, as JSON. Raises whatever `parse` raises."""
        call = {"action": "compute", "filename": task}
        async with aclosing(self._answers(call, lambda: _hold(request))) as answers:
            async for value in answers:
                return value
        raise ParserCrashed("The text of the document could not be worked on.")

    async def _running(self) -> Link:
        async with self._starting:
            if not self._open:
                raise SandboxUnavailable("The document sandbox is not running.")
            if self._link is not None and not self._link.alive:
                log.warning("sandbox.restarting")
                await self._link.close()
                self._link = None
            if self._link is None:
                self._link, self._layers = await Link.open(self._plan)
            return self._link

    async def _answers(self, request: dict[str, Any], source: Callable[[], int]) -> AsyncIterator[Any]:
        """The contents of one child; once again from the beginning when the fork server was lost before the first of them."""
        begun = False
        for last in (False, True):
            try:
                async with aclosing(self._child(await self._running(), request, source)) as contents:
                    async for content in contents:
                        begun = True
                        yield content
                return
            except Lost:
                if begun or last:
                    raise

    async def _child(self, link: Link, request: dict[str, Any], source: Callable[[], int]) -> AsyncIterator[Content]:
        document = source()
        near, far = socket.socketpair()
        folder = workdirs.create(self._workdir)
        try:
            with near:
                try:
                    ticket = await link.request({**request, "workdir": str(folder)}, document, far.fileno())
                finally:
                    os.close(document)
                    far.close()
                try:
                    results = Results(near, self._limits, request["action"])
                    async with aclosing(_checked(results, ticket, request["action"])) as contents:
                        async for content in contents:
                            yield content
                finally:
                    await link.end(ticket)
        finally:
            await _erase(folder)


async def _checked(results: Results, ticket: Ticket, action: str) -> AsyncIterator[Content]:
    try:
        async with aclosing(results.contents()) as contents:
            async for content in contents:
                if isinstance(content, Failure):
                    raise _failed(content, action)
                yield content
    except FrameError as error:
        log.warning("sandbox.bad_frame", reason=str(error))
        raise ParserCrashed("The reader of this document sent something that is not a page.") from None
    except (EndOfStream, ConnectionError):
        await asyncio.wait([ticket.ended], timeout=LINGER_SECONDS)
        ended = await ticket.ended if ticket.ended.done() else None
        raise _verdict(ended, results.confined) from None


def _failed(failure: Failure, action: str) -> MyelinError:
    if failure.where:
        log.warning("sandbox.reader_failed", where=failure.where)
    error = failure.error()
    return DocumentError(error.detail) if isinstance(error, NotFound) and action != "render" else error


def _verdict(ended: Exit | None, confined: bool) -> MyelinError:
    """What a child that ended without a word died of."""
    log.warning("sandbox.child_died", status=ended and ended.status, why=ended and ended.why, confined=confined)
    if ended is not None and ended.why == "fork":
        hint = "Lower EXTRACTION_WORKERS or free memory."
        return SandboxUnavailable("No process could be started to read the document.", hint=hint)
    if not confined:
        return SandboxUnavailable("The reader of the document did not start or could not confine itself; nothing was read.")
    if ended is not None and ended.why:
        return DocumentTooComplex(EXCESS.get(ended.why, EXCESS["time"]), hint="Split the document.")
    if ended is not None and ended.status in (-signal.SIGXCPU, -signal.SIGKILL):
        return DocumentTooComplex("Reading the document used up its processor time or its memory.", hint="Split the document.")
    return ParserCrashed("The reader of this document crashed.")


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        raise DamagedDocument("The stored file of the document cannot be opened.") from None


def _hold(content: bytes) -> int:
    """An open file with `content` that stands in no folder: in memory where the system can, else without a name."""
    if hasattr(os, "memfd_create"):
        file = os.fdopen(os.memfd_create("text"), "w+b", buffering=0)
    else:
        file = TemporaryFile(buffering=0)
    with file:
        file.write(content)
        return os.dup(file.fileno())


async def _erase(folder: Path) -> None:
    try:
        folder.rmdir()  # most readers leave nothing
    except OSError:
        await asyncio.to_thread(workdirs.erase, folder)
