"""The agents' side of a copy: what is wanted of the machines' files, handed out to whoever dials in for that machine.

An agent asks for work, is told (model, digest, offset), and sends the bytes from that offset on. What it says is only ever
content: digests, sizes and names are ours, and what arrives counts when its SHA-256 is the one that was wanted.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Literal
from weakref import WeakValueDictionary

from core.clock import Clock
from core.errors import AgentMissing, Conflict, InvalidField, MyelinError, NotFound, ProviderTimeout, StorageFull, WrongDigest
from fleet.operations.spool import Part, Spool

What = Literal["manifest", "blob"]
Reason = Literal["missing", "wrong_digest", "unreadable"]
HINT = "POST /machines/NAME/agent makes its key; run `python -m fleet.agent` with it beside that Ollama."


@dataclass(eq=False)
class Task:
    """A file that is wanted of a machine. `most` is its size, for a manifest the largest size; `size` is the size once known."""

    id: str
    machine: str
    what: What
    model: str
    digest: str
    most: int
    tell: Callable[[int], None]
    size: int | None = None
    part: Part | None = None
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    heard_at: float = 0.0

    @property
    def offset(self) -> int:
        return self.part.size if self.part is not None else 0

    def end(self, error: MyelinError | None = None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
            self.done.exception()  # it was seen: nobody may be waiting any more


class Agents:
    """`keyed` says whether a machine has an agent with a key; `patience` is how many silent seconds a task waits."""

    def __init__(self, spool: Spool, clock: Clock, *, keyed: Callable[[str], bool], patience: float = 300.0):
        self.spool = spool
        self._clock, self._keyed, self._patience = clock, keyed, patience
        self._tasks: dict[str, Task] = {}
        self._alone: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._news: dict[str, asyncio.Event] = {}
        self._seen: dict[str, float] = {}
        self._closed = False

    def close(self) -> None:
        """The server stops: long questions end."""
        self._closed = True
        for machine in list(self._news):
            self._wake(machine)

    def keyed(self, machine: str) -> bool:
        return self._keyed(machine)

    def seen_at(self, machine: str) -> float | None:
        """When its agent last asked or sent; seconds since 1970."""
        return self._seen.get(machine)

    async def fetch(self, machine: str, what: What, model: str, digest: str, size: int, tell: Callable[[int], None]) -> None:
        """Until the file lies whole in the spool; `tell` hears how many bytes there are.

        Raises AgentMissing, WrongDigest, StorageFull, NotFound for a file that the source does not have, and ProviderTimeout.
        """
        async with self._alone.setdefault(digest, asyncio.Lock()):  # two copies may want the same file
            if not self.spool.has(digest):
                await self._fetch(machine, what, model, digest, size, tell)
        tell(self.spool.size(digest))

    async def _fetch(self, machine: str, what: What, model: str, digest: str, size: int, tell: Callable[[int], None]) -> None:
        if not self._keyed(machine):
            raise AgentMissing(f"No agent works beside the machine {machine}.", hint=HINT.replace("NAME", machine))
        task = Task(secrets.token_hex(8), machine, what, model, digest, size, tell)
        task.part = await self.spool.open(digest, size)
        task.size = size if what == "blob" else None
        task.heard_at = self._clock.monotonic()
        self._tasks[task.id] = task
        self._wake(machine)
        try:
            await self._waited(task)
        finally:
            del self._tasks[task.id]
            task.end(Conflict("The operation has ended."))
            if not task.writing.locked():  # else whoever writes closes it
                task.part.close()
            self.spool.settle(digest)

    async def _waited(self, task: Task) -> None:
        """Raises ProviderTimeout when nothing comes for too long."""
        while not task.done.done():
            left = task.heard_at + self._patience - self._clock.monotonic()
            if left <= 0:
                raise ProviderTimeout(
                    f"The agent of {task.machine} sent nothing for {self._patience:g} s.", hint=HINT.replace("NAME", task.machine)
                )
            await asyncio.wait([task.done], timeout=left)
        task.done.result()

    async def next(self, machine: str, seconds: float) -> Task | None:
        """The work for a machine's agent; None when there was none for `seconds`, or its key was revoked."""
        try:
            async with asyncio.timeout(seconds):
                while self._keyed(machine) and not self._closed:
                    self._seen[machine] = self._clock.now()
                    # An agent that asks holds nothing: what it was given before was lost, and is given again.
                    open_ones = (one for one in self._tasks.values() if one.machine == machine and not one.done.done())
                    if task := next(open_ones, None):
                        return task
                    await self._news.setdefault(machine, asyncio.Event()).wait()
        except TimeoutError:
            pass
        return None

    async def receive(
        self, machine: str, task_id: str, offset: int, total: int, pieces: AsyncIterator[bytes]
    ) -> tuple[int, bool]:
        """Takes bytes from `offset` on of a file of `total`; gives (bytes that are there, whether it is whole).

        Bytes that do not begin where the file ends are not taken: the agent goes on from what it is told. Raises NotFound for
        work that is over, InvalidField for a wrong size, WrongDigest and StorageFull.
        """
        task = self._task(machine, task_id)
        if total > task.most or (task.size is not None and total != task.size):
            raise InvalidField("The file has another size than the model's manifest says.", field="total")
        async with task.writing:
            try:
                if offset == task.offset:
                    await self._take(task, total, pieces)
                if task.offset == total and not task.done.done():
                    await self._seal(task)
                return task.offset, task.done.done()
            finally:
                if task.done.done():
                    task.part.close()

    async def _take(self, task: Task, total: int, pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            if task.done.done():
                raise _over()
            if task.offset + len(piece) > total:
                raise InvalidField("There are more bytes than the file has.", field="total")
            try:
                await asyncio.to_thread(task.part.write, piece)
            except StorageFull as error:
                task.end(error)
                raise
            task.heard_at, self._seen[task.machine] = self._clock.monotonic(), self._clock.now()
            task.tell(task.offset)

    async def _seal(self, task: Task) -> None:
        try:
            await asyncio.to_thread(task.part.seal)
        except WrongDigest as error:
            task.end(error)
            raise
        task.end()

    def fail(self, machine: str, task_id: str, reason: Reason) -> None:
        """The agent cannot: its file is not there, or is damaged. Raises NotFound for work that is over."""
        task = self._task(machine, task_id)
        if reason == "missing":
            task.end(NotFound(f"A file of {task.model} is not on the machine {machine}.", hint="Install it there again."))
        elif reason == "wrong_digest":
            task.end(WrongDigest(f"A file of {task.model} on {machine} is damaged.", hint="Install it there again."))
        else:
            hint = "Look at --models of the agent, and whether it may read that folder."
            task.end(Conflict(f"The agent of {machine} cannot read a file of {task.model}.", hint=hint))

    def revoke(self, machine: str) -> None:
        """Its key is no more: the work that waits for it ends, and its long question too."""
        for task in [one for one in self._tasks.values() if one.machine == machine]:
            task.end(AgentMissing(f"The key of the agent of {machine} was revoked.", hint=HINT.replace("NAME", machine)))
        self._seen.pop(machine, None)
        self._wake(machine)

    def _wake(self, machine: str) -> None:
        self._news.pop(machine, asyncio.Event()).set()

    def _task(self, machine: str, task_id: str) -> Task:
        task = self._tasks.get(task_id)
        if task is None or task.machine != machine or task.done.done():
            raise _over()
        return task


def _over() -> NotFound:
    return NotFound("This work is over.", hint="Ask for other work.")
