"""What an engine is: a local server of models that is no Ollama, looked at and moved through its own API.

An engine says in one `survey` which models it has, in which state, and whether they can be moved at all. Everything else
follows from surveys: what is resident, what is installed, and whether a load or an unload that was answered really happened.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from core.errors import Conflict, ModelNotInstalled, ProviderError, ProviderRefused, ProviderTimeout
from core.http import HttpClient
from fleet.compute import Resident
from fleet.engines.api import EngineApi

#: sleeping: what it needs to wake is kept, graphics memory is not.
State = Literal["absent", "loading", "resident", "sleeping"]


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """`kind` is what a machine's record says. `moves_when` completes the sentence "it loads and unloads models when …".

    `holds_one`: a second model in memory is impossible; asked for one, the server drops the first with its questions.
    `parallel`: questions that it answers at once unless it was started otherwise (vLLM: half of what it takes at least).
    """

    kind: str
    title: str
    default_url: str
    docs_url: str
    moves_when: str
    holds_one: bool = False
    parallel: int = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """A model as an engine shows it. `size`: bytes of its weights, None when the engine does not tell; `parallel`: questions
    that it answers at once, None when not told; `instances`: names that the engine gave to what it loaded."""

    name: str
    state: State
    size: int | None = None
    parallel: int | None = None
    aliases: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()

    @property
    def takes_memory(self) -> bool:
        return self.state in ("loading", "resident")

    def is_named(self, name: str) -> bool:
        return name == self.name or name in self.aliases


@dataclass(frozen=True, slots=True)
class Survey:
    """`fixed` says why the models cannot be moved; empty: they can."""

    models: tuple[Seen, ...]
    fixed: str = ""

    def find(self, name: str) -> Seen | None:
        return next((model for model in self.models if model.is_named(name)), None)

    def loaded(self) -> list[Resident]:
        """What takes memory now; a model that is being loaded does. Its `size` counts its weights alone, 0 when the engine tells
        none; no engine tells where a model lies, so `size_vram` equals it."""
        found = [(model.name, model.size or 0) for model in self.models if model.takes_memory]
        return [Resident(name, size, size, fixed=bool(self.fixed)) for name, size in found]


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """`ready` is false while the server starts. `fixed` is why models stay where they are, empty when they can be moved."""

    ready: bool
    version: str | None = None
    fixed: str = ""


@dataclass(frozen=True, slots=True)
class EngineWaits:
    """Seconds: for a plain call, for a load, for a model to leave, for a change that was answered to show, between two looks."""

    call: float = 20
    load: float = 600
    leave: float = 60
    settle: float = 5
    look: float = 0.2


class Engine(ABC):
    """Fits `fleet.swapper`'s effects: `ps`, `load` and `unload`. Every method raises ProviderError for what the server does
    wrong and ends within its wait."""

    spec: ClassVar[EngineSpec]

    def __init__(
        self,
        url: str,
        key: str,
        http: HttpClient,
        *,
        waits: EngineWaits = EngineWaits(),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self._api = EngineApi(self.spec.title, url, key, http)
        self._waits = waits
        self._sleep = sleep

    @abstractmethod
    async def survey(self) -> Survey:
        """All models and their states."""

    @abstractmethod
    async def health(self) -> EngineHealth: ...

    @abstractmethod
    async def _begin_load(self, model: Seen) -> None:
        """Asks for it; the answer may come when it is done or before. Only for a model that takes no memory."""

    @abstractmethod
    async def _begin_unload(self, model: Seen) -> None:
        """Asks for it; the answer may come when it is done or before. Only for a model that takes memory."""

    async def ps(self) -> Sequence[Resident]:
        """What takes memory now; a model that is being loaded does."""
        return (await self.survey()).loaded()

    async def installed(self) -> Sequence[Seen]:
        """Everything that the engine could answer with, in memory or not."""
        return (await self.survey()).models

    async def load(self, model: str) -> None:
        """Returns when the engine shows it resident. One that is resident already is left alone. Cancelled, it closes its
        connection; a server that goes on all the same is stopped by `unload`.

        Raises Conflict when the engine's models cannot be moved or another one would be dropped, ModelNotInstalled,
        ProviderTimeout.
        """
        found, survey = await self._found(model)
        if found is None:
            raise ModelNotInstalled(f"{self.spec.title} does not have {model[:120]}.", hint=self._listed(survey))
        if found.state == "resident":
            return
        if self.spec.holds_one and (other := next((one for one in survey.models if one.takes_memory), None)):
            raise Conflict(
                f"{self.spec.title} has {other.name} in memory.", hint="Unload it first: a load would drop it at once."
            )
        await self._in_time(self._waits.load, f"did not load {found.name}", self._loading(found))

    async def unload(self, model: str) -> None:
        """Returns when the engine shows that it left memory. One that is not in memory, or not known, has left already.

        Raises Conflict when the engine's models cannot be moved, ProviderTimeout.
        """
        found, _ = await self._found(model, moving=False)
        if found is None or not found.takes_memory:
            return
        await self._in_time(self._waits.leave, f"did not unload {found.name}", self._unloading(found))

    async def _found(self, model: str, *, moving: bool = True) -> tuple[Seen | None, Survey]:
        survey = await self.survey()
        found = survey.find(model)
        there = found is not None and found.state == "resident"
        needed = not there if moving else found is not None and found.takes_memory
        if survey.fixed and needed:
            hint = f"{self.spec.title} loads and unloads models when {self.spec.moves_when}."
            raise Conflict(survey.fixed, hint=hint)
        return found, survey

    async def _loading(self, model: Seen) -> None:
        if model.state != "loading":
            await self._ask(self._begin_load, model, wanted=True)
        was_loading, patience = False, self._waits.settle
        while (now := await self._glance(model.name)) != "resident":
            if now in ("absent", "sleeping") and (was_loading or patience <= 0):
                raise ProviderError(
                    f"{self.spec.title} did not keep {model.name} in memory.",
                    hint="Its log says why; the memory may be too small for this model.",
                )
            was_loading = was_loading or now == "loading"
            patience -= self._waits.look
            await self._sleep(self._waits.look)

    async def _unloading(self, model: Seen) -> None:
        await self._ask(self._begin_unload, model, wanted=False)
        while await self._glance(model.name) in ("loading", "resident", None):
            await self._sleep(self._waits.look)

    async def _ask(self, begin: Callable[[Seen], Awaitable[None]], model: Seen, *, wanted: bool) -> None:
        """A refusal counts only when the model is not on its way: somebody else may have been faster."""
        try:
            await begin(model)
        except ProviderRefused:
            seen = (await self.survey()).find(model.name)
            if (seen is not None and seen.takes_memory) is not wanted:
                raise

    async def _glance(self, name: str) -> State | None:
        """The state of one model; None when the engine is too busy to say."""
        try:
            seen = (await self.survey()).find(name)
        except ProviderTimeout:
            return None
        return "absent" if seen is None else seen.state

    async def _in_time(self, seconds: float, failure: str, work: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(seconds):
                await work
        except TimeoutError:
            hint = "Look at its log; it may hang or have too little memory."
            raise ProviderTimeout(f"{self.spec.title} {failure} in {seconds:g} s.", hint=hint) from None

    @staticmethod
    def _listed(survey: Survey) -> str:
        names = ", ".join(model.name[:80] for model in survey.models[:5])
        return f"It has {names}." if names else "It has no model at all."
