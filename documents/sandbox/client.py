"""The sandbox as the server sees it: paths in, pages out; the document itself is never opened by a reader here."""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import (
    DamagedDocument,
    DocumentError,
    DocumentTooComplex,
    MyelinError,
    NotFound,
    ParserCrashed,
    SandboxUnavailable,
    StorageFull,
)
from core.logs import get_logger
from documents.parsed import Notice, SealedPage, Total
from documents.parsers.base import Context
from documents.sandbox import workdirs
from documents.sandbox.frames import Content, Failure, FrameError, Kind, Tag, header_of
from documents.sandbox.limits import Limits, Plan
from documents.sandbox.link import Exit, Link, Lost, Ticket
from documents.sandbox.results import EndOfStream, Results
from documents.sandbox.resuming import resumed

__all__ = ["Kind", "Limits", "Sandbox"]

LINGER_SECONDS = 1.0  # from the end of a child's stream to its end, before it is killed
MAX_NAME = 255
COMPUTATIONS = 100  # of one child
EXCESS = {
    "processes": "Reading the document started too many processes.",
    "memory": "Reading the document needs more memory than is allowed.",
    "disk": "Reading the document needs more disk space than is allowed.",
    "time": "Reading the document took too long.",
}

log = get_logger()


@dataclass(slots=True)
class Computer:
    """A child that computes; `left` computations until it makes room for a fresh one."""

    values: AsyncGenerator[bytes, bytes]
    left: int = COMPUTATIONS


