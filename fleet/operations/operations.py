"""Install, duplicate, move, delete, activate, deactivate: models across machines, one operation on a model's files at a time.

    queued ─► running (a step of fleet.operations.steps) ─► done | failed | cancelled

Whoever asks for what is under way joins it; what would change the same files of the same model is refused with the id of the
one that runs.
"""

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from core.errors import Conflict, InvalidField, ProviderError
from fleet.names import read_model_name
from fleet.operations.activity import Activity
from fleet.operations.agents import Agents
from fleet.operations.durable import Durable
from fleet.operations.looking import port_of, unknown_model
from fleet.operations.ports import Holders, Ports
from fleet.operations.record import FIRST, Kind, Operation
from fleet.operations.steps import Steps

_NOTHING = "There was nothing to do."


async def _nobody() -> None:
    return None


class Operations(Durable[Operation]):
    """`told` is awaited after each operation that is done: lists of models may have changed."""

    noun: ClassVar[str] = "operation"

    def __init__(
        self,
        ports: Ports,
        holders: Holders,
        agents: Agents,
        activity: Activity,
        *,
        told: Callable[[], Awaitable[object]] = _nobody,
        **parts: Any,
    ):
        super().__init__(Operation, **parts)
        self.ports, self._holders, self._agents, self._activity, self._told = ports, holders, agents, activity, told
        self._steps = Steps(ports, holders, agents, activity, self._clock, self._pace.stall)

    async def resume(self) -> None:
        await self._agents.spool.prepare()
        await super().resume()
        await self._tidy()

    async def start(
        self, kind: Kind, model: str, *, machine: str | None = None, source: str | None = None, target: str | None = None
    ) -> Operation:
        """The operation, made now or already under way; one that is done at once when there is nothing to do.

        Raises InvalidField, NotFound and ModelNotFound with the nearest names, Conflict with the id of the operation that is in
        the way, ProviderError for a machine that does not answer, and Overloaded.
        """
        now = self._clock.now()
        name = await self._switched(model, machine) if FIRST[kind] == "switching" else read_model_name(model)
        record = Operation(
            id=secrets.token_hex(8), kind=kind, model=name, created_at=now, updated_at=now,
            machine=machine, source=source, target=target, step=FIRST[kind],
        )  # fmt: skip
        if (running := self._joined(record)) is not None:
            return running
        record, nothing = await self._looked_up(record)
        async with self._starting:
            if (running := self._joined(record)) is not None:
                return running
            if not nothing:
                return await self._enter(record)
            record = replace(record, state="done", detail=_NOTHING, finished_at=now)
            await self._save(record.as_json())
            self._show(record)
            self._forget()
            return record

    def _joined(self, record: Operation) -> Operation | None:
        """Raises Conflict."""
        for other in self.unfinished:
            if other.wish == record.wish:
                return other
            if record.meets(other):
                raise Conflict(
                    f"The operation {other.id} ({other.kind}) works on {other.model} there.",
                    hint=f"Wait for it (GET /models/operations/{other.id}), or cancel it.",
                )
        return None

    async def _looked_up(self, record: Operation) -> tuple[Operation, bool]:
        """With the digest of what is to be passed on; True when there is nothing to do."""
        if record.kind == "activate":
            return record, self._activity.activated(record.model, record.machine)
        if record.kind == "deactivate":
            return record, self._activity.deactivated(record.model, record.machine)
        ports = self.ports()
        for name in (record.machine, record.source, record.target):
            if name is not None:
                port_of(ports, name)
        if record.source is not None and record.target is not None:
            return await self._passed_on(record)
        if record.kind == "install":
            await ports[record.machine].digests()  # an installation that begins while it is down would fail out of sight
        elif record.kind == "delete":
            await self._find(record.model, record.machine)
        return record, False

    async def _passed_on(self, record: Operation) -> tuple[Operation, bool]:
        if record.source == record.target:
            raise InvalidField("The model is there already.", field="to", hint="Name two different machines.")
        digest = await self._find(record.model, record.source)
        if not digest:
            raise Conflict(f"{record.source} does not tell the digest of {record.model}.", hint="Update Ollama there.")
        there = (await self.ports()[record.target].digests()).get(record.model)
        if there is not None and there != digest:
            raise Conflict(
                f"{record.target} has another version of {record.model}.", hint="Delete it there first, or install it on both."
            )
        return replace(record, digest=digest), record.kind == "duplicate" and there == digest

    async def _find(self, model: str, machine: str) -> str:
        """The digest of a model. Raises ModelNotFound."""
        installed = await self.ports()[machine].digests()
        if model not in installed:
            raise unknown_model(model, installed, f"on the machine {machine}")
        return installed[model]

    async def _switched(self, model: str, machine: str | None) -> str:
        """The name that a model is switched under: as a machine lists it, an Ollama's with its tag.

        Raises NotFound, ModelNotFound, or the failure of a machine that may have it.
        """
        holders = self._holders()
        asked = holders.values() if machine is None else [port_of(holders, machine)]
        meant = {model} | {holder.identify(model) for holder in asked}
        if marked := meant & {name for name, _ in self._activity.marks}:
            return model if model in marked else marked.pop()
        failure, names, found = None, set(), set()
        for holder in asked:
            try:
                listed = set(await holder.names())
            except ProviderError as error:
                failure = error
                continue
            names |= listed
            found |= listed & {holder.identify(model)}
        if found:
            return model if model in found else found.pop()
        raise failure or unknown_model(model, names, "on any machine" if machine is None else "there")

    async def _attempt(self, record_id: str) -> None:
        attempts = self.get(record_id).attempts + 1
        await self._update(record_id, state="running", detail="", error=None, attempts=attempts, durable=True)
        work = _Work(self, record_id)
        while (step := await self._steps.take(work)) is not None:
            await work.mark(step=step, detail="", speed=None, eta_seconds=None)
        with suppress(ProviderError):  # the lists say themselves that they are stale
            await self._told()

    async def _end(self, record_id: str, state: str, error: dict[str, Any] | None = None, detail: str = "") -> Operation:
        await self._tidy(record_id)
        return await super()._end(record_id, state, error, detail)

    async def _tidy(self, but: str = "") -> None:
        """Nobody at work needs no files: what a failed or cancelled copy has left goes, before another one may begin."""
        async with self._starting:
            if all(record.id == but for record in self.unfinished):
                await self._agents.spool.clear()

    def _last_words(self, record: Operation) -> str:
        if record.same == "different":
            return f"{record.target} has another version ({record.found}) than {record.source} ({record.digest})."
        if record.same == "files":
            return "The files are the same; Ollama wrote a manifest of its own."
        return record.detail if record.kind == "deactivate" else ""


@dataclass(frozen=True, slots=True)
class _Work:
    """`fleet.operations.steps.Work` over a record."""

    operations: Operations
    id: str

    @property
    def record(self) -> Operation:
        return self.operations.get(self.id)

    async def mark(self, **changes: Any) -> None:
        await self.operations._update(self.id, **changes, durable=True)

    def note(self, **changes: Any) -> None:
        self.operations._note(self.id, **changes)
