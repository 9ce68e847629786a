"""Clients' own bodies on their way to Ollama, with the context that they need."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from core.http import Response
from providers.ollama_api import OllamaApi
from providers.ollama_contexts import Contexts
from providers.ollama_errors import ContextExceeded
from providers.ollama_native import Question, read
from providers.ollama_plan import Patience, Planner


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

    @asynccontextmanager
    async def reply(self, path: str, body: bytes, *, stream: bool) -> AsyncIterator[Response]:
        question = read(path, body)
        stack, response = await (self._embedding(question) if question.embeds else self._answer(question, stream))
        async with stack:
            yield response

    async def _embedding(self, question: Question) -> tuple[AsyncExitStack, Response]:
        model = await self._planner.find(question.model)
        deadlines = self._patience.deadlines(model.size, question.prompt_tokens)
        num_ctx = await self._contexts.idle(model, question.longest_input)
        keep_alive = self._keep_alive(question.model)
        body = question.sent(stream=False, keep_alive=keep_alive, num_ctx=num_ctx, num_gpu=self._num_gpu())
        async with AsyncExitStack() as attempt:
            await attempt.enter_async_context(self._contexts.asked(question.model, num_ctx))
            opened = self._api.opened("POST", question.path, body, model=question.model, deadlines=deadlines)
            response = await attempt.enter_async_context(opened)
            return attempt.pop_all(), response

    async def _answer(self, question: Question, stream: bool) -> tuple[AsyncExitStack, Response]:
        """Asked again with a wider context while Ollama finds the prompt longer than its estimate."""
        plan = await self._planner.plan_native(question)
        while True:
            deadlines = self._patience.deadlines(plan.model.size, plan.prompt_tokens, whole=not stream)
            body = self._body(question, stream, plan.num_ctx)
            async with AsyncExitStack() as attempt:
                await attempt.enter_async_context(self._contexts.asked(question.model, plan.num_ctx))
                opened = self._api.opened("POST", question.path, body, model=question.model, deadlines=deadlines)
                try:
                    response = await attempt.enter_async_context(opened)
                except ContextExceeded as exceeded:
                    plan = plan.wider(exceeded)
                else:
                    return attempt.pop_all(), response

    def _body(self, question: Question, stream: bool, num_ctx: int) -> dict[str, Any]:
        """Without a limit of the client's an answer may fill what the context has left."""
        return question.sent(
            stream=stream,
            keep_alive=self._keep_alive(question.model),
            num_ctx=num_ctx,
            num_gpu=self._num_gpu(),
            num_predict=question.num_predict or max(num_ctx - question.prompt_tokens, 1),
        )