class Sandbox:
    """Reads each document in a confined process of its own. Any number at a time: the caller decides how many."""

    def __init__(self, limits: Limits, context: Context, *, workdir: Path, package: str = "documents.parsers"):
        """`workdir` holds the private folders of documents; `package` has the modules `registry`, `rendering` and `ocr`."""
        self._limits = limits
        self._plan = Plan(-1, -1, package, str(workdir.resolve()), limits, context)
        self._workdir = workdir.resolve()
        self._link: Link | None = None
        self._layers: dict[str, bool | str] = {}
        self._computers: list[Computer] = []
        self._starting = asyncio.Lock()
        self._open = False

    @property
    def layers(self) -> dict[str, bool | str]:
        """Which confinement is on, as proved at the last start; empty before it."""
        return dict(self._layers)

    @property
    def context(self) -> Context:
        """What its readers may know."""
        return self._plan.context

    async def start(self) -> None:
        """Sweeps leftovers and starts the fork server. Raises SandboxUnavailable when a child cannot be confined."""
        await asyncio.to_thread(workdirs.sweep, self._workdir)
        self._open = True
        await self._running()

    async def close(self) -> None:
        """Kills every child and ends the fork server."""
        self._open = False
        while self._computers:
            await self._computers.pop().values.aclose()
        async with self._starting:
            if self._link is not None:
                await self._link.close()
                self._link = None

    async def parse(self, path: Path, filename: str) -> AsyncIterator[SealedPage | Notice | Total | Kind]:
        """First the `Kind`, then `Total`, pages and notices in reading order. A page that ends its reader is a notice.

        Raises a DocumentError, UnsupportedType or SandboxUnavailable. Closing or cancelling it kills the child's group.
        """
        ends = asyncio.get_running_loop().time() + self._limits.wall_seconds

        def child(first: int) -> AsyncGenerator[Any, None]:
            request = {"action": "parse", "filename": filename[:MAX_NAME], "page": first}
            return self._answers(request, lambda: _open(path), ends)

        async with aclosing(resumed(child)) as parts:
            async for part in parts:
                yield part

    async def render(self, path: Path, filename: str, page: int, dpi: int = 110) -> bytes:
        """A page as PNG. Raises NotFound for a page that is not there, and whatever `parse` raises."""
        request = {"action": "render", "filename": filename[:MAX_NAME], "page": page, "dpi": dpi}
        async with aclosing(self._answers(request, lambda: _open(path))) as answers:
            async for image in answers:
                return image
        raise ParserCrashed("The picture of the page could not be made.")

    async def compute(self, task: str, request: bytes) -> bytes:
        """A task of `documents.reasoning` over `request`, as JSON. Raises whatever `parse` raises.

        Its child stays for the next computations: it sees texts, which run nothing, and no file.
        """
        packet = task.encode() + b"\0" + request
        if self._computers:
            try:
                return await self._computed(self._computers.pop(), packet)
            except MyelinError:
                log.info("sandbox.computing_again")  # it may have died while it waited; a fresh child decides
        try:
            return await self._computed(await self._computer(), packet)
        except Lost:
            return await self._computed(await self._computer(), packet)

    async def _computer(self) -> Computer:
        values = self._computing()
        await values.asend(None)
        return Computer(values)

    async def _computed(self, computer: Computer, packet: bytes) -> bytes:
        value = await computer.values.asend(packet)
        computer.left -= 1
        if computer.left and self._open:
            self._computers.append(computer)
        else:
            await computer.values.aclose()
        return value

    async def _computing(self) -> AsyncGenerator[bytes, bytes]:
        """One child that takes packets and gives values until it is closed."""
        request, value = {"action": "compute", "filename": ""}, b""
        async with self._opened(await self._running(), request, _nothing) as (near, contents):
            while True:
                packet = yield value
                with suppress(ConnectionError, TimeoutError):  # a child that takes nothing ends the contents, too
                    async with asyncio.timeout(self._limits.page_seconds):
                        await asyncio.get_running_loop().sock_sendall(near, header_of(Tag.VALUE, len(packet)) + packet)
                value = await anext(contents)

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

    async def _answers(
        self, request: dict[str, Any], source: Callable[[], int], ends: float | None = None
    ) -> AsyncGenerator[Any, None]:
        """The contents of one child, until the loop's clock shows `ends`.

        Once again from the beginning when the fork server was lost before the first of them.
        """
        begun = False
        for last in (False, True):
            try:
                async with aclosing(self._child(await self._running(), request, source, ends)) as contents:
                    async for content in contents:
                        begun = True
                        yield content
                return
            except Lost:
                if begun or last:
                    raise

    async def _child(
        self, link: Link, request: dict[str, Any], source: Callable[[], int], ends: float | None
    ) -> AsyncIterator[Content]:
        async with self._opened(link, request, source, ends) as (_, contents):
            async for content in contents:
                yield content

    @asynccontextmanager
    async def _opened(
        self, link: Link, request: dict[str, Any], source: Callable[[], int], ends: float | None = None
    ) -> AsyncIterator[Any]:
        """A child, its socket and its checked contents; on the way out it and all it started are gone."""
        folder = _created(self._workdir)
        try:
            document = source()
            try:
                near, far = socket.socketpair()
            except OSError:
                os.close(document)
                raise
            with near:
                try:
                    ticket = await link.request({**request, "workdir": str(folder)}, document, far.fileno())
                finally:
                    os.close(document)
                    far.close()
                try:
                    results = Results(near, self._limits, request["action"], ends)
                    async with aclosing(_checked(results, ticket, request["action"])) as contents:
                        yield near, contents
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


def _created(workdir: Path) -> Path:
    try:
        return workdirs.create(workdir)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("There is no space left to read documents.", retry_after=30) from None
        raise SandboxUnavailable("The work folder of the document sandbox cannot be used.") from None


def _nothing() -> int:
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)


async def _erase(folder: Path) -> None:
    try:
        folder.rmdir()  # noqa: ASYNC240 — most readers leave nothing, and that takes microseconds
    except OSError:
        try:
            await asyncio.to_thread(workdirs.erase, folder)
        except OSError as error:  # the next start sweeps it; the result is good all the same
            log.warning("sandbox.not_erased", error=error.strerror)
