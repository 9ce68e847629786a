"""The server's side of the fork server: one process, one packet socket, and who waits for which child."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import orjson

from core.errors import SandboxUnavailable
from documents.sandbox.limits import Plan

START_SECONDS = 60
CLOSE_SECONDS = 5
SEND_SECONDS = 10
KILL_SECONDS = 60
PACKETS = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM
HOUSE = Path(__file__).resolve().parents[2]
BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from documents.sandbox.forkserver import main; main(sys.argv[2])"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin",
    "LANG": "C.UTF-8",
    "OMP_THREAD_LIMIT": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class Lost(SandboxUnavailable):
    """The fork server died; the next request starts another."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended: exit code, or minus the signal; `why` when the fork server's watch killed it."""

    status: int
    why: str | None


@dataclass(slots=True)
class Ticket:
    """One request: `ended` is set when its child and the child's whole group are gone."""

    id: int
    ended: asyncio.Future[Exit]
    pid: int | None = field(default=None)


class Link:
    """A running fork server. `open` starts one; every request is a `Ticket`."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket):
        self._process = process
        self._control = control
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[dict[str, bool | str]] = self._loop.create_future()
        self._tickets: dict[int, Ticket] = {}
        self._count = 0
        self.alive = True
        self._loop.add_reader(control.fileno(), self._receive)

    @classmethod
    async def open(cls, plan: Plan) -> tuple[Self, dict[str, bool | str]]:
        """A fork server whose probes passed, and its layers. Raises SandboxUnavailable with the reason it gave.

        It is a direct child of this thread's process on purpose: it dies when its parent thread does.
        """
        control, far = socket.socketpair(socket.AF_UNIX, PACKETS)
        control.setblocking(False)
        with far:
            process = subprocess.Popen(  # noqa: ASYNC220 — a child of this very thread
                [sys.executable, "-I", "-c", BOOT, str(HOUSE), _told(plan, far.fileno())],
                env=ENVIRONMENT, pass_fds=(far.fileno(),), cwd="/", start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        link = cls(process, control)
        try:
            async with asyncio.timeout(START_SECONDS):
                return link, await link._ready
        except TimeoutError:
            await link.close()
            raise SandboxUnavailable("The document sandbox did not start in time.") from None
        except BaseException:
            await link.close()
            raise

    async def request(self, message: dict[str, object], document: int, results: int) -> Ticket:
        """Has a child forked with these two open files; raises Lost."""
        self._count += 1
        ticket = Ticket(self._count, self._loop.create_future())
        self._tickets[ticket.id] = ticket
        packet = orjson.dumps({**message, "id": ticket.id})
        deadline = self._loop.time() + SEND_SECONDS
        while self.alive:
            try:
                socket.send_fds(self._control, [packet], [document, results])
                return ticket
            except BlockingIOError:
                if self._loop.time() > deadline:
                    self._lose()
                await asyncio.sleep(0.005)
            except OSError:
                self._lose()
        self._tickets.pop(ticket.id, None)
        raise Lost("The document sandbox ended.")

    async def end(self, ticket: Ticket) -> None:
        """Kills the child of a ticket and all it started, and returns when they are gone."""
        if ticket.ended.done():
            return
        with suppress(OSError):  # a full or closed socket: the deadline below decides
            self._control.send(orjson.dumps({"kill": ticket.id}))
        await asyncio.wait([ticket.ended], timeout=CLOSE_SECONDS)
        if not ticket.ended.done():
            self._lose()

    async def close(self) -> None:
        """Ends the fork server, its children with it."""
        self._lose(kill=False)
        await asyncio.to_thread(_bury, self._process)

    def _receive(self) -> None:
        while self.alive:
            try:
                packet = self._control.recv(64 << 10)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if packet:
                self._hear(orjson.loads(packet))
            else:
                self._lose()

    def _hear(self, message: dict[str, object]) -> None:
        match message:
            case {"ready": dict(layers)}:
                self._ready.set_result(layers)
            case {"refused": str(why)}:
                self._ready.set_exception(SandboxUnavailable(f"The document sandbox cannot confine its readers: {why}."))
            case {"id": int(number), "pid": int(pid)} if number in self._tickets:
                self._tickets[number].pid = pid
            case {"id": int(number), "status": int(status), "why": why} if number in self._tickets:
                ticket = self._tickets.pop(number)
                if not ticket.ended.done():
                    ticket.ended.set_result(Exit(status, why))

    def _lose(self, kill: bool = True) -> None:
        if not self.alive:
            return
        self.alive = False
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        if kill:
            self._process.kill()
        if not self._ready.done():
            self._ready.set_exception(SandboxUnavailable("The document sandbox ended while it started."))
        tickets, self._tickets = list(self._tickets.values()), {}
        for ticket in tickets:
            if kill and ticket.pid is not None:  # nobody else is left to kill what the child started
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(ticket.pid, signal.SIGKILL)
            if not ticket.ended.done():
                ticket.ended.set_exception(Lost("The document sandbox ended."))
                ticket.ended.exception()  # seen: nobody need wait for it


def _told(plan: Plan, control: int) -> str:
    return Plan(control, os.getpid(), plan.package, plan.workdir, plan.limits, plan.context).to_json()


def _bury(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(CLOSE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(KILL_SECONDS)
