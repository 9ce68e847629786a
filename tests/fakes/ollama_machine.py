"""The machine of a fake Ollama: its disk, its scheduler and its time, for requests that come as coroutines."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.ollama_models import INSTALLED, LIBRARY, FakeModel
from tests.fakes.ollama_options import FOREVER, RunnerOptions
from tests.fakes.ollama_runner import Runner, Ticket
from tests.fakes.ollama_scheduler import Outcome, Scheduler
from tests.fakes.timeline import Paced, Timeline

_AFTER_ALL = datetime(2318, 1, 1, tzinfo=UTC)


class Broken(Exception):
    """The runner or the server went away: `busy`, `oom`, `cut` or `gone`."""

    def __init__(self, outcome: Outcome):
        super().__init__(outcome)
        self.outcome = outcome


class Held:
    """A request and, once it may `go`, its runner."""

    def __init__(self, ticket: Ticket, timeline: Timeline):
        self.ticket = ticket
        self._timeline = timeline
        loop = asyncio.get_running_loop()
        self._go: asyncio.Future[Outcome] = loop.create_future()
        self._end: asyncio.Future[Outcome] = loop.create_future()

    def told(self, outcome: Outcome) -> None:
        waited_for = self._end if self._go.done() else self._go
        if not waited_for.done():
            waited_for.set_result(outcome)

    async def wait(self) -> None:
        """Until the runner is there. Raises Broken."""
        if (outcome := await self._go) != "go":
            raise Broken(outcome)

    @property
    def context(self) -> int:
        return self.ticket.runner.options.num_ctx

    async def pause(self, seconds: float) -> None:
        """The time of a token. Never ends at a runner that hangs; raises Broken when it dies."""
        runner = self.ticket.runner
        if runner is not None and runner.hung:
            await asyncio.wait({self._end})
        elif seconds and not self._end.done():
            sleeping = asyncio.ensure_future(self._timeline.sleep(seconds))
            try:
                await asyncio.wait({sleeping, self._end}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleeping.cancel()
        else:
            await asyncio.sleep(0)
        if self._end.done():
            raise Broken(self._end.result())


class Machine:
    """`loads` has (model, options) of every load, so a reload is an entry more than the first one; `broken` are models whose
    files cannot be read. Set a `timeline` before the first request."""

    def __init__(self) -> None:
        self.installed = {model.name: model for model in INSTALLED}
        self.library = {model.name: model for model in LIBRARY}
        self.partial: dict[str, int] = {}
        self.broken: set[str] = set()
        #: What is told of a row of /api/ps instead of the truth.
        self.told: Callable[[dict[str, Any]], dict[str, Any]] = lambda row: row
        self.timeline: Timeline = Paced()
        self.scheduler = Scheduler(self._told)
        self._held: dict[Ticket, Held] = {}
        self._woken_at: float | None = None

    @property
    def loads(self) -> list[tuple[str, dict[str, Any]]]:
        return self.scheduler.loads

    @property
    def runners(self) -> dict[str, Runner]:
        """What is in memory, by the first name that asked for it."""
        return {runner.model.name: runner for runner in self.resident()}

    def resident(self) -> list[Runner]:
        self._do(self.scheduler.advance)
        return self.scheduler.residents()

    @staticmethod
    def full_name(name: str) -> str:
        return name if ":" in name.rpartition("/")[2] else f"{name}:latest"

    def find(self, name: str) -> FakeModel | None:
        return self.installed.get(self.full_name(name))

    def copy(self, source: str, destination: str) -> bool:
        model = self.find(source)
        if model is not None:
            name = self.full_name(destination)
            self.installed[name] = replace(model, name=name, weights=model.weights or model.name)
        return model is not None

    async def pull(self, model: FakeModel | None) -> AsyncIterator[dict[str, Any]]:
        """The lines of a download; what was fetched of a file stays."""
        yield {"status": "pulling manifest"}
        if model is None:
            yield {"error": "pull model manifest: file does not exist"}
            return
        for digest, total in model.layers():
            status = f"pulling {digest.removeprefix('sha256:')[:12]}"
            completed = self.partial.get(digest, 0)
            while completed < total:
                completed = min(total, completed + max(1, total // 4))
                self.partial[digest] = completed
                yield {"status": status, "digest": digest, "total": total, "completed": completed}
        yield {"status": "verifying sha256 digest"}
        yield {"status": "writing manifest"}
        self.installed[model.name] = model
        yield {"status": "success"}

    def options(self, model: FakeModel, options: Mapping[str, Any], shift: bool | None = None) -> RunnerOptions:
        vision = "vision" in model.capabilities
        default = self.scheduler.default_context
        return RunnerOptions.of(options, shift, default=default, train=model.context, vision=vision)

    def load(self, model: FakeModel, options: Mapping[str, Any]) -> None:
        """As somebody else did it, before anybody looked."""
        self._do(lambda now: self.scheduler.put(model, self.options(model, options), now))

    def unload(self, model: FakeModel) -> None:
        self._do(lambda now: self.scheduler.unload(model, now))

    def crash(self, name: str) -> None:
        self._do(lambda now: self.scheduler.crash(self.installed[name], now))

    def run_out(self, name: str) -> None:
        self._do(lambda now: self.scheduler.run_out(self.installed[name], now))

    def hang(self, name: str) -> None:
        self.scheduler.hang(self.installed[name])

    def restart(self, *, prune: bool = False) -> None:
        """The server goes and comes back: nothing is in memory, and with `prune` no download is half done."""
        self._do(self.scheduler.restart)
        if prune:
            self.partial.clear()

    @asynccontextmanager
    async def held(
        self, model: FakeModel, options: RunnerOptions, keep_alive: float | None, *, generates: bool
    ) -> AsyncIterator[Held]:
        """The runner of a request, until the block ends; whoever is cancelled inside hung up. Raises Broken."""
        ticket = Ticket(model, options, keep_alive, generates)
        held = self._held[ticket] = Held(ticket, self.timeline)
        try:
            self._do(lambda now: self.scheduler.ask(ticket, now))
            await held.wait()
            yield held
        finally:
            del self._held[ticket]
            self._do(lambda now: self.scheduler.finish(ticket, now))

    async def listed(self) -> list[dict[str, Any]]:
        """The rows of /api/ps, once its lock is free."""
        now = self.timeline.now()
        if (seconds := self.scheduler.answers_at(now) - now) > 0:
            await self.timeline.sleep(seconds)
        return [self.told(self._row(runner)) for runner in self.resident()]

    def _row(self, runner: Runner) -> dict[str, Any]:
        model = runner.model
        left = runner.lease if runner.expires is None else runner.expires - self.timeline.now()
        expires = _AFTER_ALL if left == FOREVER else datetime.now(UTC) + timedelta(seconds=left)
        return {
            "name": model.name, "model": model.name, "size": runner.size, "digest": model.digest,
            "details": model.details(), "expires_at": expires.isoformat(), "size_vram": runner.vram,
            "context_length": runner.options.num_ctx,
        }  # fmt: skip

    def _told(self, ticket: Ticket, outcome: Outcome) -> None:
        if held := self._held.get(ticket):
            held.told(outcome)

    def _do(self, verb: Callable[[float], object]) -> None:
        verb(self.timeline.now())
        due = self.scheduler.due
        if due is not None and (self._woken_at is None or due < self._woken_at):
            self._woken_at = due
            self.timeline.at(due, self._wake)

    def _wake(self) -> None:
        self._woken_at = None
        self._do(self.scheduler.advance)
