"""The owner of all state: one task that decides, and the turns that callers take.

A turn for a model that is in memory with a place free changes two counters and crosses no task. Everything else goes
through the line of its model and the task. Nothing in the state awaits, so whoever touches it is alone with it.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from core.deadline import Deadline
from core.errors import MyelinError, Overloaded, ProviderError
from fleet.compute import Resident
from fleet.swapper.effects import Effects
from fleet.swapper.line import Ticket
from fleet.swapper.moves import Mover
from fleet.swapper.room import Room
from fleet.swapper.steering import Steering
from fleet.swapper.tuning import Class, Tuning
from fleet.swapper.yard import Order, Yard
from providers.ollama_models import full_name


def _nobody(_error: MyelinError | None) -> None:
    """Settles a ticket whose owner did not have to wait."""


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
    ):
        self._effects, self._now, self._identify, self._tuning = effects, now, identify, tuning
        self.yard = Yard(tuning, Room(budget, tuning.free_share), predict, [identify(name) for name in always_on])
        self._mover = Mover(self.yard, identify)
        self._steering = Steering(self.yard, self._mover)
        self._changed = asyncio.Event()
        self._looking = self._look_again = False
        self._loading: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until it is cancelled; then whoever waits is refused."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self.yard.order("look")
                while True:
                    await self._round(tasks)
        finally:
            for model in list(self.yard.models.values()):
                self.yard.refuse(model.line, Overloaded("The server is stopping.", retry_after=10))

    async def _round(self, tasks: asyncio.TaskGroup) -> None:
        self._changed.clear()
        until = self._steering.steer(self._now())
        while self.yard.orders:
            self._carry_out(self.yard.orders.pop(0), tasks)
        seconds = max(0.0, min(until - self._now(), self._tuning.truth_every))
        try:
            with Deadline(seconds):
                await self._changed.wait()
        except TimeoutError:
            if seconds == self._tuning.truth_every:
                self.yard.order("look")

    def turn(
        self, model: str, *, client: str = "", klass: Class = "normal", on_eta: Callable[[float], None] | None = None
    ) -> "Turn":
        return Turn(self, Ticket(self._identify(model), client, klass, 0.0, _nobody), on_eta)

    def poke(self) -> None:
        """Something changed that may change the decision."""
        self._changed.set()

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
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def settle(error: MyelinError | None) -> None:
            if not future.done():
                future.set_exception(error) if error else future.set_result(None)

        ticket.settle = settle
        self.yard.queue(model, ticket, now)
        self.poke()
        return future

    def leave(self, ticket: Ticket, error: BaseException | None) -> None:
        yard = self.yard
        if ticket.state == "waiting":
            yard.withdraw(ticket)
        elif ticket.state == "inside":
            yard.leave(ticket, self._now(), failed=error is not None)
            if isinstance(error, ProviderError):
                yard.order("look")
                self.poke()
        if yard.waiting or yard.move:
            self.poke()


class Turn:
    """`async with` waits until the model is in memory and a place is free, and tells the end.

    Raises ModelTooLarge, Overloaded (with `retry_after`) or what kept the model from being loaded.
    """

    __slots__ = ("_on_eta", "_swapper", "_ticket")

    def __init__(self, swapper: Swapper, ticket: Ticket, on_eta: Callable[[float], None] | None):
        self._swapper, self._ticket, self._on_eta = swapper, ticket, on_eta

    async def __aenter__(self) -> None:
        future = self._swapper.enter(self._ticket)
        if future is None:
            return
        try:
            await future
        except BaseException as error:
            self._swapper.leave(self._ticket, error)
            raise

    async def __aexit__(self, _kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None) -> Any:
        self._swapper.leave(self._ticket, error)
