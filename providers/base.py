"""The contract of a provider: one file of this folder, found by itself."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Protocol

from core.errors import MyelinError
from core.http import Response
from providers.types import Capabilities, ChatDelta, ChatReply, ChatRequest, Dialect, Embeddings, ModelInfo

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """Who a provider is: what the README table, the settings page and the catalogue say of it.

    `known_models` are shown, marked as such, while the provider itself cannot be asked. `lists_capabilities`: what its list
    does not say of a model that it describes, that model cannot do. With a `dialect` bodies of it can be forwarded as they
    are, but for the paths that the provider is `without`; `stream_usage` says that `stream_options.include_usage` is
    understood. `default_url` is empty when a host has no address but the operator's. `variables` are (argument of the
    constructor, setting) pairs, beside `api_key` from `key_variable` and `base_url` from `<NAME>_BASE_URL`, which they may
    replace.
    """

    name: str
    title: str
    default_url: str
    key_variable: str | None
    docs: str
    capabilities: Capabilities
    known_models: tuple[ModelInfo, ...] = ()
    lists_capabilities: bool = False
    dialect: Dialect | None = None
    without: frozenset[str] = frozenset()
    stream_usage: bool = False
    variables: tuple[tuple[str, str], ...] = ()


class Provider(Protocol):
    """An adapter. Its HTTP client is injected; translation is pure functions beside it (`to_wire`, `from_wire`).

    Every method raises a `ProviderError` of `core.errors` and nothing else for what the provider does wrong; a stream
    that ends without the provider's terminal marker raises, it never ends quietly.
    """

    spec: ClassVar[ProviderSpec]

    async def chat(self, request: ChatRequest) -> ChatReply: ...

    def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]: ...

    async def embed(
        self, model: str, texts: list[str], *, api_key: str | None = None, dimensions: int | None = None
    ) -> Embeddings: ...

    async def list_models(self, api_key: str | None = None) -> list[ModelInfo]: ...

    def classify(self, status: int, body: bytes, retry_after: str | None = None) -> MyelinError: ...

    async def close(self) -> None: ...


class Forwarding(Provider, Protocol):
    """An adapter with a dialect: bodies of that dialect go to the provider as they are."""

    def forward(
        self, path: str, body: bytes, *, stream: bool, api_key: str | None = None, headers: Mapping[str, str] = NO_HEADERS
    ) -> AbstractAsyncContextManager[Response]:
        """`path` is the dialect's without its prefix (`/chat/completions`), `headers` are those of the client's that belong to
        the dialect. Raises ProviderError for all that is no 200."""
        ...
