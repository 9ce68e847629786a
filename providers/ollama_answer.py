"""The answer to one question, as Ollama writes it: pieces, and whether they are what was asked for."""

from core.errors import DocumentTooLong, ProviderError
from core.http import Response
from providers.contexts import looks_cut
from providers.ollama_errors import parse
from providers.ollama_models import OllamaModels
from providers.ollama_plan import Plan
from providers.ollama_wire import Reading, starts_json
from providers.telling import count
from providers.types import ChatDelta, ChatRequest


class FormatIgnored(Exception):
    """The model writes no JSON although a schema was sent; nothing of that answer was given out."""


class Answer:
    """`next` gives its pieces, up to the one that says why it ended."""

    __slots__ = ("_begun", "_lines", "_models", "_plan", "_reading", "_request", "_response")

    def __init__(self, response: Response, request: ChatRequest, plan: Plan, reading: Reading, models: OllamaModels):
        self._response, self._request, self._plan, self._reading, self._models = response, request, plan, reading, models
        self._begun = not _may_ignore_format(request, plan)
        self._lines: list[bytes] = []  # the next one last

    async def next(self) -> ChatDelta:
        """Raises FormatIgnored, DocumentTooLong when Ollama read less of the prompt than there is, and ProviderError."""
        if not self._lines:
            self._lines = (await self._response.some_lines())[::-1]
            if not self._lines:
                hint = "The model may have run out of memory; ask again."
                raise ProviderError("The answer of Ollama ended before it was complete.", hint=hint)
        line = parse(self._lines.pop())
        delta = self._reading.delta(line)
        if not self._begun:
            if not starts_json(delta.text):
                raise FormatIgnored
            self._begun = bool(delta.text.strip())
        if delta.finish_reason is not None:
            await self._response.drain()
            evaluated = count(line, "prompt_eval_count")
            if looks_cut(evaluated, self._request.messages, self._plan.num_ctx):
                await self._refuse_cut(evaluated)
        return self._reading.given(delta)

    async def _refuse_cut(self, evaluated: int) -> None:
        """Servers that do not know `truncate` cut the prompt to about half the context and say nothing.

        Older ones do not count the tokens they had in their cache from an earlier question, which looks alike: then few
        are counted although the context in memory is as large as was asked for.
        """
        model = self._request.model
        loaded = await self._models.loaded_context(model)
        if loaded is not None and loaded >= self._plan.num_ctx and evaluated < 0.4 * loaded:
            return
        raise DocumentTooLong(
            f"The model {model} read only {evaluated} tokens of a longer prompt.",
            hint="Update Ollama, use a model with a larger context, or send fewer pages.",
        )


def _may_ignore_format(request: ChatRequest, plan: Plan) -> bool:
    """Some models that can think write prose when they must answer by a schema and must not think."""
    unsaid = request.thinking is None and "think" not in request.options
    return unsaid and request.schema is not None and plan.think is False
