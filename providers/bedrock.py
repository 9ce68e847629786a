"""AWS Bedrock through Converse, which is the same for the models of all makers, without AWS's SDK, which blocks the loop."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing, asynccontextmanager
from typing import Any, ClassVar

from core.encoding import encoded
from core.errors import ProviderAuthFailed, ProviderError, ProviderRefused
from core.http import Deadlines, HttpClient, HttpFailure, Response
from providers.base import ProviderSpec
from providers.bedrock_errors import classify_error, is_lasting, parse_error, unsupported
from providers.bedrock_frames import Frames
from providers.bedrock_models import model_infos
from providers.bedrock_signing import Signer
from providers.bedrock_stream import Reader
from providers.bedrock_wire import answers_by_tool, most_tokens, to_wire
from providers.collecting import MAX_CHARACTERS, collect
from providers.patience import Patience
from providers.refusals import Refusals
from providers.sending import ERROR_BYTES, Sender, escaped
from providers.telling import entries, text
from providers.types import Capabilities, ChatDelta, ChatReply, ChatRequest, Embeddings, ModelInfo
from providers.wrapping import freeing, has_other_root

_TITLE = "AWS Bedrock"
_AFTER_THE_END = 5.0
_MOST_PAGES = 10


class Bedrock:
    """`api_key` is a bearer key of Bedrock; without one `access_key` and `secret_key` sign each request, which needs botocore.

    `base_url` is the address of the runtime; the lists of models are asked at the address beside it. What a model refuses
    (streaming, say) is left out for that model from then on.
    """

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        name="bedrock",
        title="AWS Bedrock",
        default_url="https://bedrock-runtime.us-east-1.amazonaws.com",
        key_variable="AWS_BEARER_TOKEN_BEDROCK",
        docs="https://docs.aws.amazon.com/bedrock/latest/userguide",
        capabilities=Capabilities(json_schema=True, vision=True, tools=True, thinking=True),
        variables=(
            ("access_key", "AWS_ACCESS_KEY_ID"),
            ("secret_key", "AWS_SECRET_ACCESS_KEY"),
            ("session_token", "AWS_SESSION_TOKEN"),
            ("region", "AWS_REGION"),
        ),
    )

    def __init__(
        self,
        http: HttpClient | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        session_token: str | None = None,
        region: str = "us-east-1",
        patience: Patience = Patience(),
    ):
        self._sender = Sender(http or HttpClient(), _TITLE, "BEDROCK_BASE_URL")
        keys = ((key or "").strip() for key in (api_key, access_key, secret_key, session_token))
        self._signer = Signer(region, *keys)
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        self._runtime = (base_url or f"https://bedrock-runtime.{region}.{suffix}").rstrip("/")
        self._lists = self._runtime.replace("//bedrock-runtime", "//bedrock", 1)
        self._patience = patience
        self._refusals = Refusals()

    def chat(self, request: ChatRequest) -> Awaitable[ChatReply]:
        """Streamed inside, so that a model that hangs or never ends is noticed early and let go."""
        return collect(self.stream(request), request, _TITLE, most_tokens(request) or MAX_CHARACTERS)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        question = self._refusals.question(request.model)
        while True:
            refused = question.without
            by_tool, streams = answers_by_tool(request, refused), "stream" not in refused
            body = to_wire(request, refused)
            reader = Reader(by_tool, lambda status, error: self._typed(status, error, None, request.model))
            freed = freeing(by_tool and has_other_root(request.schema))
            path = f"/model/{escaped(request.model)}/converse" + ("-stream" if streams else "")
            deadlines = self._patience.answering if streams else self._patience.whole
            async with self._sent("POST", self._runtime + path, deadlines, encoded(body)) as response:
                if response.status == 200:
                    async with aclosing(self._told(response, reader, streams)) as told:
                        async for delta in told:
                            for piece in freed(delta):
                                yield piece
                    break
                error = await _error_of(response)
                word = unsupported(response.status, error, body)
                word = None if word == "tool" and not by_tool else word
                question.refused(self._error(response, error, request.model), word, lasting=is_lasting(word, error))
        for piece in freed(reader.last()):
            yield piece

    async def _told(self, response: Response, reader: Reader, streams: bool) -> AsyncGenerator[ChatDelta, None]:
        if not streams:
            for delta in reader.whole(self._sender.parse(await response.read())):
                yield delta
            return
        frames = Frames()
        while reader.finish_reason is None and (chunk := await response.chunk()):
            for delta in self._read(frames, chunk, reader):
                yield delta
        try:  # the usage behind the end of the answer, and the end of the body, so that the connection can serve again
            async with asyncio.timeout(_AFTER_THE_END):
                while chunk := await response.chunk():
                    self._read(frames, chunk, reader)
        except (TimeoutError, HttpFailure, ProviderError):
            return  # the answer is whole, or `last` says that it is not

    def _read(self, frames: Frames, chunk: bytes, reader: Reader) -> list[ChatDelta]:
        """Errors of AWS's protocol itself come as a frame of the kind `error`, those of Bedrock as exceptions."""
        found = []
        for frame in frames.add(chunk):
            kind = frame.headers.get(":event-type") or frame.headers.get(":exception-type", "")
            if frame.headers.get(":message-type") == "error":
                code, said = frame.headers.get(":error-code", ""), frame.headers.get(":error-message", "")
                raise reader.typed(500, {"type": code, "message": said})
            if delta := reader.read(kind, self._sender.parse(frame.payload or b"{}")):
                found.append(delta)
        return found

    async def embed(
        self, model: str, texts: list[str], *, api_key: str | None = None, dimensions: int | None = None
    ) -> Embeddings:
        """Raises ProviderRefused: Converse makes no vectors."""
        raise ProviderRefused("AWS Bedrock is asked for answers only.", hint="Use a model of another provider for embeddings.")

    async def list_models(self, api_key: str | None = None) -> list[ModelInfo]:
        models = await self._called("/foundation-models")
        try:
            profiles = await self._profiles()
        except ProviderAuthFailed:
            profiles = []  # a key may be allowed to list the models alone
        return model_infos(models, profiles)

    async def _profiles(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = []
        page = ""
        for _ in range(_MOST_PAGES):
            after = f"&nextToken={escaped(page)}" if page else ""
            reply = await self._called(f"/inference-profiles?maxResults=1000{after}")
            listed += entries(reply, "inferenceProfileSummaries")
            page = text(reply, "nextToken")
            if not page:
                break
        return listed

    def classify(self, status: int, body: bytes, retry_after: str | None = None) -> ProviderError:
        return self._typed(status, parse_error(body), retry_after, None)

    async def close(self) -> None:
        await self._sender.http.close()

    # ---- under the contract ----------------------------------------------------------------------------------------

    async def _called(self, path: str) -> dict[str, Any]:
        async with self._sent("GET", self._lists + path, self._patience.quick, None) as response:
            if response.status != 200:
                raise self._error(response, await _error_of(response), None)
            return self._sender.parse(await response.read())

    @asynccontextmanager
    async def _sent(self, method: str, url: str, deadlines: Deadlines, body: bytes | None) -> AsyncIterator[Response]:
        headers = await self._signer.headers(method, url, body)
        async with self._sender.sent(method, url, headers=headers, deadlines=deadlines, body=body) as response:
            yield response

    def _error(self, response: Response, error: dict[str, Any], model: str | None) -> ProviderError:
        return self._typed(response.status, error, response.headers.get("retry-after"), model)

    def _typed(self, status: int, error: dict[str, Any], retry_after: str | None, model: str | None) -> ProviderError:
        secrets = (self._signer.bearer, self._signer.secret_key, self._signer.session_token, self._signer.access_key)
        return classify_error(status, error, retry_after=retry_after, model=model, secrets=secrets)


async def _error_of(response: Response) -> dict[str, Any]:
    return parse_error(await response.head(ERROR_BYTES), response.headers)
