"""The owner of all state: one task that decides, and the turns that callers take.

A turn for a model that is in memory with a place free changes two counters and crosses no task. Everything else goes
through the line of its model and the task. Nothing in the state awaits, so whoever touches it is alone with it.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any

from core.deadline import Deadline
from core.errors import Conflict, ModelNotInstalled, MyelinError, Overloaded, ProviderError
from fleet.compute import Resident
from fleet.swapper.effects import Effects
from fleet.swapper.forecast import Forecast, Forecaster
from fleet.swapper.line import Ticket
from fleet.swapper.moves import Mover
from fleet.swapper.residency import Model
from fleet.swapper.room import Room
from fleet.swapper.snapshot import snapshot
from fleet.swapper.steering import Steering
from fleet.swapper.tuning import Class, Tuning
from fleet.swapper.yard import Order, Yard
from providers.ollama_models import full_name

OnEta = Callable[[Forecast], None]


class Swapper:
    """Heavy models of one Ollama take turns. `run` must run for as long as turns are taken."""

    def __init__(
        self,
        effects: Effects,
        *,
        budget: Callable[[], int | None],
        predict: Callable[[str], int],
        always_on: Sequence[str] = (),
        tuning: Tuning = Tuning(),
        now: Callable[[], float] = time.monotonic,
        identify: Callable[[str], str] = full_name,
        foresee: Callable[[str], int] | None = None,
        weigh: Callable[[Resident], int] = lambda resident: resident.size,
        most: int | None = None,
        taken: Callable[[], int] = lambda: 0,
    ):
        """`predict` gives the bytes that a load will take, `foresee` those that Ollama expects, `weigh` those of a resident;
        `most` models are in memory at once; other programs have `taken` of the budget."""
        self._effects, self._now, self._identify, self._tuning = effects, now, identify, tuning
        room = Room(budget, tuning.free_share, most, taken)
        self.yard = Yard(tuning, room, predict, foresee or predict, [identify(name) for name in always_on])
        self._mover = Mover(self.yard, identify, weigh)
        self._steering = Steering(self.yard, self._mover)
        self._forecaster = Forecaster(self.yard)
        self._proof = Forecaster(self.yard, is_proof=True)
        self._watchers: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._changed = asyncio.Event()
        self._looking = self._look_again = False
        self._loading: asyncio.Task[None] | None = None
        self._late_at = float("-inf")
        self._has_ended = False

    async def run(self) -> None:
        """Until it is cancelled; then whoever waits is refused."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self.yard.order("look")
                while True:
                    await self._round(tasks)
        finally:
            self._has_ended = True
            for model in list(self.yard.models.values()):
                self.yard.refuse(model.line, _stopping())

    async def _round(self, tasks: asyncio.TaskGroup) -> None:
        self._changed.clear()
        now = self._now()
        until = min(self._refuse_late(now), self._steering.steer(now))
        while self.yard.orders:
            self._carry_out(self.yard.orders.pop(0), tasks)
        self._watchers = [watcher for watcher in self._watchers if not self._has_come(*watcher)]
        seconds = max(0.0, min(until - self._now(), self._tuning.truth_every))
        try:
            with Deadline(seconds):
                await self._changed.wait()
        except TimeoutError:
            if seconds == self._tuning.truth_every:
                self.yard.order("look")

    def turn(self, model: str, *, client: str = "", klass: Class = "normal", on_eta: OnEta | None = None) -> "Turn":
        """`client` is the key that turns are shared out fairly between; `on_eta` is told every two seconds of waiting."""
        return Turn(self, Ticket(self._identify(model), client, klass), on_eta)

    def poke(self) -> None:
        """Something changed that may change the decision."""
        self._changed.set()

    def renew(self, parallel: int, most: int | None) -> None:
        """The server was started otherwise: so many questions at once for each model, and `most` models in memory."""
        self._tuning = self.yard.tuning = replace(self._tuning, parallel=parallel)
        self.yard.room.most = most
        self.poke()

    # The operator

    def preload(self, model: str) -> float:
        """Seconds until it is in memory, 0 when it is; then it stays until its load has paid off.

        Raises ModelTooLarge, or Overloaded while its loads keep failing.
        """
        now, yard = self._now(), self.yard
        name = self._identify(model)
        one = yard.model(name)
        if one.is_open:
            one.held_until = now + yard.quantum(one, now)
            return 0.0
        ticket = Ticket(name, "", "interactive", now, is_preload=True)
        forecast = self._forecaster.of(ticket, now)
        if not any(other.is_preload for other in one.line):
            yard.queue(one, ticket, now)
            self.poke()
        return forecast.seconds

    async def evict(self, model: str, seconds: float = 300.0) -> bool:
        """Drains and unloads it; False when it is still there after `seconds`. Raises Conflict for a pinned model.

        It comes back when somebody asks for it, and is not loaded ahead of that by what was asked before.
        """
        one = self.yard.model(self._identify(model))
        if one.name in self.yard.pinned_names:
            hint = "Take it out of ALWAYS_ON_MODELS, or of always_on of the machine, first."
            raise Conflict(f"The model {one.name} is always on.", hint=hint, field="model")
        self.yard.successions.forget(one.name)
        self.yard.evicting.append(one)
        return await self._until(lambda: not one.is_resident and not self.yard.is_loading(one), seconds)

    async def grow(self, model: str, predicted: int, foreseen: int) -> None:
        """Room for a model in memory that is about to take more, asked for from inside a turn: others leave when they are done.

        Raises ModelTooLarge when it has none even beside the always-on ones, and Overloaded when they do not leave in time, or
        the model itself has to: whoever drains it waits for the one that asks.
        """
        one, yard = self.yard.model(self._identify(model)), self.yard
        until = self._now() + self._tuning.leave
        while one.is_resident:
            leaving = [] if yard.move else yard.claim(one, predicted, foreseen)
            if not yard.move and not leaving:
                return
            if one.is_leaving or not await self._cleared(one, leaving, until - self._now()):
                raise Overloaded(
                    f"There is no room yet for as long a text with {one.name}.",
                    hint="Ask again in a moment.",
                    retry_after=self._tuning.leave,
                )

    async def _cleared(self, one: Model, leaving: Sequence[Model], seconds: float) -> bool:
        """Whether `leaving` went and nothing moves, or `one` has to go; who gave up waiting drives nobody out later."""
        evicting = self.yard.evicting
        ordered = [other for other in leaving if other not in evicting]
        evicting.extend(ordered)
        try:
            return await self._until(lambda: one.is_leaving or self._made_room(leaving), max(seconds, 0.0))
        finally:
            evicting[:] = [other for other in evicting if other not in ordered]

    def _made_room(self, leaving: Sequence[Model]) -> bool:
        return not self.yard.move and not any(other.is_resident for other in leaving)

    @contextlib.asynccontextmanager
    async def withheld(self, model: str, refusal: MyelinError) -> AsyncIterator[None]:
        """Nobody is let in to it and it is not loaded; whoever waits for it at the end gets `refusal`, if that came well."""
        one = self.yard.model(self._identify(model))
        self.yard.withheld.append(one)
        try:
            yield
            self.yard.refuse(one.line, refusal)
        finally:
            self.yard.withheld.remove(one)
            self.poke()

    async def drain(self, seconds: float) -> bool:
        """Lets nobody in and waits until nobody is inside and nothing moves; False when that takes longer. Stays closed."""
        self.yard.is_closed, self.yard.opens_after = True, None
        return await self._until(lambda: not self.yard.inside and not self.yard.move, seconds)

    def resume(self) -> None:
        """After `drain`. Opens with the next look: something may have been done to the models meanwhile."""
        self.yard.acts += 1
        self.yard.opens_after = self.yard.acts
        self.yard.order("look")
        self.poke()

    def send_away(self, why: Exception) -> None:
        """Whoever waits for a turn is refused with `why`; what the operator wants in memory is still loaded."""
        for model in self.yard.models.values():
            self.yard.refuse([ticket for ticket in model.line if not ticket.is_preload], why)

    def snapshot(self) -> dict[str, Any]:
        return snapshot(self.yard, self._forecaster, self._now())

    async def _until(self, has_come: Callable[[], bool], seconds: float) -> bool:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watchers.append((has_come, future))
        self.poke()
        try:
            with Deadline(seconds):
                await future
        except TimeoutError:
            return False
        return True

    @staticmethod
    def _has_come(has_come: Callable[[], bool], future: asyncio.Future[None]) -> bool:
        if not future.done() and has_come():
            future.set_result(None)
        return future.done()

    # Effects

    def _carry_out(self, order: Order, tasks: asyncio.TaskGroup) -> None:
        match order.verb:
            case "look" if self._looking:
                self._look_again = True
            case "look":
                self._looking = True
                tasks.create_task(self._look())
            case "load":
                self._loading = tasks.create_task(self._load(order))
            case "unload":
                tasks.create_task(self._unload(order))
            case "cancel":
                tasks.create_task(self._cancel(order, self._loading))

    async def _look(self) -> None:
        number, found = self.yard.acts, None
        try:
            with Deadline(self._tuning.call):
                found = await self._effects.ps()
        except (MyelinError, TimeoutError):
            pass
        self._looking = False
        self._mover.looked(number, found, self._now())
        if self._look_again:
            self._look_again = False
            self.yard.order("look")
        self.poke()

    async def _load(self, order: Order) -> None:
        failure = None
        try:
            await self._effects.load(order.model)
        except MyelinError as error:
            failure = error
        self._mover.load_ended(order.number, failure, self._now())
        self.poke()

    async def _unload(self, order: Order) -> None:
        try:
            with Deadline(self._tuning.call):
                await self._effects.unload(order.model)
        except ModelNotInstalled:
            self._mover.deleted(self.yard.models[order.model])
        except (MyelinError, TimeoutError):
            pass
        self._mover.answered(order.number, self._now())
        self.poke()

    async def _cancel(self, order: Order, load: asyncio.Task[None] | None) -> None:
        if load:
            load.cancel()
            await asyncio.wait([load], timeout=self._tuning.call)
        self._mover.answered(order.number, self._now())
        self.poke()

    # Turns

    def enter(self, ticket: Ticket) -> asyncio.Future[None] | None:
        """None when the turn has come already."""
        ticket.arrived = now = self._now()
        model = self.yard.arrive(ticket, now)
        if ticket.state == "inside":
            return None
        if self._has_ended:
            raise _stopping()
        if (seconds := self._proof.beyond(ticket, now)) is not None:
            raise self._too_long(ticket, seconds)
        if not model.service.is_known and len(model.line) >= self._tuning.unmeasured_line:
            raise self._too_many(ticket, now)
        ticket.turn = asyncio.get_running_loop().create_future()
        self.yard.queue(model, ticket, now)
        if not model.is_open or self.yard.must_look(now):  # else a place comes free when a turn ends
            self.poke()
        return ticket.turn

    async def tell(self, ticket: Ticket, turn: asyncio.Future[None], on_eta: OnEta) -> None:
        """Until the turn has come, or was refused."""
        while not turn.done():
            on_eta(self._forecaster.of(ticket, self._now()))
            await asyncio.wait([turn], timeout=self._tuning.notice_every)

    def _refuse_late(self, now: float) -> float:
        """Whoever waited long after its turn was predicted is refused: one clock for all, as a timer for each costs as much as
        its turn. Returns when the next one may be late; who comes meanwhile is not late before that."""
        if now >= self._late_at:
            self._late_at = now + self._tuning.longest("normal")  # no class has less
            for ticket in [ticket for model in self.yard.models.values() for ticket in model.line if not ticket.is_preload]:
                longest = self._tuning.longest(ticket.klass)
                if ticket.arrived + longest <= now:
                    self.yard.refuse([ticket], self._too_long(ticket, longest))
                else:
                    self._late_at = min(self._late_at, ticket.arrived + longest)
        return self._late_at

    @staticmethod
    def _too_long(ticket: Ticket, seconds: float) -> Overloaded:
        return Overloaded(
            f"The model {ticket.model} would be free in about {seconds:.0f} s, which is too long to wait for.",
            hint="Ask again later, or choose a model that is in memory.",
            retry_after=seconds,
        )

    def _too_many(self, ticket: Ticket, now: float) -> Overloaded:
        return Overloaded(
            f"{self._tuning.unmeasured_line} requests wait for the model {ticket.model}, and it has not answered any yet.",
            hint="Ask again when it has answered the first ones, or ask with less at once.",
            retry_after=self._forecaster.of(ticket, now).seconds,
        )

    def _refuse_hopeless(self, model: Model, now: float) -> None:
        """Who queued while nothing was known, and would be refused in the end, is told as soon as that is known."""
        for ticket, seconds in self._forecaster.hopeless(model, now):
            self.yard.refuse([ticket], self._too_long(ticket, seconds))

    def leave(self, ticket: Ticket, error: BaseException | None) -> None:
        """Its place goes to the next one for the same model at once; whatever else may follow is for the task."""
        yard, model = self.yard, self.yard.models[ticket.model]
        if ticket.state == "waiting":
            yard.withdraw(ticket)
        elif ticket.state == "inside":
            now = self._now()
            yard.leave(ticket, now, failed=error is not None)
            if model.service.has_grown_up and model.is_open and error is None:
                self._refuse_hopeless(model, now)
            yard.admit(model, now)
            if isinstance(error, ProviderError):
                yard.order("look")
        if yard.orders or yard.move or self._watchers or yard.waiting > (len(model.line) if model.is_open else 0):
            self.poke()


class Turn:
    """`async with` waits until the model is in memory and a place is free, and tells the end.

    Raises ModelTooLarge, Overloaded (with `retry_after`; also when the turn has not come long after it was predicted) or what
    kept the model from being loaded.
    """

    __slots__ = ("_on_eta", "_swapper", "_ticket")

    def __init__(self, swapper: Swapper, ticket: Ticket, on_eta: OnEta | None):
        self._swapper, self._ticket, self._on_eta = swapper, ticket, on_eta

    async def __aenter__(self) -> None:
        turn = self._swapper.enter(self._ticket)
        if turn is None:
            return
        try:
            if self._on_eta is not None:
                await self._swapper.tell(self._ticket, turn, self._on_eta)
            await turn
        except BaseException as error:
            self._swapper.leave(self._ticket, error)
            raise

    async def __aexit__(self, _kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None) -> Any:
        self._swapper.leave(self._ticket, error)


def _stopping() -> Overloaded:
    return Overloaded("The server is stopping.", retry_after=10)
