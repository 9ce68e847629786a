"""An adapter for every host that speaks OpenAI's chat completions; who it is stands in its spec (`compatible.py`)."""

from collections.abc import AsyncGenerator, Awaitable, Collection, Mapping
from typing import Any, ClassVar

from core.errors import ProviderAuthFailed, ProviderError, ProviderRefused
from core.heads import Headers
from core.http import Deadlines, HttpClient, HttpFailure, Request, Response
from providers.base import NO_HEADERS, ProviderSpec
from providers.collecting import MAX_CHARACTERS, collect
from providers.openai_embeddings import embed_body, embeddings_of
from providers.openai_errors import classify_error, parse_error, unsupported
from providers.openai_habits import Habits
from providers.openai_models import model_info
from providers.openai_schemas import is_wrapped
from providers.openai_stream import Reader, parse
from providers.openai_wire import OPTIONAL, to_wire
from providers.patience import Patience
from providers.refusals import Refusals
from providers.sending import ERROR_BYTES, Accepted, Typed
from providers.types import ChatDelta, ChatReply, ChatRequest, Embeddings, ModelInfo
from providers.wrapping import freeing

_AFTER_THE_END = 5.0


class OpenAIShaped:
    """`api_key` is that of the operator. `models` are names that the host is known to have: it is not asked for its list.

    What a model refuses (temperature, say) is left out for that model from then on.
    """

    spec: ClassVar[ProviderSpec]
    habits: ClassVar[Habits] = Habits()

    def __init__(
        self,
        http: HttpClient | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        models: Collection[str] = (),
        patience: Patience = Patience(),
    ):
        self._http = http or HttpClient()
        self._base_url = (base_url or self.spec.default_url).rstrip("/")
        self._api_key = (api_key or "").strip()
        self._own_headers = Headers(self._key_header(self._api_key) if self._api_key else {})
        self._models = tuple(models)
        self._patience = patience
        self._refusals = Refusals()
        title = self.spec.title
        self._failing = Typed(title, f"Check that {title} runs at its address, or send AI-Provider builtin.")

    def chat(self, request: ChatRequest) -> Awaitable[ChatReply]:
        """Streamed inside, so that a model that hangs or never ends is noticed early and let go."""
        return collect(self.stream(request), request, self.spec.title, request.max_tokens or MAX_CHARACTERS)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        """The last one waits for the usage, which comes in a chunk of its own behind it."""
        key = request.api_key if self.spec.capabilities.key_per_request else None
        reader = Reader(request.model, lambda status, error: self._typed(status, error, None, request.model))
        freed = freeing(is_wrapped(request.schema, self.habits))
        question = self._refusals.question(request.model)
        while True:
            body = to_wire(request, self.habits, usage=self.spec.stream_usage, dropped=question.without)
            async with self._sent("POST", "/chat/completions", self._patience.answering, json=body, api_key=key) as response:
                if response.status == 200:
                    if "json" in response.headers.get("content-type", ""):  # it does not stream, or was not asked to
                        for piece in freed(reader.read(await response.read())):
                            yield piece
                        break
                    while not reader.over and (lines := await response.some_lines()):
                        for delta in reader.pieces(lines):
                            for piece in freed(delta):
                                yield piece
                        if reader.finish_reason is not None:
                            await _drain(response, reader)
                    break
                error = parse_error(await response.head(ERROR_BYTES))
                word = unsupported(response.status, error, OPTIONAL & body.keys())
                question.refused(self._error(response, error, request.model), word)
        for piece in freed(reader.last()):
            yield piece

    def forward(
        self, path: str, body: bytes, *, stream: bool, api_key: str | None = None, headers: Mapping[str, str] = NO_HEADERS
    ) -> Accepted:
        """`body` as it is to `path` of the dialect, such as /chat/completions. Raises ProviderError for all that is no 200."""
        deadlines = self._patience.answering if stream else self._patience.whole
        return Accepted(self._sent("POST", path, deadlines, body=body, api_key=api_key), self._refusal)

    async def embed(
        self, model: str, texts: list[str], *, api_key: str | None = None, dimensions: int | None = None
    ) -> Embeddings:
        if not self.spec.capabilities.embed:
            raise ProviderRefused(f"{self.spec.title} has no embeddings.", hint="Use another provider.")
        body = embed_body(model, texts, dimensions, self.habits)
        reply = await self._called("POST", "/embeddings", self._patience.whole, json=body, api_key=api_key)
        return embeddings_of(reply, len(texts), self.spec.title)

    async def list_models(self, api_key: str | None = None) -> list[ModelInfo]:
        if self._models:
            entries: Any = [{"id": name} for name in self._models]
        else:
            entries = (await self._called("GET", "/models", self._patience.quick, api_key=api_key)).get("data")
        found = (model_info(entry, self.spec.name) for entry in entries) if isinstance(entries, list) else ()
        return [info for info in found if info is not None]

    def classify(self, status: int, body: bytes, retry_after: str | None = None) -> ProviderError:
        return self._typed(status, parse_error(body), retry_after, None)

    async def close(self) -> None:
        await self._http.close()

    # ---- under the contract ----------------------------------------------------------------------------------------

    async def _called(
        self, method: str, path: str, deadlines: Deadlines, *, json: Any = None, api_key: str | None = None
    ) -> dict[str, Any]:
        async with self._sent(method, path, deadlines, json=json, api_key=api_key) as response:
            if response.status != 200:
                raise self._error(response, parse_error(await response.head(ERROR_BYTES)), json and json["model"])
            return parse(await response.read())

    def _sent(
        self,
        method: str,
        path: str,
        deadlines: Deadlines,
        *,
        json: dict[str, Any] | None = None,
        body: bytes | None = None,
        api_key: str | None = None,
    ) -> Request:
        """Failures below HTTP are typed, those of reading the body inside the block too."""
        url, headers = self._url(path, json if body is None else body), self._headers(api_key)
        return self._http.request(method, url, json=json, body=body, headers=headers, deadlines=deadlines, failing=self._failing)

    def _url(self, path: str, sent: dict[str, Any] | bytes | None) -> str:
        return self._base_url + path

    def _headers(self, api_key: str | None) -> Mapping[str, str]:
        """Raises ProviderAuthFailed when there is no key and the host needs one."""
        if api_key:
            return self._key_header(api_key)
        if not self._api_key and self.spec.capabilities.needs_key:
            raise ProviderAuthFailed(f"{self.spec.title} needs an API key.", hint=self._key_hint())
        return self._own_headers

    def _key_header(self, key: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {key}"}

    def _key_hint(self) -> str:
        return f"Set {self.spec.key_variable} in .env." if self.spec.key_variable else "Set the key of this host in PROVIDERS."

    async def _refusal(self, response: Response) -> ProviderError:
        return self._error(response, parse_error(await response.head(ERROR_BYTES)), None)

    def _error(self, response: Response, error: dict[str, Any], model: str | None) -> ProviderError:
        return self._typed(response.status, error, response.headers.get("retry-after"), model)

    def _typed(self, status: int, error: dict[str, Any], retry_after: str | None, model: str | None) -> ProviderError:
        return classify_error(
            status, error, title=self.spec.title, retry_after=retry_after, model=model, secret=self._api_key,
            key_hint=self._key_hint(),
        )  # fmt: skip


async def _drain(response: Response, reader: Reader) -> None:
    """The usage behind the end of an answer, and the marker behind that, so that the connection can serve again."""
    response.hurry(_AFTER_THE_END)
    try:
        while lines := await response.some_lines():
            for _ in reader.pieces(lines):
                pass
    except HttpFailure:
        return  # the answer is whole; only its usage, or the connection, is lost
