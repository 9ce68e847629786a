"""The provider `ollama` over all machines: each request goes where it is answered first, and every list is of all of them."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from types import TracebackType

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

    def forward(
        self, path: str, body: bytes, *, stream: bool, api_key: str | None = None, headers: Mapping[str, str] = NO_HEADERS
    ) -> "Forwarded":
        """To an Ollama: no other kind of machine speaks its dialect."""
        return Forwarded(self._fleet, path, body, stream)

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


class Forwarded:
    """`async with` the reply of the machine that the body was sent to."""

    __slots__ = ("_asked", "_fleet", "_reply", "_turn")

    def __init__(self, fleet: Fleet, path: str, body: bytes, stream: bool):
        self._fleet, self._asked = fleet, (path, body, stream)

    async def __aenter__(self) -> Response:
        path, body, stream = self._asked
        question = read(path, body)
        self._turn = self._fleet.turn(question.model, caller(), OLLAMA)
        place = await self._turn.__aenter__()
        try:
            self._reply = place.host.passed(question, stream=stream)
            return await self._reply.__aenter__()
        except BaseException as error:
            await self._turn.__aexit__(type(error), error, error.__traceback__)
            raise

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            await self._reply.__aexit__(kind, error, at)
        except BaseException as failure:
            await self._turn.__aexit__(type(failure), failure, failure.__traceback__)
            raise
        await self._turn.__aexit__(kind, error, at)
