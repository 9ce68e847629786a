"""Clients' own bodies on their way to Ollama, with the context that they need."""

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any

from core.http import Deadlines, Response
from providers.ollama_api import OllamaApi
from providers.ollama_contexts import Asked, Contexts
from providers.ollama_errors import ContextExceeded
from providers.ollama_native import Question
from providers.ollama_plan import Patience, Plan, Planner
from providers.types import ModelInfo

#: A question under way, and its reply with the body unread.
Opened = tuple[Asked, Response]


class Forwarder:
    """`num_gpu` and `keep_alive` are what every request of ours carries, so that no model is loaded anew or pinned."""

    def __init__(
        self,
        api: OllamaApi,
        planner: Planner,
        contexts: Contexts,
        *,
        patience: Patience,
        num_gpu: Callable[[], int | None],
        keep_alive: Callable[[str], int],
    ):
        self._api = api
        self._planner = planner
        self._contexts = contexts
        self._patience = patience
        self._num_gpu = num_gpu
        self._keep_alive = keep_alive

    def reply(self, question: Question, *, stream: bool) -> "Reply":
        return Reply(self._embedding(question) if question.embeds else self._answer(question, stream))

    async def _embedding(self, question: Question) -> Opened:
        model = await self._planner.find(question.model)
        deadlines = self._patience.deadlines(model.size, question.prompt_tokens)
        num_ctx = await self._contexts.idle(model, question.longest_input)
        keep_alive = self._keep_alive(model.name)
        body = question.sent(stream=False, keep_alive=keep_alive, num_ctx=num_ctx, num_gpu=self._num_gpu())
        return await self._opened(question, model, body, num_ctx, deadlines)

    async def _answer(self, question: Question, stream: bool) -> Opened:
        """Asked again with a wider context while Ollama finds the prompt longer than its estimate."""
        plan = await self._planner.plan_native(question)
        while True:
            deadlines = self._patience.deadlines(plan.model.size, plan.prompt_tokens, whole=not stream)
            body = self._body(question, stream, plan)
            try:
                return await self._opened(question, plan.model, body, plan.num_ctx, deadlines)
            except ContextExceeded as exceeded:
                plan = plan.wider(exceeded)

    async def _opened(
        self, question: Question, model: ModelInfo, body: dict[str, Any], num_ctx: int | None, deadlines: Deadlines
    ) -> Opened:
        accepted = self._api.opened("POST", question.path, body, model=question.model, deadlines=deadlines)
        asked = self._contexts.asked(model, num_ctx, accepted)
        return asked, await asked.__aenter__()

    def _body(self, question: Question, stream: bool, plan: Plan) -> dict[str, Any]:
        """Without a limit of the client's an answer may fill what the context has left."""
        return question.sent(
            stream=stream,
            keep_alive=self._keep_alive(plan.model.name),
            num_ctx=plan.num_ctx,
            num_gpu=self._num_gpu(),
            num_predict=question.num_predict or max(plan.num_ctx - question.prompt_tokens, 1),
        )


class Reply:
    """`async with` the response that `opening` opens."""

    __slots__ = ("_asked", "_opening")

    def __init__(self, opening: Coroutine[Any, Any, Opened]):
        self._opening = opening

    async def __aenter__(self) -> Response:
        self._asked, response = await self._opening
        return response

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        await self._asked.__aexit__(kind, error, at)
