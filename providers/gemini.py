"""Google Gemini, its answers through google-genai; the key comes with the request or from the settings."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import httpx2

from core.errors import InvalidAnswer, ProviderAuthFailed, ProviderError, ProviderTimeout, ProviderUnreachable
from core.http import HttpClient
from providers.base import ProviderSpec
from providers.collecting import collect
from providers.gemini_client import API_VERSION, ApiFailure, GeminiClient, TooLarge
from providers.gemini_errors import KEY_HINT, classify_error, parse_error
from providers.gemini_models import model_info
from providers.gemini_wire import Reading, max_output_tokens, to_wire
from providers.patience import Patience
from providers.sending import ERROR_BYTES, Sender, escaped
from providers.telling import entries, text
from providers.types import (
    USUAL_CHARACTERS_PER_TOKEN,
    Capabilities,
    ChatDelta,
    ChatReply,
    ChatRequest,
    Embeddings,
    ModelInfo,
    Usage,
)
from utils import mended

_TITLE = "Gemini"
_UNREACHABLE_HINT = "Check the connection to the internet and GEMINI_BASE_URL, or send AI-Provider ollama or builtin."
_SLOW_HINT = "Ask again, send fewer pages, or use a faster model."
#: No Gemini writes more (`outputTokenLimit`).
_MOST_TOKENS = 65_536
#: Google takes no more texts at once.
_MOST_TEXTS = 100
_PAGE_SIZE = 200
_MAX_PAGES = 20
_AFTER_THE_END = 1.0


class Gemini:
    """`api_key` serves the requests that bring none of their own. No key is kept, logged or put into an error."""

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        name="gemini",
        title="Google Gemini",
        default_url="https://generativelanguage.googleapis.com",
        key_variable="GEMINI_API_KEY",
        docs="https://ai.google.dev/gemini-api/docs",
        capabilities=Capabilities(
            embed=True, json_schema=True, vision=True, tools=True, thinking=True, needs_key=True, key_per_request=True
        ),
        known_models=tuple(
            ModelInfo(name, "gemini", context=1_048_576, output_limit=output, capabilities=("completion", "vision"))
            for name, output in (("gemini-2.0-flash", 8192), ("gemini-2.5-flash", 65_536), ("gemini-2.5-pro", 65_536))
        ),
    )

    def __init__(
        self,
        http: HttpClient | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        patience: Patience = Patience(between=60.0),
    ):
        url = (base_url or self.spec.default_url).rstrip("/")
        self._client = GeminiClient(url, connect=patience.connect, total=patience.total)
        self._sender = Sender(http or HttpClient(), _TITLE, "GEMINI_BASE_URL")
        self._models_url = f"{url}/{API_VERSION}/models?pageSize={_PAGE_SIZE}"
        self._api_key = api_key or None
        self._patience = patience

    def chat(self, request: ChatRequest) -> Awaitable[ChatReply]:
        """Streamed inside, so that a model that hangs or never ends is noticed early and let go."""
        return collect(self.stream(request), request, _TITLE, max_output_tokens(request) or _MOST_TOKENS)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        """Raises ProviderRefused when the prompt is blocked; an answer that is filtered ends with `filtered`."""
        key = self._key(request.api_key)
        contents, config = to_wire(request)
        # The SDK would ask again by itself, without end, when an answer stops with CONTINUATION.
        config |= {"automatic_continuation": False}
        reading = Reading()
        with self._typed(request.model, key):
            async with self._client.call(key) as (sdk, options):
                ends_at = asyncio.get_running_loop().time() + self._patience.total
                async with asyncio.timeout(min(self._patience.first, self._patience.total)):
                    config |= {"http_options": options}
                    with _its_protocol():
                        pieces = await sdk.models.generate_content_stream(model=request.model, contents=contents, config=config)
                async for chunk in self._timed(pieces, ends_at):
                    for delta in reading.deltas(chunk):
                        if delta.finish_reason is not None:
                            await _drain(pieces)
                            yield delta
                            return
                        yield delta
        raise ProviderError("The answer of Gemini ended before it was complete.", hint="Ask again.")

    async def _timed(self, pieces: AsyncIterator[Any], ends_at: float) -> AsyncIterator[dict[str, Any]]:
        wait = self._patience.first
        while True:
            left = ends_at - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(min(wait, left)):
                    with _its_protocol():
                        piece = (await anext(pieces)).model_dump(mode="json", exclude_none=True)
            except StopAsyncIteration:
                return
            yield piece
            wait = self._patience.between

    def _key(self, api_key: str | None) -> str:
        key = (api_key or self._api_key or "").strip()
        if not key:
            raise ProviderAuthFailed("Gemini needs an API key.", hint=KEY_HINT)
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ProviderAuthFailed("The Gemini API key has characters that no key has.", hint=KEY_HINT)
        return key

    @contextmanager
    def _typed(self, model: str | None, key: str) -> Iterator[None]:
        """Whatever the SDK or the HTTP client raises becomes a ProviderError; its text could hold the prompt or the key."""
        try:
            yield
        except httpx2.HTTPError as failure:
            raise _from_http(failure) from None
        except TimeoutError:
            raise ProviderTimeout("Gemini did not answer in time.", hint=_SLOW_HINT) from None
        except ApiFailure as failure:
            raise classify_error(
                failure.status, failure.error, retry_after=failure.retry_after, model=model, secret=key
            ) from None

    async def embed(
        self, model: str, texts: list[str], *, api_key: str | None = None, dimensions: int | None = None
    ) -> Embeddings:
        """Gemini does not say how many tokens it read: the usage is an estimate."""
        key = self._key(api_key)
        config = {} if dimensions is None else {"output_dimensionality": dimensions}
        vectors: list[list[float]] = []
        for start in range(0, len(texts), _MOST_TEXTS):
            # Texts alone would become the parts of one content, with one vector, in the models that embed more than text.
            part = [{"parts": [{"text": mended(text)}]} for text in texts[start : start + _MOST_TEXTS]]
            with self._typed(model, key):
                async with self._client.call(key) as (sdk, options), asyncio.timeout(self._patience.first):
                    options = config | {"http_options": options}
                    with _its_protocol():
                        reply = await sdk.models.embed_content(model=model, contents=part, config=options)
                    vectors += [list(one.values or ()) for one in reply.embeddings or ()]
        if len(vectors) != len(texts):
            raise ProviderError("Gemini gave another number of vectors than there are texts.")
        return Embeddings(vectors, Usage(sum(map(len, texts)) // USUAL_CHARACTERS_PER_TOKEN, estimated=True))

    async def list_models(self, api_key: str | None = None) -> list[ModelInfo]:
        """All pages of the models that make text or vectors, as this key sees them.

        Asked without the SDK: a server that only has a key, and uses it for nothing yet, need not hold 45 MB of it.
        """
        key = self._key(api_key)
        found: list[ModelInfo] = []
        page_token = ""
        for _ in range(_MAX_PAGES):
            url = self._models_url + (f"&pageToken={escaped(page_token)}" if page_token else "")
            async with self._sender.sent("GET", url, headers={"x-goog-api-key": key}, deadlines=self._patience.quick) as response:
                if response.status != 200:
                    error = parse_error(await response.head(ERROR_BYTES))
                    raise classify_error(response.status, error, retry_after=response.headers.get("retry-after"), secret=key)
                page = self._sender.parse(await response.read())
            found += filter(None, map(model_info, entries(page, "models")))
            if not (page_token := text(page, "nextPageToken")):
                break
        return list({info.name: info for info in found}.values())

    def classify(self, status: int, body: bytes, retry_after: str | None = None) -> ProviderError:
        return classify_error(status, parse_error(body), retry_after=retry_after, secret=self._api_key or "")

    async def close(self) -> None:
        await self._client.close()
        await self._sender.http.close()


@contextmanager
def _its_protocol() -> Iterator[None]:
    """Around what the SDK reads: an answer that is not Google's ends in whatever its code trips over."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ProviderError(
            "Gemini sent an answer that is cut, or not its protocol.", hint="Ask again; check GEMINI_BASE_URL."
        ) from None


async def _drain(pieces: AsyncIterator[Any]) -> None:
    """Read the end of a stream whose answer is complete, so that its connection can serve again."""
    try:
        async with asyncio.timeout(_AFTER_THE_END):
            async for _ in pieces:
                pass
    except (TimeoutError, httpx2.HTTPError, ValueError):
        return  # the answer is whole; only the connection is lost


def _from_http(failure: httpx2.HTTPError) -> ProviderError:
    match failure:
        case TooLarge():
            return InvalidAnswer("Gemini sent more than an answer can be.")
        case httpx2.ConnectError() | httpx2.ConnectTimeout():
            return ProviderUnreachable("Gemini cannot be reached.", hint=_UNREACHABLE_HINT)
        case httpx2.TimeoutException():
            return ProviderTimeout("Gemini did not answer in time.", hint=_SLOW_HINT)
    return ProviderUnreachable("Gemini closed the connection before its answer was complete.", hint=_UNREACHABLE_HINT)
