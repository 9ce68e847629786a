"""How a provider is asked, whoever chose it: again when that can help, and never after the first word of an answer."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import TypeVar, cast

from core.errors import InvalidField, ModelUnable, MyelinError, ProviderError, ProviderTimeout
from core.http import Response
from gateway.retry import Retry
from gateway.routing import AUTO, Target
from providers.base import NO_HEADERS, Forwarding, Provider
from providers.types import Capabilities, ChatDelta, ChatRequest, Dialect, Embeddings

BUILTIN = "builtin"
T = TypeVar("T")


class Attempts:
    """How often a provider was asked for one answer, and the seconds that were waited for it: `with attempts:` around each."""

    __slots__ = ("_since", "count", "waited")

    def __init__(self) -> None:
        self.count, self.waited, self._since = 0, 0.0, 0.0

    def __enter__(self) -> None:
        self.count += 1
        self._since = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.waited += time.perf_counter() - self._since


class Asking:
    """`first_content` are the seconds that a stream may take until its first word, loading of the model included. `speaks`:
    whether the model of a target takes its provider's dialect, for a provider over servers of several kinds."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        retry: Retry,
        first_content: float = 300.0,
        speaks: Callable[[Target], bool] = lambda target: True,
    ):
        self._providers = providers
        self._retry = retry
        self._first_content = first_content
        self._speaks = speaks
        self.names = tuple(providers)

    def capabilities(self, provider: str) -> Capabilities:
        """Raises InvalidField (AI-Provider) with the names that exist."""
        return self._provider(provider).spec.capabilities

    async def stream(
        self, target: Target, request: ChatRequest, attempts: Attempts | None = None
    ) -> AsyncGenerator[ChatDelta, None]:
        """The pieces of an answer. It is asked for again only before its first content came; the last piece says why it ended.

        Raises ProviderError, also when the answer ends without its end.
        """
        asked, tries = request.to(target.model), attempts or Attempts()

        async def begun() -> tuple[list[ChatDelta], AsyncGenerator[ChatDelta, None]]:
            deltas = self._provider(target.provider).stream(asked)
            try:
                with tries:
                    return await self._in_time(target, _until_content(deltas)), deltas
            except BaseException:
                await deltas.aclose()
                raise

        held, deltas = await self._retry(begun)
        ended = False
        async with aclosing(deltas):
            for delta in held:
                ended = ended or delta.finish_reason is not None
                yield delta
            async for delta in deltas:
                ended = ended or delta.finish_reason is not None
                yield delta
        if not ended:
            raise ProviderError(f"The answer of {self._title(target.provider)} ended before it was complete.", hint="Ask again.")

    async def embed(
        self, target: Target, texts: list[str], dimensions: int | None = None, attempts: Attempts | None = None
    ) -> Embeddings:
        """Raises ProviderError: ModelUnable when the provider has no embeddings."""
        if not self.capabilities(target.provider).embed:
            raise ModelUnable(f"{self._title(target.provider)} has no embeddings.")
        tries = attempts or Attempts()

        async def asked() -> Embeddings:
            with tries:
                return await self._provider(target.provider).embed(target.model, texts, dimensions=dimensions)

        return await self._retry(asked)

    def passes(self, target: Target, dialect: Dialect, path: str) -> bool:
        """Whether a body for `path` of `dialect` may go to the target's provider as it is."""
        spec = self._provider(target.provider).spec
        return spec.dialect == dialect and path not in spec.without and self._speaks(target)

    def tells_usage(self, target: Target) -> bool:
        """Whether its streams tell the usage when `stream_options.include_usage` asks for it."""
        return self._provider(target.provider).spec.stream_usage

    def fetch(
        self, target: Target, path: str, body: bytes, attempts: Attempts, headers: Mapping[str, str] = NO_HEADERS
    ) -> Awaitable[bytes]:
        """The whole answer to a body in the provider's own dialect. Raises ProviderError."""

        async def asked() -> bytes:
            with attempts:
                async with self._forwarder(target).forward(path, body, stream=False, headers=headers) as response:
                    return await response.read()

        return self._retry(asked)

    @asynccontextmanager
    async def forward(
        self,
        target: Target,
        path: str,
        body: bytes,
        attempts: Attempts,
        opening: Callable[[Response], Awaitable[bytes]],
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> AsyncIterator[tuple[Response, bytes]]:
        """A stream in the provider's own dialect, and what `opening` read of it: all up to the first content.

        It is asked for again only while `opening` has not returned. Raises ProviderError.
        """

        async def opened() -> tuple[AbstractAsyncContextManager[Response], Response, bytes]:
            context = self._forwarder(target).forward(path, body, stream=True, headers=headers)
            with attempts:
                response = await context.__aenter__()
                try:
                    return context, response, await self._in_time(target, opening(response))
                except BaseException as error:
                    await context.__aexit__(type(error), error, error.__traceback__)  # closes, and gives failures their class
                    raise

        context, response, held = await self._retry(opened)
        try:
            yield response, held
        except BaseException as error:
            await context.__aexit__(type(error), error, error.__traceback__)
            raise
        else:
            await context.__aexit__(None, None, None)

    def told_error(self, target: Target, told: bytes) -> MyelinError:
        """The class of an error that the provider told inside a stream."""
        return self._provider(target.provider).classify(500, told)

    async def _in_time(self, target: Target, content: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._first_content):
                return await content
        except TimeoutError:
            raise ProviderTimeout(
                f"{self._title(target.provider)} did not begin to answer in {self._first_content:g} seconds.",
                hint="Ask again, or use a faster model.",
            ) from None

    def _provider(self, name: str) -> Provider:
        if name not in self._providers:
            known = ", ".join([*self.names, BUILTIN, AUTO])
            raise InvalidField(f"There is no provider named {name[:60]!r}.", hint=f"Send one of: {known}.", field="AI-Provider")
        return self._providers[name]

    def _forwarder(self, target: Target) -> Forwarding:
        """The provider of a target that `passes`."""
        return cast(Forwarding, self._provider(target.provider))

    def _title(self, name: str) -> str:
        return self._providers[name].spec.title


async def _until_content(deltas: AsyncIterator[ChatDelta]) -> list[ChatDelta]:
    """All pieces up to the first one that says something."""
    held = []
    async for delta in deltas:
        held.append(delta)
        if delta.text or delta.thinking or delta.tool_calls or delta.redacted is not None or delta.finish_reason is not None:
            break
    return held
