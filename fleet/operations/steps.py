"""The steps of operations. Each may be done again: a restart goes on with the one that was under way.

install    pulling ─► verifying
duplicate  pulling ─► verifying ─┐            a pull that fails, or gives another version, ends at the source's own files
move       the same, then deleting            copying ─► creating ─► verifying
delete     deleting
activate, deactivate  switching
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from core.clock import Clock
from core.errors import (
    AgentMissing,
    Conflict,
    ModelNotInstalled,
    MyelinError,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
    StorageFull,
    WrongDigest,
)
from fleet.operations.activity import Activity
from fleet.operations.agents import HINT, Agents
from fleet.operations.looking import port_of
from fleet.operations.manifest import MANIFEST_BYTES, TEXT_BYTES, Layer, creation, read_manifest
from fleet.operations.ports import Holders, Port, Ports
from fleet.operations.pulling import follow
from fleet.operations.record import Operation, Step
from fleet.progress import Progress
from providers.ollama_blobs import is_full

T = TypeVar("T")
_OF_THE_MACHINE = (ProviderUnreachable, ProviderTimeout)


class Work(Protocol):
    """One operation as its steps see it."""

    @property
    def record(self) -> Operation: ...

    async def mark(self, **changes: Any) -> None:
        """A change that must outlive a restart."""

    def note(self, **changes: Any) -> None:
        """Mere progress."""


class Steps:
    """`clock` measures speeds; `stall` is the silence, in seconds, after which a pull counts as dead."""

    def __init__(self, ports: Ports, holders: Holders, agents: Agents, activity: Activity, clock: Clock, stall: float):
        self._ports, self._holders, self._agents, self._activity = ports, holders, agents, activity
        self._clock, self._stall = clock, stall

    async def take(self, work: Work) -> Step | None:
        """Takes the present step and gives the next one. Raises MyelinError."""
        steps: dict[Step, Callable[[Work], Awaitable[Step | None]]] = {
            "pulling": self._pulling, "verifying": self._verifying, "copying": self._copying,
            "creating": self._creating, "deleting": self._deleting, "switching": self._switching,
        }  # fmt: skip
        return await steps[work.record.step](work)

    def _port(self, name: str) -> Port:
        return port_of(self._ports(), name)

    def _target(self, work: Work) -> Port:
        return self._port(work.record.target or work.record.machine)

    async def _pulling(self, work: Work) -> Step:
        record, port = work.record, self._target(work)
        if record.digest is not None and (await port.digests()).get(record.model) == record.digest:
            return "verifying"
        await work.mark(way="pull")
        try:
            await follow(port.pull(record.model), clock=self._clock, stall=self._stall, tell=self._teller(work))
        except ProviderError as error:
            if is_full(error):
                hint = "Delete a model there, then ask again."
                raise StorageFull("The disk of the machine is full.", hint=hint) from None
            if record.source is None or isinstance(error, _OF_THE_MACHINE):
                raise
            if self._agents.keyed(record.source):
                return "copying"
            if isinstance(error, ProviderRefused):
                detail = f"The registry does not give {record.model}, and no agent works beside {record.source}."
                raise AgentMissing(detail, hint=HINT.replace("NAME", record.source)) from None
            raise
        return "verifying"

    async def _verifying(self, work: Work) -> Step | None:
        record, port = work.record, self._target(work)
        found = (await port.digests()).get(record.model)
        if found is None:
            raise ProviderError(f"The machine does not list {record.model} after it was installed.")
        await work.mark(found=found)
        if record.source is None:
            return None
        if found == record.digest:
            await work.mark(same="manifest")
        elif record.way == "blobs" and await self._has_files(work, port):
            await work.mark(same="files")
        elif record.way == "pull" and self._agents.keyed(record.source):
            return "copying"
        else:
            await work.mark(same="different")
            if record.kind == "move":
                hint = "Run an agent beside it, which copies the very files, or delete it yourself."
                raise WrongDigest(f"{record.target} has another version now; {record.source} keeps its own.", hint=hint)
        return "deleting" if record.kind == "move" else None

    async def _has_files(self, work: Work, port: Port) -> bool:
        layers = await self._layers(work)
        return all([await port.has_blob(layer.digest) for layer in layers if layer.is_file])

    async def _copying(self, work: Work) -> Step:
        port = self._target(work)
        await work.mark(way="blobs", completed=0, total=None)
        progress = Progress()
        files = [layer for layer in await self._layers(work) if layer.is_file]
        for layer in files:
            progress.update({"digest": layer.digest, "total": layer.size, "completed": 0}, self._clock.monotonic())
        for layer in files:
            await _twice(lambda layer=layer: self._pass_on(work, port, layer, progress))
        return "creating"

    async def _pass_on(self, work: Work, port: Port, layer: Layer, progress: Progress) -> None:
        """One file from the source through the spool to the target; what came in and what went out are half of it each."""

        def tell(share: int, verb: str) -> None:
            line = {"digest": layer.digest, "total": layer.size, "completed": share}
            progress.update(line, self._clock.monotonic())
            _note(work, f"{verb} {layer.digest[7:19]}", progress)

        if await port.has_blob(layer.digest):
            tell(layer.size, "found")
            return
        spool = self._agents.spool
        async with spool.used(layer.digest):
            await self._fetch(work, layer, lambda got: tell(got // 2, "receiving"))
            pieces = spool.pieces(layer.digest, lambda sent: tell((layer.size + sent) // 2, "sending"))
            await port.send_blob(layer.digest, layer.size, pieces)

    async def _creating(self, work: Work) -> Step:
        record, spool = work.record, self._agents.spool
        layers = await self._layers(work)
        texts: dict[str, bytes] = {}
        for layer in [layer for layer in layers if not layer.is_file]:
            async with spool.used(layer.digest):
                await _twice(lambda layer=layer: self._fetch(work, layer, lambda _: None))
                texts[layer.digest] = spool.read(layer.digest, TEXT_BYTES)
        lines = self._target(work).create(creation(record.model, layers, texts.__getitem__))

        async def tell(status: str, _: bool, __: Progress) -> None:
            work.note(detail=status)

        await follow(lines, clock=self._clock, stall=self._stall, tell=tell)
        return "verifying"

    async def _layers(self, work: Work) -> list[Layer]:
        """Of the source's manifest, whose digest its Ollama has told: an agent can send no other one."""
        digest = work.record.digest
        layer = Layer("manifest", digest, MANIFEST_BYTES)
        await _twice(lambda: self._fetch(work, layer, lambda _: None))
        return read_manifest(self._agents.spool.read(digest, MANIFEST_BYTES))

    async def _fetch(self, work: Work, layer: Layer, tell: Callable[[int], None]) -> None:
        what = "manifest" if layer.kind == "manifest" else "blob"
        await self._agents.fetch(work.record.source, what, work.record.model, layer.digest, layer.size, tell)

    async def _deleting(self, work: Work) -> None:
        record, machine = work.record, work.record.source or work.record.machine
        port = self._port(machine)
        present = (await port.digests()).get(record.model)
        if present is not None:
            if record.kind == "move":
                await self._refuse_loss(work, present)
            with suppress(ModelNotInstalled):  # somebody else may be deleting it, too
                await port.delete(record.model)
            if record.model in await port.digests():
                raise ProviderError(f"{machine} still lists {record.model} after it was deleted.")
        await self._activity.gone(record.model, machine, record.target)

    async def _refuse_loss(self, work: Work, present: str) -> None:
        """Raises Conflict unless the target has what was verified, and the source nothing else than what was moved."""
        record = work.record
        if (await self._target(work).digests()).get(record.model) != record.found:
            raise Conflict(f"{record.target} has lost {record.model} meanwhile: it stays on {record.source}.")
        if present != record.digest:
            raise Conflict(f"{record.model} on {record.source} is another one than was moved: it stays there.")

    async def _switching(self, work: Work) -> None:
        record = work.record
        activates = record.kind == "activate"
        await (self._activity.activate if activates else self._activity.deactivate)(record.model, record.machine)
        for name in [record.machine] if record.machine is not None else list(self._holders()):
            try:
                holder = port_of(self._holders(), name)
                holder.keep()
                if not activates:
                    await holder.unload(record.model)
            except MyelinError as error:  # nobody is served from it any more; its lease ends by itself
                work.note(detail=f"It is still in the memory of {name}: {error.detail}")

    def _teller(self, work: Work) -> Callable[[str, bool, Progress], Awaitable[None]]:
        async def tell(status: str, _: bool, progress: Progress) -> None:
            _note(work, status, progress)

        return tell


def _note(work: Work, detail: str, progress: Progress) -> None:
    work.note(
        detail=detail,
        completed=progress.completed,
        total=progress.total,
        speed=progress.speed,
        eta_seconds=progress.eta_seconds,
    )


async def _twice(attempt: Callable[[], Awaitable[T]]) -> T:
    """Content that is not what its digest says is refused, and asked for once more."""
    try:
        return await attempt()
    except WrongDigest:
        return await attempt()
