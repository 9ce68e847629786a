"""A machine whose models an engine holds: asked through the chat adapter of its kind, moved through the engine's own API.

It has what turns, probes and lists want of an Ollama, so that these know no kinds. Files of models it does not move: no engine
lets them come or go from outside.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from core.errors import ProviderError, ProviderUnreachable
from core.http import HttpClient
from fleet.compute import Resident
from fleet.engines.base import Engine, EngineSpec, Seen, Survey
from fleet.engines.registry import engine
from providers.base import Provider
from providers.registry import provider_classes
from providers.types import ChatDelta, ChatReply, ChatRequest, Embeddings, ModelInfo


class EngineHost:
    """`adapter` asks the models, `engine` looks at them and moves them; both are of one kind. `provider` is the name that its
    models are listed under. `fixed` is why they cannot be moved, by the last look; empty: they can, or nobody looked."""

    def __init__(self, engine: Engine, adapter: Provider, provider: str):
        self._engine, self._adapter, self._provider = engine, adapter, provider
        self.fixed = ""
        #: Bytes by names: some engines tell the size of what is in memory only.
        self._sizes: dict[str, int] = {}

    @property
    def spec(self) -> EngineSpec:
        return self._engine.spec

    @property
    def title(self) -> str:
        return self.spec.title

    async def chat(self, request: ChatRequest) -> ChatReply:
        return await self._adapter.chat(request)

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        async with aclosing(self._adapter.stream(request)) as deltas:
            async for delta in deltas:
                yield delta

    async def embed(self, model: str, texts: list[str], *, dimensions: int | None = None) -> Embeddings:
        return await self._adapter.embed(model, texts, dimensions=dimensions)

    async def list_models(self) -> list[ModelInfo]:
        """What can be asked: all models, and only those in memory where nothing can be loaded."""
        survey = await self._survey()
        told = await self._told()
        return [self._info(seen, told) for seen in survey.models if not survey.fixed or seen.takes_memory]

    async def _told(self) -> Mapping[str, ModelInfo]:
        """What the list for clients says of context and abilities; nothing when it cannot be read."""
        try:
            return {info.name: info for info in await self._adapter.list_models()}
        except ProviderError:
            return {}

    def _info(self, seen: Seen, told: Mapping[str, ModelInfo]) -> ModelInfo:
        known = next((told[name] for name in (seen.name, *seen.aliases) if name in told), ModelInfo(seen.name, self._provider))
        return replace(
            known,
            name=seen.name,
            provider=self._provider,
            size=self._sizes.get(seen.name) or known.size,
            resident=seen.takes_memory,
            size_vram=seen.size if seen.takes_memory else None,
        )

    # What a machine does

    def load_context(self, model: str) -> int:
        """Nobody tells what an engine loads it with: the formula takes none but the least."""
        return 0

    async def ps(self) -> Sequence[Resident]:
        return (await self._survey()).loaded()

    async def load(self, model: str, *, num_gpu: int | None = None) -> None:
        """`num_gpu` is Ollama's: an engine computes where it was started to."""
        await self._engine.load(model)

    async def unload(self, model: str) -> None:
        await self._engine.unload(model)

    async def version(self) -> str | None:
        """None when it does not tell. Raises ProviderUnreachable while it starts."""
        health = await self._engine.health()
        if not health.ready:
            raise ProviderUnreachable(f"{self.title} is still starting.", hint="It takes work when it has started.")
        return health.version

    async def weights(self) -> Mapping[str, tuple[int | None, str | None]]:
        """(bytes in memory where that was told, None: no engine tells a digest) of every model."""
        return {seen.name: (self._sizes.get(seen.name), None) for seen in (await self._survey()).models}

    async def names(self) -> Collection[str]:
        """All models, in memory or not."""
        return [seen.name for seen in (await self._survey()).models]

    async def shown(self, model: str) -> Mapping[str, Any]:
        """No engine describes a model as Ollama does."""
        return {}

    async def _survey(self) -> Survey:
        survey = await self._engine.survey()
        self.fixed = survey.fixed
        self._sizes = {one.name: size for one in survey.models if (size := one.size or self._sizes.get(one.name))}
        return survey


def engine_host(kind: str, url: str, key: str, http: HttpClient, provider: str) -> EngineHost:
    """Of a machine at `url`, without `/v1`. Raises InvalidField for an unknown kind."""
    held = engine(kind, url, key, http)
    (adapter,) = (cls for cls in provider_classes() if cls.spec.name == kind)
    return EngineHost(held, adapter(http=http, base_url=url.rstrip("/") + "/v1", api_key=key), provider)
