"""Cohere's models through version 2 of its API."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from core.errors import ProviderAuthFailed, ProviderError
from core.http import Deadlines, HttpClient, Response
from providers.base import ProviderSpec
from providers.cohere_errors import KEY_HINT, classify_error, is_lasting, parse_error, unsupported
from providers.cohere_models import model_info
from providers.cohere_stream import Reader, usage_of
from providers.cohere_wire import answer_cap, to_wire
from providers.collecting import MAX_CHARACTERS, collect
from providers.patience import Patience
from providers.refusals import Refusals
from providers.sending import ERROR_BYTES, Sender, escaped
from providers.sse import data_of
from providers.telling import entries, member, text
from providers.types import Capabilities, ChatDelta, ChatReply, ChatRequest, Embeddings, ModelInfo, Usage
from providers.wrapping import freeing, has_other_root

_TITLE = "Cohere"
_MOST_TEXTS = 96  # of one request for vectors
_MOST_PAGES = 10


class Cohere:
    """`api_key` is that of the operator. What a model refuses (thinking, say) is left out for that model from then on."""

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        name="cohere",
        title="Cohere",
        default_url="https://api.cohere.com",
        key_variable="COHERE_API_KEY",
        docs="https://docs.cohere.com",
        capabilities=Capabilities(embed=True, json_schema=True, vision=True, tools=True, thinking=True),
    )

    def __init__(
        self,
        http: HttpClient | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        patience: Patience = Patience(),
    ):
        self._sender = Sender(http or HttpClient(), _TITLE, "COHERE_BASE_URL")
        self._base_url = (base_url or self.spec.default_url).rstrip("/").removesuffix("/v1").removesuffix("/v2")
        self._api_key = (api_key or "").strip()
        self._patience = patience
        self._refusals = Refusals()

    def chat(self, request: ChatRequest) -> Awaitable[ChatReply]:
        """Streamed inside, so that a model that hangs or never ends is noticed early and let go."""
        return collect(self.stream(request), request, _TITLE, answer_cap(request) or MAX_CHARACTERS)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        question = self._refusals.question(request.model)
        while True:
            body = to_wire(request, question.without)
            async with self._sent("POST", "/v2/chat", self._patience.answering, json=body) as response:
                if response.status == 200:
                    reader = Reader(lambda status, error: self._typed(status, error, None, request.model))
                    freed = freeing(has_other_root(request.schema))
                    while lines := await response.some_lines():
                        for delta in filter(None, map(reader.read, map(self._sender.parse, data_of(lines)))):
                            if delta.finish_reason is not None:
                                await response.drain()
                            for piece in freed(delta):
                                yield piece
                            if delta.finish_reason is not None:
                                return
                    raise ProviderError("The answer of Cohere ended before it was complete.", hint="Ask again.")
                error = parse_error(await response.head(ERROR_BYTES))
                word = unsupported(response.status, error, body)
                question.refused(self._error(response, error, request.model), word, lasting=is_lasting(word))

    async def embed(
        self, model: str, texts: list[str], *, api_key: str | None = None, dimensions: int | None = None
    ) -> Embeddings:
        """For texts that are searched, as Cohere tells these from the questions. 96 texts a request."""
        vectors: list[list[float]] = []
        usage = Usage()
        for start in range(0, len(texts), _MOST_TEXTS):
            some = texts[start : start + _MOST_TEXTS]
            body = {"model": model, "texts": some, "input_type": "search_document", "embedding_types": ["float"]}
            body |= {} if dimensions is None else {"output_dimension": dimensions}
            reply = await self._called("POST", "/v2/embed", self._patience.whole, json=body)
            found = member(reply, "embeddings").get("float")
            if not isinstance(found, list) or len(found) != len(some) or not all(map(_is_vector, found)):
                raise ProviderError("Cohere gave other vectors than there are texts.")
            vectors += found
            usage += usage_of(_counted(member(reply, "meta")))
        return Embeddings(vectors, usage)

    async def list_models(self, api_key: str | None = None) -> list[ModelInfo]:
        listed: list[dict[str, Any]] = []
        page = ""
        for _ in range(_MOST_PAGES):
            after = f"&page_token={escaped(page)}" if page else ""
            reply = await self._called("GET", f"/v1/models?page_size=1000{after}", self._patience.quick)
            listed += entries(reply, "models")
            page = text(reply, "next_page_token")
            if not page:
                break
        return [info for info in map(model_info, listed) if info is not None]

    def classify(self, status: int, body: bytes, retry_after: str | None = None) -> ProviderError:
        return self._typed(status, parse_error(body), retry_after, None)

    async def close(self) -> None:
        await self._sender.http.close()

    # ---- under the contract ----------------------------------------------------------------------------------------

    async def _called(self, method: str, path: str, deadlines: Deadlines, *, json: Any = None) -> dict[str, Any]:
        async with self._sent(method, path, deadlines, json=json) as response:
            if response.status != 200:
                raise self._error(response, parse_error(await response.head(ERROR_BYTES)), json and json["model"])
            return self._sender.parse(await response.read())

    @asynccontextmanager
    async def _sent(self, method: str, path: str, deadlines: Deadlines, *, json: Any = None) -> AsyncIterator[Response]:
        """Raises ProviderAuthFailed without a key."""
        if not self._api_key:
            raise ProviderAuthFailed("Cohere needs an API key.", hint=KEY_HINT)
        headers = {"Authorization": f"Bearer {self._api_key}"}
        async with self._sender.sent(method, self._base_url + path, headers=headers, deadlines=deadlines, json=json) as response:
            yield response

    def _error(self, response: Response, error: dict[str, Any], model: str | None) -> ProviderError:
        return self._typed(response.status, error, response.headers.get("retry-after"), model)

    def _typed(self, status: int, error: dict[str, Any], retry_after: str | None, model: str | None) -> ProviderError:
        return classify_error(status, error, retry_after=retry_after, model=model, secret=self._api_key)


def _is_vector(found: Any) -> bool:
    return isinstance(found, list) and bool(found) and all(isinstance(value, int | float) for value in found)


def _counted(meta: dict[str, Any]) -> dict[str, Any]:
    """Vectors have no output: without that their tokens are exact."""
    billed = member(meta, "billed_units")
    return {"tokens": {"output_tokens": 0, **billed, **member(meta, "tokens")}}
