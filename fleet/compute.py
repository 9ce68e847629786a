"""Where Ollama computes: processor, graphics card, or as it sees fit; and the safe way from one to the other.

The switch is per request (`options.num_gpu`), but Ollama keeps a loaded model where it is when a request does not object.
So: stop admission → drain → store the mode → unload every model → confirm in /api/ps → load the always-on ones again →
check `size_vram` (0 on the processor, equal to `size` on the card) → open. Nothing is unloaded with questions in flight.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, get_args

from core.errors import Conflict, InvalidField, MyelinError, ProviderError, ProviderTimeout, ProviderUnreachable
from fleet.hardware import Hardware, is_this_machine

Mode = Literal["cpu", "gpu", "auto"]
Presence = Literal["present", "absent", "unknown"]
State = Literal["running", "done", "deferred", "failed"]

_NUM_GPU: dict[Mode, int | None] = {"cpu": 0, "gpu": 999, "auto": None}


@dataclass(frozen=True, slots=True)
class Resident:
    """A row of `/api/ps`: bytes in all and bytes in video memory, and its context in tokens for one question.

    `fixed`: its server has no way to unload it.
    """

    name: str
    size: int
    size_vram: int
    context: int | None = None
    fixed: bool = False


class OllamaPort(Protocol):
    """The three verbs that a switch needs. Every method raises a ProviderError for what Ollama does wrong."""

    async def ps(self) -> Sequence[Resident]: ...

    async def unload(self, model: str) -> None:
        """Asks, and may wait for the end; that the model is gone shows in `ps` only."""

    async def load(self, model: str, *, num_gpu: int | None) -> None:
        """Loads and keeps for good, with `options.num_gpu` (None leaves it out); returns when the model is ready."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds: for questions in flight, for models to leave, for one model to load, for one plain call, between two looks."""

    drain: float = 300
    leave: float = 60
    load: float = 600
    call: float = 20
    look: float = 0.5


@dataclass(slots=True)
class Switch:
    """One change of mode. `deferred`: the mode is stored and holds from the next question on, Ollama did not answer."""

    id: str
    mode: Mode
    started_at: float
    state: State = "running"
    message: str = ""
    finished_at: float | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def num_gpu(mode: Mode) -> int | None:
    """`options.num_gpu` of every request in this mode; None leaves the option out, so Ollama decides."""
    return _NUM_GPU[mode]


def gpu_presence(hardware: Hardware, ollama_url: str) -> Presence:
    """Whether Ollama's machine has a graphics card: known on this machine, unknown when Ollama runs elsewhere."""
    if not is_this_machine(ollama_url):
        return "unknown"
    return "present" if hardware.gpus else "absent"


class Door(Protocol):
    """What stands before the models of the machine; `fleet.machines.swapping.Swapping` is one."""

    @property
    def inside(self) -> int: ...

    async def close_and_drain(self, seconds: float) -> bool:
        """Lets nobody in and waits until nobody is inside; False when somebody still is after `seconds`. Stays closed."""

    def open(self) -> None: ...


