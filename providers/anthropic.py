"""Anthropic's Claude through the Messages API, without its SDK, which takes a second and a half to import."""

from collections.abc import AsyncGenerator, Awaitable, Mapping
from typing import Any, ClassVar

from core.errors import ProviderAuthFailed, ProviderError, ProviderRefused
from core.heads import Headers
from core.http import Deadlines, HttpClient, Request, Response
from providers.anthropic_errors import KEY_HINT, classify_error, is_lasting, parse_error, unsupported
from providers.anthropic_models import model_info
from providers.anthropic_stream import Reader
from providers.anthropic_wire import answers_by_tool, to_wire
from providers.base import NO_HEADERS, ProviderSpec
from providers.claude import answer_limit
from providers.collecting import collect
from providers.patience import Patience
from providers.refusals import Refusals
from providers.sending import ERROR_BYTES, Accepted, Sender
from providers.sse import data_of
from providers.telling import entries
from providers.types import Capabilities, ChatDelta, ChatReply, ChatRequest, Embeddings, ModelInfo
from providers.wrapping import freeing, has_other_root

_TITLE = "Anthropic"
_VERSION = "2023-06-01"


class Anthropic:
    """`api_key` is that of the operator. What a model refuses (temperature, say) is left out for that model from then on."""

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        name="anthropic",
        title="Anthropic Claude",
        default_url="https://api.anthropic.com",
        key_variable="ANTHROPIC_API_KEY",
        docs="https://docs.anthropic.com",
        capabilities=Capabilities(json_schema=True, vision=True, tools=True, thinking=True),
        dialect="anthropic",
    )

    def __init__(
        self,
        http: HttpClient | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        patience: Patience = Patience(),
    ):
        self._sender = Sender(http or HttpClient(), _TITLE, "ANTHROPIC_BASE_URL")
        self._base_url = (base_url or self.spec.default_url).rstrip("/").removesuffix("/v1") + "/v1"
        self._api_key = (api_key or "").strip()
        self._own_headers = _key_headers(self._api_key)
        self._patience = patience
        self._refusals = Refusals()

    def chat(self, request: ChatRequest) -> Awaitable[ChatReply]:
        """Streamed inside, so that a model that hangs or never ends is noticed early and let go."""
        return collect(self.stream(request), request, _TITLE, request.max_tokens or answer_limit(request.model))

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        question = self._refusals.question(request.model)
        while True:
            body, by_tool = to_wire(request, question.without), answers_by_tool(request, question.without)
            async with self._sent("POST", "/messages", self._patience.answering, json=body) as response:
                if response.status == 200:
                    reader = Reader(by_tool, lambda status, error: self._typed(status, error, None, request.model))
                    freed = freeing(by_tool and has_other_root(request.schema))
                    while lines := await response.some_lines():
                        for delta in filter(None, map(reader.read, map(self._sender.parse, data_of(lines)))):
                            if delta.finish_reason is not None:
                                await response.drain()  # message_stop
                            for piece in freed(delta):
                                yield piece
                            if delta.finish_reason is not None:
                                return
                    raise ProviderError("The answer of Anthropic ended before it was complete.", hint="Ask again.")
                error = parse_error(await response.head(ERROR_BYTES))
                word = unsupported(response.status, error, body)
                question.refused(self._error(response, error, request.model), word, lasting=is_lasting(word, error))

    def forward(
        self, path: str, body: bytes, *, stream: bool, api_key: str | None = None, headers: Mapping[str, str] = NO_HEADERS
    ) -> Accepted:
        """`body` as it is to `path` of the dialect: /messages, /messages/count_tokens. Raises ProviderError for all that is no
        200."""
        deadlines = self._patience.answering if stream else self._patience.whole
        return Accepted(self._sent("POST", path, deadlines, body=body, api_key=api_key, headers=headers), self._refusal)

    async def embed(
        self, model: str, texts: list[str], *, api_key: str | None = None, dimensions: int | None = None
    ) -> Embeddings:
        """Raises ProviderRefused: Anthropic makes no vectors."""
        raise ProviderRefused("Anthropic makes no embeddings.", hint="Use a model of another provider for them.")

    async def list_models(self, api_key: str | None = None) -> list[ModelInfo]:
        async with Accepted(self._sent("GET", "/models?limit=1000", self._patience.quick), self._refusal) as response:
            listed = entries(self._sender.parse(await response.read()), "data")
        return [info for info in map(model_info, listed) if info is not None]

    def classify(self, status: int, body: bytes, retry_after: str | None = None) -> ProviderError:
        return self._typed(status, parse_error(body), retry_after, None)

    async def close(self) -> None:
        await self._sender.http.close()

    # ---- under the contract ----------------------------------------------------------------------------------------

    def _sent(
        self, method: str, path: str, deadlines: Deadlines, *, api_key: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS, **content: Any,
    ) -> Request:  # fmt: skip
        own = self._headers(api_key)
        own = {**headers, **own} if headers else own
        return self._sender.sent(method, self._base_url + path, headers=own, deadlines=deadlines, **content)

    def _headers(self, api_key: str | None) -> Mapping[str, str]:
        """Raises ProviderAuthFailed without a key."""
        if not (api_key or self._api_key):
            raise ProviderAuthFailed("Anthropic needs an API key.", hint=KEY_HINT)
        return _key_headers(api_key) if api_key else self._own_headers

    async def _refusal(self, response: Response) -> ProviderError:
        return self._error(response, parse_error(await response.head(ERROR_BYTES)), None)

    def _error(self, response: Response, error: dict[str, Any], model: str | None) -> ProviderError:
        return self._typed(response.status, error, response.headers.get("retry-after"), model)

    def _typed(self, status: int, error: dict[str, Any], retry_after: str | None, model: str | None) -> ProviderError:
        return classify_error(status, error, retry_after=retry_after, model=model, secret=self._api_key)


def _key_headers(key: str) -> Headers:
    return Headers({"x-api-key": key, "anthropic-version": _VERSION})
