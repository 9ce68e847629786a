"""Ollama's scheduler (server/sched.go of 2026-08) without HTTP: who waits for whom, what is loaded, and who has to leave.

One request at a time is brought to its runner, and blocks all others behind it for the whole load and for the whole drain of a
victim; only who asks for a loaded model passes by. The owner of the time calls `advance` at `due`, and every verb takes the
present moment; what comes of it is told by `tell`, which must not call back at once. So a simulation drives it in memory, and a
server by its event loop.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tests.fakes.ollama_cards import Cards, Environment
from tests.fakes.ollama_models import GIB, FakeModel
from tests.fakes.ollama_options import FOREVER, RunnerOptions
from tests.fakes.ollama_runner import OutOfMemory, Runner, Ticket, placed

Outcome = Literal[
    "go",  # the request may generate, or its load is done
    "busy",  # 503: the line is full
    "oom",  # 500 with the words of a runner that ran out of memory
    "cut",  # its runner died: the stream ends without a last line
    "gone",  # the server went away
]
Tell = Callable[[Ticket, Outcome], None]
What = Literal["loading", "loaded", "aborted", "oom", "leaving", "unloaded"]


@dataclass(frozen=True, slots=True)
class Happened:
    at: float
    what: What
    model: str


class Scheduler:
    """`loaded` by the digest of the weights, `history` is what happened. `oom_loads` has how many of the next loads of a model
    run out of memory against every estimate; without `reloads` it keeps a model as it is, whatever the options."""

    def __init__(self, tell: Tell, cards: Cards | None = None, environment: Environment = Environment()):
        self.cards = cards or Cards()
        self.environment = environment
        self.loaded: dict[str, Runner] = {}
        self.history: list[Happened] = []
        self.loads: list[tuple[str, dict[str, Any]]] = []
        self.oom_loads: dict[str, int] = {}
        self.reloads = True
        self.now = 0.0
        self._tell = tell
        self._reset()

    def _reset(self) -> None:
        self._line: deque[Ticket] = deque()
        self._head: Ticket | None = None
        self._stage: Literal["free", "pinging", "loading", "unload", "all unloaded"] = "free"
        self._pinging: set[Ticket] = set()
        self._expired: deque[Runner] = deque()
        self._unloading: Runner | None = None
        self._unloaded = 0
        self._locked_until = 0.0
        self._foreign_seen = self.cards.foreign
        self._planned: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self.loaded.clear()

    @property
    def due(self) -> float | None:
        """The next moment at which something happens by itself."""
        return self._planned[0][0] if self._planned else None

    @property
    def waiting(self) -> int:
        """Requests that have no runner yet, the one that is being loaded for among them."""
        return len(self._line) + (self._head is not None) + len(self._pinging)

    @property
    def default_context(self) -> int:
        """By the memory of the cards, unless OLLAMA_CONTEXT_LENGTH says it."""
        vram = self.cards.vram - self.environment.gpu_overhead
        tier = 4096 if vram < 23 * GIB else 32768 if vram < 47 * GIB else 262144
        return self.environment.context_length or tier

    @property
    def used(self) -> int:
        """Bytes of the cards in use, as the driver tells; those of a runner that has just left come back later."""
        return self.cards.foreign + sum(runner.taken for runner in self._on_cards())

    def _on_cards(self) -> list[Runner]:
        left = self._unloading
        return [*self.loaded.values(), *([left] if left and left not in self.loaded.values() else [])]

    def answers_at(self, now: float) -> float:
        """When /api/ps answers a question of `now`: an unload and the ping of a hung runner hold its lock."""
        return max(now, self._locked_until)

    def advance(self, now: float) -> None:
        """Everything that happens by itself until `now`."""
        while self._planned and self._planned[0][0] <= now:
            self.now = max(self.now, self._planned[0][0])
            self._settle()
        self.now = max(self.now, now)

    def ask(self, ticket: Ticket, now: float) -> None:
        """getRunner: a model in memory with the same options is taken at once, past everybody in the line."""
        self.advance(now)
        runner = self.loaded.get(ticket.model.blob)
        if runner is None or runner is self._unloading:
            self._queue(ticket)
        elif runner.hung and not self._differ(runner, ticket):
            self._locked_until = max(self._locked_until, self.now + self.cards.ping)
            self._pinging.add(ticket)
            self._after(self.cards.ping, lambda: self._pinged(ticket))
        elif not self._needs_reload(runner, ticket):
            self._attach(runner, ticket)
        else:
            self._queue(ticket)
        self._settle()

    def finish(self, ticket: Ticket, now: float) -> None:
        """The request has its answer, or its client hung up, wherever it was: a load that it began is aborted."""
        self.advance(now)
        ticket.gone = True
        if ticket.runner is not None:
            self._release(ticket)
        elif ticket is self._head and self._stage == "loading":
            self._note("aborted", ticket.model)
            self._next_head()
        self._pinging.discard(ticket)
        self._settle()

    def unload(self, model: FakeModel, now: float) -> None:
        """`keep_alive: 0` without a question: the runner leaves when nobody holds it. One that is loading is not stopped."""
        self.advance(now)
        if runner := self.loaded.get(model.blob):
            self._dismiss(runner)
        self._settle()

    def crash(self, model: FakeModel, now: float) -> None:
        """The process dies: its streams end, and it stays in the list until somebody wants it."""
        self.advance(now)
        runner = self.loaded[model.blob]
        runner.dead = True
        self._fail(runner, "cut")
        self._settle()

    def run_out(self, model: FakeModel, now: float) -> None:
        """A runner runs out of memory while it computes: Ollama lets every model go."""
        self.advance(now)
        self.loaded[model.blob].dead = True
        self._fail(self.loaded[model.blob], "oom")
        for runner in list(self.loaded.values()):
            self._dismiss(runner)
            runner.doomed = True
        self._settle()

    def hang(self, model: FakeModel) -> None:
        """From now on the runner answers nobody, not even the ping; what it was doing never ends by itself."""
        self.loaded[model.blob].hung = True

    def restart(self, now: float) -> None:
        """The server goes away and comes back empty."""
        self.advance(now)
        tickets = [*self._line, *self._pinging, *([self._head] if self._head else [])]
        tickets += [ticket for runner in self.loaded.values() for ticket in runner.holders]
        self._reset()
        for ticket in tickets:
            ticket.runner, ticket.gone = None, True
            self._tell(ticket, "gone")

    def put(self, model: FakeModel, options: RunnerOptions, now: float) -> Runner:
        """Into memory at once and for good, as somebody else left it there; what was there of the model is gone."""
        self.advance(now)
        slots = self._slots(model)
        size = model.memory(options.num_ctx, options.num_batch, slots, self.environment.kv_type)
        vram = placed(model, options, size, self.cards.vram - self.used) if self.cards.vram else 0
        return self._enlist(Runner(model, options, slots, size, vram, FOREVER))

    def residents(self) -> list[Runner]:
        """What /api/ps lists."""
        return list(self.loaded.values())

    def _note(self, what: What, model: FakeModel) -> None:
        self.history.append(Happened(self.now, what, model.name))

    def _after(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._planned, (self.now + seconds, next(self._numbers), do))

    def _settle(self) -> None:
        """Both loops of the scheduler until neither can go on."""
        while True:
            if self._expired and self._unloading is None:
                self._reap(self._expired.popleft())
            elif self._stage == "unload" and self._unloaded:
                self._unloaded -= 1
                self._stage = "free"
            elif self._stage == "all unloaded" and not self.loaded and self._unloading is None:
                self._stage = "free"
            elif self._stage == "free" and self._head is not None and not self._locked:
                self._place(self._head)
            elif self._stage == "free" and self._line and self._head is None:
                self._head = self._line.popleft()
                if self._head.gone:
                    self._head = None
            elif self._stage == "free" and self._unloaded and self._head is None:
                self._unloaded = 0  # nobody waited for it
            elif self._planned and self._planned[0][0] <= self.now:
                heapq.heappop(self._planned)[2]()
            else:
                return

    @property
    def _locked(self) -> bool:
        """While a runner is being killed nobody sees the list."""
        return self._unloading is not None and self._unloading.model.blob in self.loaded

    def _queue(self, ticket: Ticket) -> None:
        if len(self._line) >= self.environment.max_queue:
            self._tell(ticket, "busy")
        else:
            self._line.append(ticket)

    def _pinged(self, ticket: Ticket) -> None:
        if ticket in self._pinging:
            self._pinging.discard(ticket)
            self._queue(ticket)

    def _differ(self, runner: Runner, ticket: Ticket) -> bool:
        return self.reloads and runner.options.differ(ticket.options)

    def _needs_reload(self, runner: Runner, ticket: Ticket) -> bool:
        return runner.dead or runner.hung or self._differ(runner, ticket)

    def _next_head(self) -> None:
        self._head, self._stage = None, "free"

    def _place(self, ticket: Ticket) -> None:
        """One round of processPending."""
        runner = self.loaded.get(ticket.model.blob)
        limit = self.environment.max_loaded or 3 * max(self.cards.count, 1)
        if runner is not None and not self._needs_reload(runner, ticket):
            self._head = None
            self._attach(runner, ticket)
            if ticket.gone:
                self._release(ticket)
            return
        if runner is not None and runner.hung and not self._differ(runner, ticket):
            self._stage, self._locked_until = "pinging", max(self._locked_until, self.now + self.cards.ping)
            self._after(self.cards.ping, lambda: self._make_leave(runner))
        elif runner is not None:
            self._make_leave(runner)
        elif len(self.loaded) < limit and self._fits(ticket):
            self._load(ticket)
        else:
            self._make_leave(self._victim())

    def _fits(self, ticket: Ticket) -> bool:
        """The first model is never checked, on the processor none is; else its prediction against 80 % of what is free.

        While a runner is up, memory that another program took after the first load is not seen.
        """
        if not self.loaded:
            self._foreign_seen = self.cards.foreign
            return True
        if ticket.options.num_gpu == 0 or not self.cards.vram:
            return True
        free = self.cards.vram - self._foreign_seen - sum(runner.taken for runner in self._on_cards())
        options = ticket.options
        return ticket.model.predicted(options.num_ctx, options.num_batch, self._slots(ticket.model)) <= 0.8 * free

    def _slots(self, model: FakeModel) -> int:
        return self.environment.num_parallel if model.parallel_allowed else 1

    def _victim(self) -> Runner:
        """The first idle one by (lease, path), else the one with the shortest lease: a pinned one only sorts last."""
        runners = sorted(self.loaded.values(), key=lambda runner: (runner.lease, runner.model.blob))
        return next((runner for runner in runners if not runner.refs), runners[0])

    def _make_leave(self, runner: Runner) -> None:
        self._stage = "unload"
        self._note("leaving", runner.model)
        self._dismiss(runner)

    def _dismiss(self, runner: Runner) -> None:
        """Its lease ends; who comes with a `keep_alive` of its own before it is idle gives it another one."""
        runner.lease, runner.expires = 0.0, None
        if not runner.refs:
            self._expired.append(runner)

    def _load(self, ticket: Ticket) -> None:
        if ticket.gone:
            self._note("aborted", ticket.model)
            self._next_head()
            return
        self._stage = "loading"
        self._note("loading", ticket.model)
        self._after(self.cards.load_seconds(ticket.model), lambda: self._load_ended(ticket))

    def _load_ended(self, ticket: Ticket) -> None:
        if ticket is not self._head or self._stage != "loading":
            return
        model, options, slots = ticket.model, ticket.options, self._slots(ticket.model)
        size = model.memory(options.num_ctx, options.num_batch, slots, self.environment.kv_type)
        try:
            if self.oom_loads.get(model.name, 0) > 0:
                self.oom_loads[model.name] -= 1
                raise OutOfMemory
            vram = placed(model, options, size, self.cards.vram - self.used) if self.cards.vram else 0
        except OutOfMemory:
            self._out_of_memory(ticket)
            return
        self._next_head()
        self._attach(self._enlist(Runner(model, options, slots, size, vram, self.environment.keep_alive)), ticket)

    def _enlist(self, runner: Runner) -> Runner:
        self.loaded[runner.model.blob] = runner
        self.loads.append((runner.model.name, runner.options.kept()))
        self._note("loaded", runner.model)
        return runner

    def _out_of_memory(self, ticket: Ticket) -> None:
        """All others are let go and the load is tried once more; a context that nobody asked for is lowered after that."""
        self._note("oom", ticket.model)
        if self.loaded and not ticket.retried:
            ticket.retried, self._stage = True, "all unloaded"
            for runner in list(self.loaded.values()):
                self._note("leaving", runner.model)
                self._dismiss(runner)
        elif ticket.options.automatic and ticket.options.num_ctx > 4096:
            options = ticket.options
            ticket.options = type(options)(max(4096, options.num_ctx // 2), options.shift, options.said)
            self._load(ticket)
        else:
            self._next_head()
            self._tell(ticket, "oom")

    def _attach(self, runner: Runner, ticket: Ticket) -> None:
        if ticket.keep_alive is not None:
            runner.lease = ticket.keep_alive
        runner.expires = None
        for other in runner.enter(ticket):
            self._tell(other, "go")

    def _release(self, ticket: Ticket) -> None:
        runner, ticket.runner = ticket.runner, None
        if runner.dead or runner.hung:
            runner.holders.remove(ticket)
        else:
            for other in runner.leave(ticket):
                self._tell(other, "go")
        if runner.refs:
            return
        if runner.doomed or runner.lease <= 0:
            self._expired.append(runner)
        elif runner.lease != FOREVER:
            runner.expires = self.now + runner.lease
            self._after(runner.lease, lambda: self._lease_ended(runner))

    def _lease_ended(self, runner: Runner) -> None:
        if runner.expires is not None and runner.expires <= self.now and self.loaded.get(runner.model.blob) is runner:
            self._expired.append(runner)

    def _fail(self, runner: Runner, outcome: Outcome) -> None:
        """Everybody at the runner gets it; the references go as the connections end."""
        for ticket in list(runner.holders):
            self._tell(ticket, outcome)
            if ticket.runner is not None:
                self._release(ticket)

    def _reap(self, runner: Runner) -> None:
        """One expiry in processCompleted. What somebody holds again is tried until nobody does."""
        if self.loaded.get(runner.model.blob) is not runner:
            return
        if runner.refs:
            runner.doomed = True
            return
        self._unloading = runner
        self._locked_until = max(self._locked_until, self.now + self.cards.probe)
        self._after(self.cards.probe, lambda: self._killed(runner))

    def _killed(self, runner: Runner) -> None:
        if self._unloading is runner:
            del self.loaded[runner.model.blob]
            self._note("unloaded", runner.model)
            self._after(self.cards.recovery if runner.vram else 0.0, lambda: self._recovered(runner))

    def _recovered(self, runner: Runner) -> None:
        if self._unloading is runner:
            self._unloading = None
            self._unloaded += 1
