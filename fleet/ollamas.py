"""The provider `ollama` over all machines: each request goes where it is answered first, and every list is of all of them."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from core.caller import caller
from core.errors import ProviderError
from core.http import Response
from core.machines import OLLAMA
from fleet.machines.fleet import Fleet
from providers.base import NO_HEADERS, ProviderSpec
from providers.ollama import Ollama
from providers.ollama_native import read
from providers.types import ChatDelta, ChatReply, ChatRequest, Embeddings, ModelInfo


class Ollamas:
    """A `Provider`; who asks is told by `core.caller`. Raises what `Fleet.turn` and the adapter of the machine raise."""

    spec: ProviderSpec = Ollama.spec

    def __init__(self, fleet: Fleet):
        self._fleet = fleet

    async def chat(self, request: ChatRequest) -> ChatReply:
        async with self._fleet.turn(request.model, caller()) as place:
            return await place.host.chat(request)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        async with self._fleet.turn(request.model, caller()) as place, aclosing(place.host.stream(request)) as deltas:
            async for delta in deltas:
                yield delta

    async def embed(
        self, model: str, texts: list[str], *, api_key: str | None = None, dimensions: int | None = None
    ) -> Embeddings:
        async with self._fleet.turn(model, caller()) as place:
            return await place.host.embed(model, texts, dimensions=dimensions)

    @asynccontextmanager
    async def forward(
        self, path: str, body: bytes, *, stream: bool, api_key: str | None = None, headers: Mapping[str, str] = NO_HEADERS
    ) -> AsyncIterator[Response]:
        """To an Ollama: no other kind of machine speaks its dialect."""
        model = read(path, body).model
        turn = self._fleet.turn(model, caller(), OLLAMA)
        async with turn as place, place.host.forward(path, body, stream=stream, headers=headers) as response:
            yield response

    async def list_models(self, api_key: str | None = None) -> list[ModelInfo]:
        """What is installed on each machine that takes work, the same model once for each.

        Raises ProviderError when no machine tells anything. Those that are down are asked when there is no other.
        """
        enabled = [engine for engine in self._fleet.machines if engine.record.enabled and not engine.draining]
        engines = [engine for engine in enabled if engine.open] or enabled
        failures = await self._fleet.refresh(engines)
        told = [engine for engine in engines if engine.listed is not None]
        if failures and not told:
            raise failures[0]
        return [replace(info, machine=engine.record.name) for engine in told for info in engine.listed.values()]

    def classify(self, status: int, body: bytes, retry_after: str | None = None) -> ProviderError:
        return self._fleet.machines.local.host.classify(status, body, retry_after)

    async def close(self) -> None:
        await self._fleet.machines.close()
