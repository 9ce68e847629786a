"""Ollama through its native API only: `/v1` can carry neither `num_ctx` nor `think`, and would cut documents in silence."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing
from typing import Any, ClassVar, Literal

from core.clock import Clock
from core.errors import ProviderError, ProviderTimeout
from core.http import Deadlines, HttpClient
from providers.base import NO_HEADERS, ProviderSpec
from providers.collecting import Collecting
from providers.contexts import looks_halved
from providers.ollama_answer import Answer, FormatIgnored
from providers.ollama_api import OllamaApi, members
from providers.ollama_blobs import OllamaBlobs
from providers.ollama_calling import prepared
from providers.ollama_contexts import Asked, Contexts, Grows
from providers.ollama_errors import ContextExceeded, classify_text, error_text
from providers.ollama_forward import Forwarder, Reply
from providers.ollama_models import OllamaModels, Resident, full_name
from providers.ollama_native import Question, read
from providers.ollama_plan import Patience, Plan, Planner, too_long
from providers.ollama_pull import PullProgress, pull
from providers.ollama_wire import Reading, to_wire
from providers.telling import count
from providers.types import Capabilities, ChatDelta, ChatReply, ChatRequest, Embeddings, ModelInfo, Usage

ComputeMode = Literal["cpu", "gpu", "auto"]
#: cpu: no GPU library is even loaded. gpu: all layers, and a fault instead of a silent spill. auto: Ollama decides.
NUM_GPU: dict[ComputeMode, int | None] = {"cpu": 0, "gpu": 999, "auto": None}
LEASE_SECONDS = 900
FOREVER = -1
_ASK_AGAIN_SECONDS = 2.0


async def _has_room(_model: str, _num_ctx: int) -> None:
    """Nobody manages the memory."""


class Ollama:
    """`always_on` models stay in memory for good, the others for 15 minutes; `mode` says where models compute now."""

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        name="ollama",
        title="Ollama",
        default_url="http://localhost:11434",
        key_variable=None,
        docs="https://docs.ollama.com/api",
        capabilities=Capabilities(
            embed=True, json_schema=True, vision=True, tools=True, thinking=True, needs_key=False, local=True, pull=True
        ),
        dialect="ollama",
        lists_capabilities=True,
        variables=(("base_url", "OLLAMA_URL"),),
    )

    def __init__(
        self,
        http: HttpClient | None = None,
        *,
        base_url: str | None = None,
        always_on: Collection[str] = (),
        mode: Callable[[], ComputeMode] = lambda: "auto",
        patience: Patience = Patience(),
        clock: Clock = Clock(),
        grows: Grows = _has_room,
    ):
        """`grows` is told which context a model is going to have, before every request that could load it anew."""
        self._api = OllamaApi(http or HttpClient(), base_url or self.spec.default_url)
        self._models = OllamaModels(self._api, clock)
        self.blobs = OllamaBlobs(self._api, self._models)
        self._contexts = Contexts(self._models, clock, grows)
        self._planner = Planner(self._models, self._contexts)
        self._always_on = frozenset(map(full_name, always_on))
        self._mode = mode
        self._patience = patience
        self._forwarder = Forwarder(
            self._api,
            self._planner,
            self._contexts,
            patience=patience,
            num_gpu=lambda: NUM_GPU[self._mode()],
            keep_alive=self._keep_alive,
        )

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Streamed inside, so that a model that hangs or never ends is noticed early and let go.

        Raises DocumentTooLong when the prompt does not fit, or when Ollama read less of it than there is.
        """
        request, kind = prepared(request)
        plan = await self._planner.plan(request)
        while True:
            try:
                reply = await self._collected(request, plan, kind)
            except ContextExceeded as exceeded:
                plan = plan.wider(exceeded)
            except FormatIgnored:
                plan = await self._planner.with_thought(request, plan)
            else:
                if not looks_halved(reply.usage.input_tokens, plan.num_ctx):
                    return reply
                plan = plan.wider(too_long(request.model))

    async def _collected(self, request: ChatRequest, plan: Plan, kind: type[Reading]) -> ChatReply:
        collecting, ended = Collecting(request, self.spec.title, plan.num_predict), False
        async with self._asked(request, plan) as response:
            answer = Answer(response, request, plan, kind(plan.model.digest), self._models)
            while not ended:
                collecting.add(delta := await answer.next())
                ended = delta.finish_reason is not None
        return collecting.reply()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta, None]:
        """Raises as `chat` does; what was given already cannot be asked again, so a halved prompt may go unseen here."""
        request, kind = prepared(request)
        plan, ended = await self._planner.plan(request), False
        while not ended:
            try:
                async with self._asked(request, plan) as response:
                    answer = Answer(response, request, plan, kind(plan.model.digest), self._models)
                    while not ended:
                        delta = await answer.next()
                        ended = delta.finish_reason is not None
                        yield delta
            except ContextExceeded as exceeded:
                plan = plan.wider(exceeded)
            except FormatIgnored:
                plan = await self._planner.with_thought(request, plan)

    def _asked(self, request: ChatRequest, plan: Plan) -> Asked:
        """The reply to a question by its plan."""
        body = to_wire(
            request,
            num_ctx=plan.num_ctx,
            num_gpu=NUM_GPU[self._mode()],
            keep_alive=self._keep_alive(plan.model.name),
            think=plan.think,
            num_predict=plan.num_predict,
        )
        deadlines = self._patience.deadlines(plan.model.size, plan.prompt_tokens)
        accepted = self._api.opened("POST", "/api/chat", body, model=request.model, deadlines=deadlines)
        return self._contexts.asked(plan.model, plan.num_ctx, accepted)

    def _keep_alive(self, model: str) -> int:
        """Of a model by its full name, as it is listed."""
        return FOREVER if model in self._always_on else LEASE_SECONDS

    async def embed(
        self, model: str, texts: list[str], *, api_key: str | None = None, dimensions: int | None = None
    ) -> Embeddings:
        """Raises DocumentTooLong for a text that does not fit."""
        info = await self._models.find(model)
        num_ctx = await self._contexts.idle(info, max(map(_tokens, texts), default=0))
        body = {"model": model, "input": texts, "truncate": False, "keep_alive": self._keep_alive(info.name)}
        if options := _load_options(num_ctx, NUM_GPU[self._mode()]):
            body["options"] = options
        if dimensions is not None:
            body["dimensions"] = dimensions
        deadlines = self._patience.deadlines(info.size, sum(map(_tokens, texts)))
        accepted = self._api.opened("POST", "/api/embed", body, model=model, deadlines=deadlines)
        async with self._contexts.asked(info, num_ctx, accepted) as response:
            reply = await members(response)
        vectors = reply.get("embeddings")
        if not isinstance(vectors, list) or len(vectors) != len(texts):
            raise ProviderError("Ollama gave another number of vectors than there are texts.")
        read = count(reply, "prompt_eval_count")
        return Embeddings(vectors, Usage(read or 0, estimated=read is None))

    def forward(
        self, path: str, body: bytes, *, stream: bool, api_key: str | None = None, headers: Mapping[str, str] = NO_HEADERS
    ) -> Reply:
        """The reply to a client's own body for `/api/chat`, `/api/generate`, `/api/embed` or `/api/embeddings`.

        Options that load a model anew and `keep_alive` are ours; a prompt that does not fit raises DocumentTooLong. Raises
        InvalidRequest, Forbidden and ProviderError, also for what goes wrong while the reply is read inside the block.
        """
        return self.passed(read(path, body), stream=stream)

    def passed(self, question: Question, *, stream: bool) -> Reply:
        """`forward` of a body that was read already."""
        return self._forwarder.reply(question, stream=stream)

    async def show(self, model: str, *, verbose: bool = False) -> dict[str, Any]:
        """What `/api/show` tells, without the places of files on the machine. Raises ModelNotInstalled."""
        return await self._models.show(model, verbose=verbose)

    async def installed(self, *, fresh: bool = False) -> list[ModelInfo]:
        """As /api/tags lists them, at most 10 s old unless `fresh`; `capabilities` may have `remote`."""
        return list((await self._models.installed(fresh=fresh)).values())

    async def described(self, model: str) -> dict[str, Any]:
        """The reply of /api/show as it is, with places of files: for the machine's own use. Raises ModelNotInstalled."""
        return await self._models.described(model)

    async def running(self) -> list[dict[str, Any]]:
        """The `models` of `/api/ps` as they are."""
        return await self._models.running()

    async def list_models(self, api_key: str | None = None) -> list[ModelInfo]:
        """What is installed, with what is in memory; `resident` is None when Ollama is too busy to say."""
        return await self._models.list()

    def classify(self, status: int, body: bytes, retry_after: str | None = None) -> ProviderError:
        return classify_text(status, error_text(body), retry_after)

    async def version(self) -> str:
        """The cheapest question there is: never loads a model."""
        return str((await self._api.call("GET", "/api/version")).get("version", ""))

    async def resident(self) -> list[Resident]:
        return await self._models.resident()

    async def load(self, model: str, *, num_gpu: int | None) -> None:
        """Into memory, or renew its lease; `num_gpu` None lets Ollama choose the device.

        Ollama drops a load when the caller hangs up: await this in a task of its own.
        """
        info = await self._models.find(model)
        num_ctx = await self._contexts.idle(info)
        body = {"model": model, "keep_alive": self._keep_alive(info.name), "options": _load_options(num_ctx, num_gpu)}
        # `shift` is an option of the load, too: another one than that of the questions would load the model anew.
        path, body = ("/api/embed", body) if num_ctx is None else ("/api/generate", body | {"shift": False})
        wait = self._patience.load(info.size)
        deadlines = Deadlines(self._patience.connect, wait, wait, wait)
        accepted = self._api.opened("POST", path, body, model=model, deadlines=deadlines)
        async with self._contexts.asked(info, num_ctx, accepted) as response:
            await members(response)

    def load_context(self, model: str) -> int:
        """Tokens of context that a load would ask for now; Ollama gives a model no more than it was trained for."""
        return self._contexts.expected(model)

    async def unload(
        self, model: str, *, seconds: float = 60.0, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Ask, and wait until /api/ps does not list it: the request is answered at once, before running work has ended.

        A request of somebody else's that comes meanwhile has a lease of its own, and Ollama forgets that the model was to leave:
        it is asked again. Raises ProviderTimeout when it is still there after `seconds`.
        """
        body = {"model": model, "keep_alive": 0}
        await self._api.call("POST", "/api/generate", body, model=model)
        waited, pause, ask_at = 0.0, 0.1, _ASK_AGAIN_SECONDS
        while any(full_name(one.name) == full_name(model) for one in await self._models.resident()):
            if waited >= seconds:
                raise ProviderTimeout(
                    f"The model {model} did not leave the memory in time.", hint="Work of other clients may keep it there."
                )
            await sleep(pause)
            waited += pause
            pause = min(pause * 1.5, 1.0)
            if waited >= ask_at:
                await self._api.call("POST", "/api/generate", body, model=model)
                ask_at = waited + _ASK_AGAIN_SECONDS
        self._contexts.forget(model)

    async def pull(self, model: str) -> AsyncIterator[PullProgress]:
        """Download `model`; closing the iterator stops it, and the next pull goes on where this one ended.

        Raises ProviderError when the library does not know the model or the stream ends without `success`.
        """
        async with aclosing(pull(self._api, model, self._patience.connect)) as steps:
            async for step in steps:
                if step.status == "success":
                    self._models.forget()
                yield step

    async def delete(self, model: str) -> None:
        await self._api.call("DELETE", "/api/delete", {"model": model}, model=model)
        self._models.forget()

    async def copy(self, source: str, destination: str) -> None:
        await self._api.call("POST", "/api/copy", {"source": source, "destination": destination}, model=source)
        self._models.forget()

    async def close(self) -> None:
        await self._api.close()


def _load_options(num_ctx: int | None, num_gpu: int | None) -> dict[str, int]:
    return {name: value for name, value in (("num_ctx", num_ctx), ("num_gpu", num_gpu)) if value is not None}


def _tokens(text: str) -> int:
    """Rather too many."""
    return len(text) // 2
