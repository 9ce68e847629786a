"""Which context each model has in memory, so that a question does not load it anew: a difference in either direction does."""

from collections import Counter
from collections.abc import Awaitable, Callable
from types import TracebackType

from core.clock import Clock
from core.http import Response
from providers.contexts import choose_context
from providers.ollama_models import OllamaModels, full_name
from providers.sending import Accepted
from providers.types import ModelInfo

#: What a model is loaded with when no question of a known length waits for it. From here on a request that cannot say `shift`,
#: as one for vectors, means what our chats say (server/sched.go, contextShiftSmallContextLimit): below it each loads it anew.
LOAD_CONTEXT = 8192
#: How long what /api/ps said is believed: only other clients of the same Ollama can change it meanwhile.
BELIEVED_SECONDS = 1.0


#: (model, tokens of context): room for a model that will be loaded with so much.
Grows = Callable[[str, int], Awaitable[None]]


class Contexts:
    """A question that was `asked` holds its context while it is under way: a model that is loading is not in /api/ps yet.

    `grows` is told the context before, and makes room for it or raises.
    """

    def __init__(self, models: OllamaModels, clock: Clock, grows: Grows):
        self._models = models
        self._clock = clock
        self.grows = grows
        self._known: dict[str, tuple[float, int | None]] = {}
        self._under_way: dict[str, Counter[int]] = {}

    async def choose(self, model: ModelInfo, needed: int) -> int:
        """The `num_ctx` to ask `model` for, so that `needed` tokens fit as far as the model can."""
        name = model.name
        wanted = choose_context(needed, model.context, None)
        if (asked := max(self._under_way.get(name, ()), default=0)) >= wanted:
            return asked
        loaded = await self._loaded(name)
        return wanted if loaded is None else max(wanted, loaded)

    async def idle(self, model: ModelInfo, longest: int = 0) -> int | None:
        """The `num_ctx` of a load, or of texts to embed of which the `longest` has so many tokens; None for a model that can only
        embed: it is always loaded with the context that it was trained for."""
        if "embedding" in model.capabilities and "completion" not in model.capabilities:
            return None
        return await self.choose(model, max(longest, LOAD_CONTEXT))

    def expected(self, model: str) -> int:
        """The `num_ctx` that a load would ask for now, as far as is known without asking."""
        return max(self._under_way.get(full_name(model), ()), default=LOAD_CONTEXT)

    def asked(self, model: ModelInfo, num_ctx: int | None, accepted: Accepted) -> "Asked":
        """`async with` the reply to a question to `model`; raises what `grows` raises, before anything is asked."""
        return Asked(self, model.name, num_ctx, accepted)

    def hold(self, name: str, num_ctx: int) -> None:
        """For Asked alone, as are `leave` and `grows`."""
        self._under_way.setdefault(name, Counter())[num_ctx] += 1

    def leave(self, name: str, num_ctx: int) -> None:
        under_way = self._under_way[name]
        under_way[num_ctx] -= 1
        if not under_way[num_ctx]:
            del under_way[num_ctx]
        if not under_way:
            del self._under_way[name]
        if (known := self._known.get(name)) and known[1] != num_ctx:
            del self._known[name]

    def forget(self, model: str) -> None:
        """After the model left the memory."""
        self._known.pop(full_name(model), None)

    async def _loaded(self, name: str) -> int | None:
        now = self._clock.monotonic()
        if (known := self._known.get(name)) and now - known[0] <= BELIEVED_SECONDS:
            return known[1]
        loaded = await self._models.loaded_context(name)
        self._known[name] = now, loaded
        return loaded


class Asked:
    """The reply to a question, which holds its context until it was read; without a `num_ctx` it asks for none of its own."""

    __slots__ = ("_accepted", "_contexts", "_name", "_num_ctx")

    def __init__(self, contexts: Contexts, name: str, num_ctx: int | None, accepted: Accepted):
        self._contexts, self._name, self._num_ctx, self._accepted = contexts, name, num_ctx, accepted

    async def __aenter__(self) -> Response:
        if self._num_ctx is not None:
            await self._contexts.grows(self._name, self._num_ctx)
            self._contexts.hold(self._name, self._num_ctx)
        try:
            return await self._accepted.__aenter__()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            await self._accepted.__aexit__(kind, error, at)
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._num_ctx is not None:
            self._contexts.leave(self._name, self._num_ctx)