class Compute:
    """Owns the mode. `begin` checks and registers, `perform` does the work; one switch at a time."""

    def __init__(
        self,
        door: Door,
        ollama: OllamaPort,
        *,
        mode: Mode,
        save: Callable[[Mode], Awaitable[None]],
        presence: Callable[[], tuple[Presence, str]],
        always_on: Callable[[], Sequence[str]],
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        waits: Waits = Waits(),
    ):
        """`presence` gives whether there is a card and, in words, what was detected; `save` makes a mode durable; `always_on`
        are the models that stay in memory now."""
        self.mode: Mode = mode
        self.last: Switch | None = None
        self._door = door
        self._ollama = ollama
        self._save = save
        self._presence = presence
        self._stays = always_on
        self._now = now
        self._sleep = sleep
        self._waits = waits

    @property
    def _always_on(self) -> tuple[str, ...]:
        return tuple(_full_name(name) for name in self._stays())

    def begin(self, mode: str) -> Switch:
        """A registered switch for `perform`. Raises InvalidField (unknown mode, no card) and Conflict (one runs)."""
        if mode not in get_args(Mode):
            hint = 'Send {"mode": "cpu"}, "gpu" or "auto".'
            raise InvalidField("The mode is none of cpu, gpu and auto.", field="mode", hint=hint)
        if self.last is not None and self.last.state == "running":
            running = f"The switch {self.last.id} to {self.last.mode} is still running."
            raise Conflict(running, hint="Wait until GET /config/compute shows its end.")
        presence, detected = self._presence()
        if mode == "gpu" and presence == "absent":
            raise InvalidField(
                f"There is no graphics card that Ollama could use: {detected}.",
                field="mode",
                hint="Install the card's driver (and give the container access to the card), or use the mode cpu or auto.",
            )
        self.last = Switch(secrets.token_hex(8), mode, self._now())
        return self.last

    async def perform(self, switch: Switch) -> Switch:
        """Runs the switch to its end and opens admission again, whatever happens. What went wrong is in the switch."""
        try:
            if not await self._holds_already(switch):
                await self._drain(switch)
                await self._store(switch)
                await self._move(switch)
        except MyelinError as error:
            self._end(switch, "failed", error.detail)
        finally:
            self._door.open()
            if switch.state == "running":
                self._end(switch, "failed", "The switch was interrupted.")
        return switch

    async def switch(self, mode: str) -> Switch:
        """`begin` and `perform` in one."""
        return await self.perform(self.begin(mode))

    def _step(self, switch: Switch, name: str, detail: str = "") -> None:
        switch.steps.append({"at": self._now(), "step": name, "detail": detail})

    def _end(self, switch: Switch, state: State, message: str) -> None:
        switch.state, switch.message, switch.finished_at = state, message, self._now()

    async def _holds_already(self, switch: Switch) -> bool:
        if switch.mode != self.mode:
            return False
        try:
            residents = await self._ps()
        except ProviderError:
            return False
        complete = set(self._always_on) <= {_full_name(resident.name) for resident in residents}
        holds = complete and all(_is_placed(resident, switch.mode) for resident in residents)
        if holds:
            self._end(switch, "done", f"The mode {switch.mode} holds already; nothing was moved.")
        return holds

    async def _drain(self, switch: Switch) -> None:
        self._step(switch, "admission closed", f"{self._door.inside} in flight")
        if not await self._door.close_and_drain(self._waits.drain):
            left = self._door.inside
            raise Conflict(f"{left} in flight had not ended after {self._waits.drain:g} s; nothing was changed.")
        self._step(switch, "drained")

    async def _store(self, switch: Switch) -> None:
        await self._save(switch.mode)
        self.mode = switch.mode
        self._step(switch, "mode stored", switch.mode)

    async def _move(self, switch: Switch) -> None:
        try:
            await self._unload(switch)
            await self._reload(switch)
            self._verify(switch, await self._ps())
        except (ProviderUnreachable, ProviderTimeout):
            message = f"Ollama gives no answer. The mode {switch.mode} is stored and holds from the next question on."
            self._end(switch, "deferred", message)

    async def _unload(self, switch: Switch) -> None:
        names = [resident.name for resident in await self._ps()]
        for name in names:
            # Whether a slow one left after all, or Ollama is silent altogether, shows in /api/ps.
            with contextlib.suppress(ProviderTimeout):
                await self._within(self._waits.call + self._waits.leave, self._ollama.unload(name))
        self._step(switch, "unload asked", ", ".join(names) or "no model was loaded")
        give_up = self._waits.leave
        while left := sorted({resident.name for resident in await self._ps()} & set(names)):
            if give_up <= 0:
                raise Conflict(f"{', '.join(left)} did not leave memory in {self._waits.leave:g} s.")
            await self._sleep(self._waits.look)
            give_up -= self._waits.look
        self._step(switch, "unload confirmed")

    async def _reload(self, switch: Switch) -> None:
        for name in self._always_on:
            await self._within(self._waits.load, self._ollama.load(name, num_gpu=num_gpu(switch.mode)))
            self._step(switch, "loaded", name)

    def _verify(self, switch: Switch, residents: Sequence[Resident]) -> None:
        found = {_full_name(resident.name): resident for resident in residents}
        missing = [name for name in self._always_on if name not in found]
        there = [found[name] for name in self._always_on if name in found]
        wrong = [_placement(resident) for resident in there if not _is_placed(resident, switch.mode)]
        self._step(switch, "verified", "; ".join(_placement(resident) for resident in there))
        if missing:
            self._end(switch, "failed", f"The mode {switch.mode} is stored, but {', '.join(missing)} did not stay in memory.")
        elif wrong:
            message = f"The mode {switch.mode} is stored, but Ollama placed models otherwise: {'; '.join(wrong)}."
            self._end(switch, "failed", message)
        else:
            self._end(switch, "done", f"Ollama computes in the mode {switch.mode}.")

    async def _ps(self) -> Sequence[Resident]:
        return await self._within(self._waits.call, self._ollama.ps())

    @staticmethod
    async def _within(seconds: float, work: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise ProviderTimeout(f"Ollama did not answer in {seconds:g} s.") from None


def _full_name(model: str) -> str:
    """Ollama shows every model with its tag; a name without one means `latest`."""
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"


def _is_placed(resident: Resident, mode: Mode) -> bool:
    if mode == "cpu":
        return resident.size_vram == 0
    return mode == "auto" or resident.size_vram >= resident.size > 0


def _placement(resident: Resident) -> str:
    share = resident.size_vram / resident.size if resident.size > 0 else 0
    return f"{resident.name} {share:.0%} in video memory"
